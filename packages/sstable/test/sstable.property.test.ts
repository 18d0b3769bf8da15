/** Tables against a model, and damaged tables whose checksums were made to match again. */
import { compareBytes } from '@lsm/encoding'
import { fuzz } from '@lsm/fuzz'
import { MemoryStorage } from '@lsm/storage'
import fc from 'fast-check'
import { expect } from 'vitest'
import {
  type CompressionCodec,
  deflateCodec,
  SSTableError,
  type TableCursor,
  TableLookup,
  type TableReader,
} from '../src/index.ts'
import { RangeTombstones } from '../src/range-tombstones.ts'
import {
  blocksOf,
  bloomPolicy,
  build,
  FILE,
  open,
  ownCodec,
  type PointRecord,
  type Range,
  reseal,
  storageWith,
  tableBytes,
  WatchedStorage,
  walk,
} from './tables.ts'

const arbByte = fc.constantFrom(0, 1, 97, 98, 255)
/** Short keys that meet often, some behind a long common prefix. */
const arbKey = fc
  .tuple(fc.boolean(), fc.array(arbByte, { maxLength: 9 }))
  .map(([isLong, tail]) => Uint8Array.from(isLong ? [...'prefix/'].map((c) => c.charCodeAt(0)).concat(tail) : tail))
const arbSeq = fc.oneof({ weight: 9, arbitrary: fc.nat(20) }, { weight: 1, arbitrary: fc.constant(2 ** 53 - 1) })
const arbPoint: fc.Arbitrary<PointRecord> = fc.record({
  key: arbKey,
  seq: arbSeq,
  timestampMs: fc.maxSafeNat(),
  value: fc.uint8Array({ maxLength: 40 }),
  kind: fc.constantFrom(0, 1),
})
const arbPoints = fc.array(arbPoint, { maxLength: 60 }).map((records) => {
  const sorted = records.sort((a, b) => compareBytes(a.key, b.key) || b.seq - a.seq)
  return sorted.filter((each, i) => {
    const last = sorted[i - 1]
    return last === undefined || last.seq !== each.seq || compareBytes(last.key, each.key) !== 0
  })
})
const arbRange: fc.Arbitrary<Range> = fc.record({ start: arbKey, end: arbKey, seq: arbSeq })
const arbRanges = fc.array(arbRange, { maxLength: 12 })
const arbShape = fc.record({
  blockSizeBytes: fc.constantFrom(64, 100, 300, 4096),
  codec: fc.constantFrom('none', 'deflate', 'own', 'async'),
  hasFilter: fc.boolean(),
})
type Shape = typeof arbShape extends fc.Arbitrary<infer S> ? S : never

const CODECS: Record<string, CompressionCodec | undefined> = {
  none: undefined,
  deflate: deflateCodec(),
  own: ownCodec(false, 200),
  async: ownCodec(true, 201),
}

async function table(points: readonly PointRecord[], ranges: readonly Range[], shape: Shape): Promise<TableReader> {
  const storage = new MemoryStorage()
  const compression = CODECS[shape.codec]
  const filter = shape.hasFilter ? bloomPolicy() : undefined
  await build(storage, { points, ranges }, { compression, filter, blockSizeBytes: shape.blockSizeBytes })
  return open(storage, { codecs: compression === undefined ? [] : [compression] })
}

/** The records in a cursor's order: keys descending in reverse, versions newest first all the same. */
function inOrder(points: readonly PointRecord[], reverse: boolean): PointRecord[] {
  const direction = reverse ? -1 : 1
  return [...points].sort((a, b) => direction * compareBytes(a.key, b.key) || b.seq - a.seq)
}

