/**
 * Which range tombstone of a table hides a key, at any sequence number.
 *
 * Tombstones ordered by sequence number are the leaves of a binary tree. Each node keeps, in fragments that do not
 * overlap, the newest of its tombstones for each stretch of keys:
 *
 *     tombstones   3 [b ─────── k)          fragments   a   b       e       k   m
 *                  2 [a ─── e)              of the root │ 2 │   3   │   3   │ 1 │
 *                  1         [c ──── m)
 *
 * A read at the newest sequence number asks the root; one at an older number asks the nodes that it does not cut in
 * two. So a read costs O(log² n) and all nodes together O(n log n) memory, however the ranges overlap: one list of
 * sequence numbers a fragment, the usual way, takes n² for n nested ranges.
 */
import { compareBytes } from '@lsm/encoding'
import { checkBytes, checkVisibleSeq } from './errors.ts'

/** Deletes every key from `start` to before `end` that is older than `seq`. */
export interface RangeTombstone {
  readonly start: Uint8Array
  /** Exclusive. */
  readonly end: Uint8Array
  readonly seq: number
  readonly timestampMs: number
}

/** So few tombstones are looked through one by one: they get no node of their own below. */
const SMALL_NODE = 8

interface Node {
  /** It covers the tombstones `[from, to)` in the order of their sequence numbers. */
  readonly from: number
  readonly to: number
  /** `hiders[i]` is the newest tombstone over `[bounds[i], bounds[i + 1])`, or -1. */
  readonly bounds: readonly Uint8Array[]
  readonly hiders: readonly number[]
  readonly older: Node | undefined
  readonly newer: Node | undefined
}

/** A table's range tombstones. Immutable. */
export class RangeTombstones implements Iterable<RangeTombstone> {
  readonly #listed: readonly RangeTombstone[]
  /** By ascending sequence number. */
  readonly #bySeq: readonly RangeTombstone[]
  readonly #root: Node | undefined

  /** Takes over the tombstones, whose starts sort before their ends; iteration gives them in this order. */
  constructor(tombstones: readonly RangeTombstone[]) {
    this.#listed = tombstones
    this.#bySeq = tombstones.toSorted((a, b) => a.seq - b.seq)
    this.#root = tombstones.length === 0 ? undefined : build(this.#bySeq, 0, tombstones.length)
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
    if (this.#root === undefined) return -1
    checkBytes(key, 'key')
    checkVisibleSeq(visibleSeq)
    const hider = this.#hiderIn(this.#root, key, this.#countVisible(visibleSeq))
    return hider < 0 ? -1 : this.#bySeq[hider]!.seq
  }

  #countVisible(visibleSeq: number): number {
    let low = 0
    let high = this.#bySeq.length
    if (this.#bySeq[high - 1]!.seq <= visibleSeq) return high
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#bySeq[middle]!.seq <= visibleSeq) low = middle + 1
      else high = middle
    }
    return low
  }

  /** The newest tombstone of the node, of those before `limit`, that covers `key`; -1 when there is none. */
  #hiderIn(node: Node, key: Uint8Array, limit: number): number {
    if (node.from >= limit) return -1
    if (node.to <= limit) return node.hiders[countUpTo(node.bounds, key) - 1] ?? -1
    if (node.older !== undefined && node.newer !== undefined) {
      const hider = this.#hiderIn(node.newer, key, limit)
      return hider >= 0 ? hider : this.#hiderIn(node.older, key, limit)
    }
    for (let i = limit - 1; i >= node.from; i--) {
      const { start, end } = this.#bySeq[i]!
      if (compareBytes(start, key) <= 0 && compareBytes(key, end) < 0) return i
    }
    return -1
  }
}

/** How many of the ascending `bounds` are not after `key`. */
function countUpTo(bounds: readonly Uint8Array[], key: Uint8Array): number {
  let low = 0
  let high = bounds.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (compareBytes(bounds[middle]!, key) <= 0) low = middle + 1
    else high = middle
  }
  return low
}

function build(tombstones: readonly RangeTombstone[], from: number, to: number): Node {
  if (to - from === 1) {
    const { start, end } = tombstones[from]!
    return { from, to, bounds: [start, end], hiders: [from], older: undefined, newer: undefined }
  }
  const middle = (from + to) >>> 1
  return fuse(build(tombstones, from, middle), build(tombstones, middle, to))
}

/** One node over the tombstones of both: where they overlap, the newer hides. */
function fuse(older: Node, newer: Node): Node {
  const bounds: Uint8Array[] = []
  const hiders: number[] = []
  let i = 0
  let j = 0
  while (i < older.bounds.length || j < newer.bounds.length) {
    const a = older.bounds[i]
    const b = newer.bounds[j]
    const order = a === undefined ? 1 : b === undefined ? -1 : compareBytes(a, b)
    if (order <= 0) i++
    if (order >= 0) j++
    const below = older.hiders[i - 1] ?? -1
    const above = newer.hiders[j - 1] ?? -1
    const hider = above >= 0 ? above : below
    if (hider === (hiders.at(-1) ?? -1)) continue
    bounds.push((order <= 0 ? a : b)!)
    hiders.push(hider)
  }
  const isSmall = newer.to - older.from <= SMALL_NODE
  const halves = isSmall ? { older: undefined, newer: undefined } : { older, newer }
  return { from: older.from, to: newer.to, bounds, hiders, ...halves }
}
