import { compute } from '@lsm/crc'
import { compareBytes } from '@lsm/encoding'
import { fuzz } from '@lsm/fuzz'
import fc from 'fast-check'
import { expect } from 'vitest'
import { SparseIndex, SparseIndexError } from '../src/index.ts'
import { build, type PlainEntry } from './fixtures.ts'

/** Keys of few different bytes, so that prefixes are shared and padding matters, and quite random ones. */
const arbKey = fc.oneof(
  fc.uint8Array({ maxLength: 12 }),
  fc.array(fc.constantFrom(0, 0x61, 0xff), { maxLength: 14 }).map((bytes) => Uint8Array.from(bytes)),
  fc
    .tuple(fc.constantFrom('', 'user:', 'a/long/shared/prefix/'), fc.nat({ max: 5000 }))
    .map(([head, number]) => new TextEncoder().encode(head + String(number))),
)
const arbEntries: fc.Arbitrary<PlainEntry[]> = fc
  .tuple(
    fc.uniqueArray(arbKey, { maxLength: 60, selector: (key) => Buffer.from(key).toString('latin1') }),
    fc.constantFrom('', 'tenant/42/'),
    fc.infiniteStream(fc.oneof(fc.integer({ min: 1, max: 5000 }), fc.integer({ min: 1, max: 2 ** 40 }))),
    fc.nat({ max: 2 ** 33 }),
  )
  .map(([keys, head, gaps, first]) => {
    let offset = first
    return keys
      .map((key) => Uint8Array.of(...new TextEncoder().encode(head), ...key))
      .sort(compareBytes)
      .map((key) => {
        const entry = { key, offset }
        offset += gaps.next().value
        return entry
      })
  })
const arbPlace = fc.nat({ max: 0xffff })
const arbChange = fc.integer({ min: 1, max: 255 })
const arbWrong = fc.oneof(
  fc.double(),
  fc.integer(),
  fc.string(),
  fc.bigInt(),
  fc.constantFrom(null, undefined, true, {}, []),
  fc.uint8Array({ maxLength: 40 }),
)

/** Runs something on input that may be bad; anything but a coded error of this package is thrown on. */
function attempt<T>(run: () => T): T | undefined {
  try {
    return run()
  } catch (error) {
    if (error instanceof SparseIndexError) return undefined
    if ((error as { code?: unknown }).code === 'SPARSE_INDEX_INVALID_ARGUMENT') return undefined
    throw error
  }
}

function expectRefused(bytes: Uint8Array): void {
  expect(() => SparseIndex.fromBytes(bytes)).toThrow(SparseIndexError)
}

function expectAnswers(index: SparseIndex, entries: readonly PlainEntry[], keys: readonly Uint8Array[]): void {
  for (const key of keys) {
    const before = entries.filter((entry) => compareBytes(entry.key, key) <= 0)
    const after = entries.filter((entry) => compareBytes(entry.key, key) >= 0)
    expect(index.floorIndex(key)).toBe(before.length - 1)
    expect(index.ceilIndex(key)).toBe(entries.length - after.length)
    expect(index.floorOffset(key)).toBe(before.at(-1)?.offset)
    expect(index.ceilOffset(key)).toBe(after[0]?.offset)
  }
}

fuzz(
  import.meta.url,
  'answers are those of a plain sorted array, built or decoded',
  fc.property(
    arbEntries,
    fc.array(arbKey, { maxLength: 20 }),
    fc.array(fc.maxSafeNat(), { maxLength: 5 }),
    (entries, others, offsets) => {
      const keys = [
        ...others,
        ...entries.flatMap(({ key }) => [
          key,
          Uint8Array.of(...key, 0),
          key.subarray(0, -1),
          key.subarray(0, key.length / 2),
        ]),
      ]
      const built = build(entries)
      for (const index of [built, SparseIndex.fromBytes(built.toBytes(), { entryCount: entries.length })]) {
        expect(index.length).toBe(entries.length)
        expect([...index.entries()]).toEqual(entries)
        expectAnswers(index, entries, keys)
        for (const offset of [
          ...offsets,
          ...entries.flatMap((e) => [e.offset, e.offset + 1, Math.max(0, e.offset - 1)]),
        ]) {
          expect(index.nextOffsetAfter(offset)).toBe(entries.find((entry) => entry.offset > offset)?.offset)
        }
        entries.forEach((entry, i) => {
          expect({ key: index.keyAt(i), offset: index.offsetAt(i) }).toEqual(entry)
        })
      }
    },
  ),
  { runs: 150, capMs: 4000 },
)

