/**
 * Bounds of a table's keys, as manifests keep them: at most 64 bytes, shortened outward, so that a bound may include
 * keys the table lacks and never leaves out one that it has.
 */
import { compareBytes } from '@lsm/encoding'

/** Longest bound that is kept as it is. */
export const MAX_BOUND_BYTES = 64

/** Where a range of keys ends. */
export interface UpperBound {
  readonly key: Uint8Array
  readonly inclusive: boolean
}

/** Where a table's keys lie. Both keys are owned by the range. */
export interface KeyRange {
  /** Inclusive. */
  readonly smallest: Uint8Array
  readonly largest: UpperBound
}

/** Returns a copy of the first `length` bytes. `slice` makes none of a Buffer: it gives a view of the caller's bytes. */
export function copyOf(bytes: Uint8Array, length: number = bytes.length): Uint8Array {
  return new Uint8Array(bytes.subarray(0, length))
}

/** Returns a bound at or before `key`. */
export function shortenLower(key: Uint8Array): Uint8Array {
  return copyOf(key, MAX_BOUND_BYTES)
}

/**
 * Returns a bound at or after `bound`: the first 64 bytes, one added in the last place that is not `ff`, and exclusive.
 * Where all 64 are `ff` no shorter bound exists, and it is kept whole.
 */
export function shortenUpper(bound: UpperBound): UpperBound {
  if (bound.key.length <= MAX_BOUND_BYTES) return { key: copyOf(bound.key), inclusive: bound.inclusive }
  const key = successorOfPrefix(bound.key.subarray(0, MAX_BOUND_BYTES))
  return key === undefined ? { key: copyOf(bound.key), inclusive: bound.inclusive } : { key, inclusive: false }
}

/** Returns the smallest key after every key that starts with `prefix`, or `undefined` where there is none. */
export function successorOfPrefix(prefix: Uint8Array): Uint8Array | undefined {
  let length = prefix.length
  while (length > 0 && prefix[length - 1] === 0xff) length--
  if (length === 0) return undefined
  const key = copyOf(prefix, length)
  key[length - 1]! += 1
  return key
}

/**
 * Returns where one table of a level can end (exclusive) and the next begin, between its last key and the next one; or
 * `undefined` where their bounds, once shortened, would overlap: both keys share their first 64 bytes.
 */
export function boundaryBetween(last: Uint8Array, next: Uint8Array): Uint8Array | undefined {
  const boundary = shortenLower(next)
  return compareBytes(last, boundary) < 0 ? boundary : undefined
}

/** Whether `key` lies beyond `bound`. */
export function isAfter(key: Uint8Array, bound: UpperBound): boolean {
  const order = compareBytes(key, bound.key)
  return bound.inclusive ? order > 0 : order >= 0
}

/** Below 0, 0 or above 0 as bound `a` admits fewer keys than `b`, the same ones, or more. */
export function compareUpper(a: UpperBound, b: UpperBound): number {
  const order = compareBytes(a.key, b.key)
  return order !== 0 ? order : Number(a.inclusive) - Number(b.inclusive)
}

/** Whether some key could lie in both ranges. */
export function overlaps(a: KeyRange, b: KeyRange): boolean {
  return !isAfter(b.smallest, a.largest) && !isAfter(a.smallest, b.largest)
}

/** Whether `key` could lie in the range. */
export function mayHold(range: KeyRange, key: Uint8Array): boolean {
  return compareBytes(key, range.smallest) >= 0 && !isAfter(key, range.largest)
}

/** The smallest range that covers both. */
export function union(a: KeyRange, b: KeyRange): KeyRange {
  return {
    smallest: compareBytes(a.smallest, b.smallest) <= 0 ? a.smallest : b.smallest,
    largest: compareUpper(a.largest, b.largest) >= 0 ? a.largest : b.largest,
  }
}
