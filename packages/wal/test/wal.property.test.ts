import { RECORD_KIND } from '@lsm/encoding'
import { fuzz } from '@lsm/fuzz'
import { MemoryStorage } from '@lsm/storage'
import fc from 'fast-check'
import { expect } from 'vitest'
import { FragmentChecksum } from '../src/framing.ts'
import { BatchBuffer, BatchCursor, SEGMENT_HEADER_SIZE, segmentFileName, WalError } from '../src/index.ts'
import { fileBytes, identity, openWriter, putOf, readBack, storageWith } from './log.ts'

const FILE = segmentFileName(1)
/** Sizes around a block of 32 KiB, and small ones. */
const size = fc.oneof(
  { weight: 6, arbitrary: fc.nat(200) },
  { weight: 1, arbitrary: fc.integer({ min: 32_600, max: 32_800 }) },
  { weight: 1, arbitrary: fc.nat(100_000) },
)
const write = fc.record({ size, sync: fc.boolean() })
const writes = fc.array(write, { minLength: 1, maxLength: 12 })
type Write = { size: number; sync: boolean }

interface Log {
  readonly bytes: Uint8Array
  /** Length of the file after each batch. */
  readonly ends: number[]
  /** How much was durable when the last batch was written: what the marks in the log say. */
  readonly mark: number
}

async function logOf(list: readonly Write[]): Promise<Log> {
  const storage = new MemoryStorage()
  const writer = await openWriter(storage)
  const ends: number[] = []
  let durable = SEGMENT_HEADER_SIZE
  let mark = durable
  for (const [i, { size, sync }] of list.entries()) {
    mark = durable
    await writer.append(putOf(size, i), sync ? 'sync' : 'os', 0)
    ends.push(writer.segmentLength)
    if (sync) durable = writer.segmentLength
  }
  return { bytes: await fileBytes(storage, FILE), ends, mark }
}

const operation = fc.record({
  kind: fc.constantFrom(RECORD_KIND.value, RECORD_KIND.tombstone, RECORD_KIND.rangeTombstone),
  keyspaceId: fc.oneof(fc.nat(300), fc.integer({ min: 0, max: 0xffff_ffff })),
  key: fc.uint8Array({ maxLength: 40 }),
  value: fc.uint8Array({ maxLength: 300 }),
})

fuzz(
  import.meta.url,
  'a batch gives back its operations',
  fc.property(fc.array(operation, { minLength: 1 }), fc.maxSafeNat(), fc.nat(2 ** 31 - 1), (list, timestampMs, seq) => {
    const batch = new BatchBuffer(8)
    batch.begin(timestampMs)
    const written = (each: (typeof list)[number]): Uint8Array =>
      each.kind === RECORD_KIND.tombstone ? new Uint8Array(0) : each.value
    for (const each of list) batch.add(each.kind, each.keyspaceId, each.key, written(each))
    batch.setFirstSeq(batch.end(), seq)
    const cursor = new BatchCursor()
    cursor.reset(batch.bytes, 0, batch.length)
    expect([cursor.timestampMs, cursor.firstSeq, cursor.count]).toEqual([timestampMs, seq, list.length])
    for (const [i, each] of list.entries()) {
      expect(cursor.next()).toBe(true)
      expect([cursor.kind, cursor.keyspaceId, cursor.seq]).toEqual([each.kind, each.keyspaceId, seq + i])
      expect(cursor.bytes.slice(cursor.keyStart, cursor.keyEnd)).toEqual(each.key)
      expect(cursor.bytes.slice(cursor.valueStart, cursor.valueEnd)).toEqual(written(each))
    }
    expect(cursor.next()).toBe(false)
  }),
)

fuzz(
  import.meta.url,
  'any bytes are a batch that writes the same again, or refused',
  fc.property(fc.oneof(fc.uint8Array({ maxLength: 80 }), seeded()), (bytes) => {
    const cursor = new BatchCursor()
    const again = new BatchBuffer()
    try {
      cursor.reset(bytes, 0, bytes.length)
      again.begin(cursor.timestampMs)
      while (cursor.next()) {
        const key = bytes.subarray(cursor.keyStart, cursor.keyEnd)
        again.add(cursor.kind, cursor.keyspaceId, key, bytes.subarray(cursor.valueStart, cursor.valueEnd))
      }
      again.setFirstSeq(again.end(), cursor.firstSeq)
    } catch (error) {
      expect(error).toBeInstanceOf(WalError)
      expect(error).toMatchObject({ code: 'WAL_CORRUPT' })
      return
    }
    expect(again.bytes.slice(0, again.length)).toEqual(bytes.slice())
  }),
  { runs: 2000 },
)

