/**
 * A filter as bytes, big-endian:
 *
 * ```
 *  0          4          8          12         16              16 + n     20 + n
 * +----------+----------+----------+----------+---------------+----------+
 * | hashes   | bits     | seed 42  | scheme   | n bytes       | crc-32   |   n = ceil(bits / 8)
 * +----------+----------+----------+----------+---------------+----------+
 * ```
 *
 * Bit `i` of the filter is `bytes[16 + (i >> 3)] & (1 << (i & 7))`; bits past the last are 0. The CRC covers all
 * before it, the header too. Normative text: docs/format/bloom.md.
 */
import { compute, packInto, unpack } from '@lsm/crc'
import { BloomError } from './errors.ts'

/** 0 is the reference's, 1 the blocked one. */
export type BloomScheme = 0 | 1

export interface Size {
  readonly bitCount: number
  readonly hashCount: number
}

export const HEADER_BYTES = 16
export const FOOTER_BYTES = 4
/** Bits in a block of scheme 1: 64 bytes, a cache line. */
export const BLOCK_BITS = 512
/** The largest multiple of a block that the header's word holds; 512 MiB. */
export const MAX_BIT_COUNT = 0xfffffe00
/** Most hashes of a scheme 1 filter; the lowest rate takes 18. */
export const MAX_BLOCKED_HASHES = 32
const SEED = 42
/** What the reference's formula gives for the least positive rate there is. */
const MAX_REFERENCE_HASHES = 1074

/** Returns the bytes of a filter, which the caller owns. */
export function encode(bits: Uint8Array, { bitCount, hashCount }: Size, scheme: BloomScheme): Uint8Array {
  const footer = HEADER_BYTES + bits.length
  const bytes = new Uint8Array(footer + FOOTER_BYTES)
  let at = 0
  for (const word of [hashCount, bitCount, SEED, scheme]) at = packInto(word, bytes, at)
  bytes.set(bits, HEADER_BYTES)
  packInto(compute(bytes, 0, footer), bytes, footer)
  return bytes
}

/** Returns the size and scheme of the filter in `bytes` once all of it is checked. Allocates nothing. */
export function decode(bytes: Uint8Array): Size & { readonly scheme: BloomScheme } {
  if (bytes.length < HEADER_BYTES + FOOTER_BYTES) {
    const message = `a filter has at least ${HEADER_BYTES + FOOTER_BYTES} bytes, these are ${bytes.length}`
    throw new BloomError('BLOOM_TRUNCATED', message, bytes.length)
  }
  const hashCount = unpack(bytes, 0)
  const bitCount = unpack(bytes, 4)
  const scheme = unpack(bytes, 12)
  const footer = HEADER_BYTES + Math.ceil(bitCount / 8)
  const length = footer + FOOTER_BYTES
  if (bytes.length < length) {
    const message = `the header promises ${length} bytes and the data ends at ${bytes.length}`
    throw new BloomError('BLOOM_TRUNCATED', message, bytes.length)
  }
  if (bytes.length > length) throw corrupt(`the header promises ${length} bytes, these are ${bytes.length}`, length)
  const crc = compute(bytes, 0, footer)
  if (crc !== unpack(bytes, footer)) throw corrupt(`the bytes do not match their CRC-32`, footer)
  if (scheme > 1) {
    const message = `scheme ${scheme} is unknown; a newer version of this package may read it`
    throw new BloomError('BLOOM_UNSUPPORTED_SCHEME', message, 12)
  }
  const mostHashes = scheme === 0 ? MAX_REFERENCE_HASHES : MAX_BLOCKED_HASHES
  if (hashCount < 1 || hashCount > mostHashes) {
    throw corrupt(`a filter of scheme ${scheme} has 1 to ${mostHashes} hashes, not ${hashCount}`, 0)
  }
  const whole = scheme === 0 || bitCount % BLOCK_BITS === 0
  if (bitCount < 1 || bitCount > MAX_BIT_COUNT || !whole) {
    throw corrupt(`a filter of scheme ${scheme} cannot have ${bitCount} bits`, 4)
  }
  if (unpack(bytes, 8) !== SEED) throw corrupt(`the seed is ${unpack(bytes, 8)} and not ${SEED}`, 8)
  if (bitCount % 8 > 0 && bytes[footer - 1]! >> (bitCount % 8) > 0) {
    throw corrupt('bits past the last one are set', footer - 1)
  }
  return { bitCount, hashCount, scheme: scheme as BloomScheme }
}

function corrupt(message: string, offset: number): BloomError {
  return new BloomError('BLOOM_CORRUPT', message, offset)
}