fuzz(
  import.meta.url,
  'find answers as a sorted map of versions does',
  fc.asyncProperty(arbPoints, arbShape, fc.array(fc.tuple(arbKey, arbSeq)), async (points, shape, probes) => {
    const reader = await table(points, [], shape)
    const result = new TableLookup()
    const asked = [
      ...probes,
      ...points.flatMap(
        ({ key, seq }) =>
          [
            [key, seq],
            [key, seq - 1],
          ] as [Uint8Array, number][],
      ),
    ]
    // First each time in a block that was just read, then in those that stay and are searched again.
    const rounds = [false, true].flatMap((fillCache) => asked.map(([key, seq]) => [key, seq, fillCache] as const))
    for (const [key, seq, fillCache] of rounds) {
      if (seq < 0) continue
      const expected = points.find((each) => compareBytes(each.key, key) === 0 && each.seq <= seq)
      const found = await reader.find(key, seq, result, { fillCache })
      expect(found).toBe(expected !== undefined)
      if (expected === undefined) continue
      expect(result.value).toEqual(expected.value)
      expect([result.seq, result.kind, result.timestampMs]).toEqual([expected.seq, expected.kind, expected.timestampMs])
    }
    await reader.close()
  }),
  { runs: 600, capMs: 3000 },
)

const arbMove = fc.oneof(
  { weight: 6, arbitrary: fc.record({ move: fc.constant('next' as const), key: fc.constant(new Uint8Array(0)) }) },
  { weight: 3, arbitrary: fc.record({ move: fc.constant('seek' as const), key: arbKey }) },
  { weight: 1, arbitrary: fc.record({ move: fc.constantFrom('first' as const, 'last' as const), key: arbKey }) },
)

fuzz(
  import.meta.url,
  'a cursor moves as one over a sorted array does',
  fc.asyncProperty(
    arbPoints,
    arbShape,
    fc.record({ reverse: fc.boolean(), sync: fc.boolean(), fillCache: fc.boolean() }),
    fc.array(arbMove, { maxLength: 80 }),
    async (points, shape, options, moves) => {
      const reader = await table(points, [], shape)
      const cursor: TableCursor = reader.cursor({ ...options, sync: options.sync && shape.codec !== 'async' })
      const records = inOrder(points, options.reverse)
      const direction = options.reverse ? -1 : 1
      let at = -1
      for (const { move, key } of moves) {
        let moved: boolean
        if (move === 'next') {
          at = Math.min(at + 1, records.length)
          moved = await cursor.next()
        } else if (move === 'first') {
          at = 0
          moved = await cursor.seekToFirst()
        } else if (move === 'last') {
          at = records.length - 1
          moved = await cursor.seekToLast()
        } else {
          const index = records.findIndex((each) => direction * compareBytes(each.key, key) >= 0)
          at = index < 0 ? records.length : index
          moved = await cursor.seek(key)
        }
        // A cursor that is on nothing stays there.
        if (at < 0) at = records.length
        const expected = records[at]
        expect(moved).toBe(expected !== undefined)
        expect(cursor.valid).toBe(moved)
        if (expected === undefined) continue
        expect(cursor.key).toEqual(expected.key)
        expect(cursor.value).toEqual(expected.value)
        expect([cursor.seq, cursor.kind, cursor.timestampMs]).toEqual([
          expected.seq,
          expected.kind,
          expected.timestampMs,
        ])
      }
      cursor.close()
      await reader.close()
    },
  ),
  { runs: 1200, capMs: 3000 },
)

fuzz(
  import.meta.url,
  'a table verifies, and says of itself what was written',
  fc.asyncProperty(arbPoints, arbRanges, arbShape, async (points, ranges, shape) => {
    const reader = await table(points, ranges, shape)
    const kept = ranges.filter(({ start, end }) => compareBytes(start, end) < 0)
    const report = await reader.verify()
    expect(report).toMatchObject({ pointRecords: points.length, rangeTombstones: kept.length })
    expect(report.filterChecked).toBe(shape.hasFilter && points.length > 0)
    const { info } = reader
    expect(info.tombstones).toBe(points.filter(({ kind }) => kind === 1).length)
    const seqs = [...points, ...kept].map(({ seq }) => seq)
    expect([info.smallestSeq, info.largestSeq]).toEqual(
      seqs.length === 0 ? [0, 0] : [Math.min(...seqs), Math.max(...seqs)],
    )
    for (const key of [...points.map((each) => each.key), ...kept.map((each) => each.start)]) {
      expect(compareBytes(info.smallest, key)).toBeLessThanOrEqual(0)
      expect(compareBytes(key, info.largest.key)).toBeLessThan(info.largest.inclusive ? 1 : 0)
    }
    await reader.close()
  }),
  { runs: 500, capMs: 3000 },
)

