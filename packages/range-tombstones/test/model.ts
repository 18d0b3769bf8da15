/** What the set is held against: all tombstones looked through, one by one. */
import { compareBytes } from '@lsm/encoding'
import type { RangeTombstone } from '../src/index.ts'

/** The newest of the tombstones up to `visibleSeq` that covers `key`; of equal sequence numbers the last one. */
export function findByScan<T extends RangeTombstone>(
  tombstones: readonly T[],
  key: Uint8Array,
  visibleSeq: number,
): T | undefined {
  let newest: T | undefined
  for (const each of tombstones) {
    if (each.seq > visibleSeq || compareBytes(each.start, key) > 0 || compareBytes(key, each.end) >= 0) continue
    if (newest === undefined || each.seq >= newest.seq) newest = each
  }
  return newest
}

/** The bound on `fragmentCount` that the package promises for `n` tombstones. */
export function mostFragments(n: number): number {
  return n === 0 ? 0 : 2 * n * Math.max(1, Math.ceil(Math.log2(n)) - 2)
}

/** Two bytes, big-endian: keys in the order of the numbers. */
export function keyOf(i: number): Uint8Array {
  return Uint8Array.of(i >> 8, i & 255)
}
