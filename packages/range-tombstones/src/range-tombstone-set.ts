/**
 * Which range tombstone hides a key, at any sequence number.
 *
 * Tombstones come in the order of their sequence numbers, and equal numbers of neighbours are fused into layers, as in
 * a binary counter: after 13 tombstones there are layers over 8, 4 and 1 of them. A read asks the layers from the
 * newest to the oldest and stops at the first hit; a layer that its sequence number cuts in two is asked by its halves.
 * So a read costs O(log² n), and all layers together O(n log n) memory, however the ranges overlap: one list of
 * sequence numbers a fragment, the usual way, takes n² for n nested ranges.
 *
 * The set refuses to know what a hidden key means: whether it is deleted, banned or taken.
 */
import { checkBytes, checkVisibleSeq, misuse, RangeTombstoneError } from './errors.ts'
import {
  fragmentsIn,
  fuse,
  hiderIn,
  type Layer,
  layerOfOne,
  layerOver,
  newestIn,
  type RangeTombstone,
} from './layer.ts'

/** A `RangeTombstoneSet` for those who only read it. */
export interface ReadonlyRangeTombstoneSet<T extends RangeTombstone = RangeTombstone> extends Iterable<T> {
  readonly size: number
  readonly fragmentCount: number
  find(key: Uint8Array, visibleSeq?: number): T | undefined
  coveringSeq(key: Uint8Array, visibleSeq?: number): number
}

/**
 * Range tombstones, found by the keys that they cover. They may have further properties, which `find` and iteration
 * give back. Tombstones and their keys are borrowed for as long as the set is used: nothing is copied, and nothing of
 * it may change meanwhile.
 */
export class RangeTombstoneSet<T extends RangeTombstone = RangeTombstone> implements ReadonlyRangeTombstoneSet<T> {
  /** By ascending sequence number. */
  #tombstones: T[] = []
  /** Over consecutive tombstones, oldest first. */
  readonly #layers: Layer[] = []

  /**
   * The set of all `tombstones`, which may come in any order; of those with equal sequence numbers the later one is
   * the newer. One layer covers all of them, so reads are a little faster than in a set that has grown. O(n log n).
   */
  static from<T extends RangeTombstone>(tombstones: Iterable<T>): RangeTombstoneSet<T> {
    if (typeof tombstones?.[Symbol.iterator] !== 'function') {
      throw misuse(TypeError, 'tombstones must be an iterable')
    }
    const set = new RangeTombstoneSet<T>()
    const all = [...tombstones]
    for (const each of all) checkTombstone(each)
    // The platform's sort is stable.
    set.#tombstones = all.sort((a, b) => a.seq - b.seq)
    if (all.length > 0) set.#layers.push(layerOver(all, 0, all.length))
    return set
  }

  /** Tombstones in the set, those that cover nothing included. */
  get size(): number {
    return this.#tombstones.length
  }

  /**
   * Fragments in all layers, which is what the set's memory goes into: for n tombstones at most
   * 2n · max(1, ⌈log2 n⌉ - 2). Counted anew by each call, in O(n).
   */
  get fragmentCount(): number {
    return this.#layers.reduce((sum, layer) => sum + fragmentsIn(layer), 0)
  }

  /** By ascending sequence number, for equal ones in the order in which they came. */
  [Symbol.iterator](): IterableIterator<T> {
    return this.#tombstones.values()
  }

  /**
   * Adds the tombstone, as the newest of those with its sequence number. Throws `RANGE_TOMBSTONES_SEQ_DESCENDING` when
   * one before it has a greater one, and then nothing has changed. O(log n) amortized; one call in n takes O(n).
   */
  add(tombstone: T): void {
    checkTombstone(tombstone)
    const tombstones = this.#tombstones
    const index = tombstones.length
    if (index > 0 && tombstone.seq < tombstones[index - 1]!.seq) {
      const message = `seq ${tombstone.seq} comes after ${tombstones[index - 1]!.seq}: use RangeTombstoneSet.from for tombstones in another order`
      throw new RangeTombstoneError('RANGE_TOMBSTONES_SEQ_DESCENDING', message)
    }
    let layer = layerOfOne(tombstone, index)
    tombstones.push(tombstone)
    const layers = this.#layers
    for (;;) {
      const last = layers.at(-1)
      if (last === undefined || last.to - last.from > layer.to - layer.from) break
      layers.pop()
      layer = fuse(last, layer)
    }
    layers.push(layer)
  }

  /**
   * The newest tombstone with a sequence number up to `visibleSeq` that covers `key`, or `undefined`. Without
   * `visibleSeq`, the newest of all. Allocates nothing, O(log² n) comparisons; O(log n) at the newest sequence number
   * of a set made by `from`.
   */
  find(key: Uint8Array, visibleSeq: number = Number.POSITIVE_INFINITY): T | undefined {
    checkBytes(key, 'key')
    checkVisibleSeq(visibleSeq)
    const tombstones = this.#tombstones
    const layers = this.#layers
    const limit = countVisible(tombstones, visibleSeq)
    for (let i = layers.length - 1; i >= 0; i--) {
      const layer = layers[i]!
      if (layer.from >= limit) continue
      const hider = hiderIn(layer, newestIn(layer, key), tombstones, key, limit)
      if (hider >= 0) return tombstones[hider]
    }
    return undefined
  }

  /** The sequence number of what `find` returns, or -1: versions of the key below it are hidden. */
  coveringSeq(key: Uint8Array, visibleSeq?: number): number {
    return this.find(key, visibleSeq)?.seq ?? -1
  }
}

function checkTombstone(tombstone: RangeTombstone): void {
  if (typeof tombstone !== 'object' || tombstone === null) throw misuse(TypeError, 'a tombstone must be an object')
  const { start, end, seq } = tombstone
  checkBytes(start, 'start')
  checkBytes(end, 'end')
  if (Number.isSafeInteger(seq) && seq >= 0) return
  throw misuse(RangeError, 'seq must be an integer from 0 to 2^53 - 1')
}

/** How many of the tombstones, from the oldest on, have a sequence number up to `visibleSeq`. */
function countVisible(tombstones: readonly RangeTombstone[], visibleSeq: number): number {
  let low = 0
  let high = tombstones.length
  if (high === 0 || tombstones[high - 1]!.seq <= visibleSeq) return high
  while (low < high) {
    const middle = (low + high) >>> 1
    if (tombstones[middle]!.seq <= visibleSeq) low = middle + 1
    else high = middle
  }
  return low
}
