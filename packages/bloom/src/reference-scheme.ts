/**
 * Scheme 0, bit for bit what the reference implementation does: hash `i` is MurmurHash3 x86 32 under seed 42 + `i`,
 * its bit is the hash modulo the number of bits. One pass over the key for each hash, each bit anywhere.
 */
/// <reference path="./murmurhash3js-revisited.d.ts" />
import murmurHash3 from 'murmurhash3js-revisited'
import { misuse } from './errors.ts'
import { MAX_BIT_COUNT, type Size } from './format.ts'

// The library validates each byte at twice the cost of the hash, and keys are bytes already. Its switch is shared by
// everybody who uses it in the process, so it goes back after each key, before anyone else can run.
const { hash32 } = murmurHash3.x86

/** Returns the reference's size for `expectedItems` at `falsePositiveRate`: rounded down, and at least 1 and 1. */
export function sizeReference(expectedItems: number, falsePositiveRate: number): Size {
  const bits = Math.floor((-expectedItems * Math.log(falsePositiveRate)) / (Math.LN2 * Math.LN2))
  const bitCount = Math.max(1, bits)
  if (bitCount > MAX_BIT_COUNT) {
    throw misuse(RangeError, `a filter has at most ${MAX_BIT_COUNT} bits, this one would have ${bitCount}; use several`)
  }
  return { bitCount, hashCount: Math.max(1, Math.floor((bitCount / expectedItems) * Math.LN2)) }
}

/** Sets the bits of `key`. */
export function addReference(bits: Uint8Array, size: Size, key: Uint8Array): void {
  const { bitCount, hashCount } = size
  const validates = murmurHash3.inputValidation
  murmurHash3.inputValidation = false
  for (let i = 0; i < hashCount; i++) {
    const bit = hash32(key, 42 + i) % bitCount
    const byte = bit >>> 3
    bits[byte] = bits[byte]! | (1 << (bit & 7))
  }
  murmurHash3.inputValidation = validates
}

/** Returns whether every bit of `key` is set. */
export function mayContainReference(bits: Uint8Array, size: Size, key: Uint8Array): boolean {
  const { bitCount, hashCount } = size
  const validates = murmurHash3.inputValidation
  murmurHash3.inputValidation = false
  let found = true
  for (let i = 0; i < hashCount && found; i++) {
    const bit = hash32(key, 42 + i) % bitCount
    found = (bits[bit >>> 3]! & (1 << (bit & 7))) !== 0
  }
  murmurHash3.inputValidation = validates
  return found
}
