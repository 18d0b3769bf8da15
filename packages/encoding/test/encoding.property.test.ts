import { compute } from '@lsm/crc'
import { fuzz } from '@lsm/fuzz'
import fc from 'fast-check'
import { expect } from 'vitest'
import {
  beginRecord,
  compareBytes,
  compareRanges,
  decodeFrom,
  decodeIndexEntries,
  EncodingError,
  encodeIndexEntry,
  encodeIndexEntryInto,
  encodeRecord,
  encodeRecordInto,
  IndexEntryCursor,
  iterBlock,
  keyPrefix,
  RECORD_KIND,
  RecordCursor,
  type RecordKind,
  recordOffsets,
  sealRecord,
} from '../src/index.ts'
import { concat, encodeAll, type PlainRecord } from './fixtures.ts'

const arbBytes = (maxLength: number): fc.Arbitrary<Uint8Array> =>
  // Runs of one byte besides random ones: long shared prefixes, and zeros that look like lengths.
  fc.oneof(
    fc.uint8Array({ maxLength }),
    fc
      .tuple(fc.constantFrom(0, 1, 0x61, 0xff), fc.nat({ max: maxLength }))
      .map(([byte, length]) => new Uint8Array(length).fill(byte)),
  )
const arbUint53 = fc.oneof(
  fc.maxSafeNat(),
  fc.nat(),
  fc.constantFrom(0, 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER),
)
const arbRecord: fc.Arbitrary<PlainRecord> = fc.record(
  {
    key: arbBytes(40),
    seq: arbUint53,
    timestampMs: arbUint53,
    value: arbBytes(300),
    kind: fc.constantFrom<RecordKind>(...Object.values(RECORD_KIND)),
  },
  { noNullPrototype: true },
)
const arbBlock = fc.array(arbRecord, { maxLength: 12 })
/** A place in something whose length is not known yet. */
const arbPlace = fc.nat({ max: 0xffff })
const arbChange = fc.integer({ min: 1, max: 255 })
const arbAround = fc.tuple(arbBytes(40), arbBytes(40))
/** What nobody should pass. */
const arbWrong = fc.oneof(
  fc.double(),
  fc.integer(),
  fc.string(),
  fc.boolean(),
  fc.bigInt(),
  fc.constantFrom(null, undefined, {}, []),
  fc.uint8Array({ maxLength: 40 }),
)

function decodeAll(bytes: Uint8Array, start?: number, end?: number): PlainRecord[] {
  return [...iterBlock(bytes, start, end)].map(({ nextOffset: _, ...record }) => record)
}

function expectRefused(run: () => unknown): void {
  let result: unknown
  try {
    result = run()
  } catch (error) {
    expect(error).toBeInstanceOf(EncodingError)
    return
  }
  expect.unreachable(`not refused, but read as ${JSON.stringify(result)}`)
}

/** Runs something on input that may be bad; anything but a coded error is thrown on. */
function attempt<T>(run: () => T): T | undefined {
  try {
    return run()
  } catch (error) {
    if (error instanceof EncodingError) return undefined
    if ((error as { code?: unknown }).code === 'ENCODING_INVALID_ARGUMENT') return undefined
    throw error
  }
}

fuzz(
  import.meta.url,
  'a record round trips, wherever it lies',
  fc.property(arbRecord, arbAround, (record, [before, after]) => {
    const { key, seq, timestampMs, value, kind } = record
    const encoded = encodeRecord(key, seq, timestampMs, value, kind)
    const bytes = concat([before, encoded, after])
    expect(decodeFrom(bytes, before.length)).toEqual({ ...record, nextOffset: before.length + encoded.length })
    const into = bytes.slice().fill(0xaa, before.length, before.length + encoded.length)
    expect(encodeRecordInto(into, before.length, key, seq, timestampMs, value, kind)).toBe(bytes.length - after.length)
    expect(into).toEqual(bytes)
    const keyStart = beginRecord(into, before.length, key.length, value.length, seq, timestampMs, kind)
    into.set(key, keyStart)
    into.set(value, keyStart + key.length)
    expect(sealRecord(into, before.length)).toBe(bytes.length - after.length)
    expect(into).toEqual(bytes)
  }),
  { runs: 500, capMs: 2000 },
)

fuzz(
  import.meta.url,
  'a record cut off anywhere is refused',
  fc.property(arbRecord, arbPlace, (record, place) => {
    const bytes = encodeAll([record])
    const cut = bytes.subarray(0, place % bytes.length)
    expectRefused(() => decodeFrom(cut, 0))
  }),
  { runs: 500, capMs: 2000 },
)

