import { compareBytes } from '@lsm/encoding'
import { fuzz } from '@lsm/fuzz'
import fc from 'fast-check'
import { expect } from 'vitest'
import { type RangeTombstone, RangeTombstoneSet } from '../src/index.ts'
import { findByScan, keyOf, mostFragments } from './model.ts'

/** Keys of different lengths that are often prefixes of each other or equal. */
const arbKey = fc.oneof(
  fc.nat(40).map((i) => Uint8Array.of(i)),
  fc.array(fc.nat(2), { maxLength: 3 }).map((bytes) => Uint8Array.from(bytes)),
)
const arbRange = fc.oneof(
  fc.record({ start: arbKey, end: arbKey }),
  // Nested ones: each inside another or around it.
  fc.nat(20).map((i) => ({ start: Uint8Array.of(i), end: Uint8Array.of(40 - i) })),
)
const arbTombstones = fc.array(
  fc.tuple(arbRange, fc.nat(80)).map(([range, seq]) => ({ ...range, seq })),
  { maxLength: 90, size: 'max' },
)
const arbProbes = fc.array(fc.nat(90), { minLength: 1, maxLength: 6 })

/** Asks for each bound, a key right behind it, and keys everywhere. */
function probeKeys(tombstones: readonly RangeTombstone[]): Uint8Array[] {
  const bounds = tombstones.flatMap(({ start, end }) => [start, end])
  const behind = bounds.map((key) => Uint8Array.of(...key, 0))
  return [Uint8Array.of(), ...bounds, ...behind, ...Array.from({ length: 42 }, (_, i) => Uint8Array.of(i))]
}

function expectSame(set: RangeTombstoneSet, all: readonly RangeTombstone[], seqs: readonly number[]): void {
  for (const key of probeKeys(all)) {
    for (const visibleSeq of [...seqs, Number.POSITIVE_INFINITY]) {
      const expected = findByScan(all, key, visibleSeq)
      // Identity, checked by hand: `toBe` takes its time over so many.
      if (set.find(key, visibleSeq) !== expected) expect(set.find(key, visibleSeq)).toBe(expected)
      const covering = set.coveringSeq(key, visibleSeq)
      if (covering !== (expected?.seq ?? -1)) expect(covering).toBe(expected?.seq ?? -1)
    }
  }
}

fuzz(
  import.meta.url,
  'a set made of a list finds what a scan finds, at any sequence number, in any order of the list',
  fc.property(arbTombstones, arbProbes, (tombstones, seqs) => {
    const set = RangeTombstoneSet.from(tombstones)
    expect(set.size).toBe(tombstones.length)
    expectSame(set, tombstones, seqs)
    const sorted = tombstones.toSorted((a, b) => a.seq - b.seq)
    expect([...set]).toEqual(sorted)
    expect(set.fragmentCount).toBeLessThanOrEqual(mostFragments(tombstones.length))
  }),
  { runs: 150, capMs: 4000 },
)

fuzz(
  import.meta.url,
  'a set that grows, from nothing or from a list, finds what a scan finds after each step',
  fc.property(arbTombstones, fc.nat(40), arbProbes, (tombstones, listed, seqs) => {
    const sorted = tombstones.toSorted((a, b) => a.seq - b.seq)
    const set = RangeTombstoneSet.from(sorted.slice(0, listed))
    for (const [i, each] of sorted.entries()) {
      if (i < listed) continue
      set.add(each)
      expect(set.size).toBe(i + 1)
      expect(set.fragmentCount).toBeLessThanOrEqual(mostFragments(i + 1))
      if (i % 16 === 7) expectSame(set, sorted.slice(0, i + 1), seqs.slice(0, 2))
    }
    expectSame(set, sorted, seqs)
    expect([...set]).toEqual(sorted)
  }),
  { runs: 150, capMs: 5000 },
)