fuzz(
  import.meta.url,
  'lookups between adds are right for what was added so far',
  fc.property(arbEntries, fc.array(arbKey, { minLength: 1, maxLength: 5 }), fc.boolean(), (entries, keys, decoded) => {
    const half = entries.length >>> 1
    let index = new SparseIndex()
    entries.forEach(({ key, offset }, i) => {
      index.add(key, offset)
      if (decoded && i === half) index = SparseIndex.fromBytes(index.toBytes(), { entryCount: i + 1 })
      expectAnswers(index, entries.slice(0, i + 1), [...keys, key])
    })
  }),
  { runs: 100, capMs: 3000 },
)

fuzz(
  import.meta.url,
  'bytes round trip, and lie where they lie',
  fc.property(arbEntries, fc.uint8Array({ maxLength: 20 }), (entries, around) => {
    const bytes = build(entries).toBytes()
    const embedded = Uint8Array.of(...around, ...bytes, ...around)
    const view = embedded.subarray(around.length, around.length + bytes.length)
    const index = SparseIndex.fromBytes(view, { entryCount: entries.length })
    expect([...index]).toEqual(entries)
    expect(index.toBytes()).toEqual(bytes)
    expect(index.encodedSizeBytes).toBe(bytes.length)
  }),
  { runs: 200, capMs: 2000 },
)

fuzz(
  import.meta.url,
  'an index cut off anywhere is refused',
  fc.property(arbEntries, arbPlace, (entries, place) => {
    const bytes = build(entries).toBytes()
    expectRefused(bytes.slice(0, place % bytes.length))
  }),
  { runs: 500, capMs: 2000 },
)

fuzz(
  import.meta.url,
  'an index with any one byte changed is refused',
  fc.property(arbEntries, arbPlace, arbChange, (entries, place, change) => {
    const bytes = build(entries).toBytes()
    bytes[place % bytes.length]! ^= change
    expectRefused(bytes)
  }),
  { runs: 500, capMs: 2000 },
)

fuzz(
  import.meta.url,
  'a damaged index with its checksum made right is refused, or is exactly the index that it says',
  fc.property(
    arbEntries,
    fc.array(fc.tuple(arbPlace, arbChange), { maxLength: 3 }),
    arbPlace,
    (entries, changes, cut) => {
      const original = build(entries).toBytes()
      const bytes = original.slice(0, Math.max(4, original.length - (cut % 20)))
      const end = bytes.length - 4
      for (const [place, change] of changes) if (end > 0) bytes[place % end]! ^= change
      new DataView(bytes.buffer).setUint32(end, compute(bytes.subarray(0, end)))
      const index = attempt(() => SparseIndex.fromBytes(bytes))
      if (index === undefined) return
      expect(index.toBytes()).toEqual(bytes)
      expect(build(index).toBytes()).toEqual(bytes)
    },
  ),
  { runs: 500, capMs: 2000 },
)

fuzz(
  import.meta.url,
  'garbage is refused with a coded error',
  fc.property(fc.uint8Array({ maxLength: 300 }), fc.boolean(), (garbage, seal) => {
    const bytes = garbage.slice()
    const end = bytes.length - 4
    if (seal && end > 0) new DataView(bytes.buffer).setUint32(end, compute(bytes.subarray(0, end)))
    const index = attempt(() => SparseIndex.fromBytes(bytes))
    if (index !== undefined) expect(index.toBytes()).toEqual(bytes)
  }),
  { runs: 500, capMs: 2000 },
)

fuzz(
  import.meta.url,
  'an entry out of order is refused and changes nothing',
  fc.property(arbEntries, arbKey, fc.maxSafeNat(), (entries, key, offset) => {
    const index = build(entries)
    const before = index.toBytes()
    const last = entries.at(-1)
    const fits = last === undefined || (compareBytes(last.key, key) < 0 && last.offset < offset)
    if (fits) {
      index.add(key, offset)
      expect(index.length).toBe(entries.length + 1)
    } else {
      expect(() => index.add(key, offset)).toThrow(SparseIndexError)
      expect(index.toBytes()).toEqual(before)
    }
  }),
  { runs: 300, capMs: 2000 },
)

fuzz(
  import.meta.url,
  'wrong arguments give a coded error or a result',
  fc.property(arbEntries, fc.tuple(arbWrong, arbWrong), (entries, [a, b]) => {
    const index = build(entries)
    const wrong = [a, b] as [never, never]
    for (const method of [
      'add',
      'floorOffset',
      'ceilOffset',
      'nextOffsetAfter',
      'floorIndex',
      'ceilIndex',
      'offsetAt',
      'keyAt',
    ] as const) {
      attempt(() => (index[method] as (...args: unknown[]) => unknown)(...wrong))
    }
    attempt(() => SparseIndex.fromBytes(...wrong))
    attempt(() => SparseIndex.fromBytes(a as never, { entryCount: b as never }))
    expect(SparseIndex.fromBytes(index.toBytes(), { entryCount: index.length }).length).toBe(index.length)
  }),
  { runs: 200, capMs: 2000 },
)
