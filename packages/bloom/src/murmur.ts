/**
 * MurmurHash3 x86 32 (Austin Appleby, public domain) of one key under two seeds in one pass. The mixing of each word,
 * which is half of the work, does not depend on the seed and is done once.
 *
 * Two keys that agree in the first word agree in the second once in 2^20, measured on keys of eight bytes: the shared
 * mixing makes the pair worth 52 bits, not 64, which is enough for the largest filter there is.
 *
 * Thirty-two bits would not do: one key in 4,300 that are not in a filter of 10^6 has the hash of one that is, more
 * than the rate asked for may be in all.
 */

/** The seeds of the first and the second word of a hash. */
export const FIRST_SEED = 42
export const SECOND_SEED = 0x9747b28c

/** Where a key may end in its array at most. */
export const MAX_KEY_END = 0x3fffffff

/**
 * Writes the two hashes of `data[start, end)`, where `end` is at most `MAX_KEY_END`, to `target[at]` and
 * `target[at + 1]`. Checks nothing. O(end - start).
 */
export function hashPair(data: Uint8Array, start: number, end: number, target: Int32Array, at: number): void {
  // Literals, since an exported constant is a load to the compiler; and masks that change nothing but tell it that
  // no index overflows.
  let first = 42
  let second = 0x9747b28c | 0
  const stop = end & 0x3fffffff
  let i = start & 0x3fffffff
  const length = stop - i
  const tail = stop - (length & 3)
  for (; i < tail; i += 4) {
    let word = data[i]! | (data[i + 1]! << 8) | (data[i + 2]! << 16) | (data[i + 3]! << 24)
    word = Math.imul(word, 0xcc9e2d51)
    word = Math.imul((word << 15) | (word >>> 17), 0x1b873593)
    first ^= word
    first = (Math.imul((first << 13) | (first >>> 19), 5) + 0xe6546b64) | 0
    second ^= word
    second = (Math.imul((second << 13) | (second >>> 19), 5) + 0xe6546b64) | 0
  }
  if (i < stop) {
    let word = data[i]!
    if (i + 1 < stop) word |= data[i + 1]! << 8
    if (i + 2 < stop) word |= data[i + 2]! << 16
    word = Math.imul(word, 0xcc9e2d51)
    word = Math.imul((word << 15) | (word >>> 17), 0x1b873593)
    first ^= word
    second ^= word
  }
  target[at] = finish(first ^ length)
  target[at + 1] = finish(second ^ length)
}

function finish(hash: number): number {
  let h = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return h ^ (h >>> 16)
}
