/** A table's range tombstones: in the order of the file, and by the keys that they cover. */
import { RangeTombstoneSet, type ReadonlyRangeTombstoneSet } from '@lsm/range-tombstones'
import { checkBytes, checkVisibleSeq } from './errors.ts'

/** Deletes every key from `start` to before `end` that is older than `seq`. */
export interface RangeTombstone {
  readonly start: Uint8Array
  /** Exclusive. */
  readonly end: Uint8Array
  readonly seq: number
  readonly timestampMs: number
}

/** A table's range tombstones. Immutable. */
export class RangeTombstones implements Iterable<RangeTombstone> {
  readonly #listed: readonly RangeTombstone[]
  readonly #set: ReadonlyRangeTombstoneSet<RangeTombstone>

  /** Takes over the tombstones, whose starts sort before their ends; iteration gives them in this order. */
  constructor(tombstones: readonly RangeTombstone[]) {
    this.#listed = tombstones
    this.#set = RangeTombstoneSet.from(tombstones)
  }

  get count(): number {
    return this.#listed.length
  }

  /** By ascending start, for equal ones by descending sequence number. Keys are borrowed: only to be read. */
  [Symbol.iterator](): Iterator<RangeTombstone> {
    return this.#listed[Symbol.iterator]()
  }

  /**
   * The sequence number of the newest range tombstone up to `visibleSeq` that covers `key`, or -1: every version of
   * the key below it is deleted, in this table and in older ones. O(log² n).
   */
  coveringSeq(key: Uint8Array, visibleSeq: number = Number.POSITIVE_INFINITY): number {
    if (this.#listed.length === 0) return -1
    checkBytes(key, 'key')
    checkVisibleSeq(visibleSeq)
    return this.#set.coveringSeq(key, visibleSeq)
  }
}