fuzz(
  import.meta.url,
  'a record with any one byte changed is refused',
  fc.property(arbRecord, arbAround, arbPlace, arbChange, (record, [before, after], place, change) => {
    const encoded = encodeAll([record])
    encoded[place % encoded.length]! ^= change
    // What follows gives a length that grew bytes to run over; what lies before must not matter.
    expectRefused(() => decodeFrom(concat([before, encoded, after]), before.length))
  }),
  { runs: 2000, capMs: 3000 },
)

fuzz(
  import.meta.url,
  'bytes around a record or block change nothing',
  fc.property(arbBlock, arbAround, arbAround, (records, [before, after], [noiseBefore, noiseAfter]) => {
    const block = encodeAll(records)
    for (const [head, tail] of [
      [before, after],
      [noiseBefore, noiseAfter],
    ] as const) {
      const bytes = concat([head, block, tail])
      expect(decodeAll(bytes, head.length, head.length + block.length)).toEqual(records)
    }
  }),
  { runs: 200, capMs: 2000 },
)

fuzz(
  import.meta.url,
  'a block with any one byte changed is refused',
  fc.property(fc.array(arbRecord, { minLength: 1, maxLength: 8 }), arbPlace, arbChange, (records, place, change) => {
    const bytes = encodeAll(records)
    bytes[place % bytes.length]! ^= change
    expectRefused(() => decodeAll(bytes))
  }),
  { runs: 1000, capMs: 3000 },
)

fuzz(
  import.meta.url,
  'a block cut off is refused, or ends where a record does and misses only what was cut',
  fc.property(arbBlock, arbPlace, (records, place) => {
    const bytes = encodeAll(records)
    const end = place % (bytes.length + 1)
    const boundary = [...recordOffsets(bytes), bytes.length].indexOf(end)
    if (boundary === -1) expectRefused(() => decodeAll(bytes, 0, end))
    else expect(decodeAll(bytes, 0, end)).toEqual(records.slice(0, boundary))
    // Who knows where the block should end is told that it does not.
    if (end < bytes.length) expect(() => iterBlock(bytes.subarray(0, end), 0, bytes.length)).toThrow(RangeError)
  }),
  { runs: 500, capMs: 2000 },
)

fuzz(
  import.meta.url,
  'garbage is refused by every decoder, or read inside its bounds, and never hangs',
  fc.property(fc.uint8Array({ maxLength: 400 }), arbPlace, arbPlace, (garbage, a, b) => {
    const start = Math.min(a, b) % (garbage.length + 1)
    const end = Math.max(start, Math.max(a, b) % (garbage.length + 1))
    attempt(() => decodeFrom(garbage, start))
    attempt(() => decodeAll(garbage, start, end))
    const offsets = attempt(() => recordOffsets(garbage, start, end))
    if (offsets) expect(offsets.length * 28).toBeLessThanOrEqual(end - start)
    const cursor = new RecordCursor({ verifyChecksums: false }).reset(garbage, start, end)
    while (attempt(() => cursor.next())) {
      expect(cursor.keyStart).toBeGreaterThanOrEqual(start)
      expect(cursor.keyEnd).toBeGreaterThanOrEqual(cursor.keyStart)
      expect(cursor.valueEnd).toBeGreaterThanOrEqual(cursor.valueStart)
      expect(cursor.nextOffset).toBeLessThanOrEqual(end)
      expect(Number.isSafeInteger(cursor.seq) && Number.isSafeInteger(cursor.timestampMs)).toBe(true)
    }
    const entries = attempt(() => decodeIndexEntries(garbage))
    if (entries) expect(entries.length * 12).toBeLessThanOrEqual(garbage.length)
  }),
  { runs: 1000, capMs: 2000 },
)

fuzz(
  import.meta.url,
  'a damaged record with its checksum made right is refused, or is exactly the record that it says',
  fc.property(arbRecord, fc.array(fc.tuple(fc.nat({ max: 23 }), fc.nat({ max: 255 }))), (record, changes) => {
    const bytes = encodeAll([record])
    for (const [at, byte] of changes) bytes[at] = byte
    const lengths = new DataView(bytes.buffer)
    const size = 28 + lengths.getUint32(0) + lengths.getUint32(4)
    if (size <= bytes.length) lengths.setUint32(size - 4, compute(bytes.subarray(0, size - 4)))
    const decoded = attempt(() => decodeFrom(bytes, 0))
    if (decoded === undefined) return
    expect(encodeAll([decoded])).toEqual(bytes.subarray(0, decoded.nextOffset))
  }),
  { runs: 1000, capMs: 2000 },
)

