import { compareBytes } from '@lsm/encoding'
import { fuzz } from '@lsm/fuzz'
import fc from 'fast-check'
import { expect } from 'vitest'
import {
  boundaryBetween,
  compareUpper,
  isAfter,
  type KeyRange,
  MAX_BOUND_BYTES,
  mayHold,
  overlaps,
  shortenLower,
  shortenUpper,
  successorOfPrefix,
  union,
} from '../src/key-bound.ts'

/** Long keys that share long prefixes, and end in `ff` often. */
const key = fc
  .tuple(
    fc.constantFrom(0, 1, 62, 63, 64, 65),
    fc.constantFrom(0x61, 0xff),
    fc.array(fc.constantFrom(0, 0x61, 0x62, 0xfe, 0xff), { maxLength: 4 }),
  )
  .map(([length, fill, rest]) => Uint8Array.from([...new Uint8Array(length).fill(fill), ...rest]))
const upper = fc.record({ key, inclusive: fc.boolean() })
const range: fc.Arbitrary<KeyRange> = fc.record({ smallest: key, largest: upper })

fuzz(
  import.meta.url,
  'a shortened bound leaves out no key, and is short wherever one can be',
  fc.property(key, upper, key, (lower, bound, each) => {
    const short = shortenUpper(bound)
    if (!isAfter(each, bound)) expect(isAfter(each, short)).toBe(false)
    expect(compareUpper(short, bound)).toBeGreaterThanOrEqual(0)
    expect(compareBytes(shortenLower(lower), lower)).toBeLessThanOrEqual(0)
    expect(shortenLower(lower).length).toBeLessThanOrEqual(MAX_BOUND_BYTES)
    if (bound.key.subarray(0, MAX_BOUND_BYTES).some((byte) => byte !== 0xff)) {
      expect(short.key.length).toBeLessThanOrEqual(MAX_BOUND_BYTES)
    }
  }),
  { runs: 2000 },
)

fuzz(
  import.meta.url,
  'the successor of a prefix is the first key behind all that start with it',
  fc.property(key, key, (prefix, each) => {
    const successor = successorOfPrefix(prefix)
    const starts = prefix.every((byte, i) => each[i] === byte)
    if (successor === undefined) expect(prefix.every((byte) => byte === 0xff)).toBe(true)
    else if (starts) expect(compareBytes(each, successor)).toBeLessThan(0)
    else if (compareBytes(each, prefix) > 0) expect(compareBytes(each, successor)).toBeGreaterThanOrEqual(0)
  }),
  { runs: 2000 },
)

fuzz(
  import.meta.url,
  'ranges that hold one key overlap, and their union holds what either does',
  fc.property(range, range, key, (a, b, each) => {
    if (mayHold(a, each) && mayHold(b, each)) expect(overlaps(a, b)).toBe(true)
    expect(overlaps(a, b)).toBe(overlaps(b, a))
    if (mayHold(a, each) || mayHold(b, each)) expect(mayHold(union(a, b), each)).toBe(true)
  }),
  { runs: 2000 },
)

fuzz(
  import.meta.url,
  'tables that are split at a boundary do not overlap once their bounds are shortened',
  fc.property(
    fc.uniqueArray(key, { minLength: 2, maxLength: 2, comparator: (a, b) => compareBytes(a, b) === 0 }),
    (two) => {
      const [last, next] = two.sort(compareBytes) as [Uint8Array, Uint8Array]
      const boundary = boundaryBetween(last, next)
      if (boundary === undefined) {
        expect(shortenLower(last)).toEqual(shortenLower(next))
        return
      }
      // The first table ends with its last key, or with a range tombstone that is cut at the boundary.
      for (const largest of [
        { key: last, inclusive: true },
        { key: boundary, inclusive: false },
      ]) {
        const first = { smallest: shortenLower(last), largest: shortenUpper(largest) }
        // The second begins with its first key, or with the rest of the tombstone.
        for (const smallest of [next, boundary]) {
          const second = { smallest: shortenLower(smallest), largest: shortenUpper({ key: next, inclusive: true }) }
          expect(overlaps(first, second)).toBe(false)
        }
      }
    },
  ),
  { runs: 2000 },
)
