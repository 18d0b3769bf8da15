/**
 * A layer: what a run of tombstones, in the order of their sequence numbers, says about every key. It keeps, in
 * fragments that do not overlap, the newest of them for each stretch of keys:
 *
 *     keys         a   b   c   e   k   m
 *     tombstone 3      [───────────)
 *     tombstone 2  [───────────)
 *     tombstone 1          [───────────)
 *     fragments    │ 2 │     3     │ 1 │
 *
 * Two layers are fused in one pass over their bounds. A layer of many keeps its halves: a read whose sequence number
 * cuts the layer in two asks them, and so on down one path, as in a segment tree over the order of arrival.
 */
import { compareBytes } from '@lsm/encoding'
import { SortedKeys } from './sorted-keys.ts'

/** Covers the keys from `start` to before `end`; a start that is not before its end covers none. */
export interface RangeTombstone {
  readonly start: Uint8Array
  /** Exclusive. */
  readonly end: Uint8Array
  /** Its place in the order of all: an integer from 0 to 2^53 - 1. */
  readonly seq: number
}

export interface Layer {
  /** It covers the tombstones `[from, to)`, at least one. */
  readonly from: number
  readonly to: number
  /** `hiders[i]` is the newest tombstone from bound `i` to before the next one, or -1. Neighbours differ. */
  readonly bounds: SortedKeys
  readonly hiders: readonly number[]
  readonly older: Layer | undefined
  readonly newer: Layer | undefined
}

/** So few tombstones are looked through one by one: a layer over them keeps no halves. */
const SMALL_LAYER = 8

/** The layer over one tombstone, number `index` of all. */
export function layerOfOne({ start, end }: RangeTombstone, index: number): Layer {
  const isEmpty = compareBytes(start, end) >= 0
  return {
    from: index,
    to: index + 1,
    bounds: new SortedKeys(isEmpty ? [] : [start, end]),
    hiders: isEmpty ? [] : [index, -1],
    older: undefined,
    newer: undefined,
  }
}

/** The layer over the tombstones `[from, to)`, at least one, with halves of equal size. O(n log n). */
export function layerOver(tombstones: readonly RangeTombstone[], from: number, to: number): Layer {
  if (to - from === 1) return layerOfOne(tombstones[from]!, from)
  const middle = (from + to) >>> 1
  return fuse(layerOver(tombstones, from, middle), layerOver(tombstones, middle, to))
}

/** One layer over the tombstones of both: where they overlap, the newer hides. O(bounds of both). */
export function fuse(older: Layer, newer: Layer): Layer {
  const bounds: Uint8Array[] = []
  const hiders: number[] = []
  const olderBounds = older.bounds.keys
  const newerBounds = newer.bounds.keys
  let i = 0
  let j = 0
  let below = -1
  let above = -1
  let last = -1
  while (i < olderBounds.length || j < newerBounds.length) {
    const a = olderBounds[i]
    const b = newerBounds[j]
    const order = a === undefined ? 1 : b === undefined ? -1 : compareBytes(a, b)
    if (order <= 0) below = older.hiders[i++]!
    if (order >= 0) above = newer.hiders[j++]!
    const hider = above >= 0 ? above : below
    if (hider === last) continue
    bounds.push((order <= 0 ? a : b)!)
    hiders.push(hider)
    last = hider
  }
  const isSmall = newer.to - older.from <= SMALL_LAYER
  return {
    from: older.from,
    to: newer.to,
    bounds: new SortedKeys(bounds),
    hiders,
    older: isSmall ? undefined : older,
    newer: isSmall ? undefined : newer,
  }
}

/** The newest tombstone of the layer that covers `key`; -1 when there is none. */
export function newestIn(layer: Layer, key: Uint8Array): number {
  return layer.hiders[layer.bounds.countUpTo(key) - 1] ?? -1
}

/**
 * The newest tombstone of the layer, of those before number `limit`, that covers `key`; -1 when there is none.
 * `newest` is what `newestIn` says of the layer: where that is before `limit`, no half need be asked.
 */
export function hiderIn(
  layer: Layer,
  newest: number,
  tombstones: readonly RangeTombstone[],
  key: Uint8Array,
  limit: number,
): number {
  if (newest < limit) return newest
  const { older, newer } = layer
  if (older !== undefined && newer !== undefined) {
    if (limit > newer.from) {
      // Then `newest` is in the newer half, and its newest too.
      const hider = hiderIn(newer, newest, tombstones, key, limit)
      if (hider >= 0) return hider
    }
    return hiderIn(older, newest < newer.from ? newest : newestIn(older, key), tombstones, key, limit)
  }
  for (let i = limit - 1; i >= layer.from; i--) {
    const { start, end } = tombstones[i]!
    if (compareBytes(start, key) <= 0 && compareBytes(key, end) < 0) return i
  }
  return -1
}

/** Fragments in the layer and all below it. */
export function fragmentsIn({ bounds, older, newer }: Layer): number {
  return (
    bounds.keys.length + (older === undefined ? 0 : fragmentsIn(older)) + (newer === undefined ? 0 : fragmentsIn(newer))
  )
}