fuzz(
  import.meta.url,
  'range tombstones cover as looking through all of them does',
  fc.property(
    fc.array(arbRange, { maxLength: 60 }),
    fc.array(fc.tuple(arbKey, arbSeq), { minLength: 1 }),
    (ranges, probes) => {
      const kept = ranges.filter(({ start, end }) => compareBytes(start, end) < 0)
      const tombstones = new RangeTombstones(kept.map((each) => ({ ...each, timestampMs: 0 })))
      for (const [key, visibleSeq] of probes) {
        const covering = kept.filter(
          ({ start, end, seq }) => seq <= visibleSeq && compareBytes(start, key) <= 0 && compareBytes(key, end) < 0,
        )
        expect(tombstones.coveringSeq(key, visibleSeq)).toBe(Math.max(-1, ...covering.map(({ seq }) => seq)))
      }
    },
  ),
  { runs: 500, capMs: 3000 },
)

/** All that can be read, or the error that says why not: which must name the file. */
async function readAll(
  data: Uint8Array,
): Promise<{ up: PointRecord[]; down: PointRecord[]; reader: TableReader } | undefined> {
  const storage = new WatchedStorage()
  await storage.publish(FILE, data)
  storage.limitReads(data.length)
  try {
    const reader = await open(storage, { filterPolicies: [], codecs: [ownCodec(false, 200), ownCodec(true, 201)] })
    return { up: await walk(reader), down: await walk(reader, true), reader }
  } catch (error) {
    if (!(error instanceof SSTableError)) throw error
    expect(error.file).toBe(FILE)
    return undefined
  }
}

fuzz(
  import.meta.url,
  'a table with changed bytes and right checksums is refused, or consistent with itself',
  fc.asyncProperty(
    arbPoints,
    arbRanges,
    arbShape,
    fc.array(fc.record({ at: fc.nat(), value: fc.oneof(fc.constantFrom(0, 1, 255), fc.nat(255)) }), {
      minLength: 1,
      maxLength: 4,
    }),
    async (points, ranges, shape, changes) => {
      const sound = await tableBytes(
        { points, ranges },
        {
          blockSizeBytes: shape.blockSizeBytes,
          compression: CODECS[shape.codec],
          filter: shape.hasFilter ? bloomPolicy() : undefined,
        },
      )
      const data = sound.slice()
      const places = blocksOf(sound)
      for (const { at, value } of changes) {
        const position = at % data.length
        data[position] = value
        reseal(data, places, position)
      }
      const read = await readAll(data)
      if (read === undefined) return
      const { up, down, reader } = read
      // In order, each once, the same both ways and for every single key.
      expect(inOrder(up, false)).toEqual(up)
      expect(inOrder(up, true)).toEqual(down)
      const result = new TableLookup()
      for (const { key, seq, value } of up) {
        expect(await reader.find(key, seq, result)).toBe(true)
        expect([result.seq, result.value]).toEqual([seq, value])
      }
      for (const { start } of ranges) expect(reader.coveringSeq(start)).toBeGreaterThanOrEqual(-1)
      await reader.verify().catch((error: unknown) => expect(error).toBeInstanceOf(SSTableError))
    },
  ),
  { runs: 6000, capMs: 6000 },
)

fuzz(
  import.meta.url,
  'bytes that are no table are refused',
  fc.asyncProperty(fc.uint8Array({ maxLength: 400 }), async (data) => {
    await expect(open(await storageWith(data))).rejects.toMatchObject({ code: 'SSTABLE_CORRUPT', file: FILE })
  }),
  { runs: 100, capMs: 2000 },
)