fuzz(
  import.meta.url,
  'keys that start alike, and agree in the bytes behind that, are told apart as others are',
  fc.property(
    fc.uint8Array({ maxLength: 9 }),
    fc.nat(8),
    fc.nat(3),
    fc.array(fc.record({ start: fc.nat(254), width: fc.nat(20) }), { minLength: 60, maxLength: 120, size: 'max' }),
    fc.array(fc.oneof(fc.uint8Array({ maxLength: 12 }), arbKey), { maxLength: 10 }),
    (common, gap, groups, ranges, strangers) => {
      // All keys have `common`, then one of a few bytes, then zeros, and differ in the last byte only.
      const longKey = (i: number): Uint8Array =>
        Uint8Array.of(...common, groups === 0 ? 7 : i % (groups + 1), ...new Uint8Array(gap), i)
      const tombstones = ranges.map(({ start, width }, seq) => {
        return { start: longKey(start), end: longKey(Math.min(255, start + width + 1)), seq }
      })
      const set = RangeTombstoneSet.from(tombstones)
      const long = Array.from({ length: 256 }, (_, i) => longKey(i))
      const cut = [0, 1, 2, 3, 5, 8, 13, 21].map((length) => longKey(1).subarray(0, length))
      const behind = strangers.flatMap((each) => [each, Uint8Array.of(...common, ...each)])
      for (const key of [...long, ...cut, ...behind]) {
        for (const visibleSeq of [Number.POSITIVE_INFINITY, 33]) {
          const expected = findByScan(tombstones, key, visibleSeq)
          if (set.find(key, visibleSeq) !== expected) expect(set.find(key, visibleSeq)).toBe(expected)
        }
      }
    },
  ),
  { runs: 150, capMs: 4000 },
)

fuzz(
  import.meta.url,
  'thousands of nested ranges answer like the last ones that reach a key, within the bound on memory',
  fc.property(
    fc.integer({ min: 1, max: 3000 }),
    fc.boolean(),
    fc.array(fc.tuple(fc.nat(6000), fc.nat(3000)), { maxLength: 50 }),
    (count, listed, probes) => {
      // Range i is [i, 6000 - i): key k is covered by all ranges up to k, or up to 5999 - k on the other side.
      const ranges = Array.from({ length: count }, (_, i) => ({ start: keyOf(i), end: keyOf(6000 - i), seq: i }))
      const set = listed ? RangeTombstoneSet.from(ranges) : new RangeTombstoneSet()
      if (!listed) for (const each of ranges) set.add(each)
      for (const [at, visibleSeq] of probes) {
        expect(set.coveringSeq(keyOf(at), visibleSeq)).toBe(
          Math.max(-1, Math.min(at, 5999 - at, visibleSeq, count - 1)),
        )
      }
      expect(set.fragmentCount).toBeLessThanOrEqual(mostFragments(count))
    },
  ),
  { runs: 40, capMs: 4000 },
)

const arbAnything = fc.oneof(
  fc.anything(),
  fc.uint8Array({ maxLength: 3 }),
  fc.constantFrom<unknown>(0, -0, -1, 0.5, 2 ** 53, Number.POSITIVE_INFINITY, Number.NaN, null, undefined, 'x'),
)
const arbTombstone = fc.oneof(
  arbAnything,
  fc.record({ start: arbAnything, end: arbAnything, seq: fc.oneof(fc.nat(9), arbAnything) }, { requiredKeys: [] }),
  fc.record({ start: arbKey, end: arbKey, seq: fc.nat(9) }),
)

fuzz(
  import.meta.url,
  'whatever is passed in, a result or a coded error comes out, and a refused call changes nothing',
  fc.property(
    fc.array(fc.tuple(fc.constantFrom('add', 'from', 'find', 'coveringSeq'), arbTombstone, arbAnything), {
      maxLength: 30,
    }),
    (calls) => {
      const set = new RangeTombstoneSet()
      const kept: RangeTombstone[] = []
      for (const [name, a, b] of calls) {
        try {
          if (name === 'add') {
            set.add(a as never)
            kept.push(a as RangeTombstone)
          } else if (name === 'from') RangeTombstoneSet.from((Array.isArray(b) ? b : [a]) as never)
          else if (name === 'find') set.find(a as never, b as never)
          else set.coveringSeq(a as never, b as never)
        } catch (error) {
          const { code } = error as { code?: unknown }
          expect(code, String(error)).toMatch(/^RANGE_TOMBSTONES_/)
        }
        expect(set.size).toBe(kept.length)
      }
      expect([...set]).toEqual(kept)
      for (const { start, end } of kept) {
        const key = compareBytes(start, end) < 0 ? start : end
        expect(set.find(key)).toBe(findByScan(kept, key, Number.POSITIVE_INFINITY))
      }
    },
  ),
  { runs: 300, capMs: 3000 },
)
