/**
 * HalfSipHash-1-3 (Aumasson and Bernstein; the variant that the Linux kernel keeps for hash tables on 32-bit machines).
 * A keyed hash, because keys come from users: with MurmurHash3 anybody can make keys that collide under every seed,
 * and a table of 100,000 of them takes minutes to fill. All words are 32 bits, so it needs no BigInt. It costs about
 * 20 ns more for a 16-byte key than MurmurHash3 does.
 */

/** 64 secret bits as two words. */
export type HashSeed = readonly [number, number]

/** The hash of `key` under `seed`, as a signed 32-bit integer: one that V8 need not box. */
export function hashKey(key: Uint8Array, seed0: number, seed1: number): number {
  const length = key.length
  let v0 = seed0 | 0
  let v1 = seed1 | 0
  let v2 = 0x6c796765 ^ seed0
  let v3 = 0x74656462 ^ seed1
  const whole = length & ~3
  // One round for each word of the key, one for the word that ends it, then three at the end, for a word of 0.
  for (let at = 0; at <= whole + 12; at += 4) {
    let word = 0
    if (at < whole) {
      word = key[at]! | (key[at + 1]! << 8) | (key[at + 2]! << 16) | (key[at + 3]! << 24)
    } else if (at === whole) {
      word = length << 24
      if (at < length) word |= key[at]!
      if (at + 1 < length) word |= key[at + 1]! << 8
      if (at + 2 < length) word |= key[at + 2]! << 16
    } else if (at === whole + 4) {
      v2 ^= 0xff
    }
    v3 ^= word
    v0 = (v0 + v1) | 0
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0
    v0 = (v0 << 16) | (v0 >>> 16)
    v2 = (v2 + v3) | 0
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2
    v0 = (v0 + v3) | 0
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0
    v2 = (v2 + v1) | 0
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2
    v2 = (v2 << 16) | (v2 >>> 16)
    v0 ^= word
  }
  return v1 ^ v3
}

/** A seed that nobody can guess, where the runtime has a source of such; else one that differs from run to run. */
export function randomHashSeed(): HashSeed {
  const words = new Uint32Array(2)
  if (globalThis.crypto === undefined) {
    for (let i = 0; i < words.length; i++) words[i] = Math.random() * 2 ** 32
  } else {
    globalThis.crypto.getRandomValues(words)
  }
  return [words[0]!, words[1]!]
}
