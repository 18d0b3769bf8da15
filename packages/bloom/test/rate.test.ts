import { IS_QUICK } from '@lsm/fuzz'
import { describe, expect, test } from 'vitest'
import { blockedRate, sizeBlocked } from '../src/blocked-scheme.ts'
import { BloomFilter, type BloomScheme } from '../src/index.ts'
import { blocked, type Theory, unblocked } from './theory.ts'

/** Filters in each mean. */
const FILTERS = 20
/** Two-sided 99.9% of the normal distribution. */
const DEVIATIONS = 3.2905

function theoryOf(filter: BloomFilter, items: number): Theory {
  const { bitCount, hashCount, scheme } = filter
  return scheme === 0 ? unblocked(items, bitCount, hashCount) : blocked(items, bitCount / 512, hashCount)
}

/** Counters, as programs have them: what a weak hash is worst at. Members and strangers differ in one byte. */
function writeKey(key: DataView, filter: number, index: number, stranger: number): void {
  key.setUint32(0, 0x6b657900 | stranger)
  key.setUint32(4, filter)
  key.setUint32(8, index)
}

/** Returns how many of `queries` strangers the filters take for their own; no member may be missed. */
function countFalsePositives(scheme: BloomScheme, items: number, rate: number, queries: number): number {
  const bytes = new Uint8Array(12)
  const key = new DataView(bytes.buffer)
  let falsePositives = 0
  for (let f = 0; f < FILTERS; f++) {
    const filter = new BloomFilter({ expectedItems: items, falsePositiveRate: rate, scheme })
    for (let i = 0; i < items; i++) {
      writeKey(key, f, i, 0)
      filter.add(bytes)
    }
    // All members of the small filters, and every hundredth of the large ones.
    for (let i = 0; i < items; i += items > 20_000 ? 100 : 1) {
      writeKey(key, f, i, 0)
      if (!filter.mayContain(bytes)) throw new Error(`key ${i} of filter ${f} was forgotten`)
    }
    for (let i = 0; i < queries / FILTERS; i++) {
      writeKey(key, f, i, 1)
      if (filter.mayContain(bytes)) falsePositives++
    }
  }
  return falsePositives
}

describe('the measured rate, mean of 20 filters, lies within 99.9% of theory', () => {
  const cases: readonly (readonly [scheme: BloomScheme, items: number, rate: number, queries: number])[] = [
    [0, 1_000, 0.5, 200_000],
    [0, 1_000, 0.01, 400_000],
    [0, 1_000, 0.0001, 2_000_000],
    [0, 20_000, 0.001, 1_000_000],
    [0, 300_000, 0.5, 200_000],
    [1, 1_000, 0.5, 200_000],
    [1, 1_000, 0.1, 400_000],
    [1, 1_000, 0.01, 1_000_000],
    [1, 1_000, 0.0001, 10_000_000],
    [1, 20_000, 0.05, 1_000_000],
    [1, 100_000, 0.001, 2_000_000],
    [1, 1_000_000, 0.0001, 10_000_000],
  ]
  const MOST = IS_QUICK ? 1_500_000 : Number.POSITIVE_INFINITY
  const chosen = cases.filter(([, items, , queries]) => items * FILTERS + queries <= MOST)

  test.each(chosen)('scheme %i, n = %i, p = %d', (scheme, items, rate, queries) => {
    const filter = new BloomFilter({ expectedItems: items, falsePositiveRate: rate, scheme })
    const { mean, variance } = theoryOf(filter, items)
    if (scheme === 1) expect(mean).toBeLessThan(1.1 * rate)
    const measured = countFalsePositives(scheme, items, rate, queries) / queries
    const deviation = Math.sqrt(variance / FILTERS + (mean * (1 - mean)) / queries)
    expect(Math.abs(measured - mean) / deviation).toBeLessThan(DEVIATIONS)
  })
})

describe('the size of scheme 1 follows from theory', () => {
  test.each([0.9, 0.5, 0.2, 0.1, 0.05, 0.01, 0.001, 0.0001, 1e-5, 1e-7])('p = %d', (rate) => {
    for (const items of [1, 7, 100, 1_000, 30_000]) {
      const { bitCount, hashCount } = sizeBlocked(items, rate)
      expect(bitCount % 512).toBe(0)
      expect(blocked(items, bitCount / 512, hashCount).mean).toBeLessThan(1.1 * rate)
    }
    // Not a bit more than it takes, but for whole blocks: one in a hundred less would break the promise.
    const { bitCount, hashCount } = sizeBlocked(10_000_000, rate)
    expect(blockedRate(10_000_000 / ((bitCount * 0.99) / 512), hashCount)).toBeGreaterThan(rate)
  })

  test('no other number of hashes is smaller', () => {
    for (const rate of [0.5, 0.1, 0.01, 0.0001]) {
      const { bitCount, hashCount } = sizeBlocked(10_000_000, rate)
      for (let other = 1; other <= 20; other++) {
        if (other === hashCount) continue
        expect(blockedRate(10_000_000 / ((bitCount * 0.995) / 512), other)).toBeGreaterThan(rate)
      }
    }
  })
})