fuzz(
  import.meta.url,
  'a cursor at any offset, in any order, gives what the iteration gives',
  fc.property(arbBlock, arbAround, fc.array(arbPlace, { maxLength: 30 }), (records, [before, after], moves) => {
    const block = encodeAll(records)
    const bytes = concat([before, block, after])
    const offsets = recordOffsets(bytes, before.length, before.length + block.length)
    expect(offsets.length).toBe(records.length)
    if (records.length === 0) return
    for (const verifyChecksums of [true, false]) {
      const cursor = new RecordCursor({ verifyChecksums }).reset(bytes, before.length, before.length + block.length)
      for (const move of moves) {
        const i = move % records.length
        cursor.moveTo(offsets[i]!)
        const { key, seq, timestampMs, value, kind } = cursor
        expect({ key, seq, timestampMs, value, kind }).toEqual(records[i])
        expect(cursor.next()).toBe(i + 1 < records.length)
        if (i + 1 < records.length) expect(cursor.seq).toBe(records[i + 1]!.seq)
      }
    }
  }),
  { runs: 200, capMs: 2000 },
)

fuzz(
  import.meta.url,
  'index entries round trip, and cut off are refused or miss only what was cut',
  fc.property(fc.array(fc.tuple(arbBytes(40), arbUint53), { maxLength: 20 }), arbPlace, (pairs, place) => {
    const entries = pairs.map(([key, offset]) => ({ key, offset }))
    const parts = entries.map(({ key, offset }) => encodeIndexEntry(key, offset))
    const bytes = concat(parts)
    expect(decodeIndexEntries(bytes)).toEqual(entries)
    const into = new Uint8Array(bytes.length)
    let at = 0
    const ends = [0]
    for (const { key, offset } of entries) {
      at = encodeIndexEntryInto(into, at, key, offset)
      ends.push(at)
    }
    expect(into).toEqual(bytes)
    const end = place % (bytes.length + 1)
    const boundary = ends.indexOf(end)
    if (boundary === -1) expectRefused(() => decodeIndexEntries(bytes.subarray(0, end)))
    else expect(decodeIndexEntries(bytes.subarray(0, end))).toEqual(entries.slice(0, boundary))
  }),
  { runs: 300, capMs: 2000 },
)

fuzz(
  import.meta.url,
  'keys compare as their bytes do, whole, in ranges and by prefix',
  fc.property(arbBytes(20), arbBytes(20), arbAround, (a, b, [before, after]) => {
    const expected = Math.sign(Buffer.compare(a, b))
    expect(Math.sign(compareBytes(a, b))).toBe(expected)
    const [inA, inB] = [concat([before, a, after]), concat([after, b, before])]
    const inRanges = compareRanges(
      inA,
      before.length,
      before.length + a.length,
      inB,
      after.length,
      after.length + b.length,
    )
    expect(Math.sign(inRanges)).toBe(expected)
    const difference = keyPrefix(a) - keyPrefix(b)
    if (difference !== 0) expect(Math.sign(difference)).toBe(expected)
    expect(keyPrefix(inA, before.length, before.length + a.length)).toBe(keyPrefix(a))
  }),
  { runs: 1000, capMs: 2000 },
)

fuzz(
  import.meta.url,
  'wrong arguments give a coded error or a result',
  fc.property(fc.array(arbWrong, { minLength: 7, maxLength: 7 }), (wrong) => {
    const functions: readonly unknown[] = [
      encodeRecord,
      encodeRecordInto,
      beginRecord,
      sealRecord,
      decodeFrom,
      iterBlock,
      recordOffsets,
      encodeIndexEntry,
      encodeIndexEntryInto,
      decodeIndexEntries,
      compareBytes,
      compareRanges,
      keyPrefix,
      (options: never) => new RecordCursor(options),
      (...range: [never, never, never]) => new RecordCursor().reset(...range).next(),
      (...range: [never, never, never]) => new IndexEntryCursor().reset(...range).next(),
      (offset: never) => new RecordCursor().reset(new Uint8Array(40)).moveTo(offset),
    ]
    for (const each of functions) attempt(() => (each as (...args: unknown[]) => unknown)(...wrong))
  }),
  { runs: 500, capMs: 2000 },
)
