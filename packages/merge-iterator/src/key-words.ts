/**
 * Byte keys as sequences of words of four bytes, padded with zeros. With the number of its bytes that are there, a word
 * is a symbol below 2^35, and keys are ordered as their symbols are:
 *
 *     symbol = word * 8 + count      "ab" < "ab\0", since their words are equal and 2 < 3; past the end it is 0
 */

/** The first byte, at or after `from`, in which two keys differ; -1 when they are equal. Both agree before `from`. */
export function mismatchBytes(
  a: Uint8Array,
  aStart: number,
  aEnd: number,
  b: Uint8Array,
  bStart: number,
  bEnd: number,
  from: number,
): number {
  const aLength = aEnd - aStart
  const bLength = bEnd - bStart
  const length = Math.min(aLength, bLength)
  let at = from
  while (at < length && a[aStart + at] === b[bStart + at]) at++
  return at === aLength && at === bLength ? -1 : at
}

// Small integers only: a double that a function takes or returns may be boxed, which costs an allocation.

/** The word of the bytes from `at` on, in a key that ends at `end`, as a signed integer. */
export function wordOfBytes(bytes: Uint8Array, at: number, end: number): number {
  const left = end - at
  if (left >= 4) return (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!
  const first = left > 0 ? bytes[at]! << 24 : 0
  const second = left > 1 ? bytes[at + 1]! << 16 : 0
  return first | second | (left > 2 ? bytes[at + 2]! << 8 : 0)
}

/** How two keys compare by the bytes at which they differ first; the end of a key comes before any byte. */
export function orderAt(a: Uint8Array, aAt: number, aEnd: number, b: Uint8Array, bAt: number, bEnd: number): number {
  return (aAt < aEnd ? a[aAt]! : -1) - (bAt < bEnd ? b[bAt]! : -1)
}