/** Bytes that begin like a batch, so that more of them get past the header. */
function seeded(): fc.Arbitrary<Uint8Array> {
  return fc.tuple(fc.integer({ min: 1, max: 3 }), fc.uint8Array({ maxLength: 40 })).map(([count, rest]) => {
    const bytes = new Uint8Array(21 + rest.length)
    bytes[0] = 1
    bytes[20] = count
    bytes.set(
      rest.map((byte, i) => (i % 5 < 4 ? byte % 6 : byte)),
      21,
    )
    return bytes
  })
}

fuzz(
  import.meta.url,
  'a log cut anywhere is the batches that are whole',
  fc.asyncProperty(writes, fc.double({ min: 0, max: 1, noNaN: true }), async (list, share) => {
    const { bytes, ends, mark } = await logOf(list)
    const length = Math.round(SEGMENT_HEADER_SIZE + share * (bytes.length - SEGMENT_HEADER_SIZE))
    const whole = ends.filter((end) => end <= length).length
    const { operations, report } = await readBack(await storageWith({ [FILE]: bytes.slice(0, length) }))
    expect(operations.map(({ seq }) => seq)).toEqual(ends.slice(0, whole).map((_, i) => i + 1))
    expect(report.segments[0]?.validLength).toBe(whole === 0 ? SEGMENT_HEADER_SIZE : ends[whole - 1])
    expect(report.segments[0]?.syncedMark).toBeLessThanOrEqual(mark)
  }),
  { runs: 150 },
)

fuzz(
  import.meta.url,
  'damaged bytes leave a prefix that reaches at least to the damage, or are refused',
  fc.asyncProperty(
    writes,
    fc.array(fc.record({ at: fc.nat(), flip: fc.integer({ min: 1, max: 255 }) }), { minLength: 1, maxLength: 3 }),
    async (list, flips) => {
      const { bytes, ends, mark } = await logOf(list)
      const damaged = bytes.slice()
      let first = bytes.length
      for (const { at, flip } of flips) {
        const place = SEGMENT_HEADER_SIZE + (at % (bytes.length - SEGMENT_HEADER_SIZE))
        damaged[place]! ^= flip
        first = damaged[place] === bytes[place] ? first : Math.min(first, place)
      }
      if (Buffer.from(damaged).equals(bytes)) return
      const storage = await storageWith({ [FILE]: damaged })
      // A segment whose length is known to be durable admits no excuse.
      const sealed = [{ ...identity(1), sealedLength: bytes.length }]
      await expect(readBack(storage, sealed)).rejects.toMatchObject({ code: 'WAL_CORRUPT', file: FILE })
      const untouched = ends.filter((end) => end <= first).length
      const read = await readBack(storage).catch((error: unknown) => error)
      if (read instanceof Error) expect(read).toMatchObject({ code: 'WAL_CORRUPT', file: FILE })
      else {
        const { operations } = read as Awaited<ReturnType<typeof readBack>>
        expect(operations).toHaveLength(untouched)
        // The mark of the last batch covers all that was durable before it; only damage to that batch hides it.
        if (flips.length === 1 && first < (ends.at(-2) ?? 0)) expect(mark).toBeLessThanOrEqual(first)
        expect(operations.map(({ seq }) => seq)).toEqual(operations.map((_, i) => i + 1))
      }
      const { operations, report } = await readBack(storage, sealed, 'point-in-time')
      expect(operations).toHaveLength(untouched)
      expect(report.cut).toBeDefined()
    },
  ),
  { runs: 150 },
)

fuzz(
  import.meta.url,
  'a payload changed under a checksum made good again is a batch or refused',
  fc.asyncProperty(fc.nat(60), fc.nat(), fc.integer({ min: 1, max: 255 }), async (length, at, flip) => {
    const { bytes } = await logOf([{ size: length, sync: false }])
    const payload = SEGMENT_HEADER_SIZE + 12
    bytes[payload + (at % (bytes.length - payload))]! ^= flip
    const checksum = new FragmentChecksum(identity(1).id)
    const view = new DataView(bytes.buffer)
    view.setUint32(
      SEGMENT_HEADER_SIZE,
      checksum.compute(bytes, SEGMENT_HEADER_SIZE, bytes.length - payload, SEGMENT_HEADER_SIZE),
    )
    const read = await readBack(await storageWith({ [FILE]: bytes })).catch((error: unknown) => error)
    if (read instanceof Error) expect(read).toMatchObject({ code: 'WAL_CORRUPT' })
    else expect((read as Awaited<ReturnType<typeof readBack>>).operations).toHaveLength(1)
  }),
)
