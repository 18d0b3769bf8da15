/** Cursors: a table's entries in key order, both ways, as they were when the cursor was made. */
import { type Memory, NONE, UNIT_BITS } from './arena.ts'
import type { Contents } from './contents.ts'
import { keyLength, keyStart, kindOf, olderVersion, seqOf, visibleVersion } from './entries.ts'
import { EntryView } from './entry-view.ts'
import { checkBytes } from './errors.ts'
import { type Direction, KeyWalk } from './key-walk.ts'
import type { Keys } from './keys.ts'

/** A cursor's options after they were checked. */
export interface CursorSettings {
  readonly visibleSeq: number
  readonly allVersions: boolean
  readonly skipDeleted: boolean
  readonly reverse: boolean
}

/**
 * Walks entries in key order, or against it when made with `reverse`; versions of one key come newest first. It sees
 * what was in the table when it was made and is visible at its sequence number: writes go on meanwhile and do not
 * show. Making one sorts at most 1,024 keys; a step allocates nothing and costs O(log runs) comparisons at most.
 *
 * The properties describe the current entry until the cursor moves. While it is on none, after a call that returned
 * false, they are zero and empty. The bytes are borrowed from the table, where they neither move nor change; they must
 * not be written to.
 */
export class MemtableCursor extends EntryView {
  /** `close`, in runtimes that have the symbol. */
  declare readonly [Symbol.dispose]: () => void
  /** Whether the cursor is on an entry. */
  valid = false
  /** The bytes that the key lies in, from `keyStart` to `keyEnd`. */
  keyBytes: Uint8Array
  keyStart = 0
  keyEnd = 0
  readonly #contents: Contents
  #walk: KeyWalk
  readonly #settings: CursorSettings
  /** The direction of `next`. */
  readonly #forward: Direction
  /** Nothing was asked of the cursor yet. */
  #isFresh = true
  /** The visible versions of the node `#chainNode`, newest first: only made where versions are walked backwards. */
  #chain: number[] = []
  #chainNode = NONE

  constructor(contents: Contents, keys: Keys, settings: CursorSettings) {
    super(contents.memory)
    this.#contents = contents
    this.#walk = new KeyWalk(contents.memory, keys.sortedRuns())
    this.#settings = settings
    this.#forward = settings.reverse ? -1 : 1
    this.keyBytes = contents.memory.bytes[0]!
  }

  /** Goes to the first entry in the cursor's order; false when there is none. */
  seekToFirst(): boolean {
    this.#walk.seek(this.#forward)
    return this.#settle(true)
  }

  /** Goes to the last entry in the cursor's order; false when there is none. */
  seekToLast(): boolean {
    this.#walk.seek(-this.#forward as Direction)
    return this.#settle(false)
  }

  /**
   * Goes to the first entry in the cursor's order whose key is not before `key`: at or after it, or at or before it
   * for a `reverse` cursor. False when there is none. O(runs · log n).
   */
  seek(key: Uint8Array): boolean {
    checkBytes(key, 'key')
    this.#walk.seek(this.#forward, key)
    return this.#settle(true)
  }

  /**
   * Goes to the next entry, or to the first one from where a new cursor begins. False when there is none, and from
   * then on until the cursor is told where to go.
   */
  next(): boolean {
    if (!this.valid) return this.#isFresh && this.seekToFirst()
    if (this.#settings.allVersions) {
      const older = olderVersion(this.memory, this.version)
      if (older !== NONE) {
        this.version = older
        return true
      }
    }
    this.#walk.advance(this.#forward)
    return this.#settle(true)
  }

  /** Goes back to the entry before; false when there is none, or when the cursor is on none: see `next`. */
  prev(): boolean {
    if (!this.valid) return this.#isFresh && this.seekToLast()
    if (this.#settings.allVersions) {
      const chain = this.#chainOf(this.#walk.node)
      const newer = chain[indexInChain(this.memory, chain, this.version) - 1]
      if (newer !== undefined) {
        this.version = newer
        return true
      }
    }
    this.#walk.advance(-this.#forward as Direction)
    return this.#settle(false)
  }

  /** Moves on to the first key that has an entry to show, and to its first entry, or its last one when going back. */
  #settle(forwards: boolean): boolean {
    const walk = this.#walk
    const direction = (forwards ? this.#forward : -this.#forward) as Direction
    while (walk.node !== NONE) {
      const version = visibleVersion(this.memory, walk.node, this.#settings.visibleSeq)
      if (version !== NONE && !(this.#settings.skipDeleted && this.#isDeleted(walk.node, version))) {
        this.keyBytes = this.memory.bytes[walk.node >>> UNIT_BITS]!
        this.keyStart = keyStart(walk.node)
        this.keyEnd = this.keyStart + keyLength(this.memory, walk.node)
        this.version = forwards || !this.#settings.allVersions ? version : this.#chainOf(walk.node).at(-1)!
        this.valid = true
        return true
      }
      walk.advance(direction)
    }
    this.#leave()
    return false
  }

  #leave(): void {
    this.version = NONE
    this.keyStart = 0
    this.keyEnd = 0
    this.valid = false
    this.#isFresh = false
  }

  #isDeleted(node: number, version: number): boolean {
    if (kindOf(this.memory, version) !== 0) return true
    const { tombstones } = this.#contents
    if (tombstones.count === 0) return false
    const start = keyStart(node)
    const key = this.memory.bytes[node >>> UNIT_BITS]!.subarray(start, start + keyLength(this.memory, node))
    const hider = tombstones.find(key, this.#settings.visibleSeq)
    return hider !== NONE && seqOf(this.memory, hider) > seqOf(this.memory, version)
  }

  #chainOf(node: number): readonly number[] {
    if (this.#chainNode === node) return this.#chain
    const chain: number[] = []
    let version = visibleVersion(this.memory, node, this.#settings.visibleSeq)
    for (; version !== NONE; version = olderVersion(this.memory, version)) chain.push(version)
    this.#chain = chain
    this.#chainNode = node
    return chain
  }

  /** The key as a view. */
  get key(): Uint8Array {
    return this.keyBytes.subarray(this.keyStart, this.keyEnd)
  }

  /** Lets go of what the cursor reads; from then on it finds nothing. May be called again. */
  close(): void {
    this.#walk = new KeyWalk(this.memory, [])
    this.#leave()
  }

  static {
    if (typeof Symbol.dispose === 'symbol') {
      Object.defineProperty(MemtableCursor.prototype, Symbol.dispose, { value: MemtableCursor.prototype.close })
    }
  }
}

/** Where `version` is in a chain, whose sequence numbers descend. */
function indexInChain(memory: Memory, chain: readonly number[], version: number): number {
  const seq = seqOf(memory, version)
  let low = 0
  let high = chain.length - 1
  while (low < high) {
    const middle = (low + high) >>> 1
    if (seqOf(memory, chain[middle]!) > seq) low = middle + 1
    else high = middle
  }
  return low
}
