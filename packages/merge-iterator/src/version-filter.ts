/**
 * Decides which versions come out, as they arrive: keys in order, the versions of a key newest first.
 *
 *     seq:        95    80 │ 70    60    42 │ 40    7
 *     snapshots:           75               40            three stripes: above 75, 41 to 75, up to 40
 *     kept:       95         70               40
 *
 * It knows nothing of where records come from; the merges call it in two steps, so that whether a record is a
 * tombstone is only asked where it matters.
 */
import type { VersionOptions } from './options.ts'

const NONE = -1

export class VersionFilter<Key, Holder> {
  /** Whether `dropsTombstone` can answer true at all. */
  readonly mayDrop: boolean
  readonly #deduplicate: boolean
  readonly #visibleSeq: number
  readonly #snapshots: readonly number[]
  readonly #seqCutoff: number
  readonly #skipTombstones: boolean
  readonly #keyOf: (holder: Holder) => Key
  readonly #canDropTombstone: ((key: Key, seq: number) => boolean) | undefined
  /** The stripe from which no further version of the current key is wanted. */
  #done = NONE

  /** `keyOf` is called only where `canDropTombstone` is. */
  constructor(options: VersionOptions<Key>, keyOf: (holder: Holder) => Key) {
    this.#keyOf = keyOf
    this.#deduplicate = options.deduplicate ?? true
    this.#visibleSeq = options.visibleSeq ?? Number.POSITIVE_INFINITY
    this.#snapshots = [...(options.snapshots ?? [])]
    this.#seqCutoff = options.seqCutoff ?? Number.NEGATIVE_INFINITY
    this.#skipTombstones = options.skipTombstones ?? false
    this.#canDropTombstone = options.canDropTombstone
    this.mayDrop =
      this.#skipTombstones || this.#seqCutoff > Number.NEGATIVE_INFINITY || this.#canDropTombstone !== undefined
  }

  /** Whether the version is wanted, if it is no tombstone. `sameKey`: its key is that of the record before it. */
  admits(sameKey: boolean, seq: number): boolean {
    if (!sameKey) this.#done = NONE
    if (seq > this.#visibleSeq) return false
    const stripe = this.#snapshots.length === 0 ? 0 : this.#stripeOf(seq)
    if (stripe === this.#done) return false
    if (this.#deduplicate) this.#done = stripe
    return true
  }

  /** Whether an admitted tombstone stays out. It hides what is older all the same, as far down as its stripe goes. */
  dropsTombstone(holder: Holder, seq: number): boolean {
    const lowest = this.#snapshots[0]
    const drops =
      this.#skipTombstones ||
      ((lowest === undefined || lowest >= seq) &&
        (seq < this.#seqCutoff || (this.#canDropTombstone?.(this.#keyOf(holder), seq) ?? false)))
    if (drops) this.#done = this.#stripeOf(seq)
    return drops
  }

  /** How many snapshots do not see `seq`: versions with the same number are seen by the same readers. */
  #stripeOf(seq: number): number {
    const snapshots = this.#snapshots
    let low = 0
    let high = snapshots.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (snapshots[middle]! < seq) low = middle + 1
      else high = middle
    }
    return low
  }
}
