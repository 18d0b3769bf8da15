/** The order of keys: byte by byte, unsigned, a key before every key that it is a prefix of. */
import { checkBytes, checkRange } from './errors.ts'

/** Negative when `a` sorts before `b`, positive when after, 0 when they are equal. O(common prefix). */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  checkBytes(a, 'a')
  checkBytes(b, 'b')
  return compare(a, 0, a.length, b, 0, b.length)
}

/** Like `compareBytes` for `[aStart, aEnd)` of `a` and `[bStart, bEnd)` of `b`: keys compared where they lie. */
export function compareRanges(
  a: Uint8Array,
  aStart: number,
  aEnd: number,
  b: Uint8Array,
  bStart: number,
  bEnd: number,
): number {
  checkRange(a, aStart, aEnd)
  checkRange(b, bStart, bEnd)
  return compare(a, aStart, aEnd, b, bStart, bEnd)
}

function compare(a: Uint8Array, aStart: number, aEnd: number, b: Uint8Array, bStart: number, bEnd: number): number {
  const aLength = aEnd - aStart
  const bLength = bEnd - bStart
  const shared = Math.min(aLength, bLength)
  for (let i = 0; i < shared; i++) {
    const difference = a[aStart + i]! - b[bStart + i]!
    if (difference !== 0) return difference
  }
  return aLength - bLength
}

/** Bytes of a key that `keyPrefix` takes: as many as a number holds exactly. */
export const KEY_PREFIX_SIZE = 6

/**
 * The first six bytes of the key in `[start, end)` of `bytes` as one number, missing ones as 0. Numbers that differ
 * are ordered as their keys are; for equal ones the keys must be compared. Six and not four, because four bytes of
 * decimal digits tell only 10,000 keys apart.
 */
export function keyPrefix(bytes: Uint8Array, start: number = 0, end: number = bytes?.length): number {
  checkRange(bytes, start, end)
  const length = end - start
  if (length >= KEY_PREFIX_SIZE) {
    const lower = (bytes[start + 2]! << 24) | (bytes[start + 3]! << 16) | (bytes[start + 4]! << 8) | bytes[start + 5]!
    return ((bytes[start]! << 8) | bytes[start + 1]!) * 0x100000000 + (lower >>> 0)
  }
  let prefix = 0
  for (let i = 0; i < KEY_PREFIX_SIZE; i++) prefix = prefix * 256 + (i < length ? bytes[start + i]! : 0)
  return prefix
}
