/**
 * Scheme 1: a blocked filter (Putze, Sanders and Singler, "Cache-, Hash- and Space-Efficient Bloom Filters", 2007).
 * All bits of a key lie in one block of 512 bits, so that a probe costs one cache miss and not one for each bit. (JavaScript cannot align an array to a cache line: a block
 * may lie across two, which the processor fetches side by side.)
 *
 * The first word of the hash picks the block. The second one makes the bits: each is its top nine bits, then it is
 * multiplied by the golden ratio's 2^32 (as in RocksDB's FastLocalBloom). Double hashing, `a + i * b` inside the
 * block, has but 2^17 patterns for 512 bits; at 20 keys a block one key in 6,500 would meet its own pattern there,
 * which is above the rates that this scheme is asked for.
 *
 * Its size comes from theory and not from the textbook's formula, which is for filters without blocks: keys fall on
 * blocks unevenly (Poisson), and full blocks answer wrongly more often than empty ones save.
 */
import { misuse } from './errors.ts'
import { BLOCK_BITS, MAX_BIT_COUNT, MAX_BLOCKED_HASHES, type Size } from './format.ts'

/** The lowest rate for scheme 1: at it, keys of equal second words in one block are still but 2% of the rate. */
export const LEAST_BLOCKED_RATE = 1e-7

/** Sets the bits of the hash `(first, second)`. */
export function addBlocked(
  bits: Uint8Array,
  blockCount: number,
  hashCount: number,
  first: number,
  second: number,
): void {
  const block = blockStart(blockCount, first)
  let h = second
  for (let i = 0; i < hashCount; i++) {
    const byte = block + (h >>> 26)
    bits[byte] = bits[byte]! | (1 << ((h >>> 23) & 7))
    h = Math.imul(h, 0x9e3779b9)
  }
}

/** Returns whether every bit of the hash `(first, second)` is set. */
export function mayContainBlocked(
  bits: Uint8Array,
  blockCount: number,
  hashCount: number,
  first: number,
  second: number,
): boolean {
  const block = blockStart(blockCount, first)
  let h = second
  // No early exit: where it would leave is a coin toss, and a mispredicted branch costs more than all the loads
  // from one cache line.
  let found = 1
  for (let i = 0; i < hashCount; i++) {
    found &= bits[block + (h >>> 26)]! >>> ((h >>> 23) & 7)
    h = Math.imul(h, 0x9e3779b9)
  }
  return found === 1
}

/** Scales the unsigned hash to `[0, blockCount)`: no division. The product is below 2^55, its error below one hash. */
function blockStart(blockCount: number, first: number): number {
  return ((((first >>> 0) * blockCount) / 0x100000000) | 0) << 6
}

/** Returns the smallest size whose rate, in theory, is at most `falsePositiveRate` when `expectedItems` are in. */
export function sizeBlocked(expectedItems: number, falsePositiveRate: number): Size {
  if (falsePositiveRate < LEAST_BLOCKED_RATE) {
    throw misuse(RangeError, `falsePositiveRate of scheme 1 must be at least ${LEAST_BLOCKED_RATE}; use scheme 0`)
  }
  const { itemsPerBlock, hashCount } = densest(falsePositiveRate)
  const bitCount = Math.ceil(expectedItems / itemsPerBlock) * BLOCK_BITS
  if (bitCount > MAX_BIT_COUNT) {
    throw misuse(RangeError, `a filter has at most ${MAX_BIT_COUNT} bits, this one would have ${bitCount}; use several`)
  }
  return { bitCount, hashCount }
}

interface Density {
  readonly rate: number
  readonly itemsPerBlock: number
  readonly hashCount: number
}

/** Items in a block where every rate is as good as 1. */
const MOST_ITEMS = 8192

/** The search takes about a millisecond, and programs ask for one rate again and again. */
let latest: Density = { rate: 1, itemsPerBlock: 0, hashCount: 0 }

/** Returns the number of hashes that lets the most items share a block at `rate`, and how many these are. */
function densest(rate: number): Density {
  if (latest.rate === rate) return latest
  let best: Density = { rate, itemsPerBlock: 0, hashCount: 0 }
  // The best number lies between half the textbook's, log2(1 / rate), and all of it.
  let hashCount = Math.max(1, Math.floor(-Math.log2(rate) / 2))
  // One maximum: more hashes help until they only fill the block.
  for (; hashCount <= MAX_BLOCKED_HASHES && blockedRate(best.itemsPerBlock, hashCount) <= rate; hashCount++) {
    let low = best.itemsPerBlock
    let high = low + 1
    for (; high < MOST_ITEMS && blockedRate(high, hashCount) <= rate; high *= 2) low = high
    while (high - low > low / 2048 + 1e-3) {
      const middle = (low + high) / 2
      if (blockedRate(middle, hashCount) <= rate) low = middle
      else high = middle
    }
    best = { rate, itemsPerBlock: low, hashCount }
  }
  latest = best
  return best
}

/**
 * Returns the false positive rate, in theory, of a blocked filter whose blocks hold `itemsPerBlock` items on average:
 * the mean over the Poisson distribution of a block's load.
 */
export function blockedRate(itemsPerBlock: number, hashCount: number): number {
  if (itemsPerBlock === 0) return 0
  const spread = 9 * Math.sqrt(itemsPerBlock)
  const mode = Math.floor(itemsPerBlock)
  const first = Math.max(0, Math.floor(mode - spread))
  const last = Math.ceil(mode + spread + 20)
  // Weights relative to the mode's, so that none of those that matter vanishes.
  let total = 0
  let sum = 0
  let weight = 1
  for (let load = mode; load <= last; load++) {
    total += weight
    sum += weight * rateAtLoad(load, hashCount)
    weight *= itemsPerBlock / (load + 1)
  }
  weight = 1
  for (let load = mode - 1; load >= first; load--) {
    weight *= (load + 1) / itemsPerBlock
    total += weight
    sum += weight * rateAtLoad(load, hashCount)
  }
  return sum / total
}

/**
 * The mean of (bits set / 512)^hashCount after `load * hashCount` throws: the power of the mean and the second-order
 * term of its Taylor series, with the exact variance of the number of bits set.
 */
function rateAtLoad(load: number, hashCount: number): number {
  if (load === 0) return 0
  const throws = load * hashCount
  const empty = (1 - 1 / BLOCK_BITS) ** throws
  const full = 1 - empty
  const bothEmpty = (1 - 2 / BLOCK_BITS) ** throws
  const variance = empty / BLOCK_BITS + (1 - 1 / BLOCK_BITS) * bothEmpty - empty * empty
  return full ** hashCount * (1 + ((hashCount * (hashCount - 1)) / 2) * (variance / (full * full)))
}
