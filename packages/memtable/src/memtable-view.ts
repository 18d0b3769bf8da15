/** Everything that can be read from a table; what `openShared` gives to another thread is this and no more. */
import type { RecordKind } from '@lsm/encoding'
import { NONE } from './arena.ts'
import type { Contents } from './contents.ts'
import { type CursorSettings, MemtableCursor } from './cursor.ts'
import { seqOf } from './entries.ts'
import { checkBytes, checkObject, checkVisibleSeq, typeError } from './errors.ts'
import { PointReader } from './point-reader.ts'
import { countBefore } from './run.ts'

/** One version of a key, or the range tombstone that hides it. `value` is borrowed: a view of the table's memory. */
export interface MemtableEntry {
  /** 0 value, 1 tombstone, 2 range tombstone (then `value` is its exclusive end). */
  readonly kind: RecordKind
  readonly seq: number
  readonly timestampMs: number
  readonly value: Uint8Array
}

export interface CursorOptions {
  /** Versions with a greater sequence number do not show. Default: all that is in the table now. */
  readonly visibleSeq?: number
  /** `'newest'`: the newest visible version of each key. `'all'`: every visible one, newest first. Default `'newest'`. */
  readonly versions?: 'newest' | 'all'
  /** Leaves out keys that are deleted, by a tombstone or a range tombstone of this table. Default false. */
  readonly skipDeleted?: boolean
  /** The order of keys is turned round; versions of one key still come newest first. Default false. */
  readonly reverse?: boolean
}

/** Keys from `start` to before `end`; without one of them, from the first key or to the last. */
export interface KeyRange {
  readonly start?: Uint8Array
  readonly end?: Uint8Array
}

export interface RangeSize {
  /** Distinct keys in the range, deleted ones included: exact. */
  readonly keys: number
  /** Bytes of the range, as a part of `byteSize` that is proportional to its keys. */
  readonly bytes: number
}

export class MemtableView {
  readonly #contents: Contents

  constructor(contents: Contents) {
    this.#contents = contents
  }

  /** Distinct keys, range tombstones apart. */
  get keyCount(): number {
    return this.#contents.points.count
  }

  /** Entries: every version of every key, tombstones and range tombstones included. */
  get entryCount(): number {
    return this.#contents.entryCount
  }

  get rangeTombstoneCount(): number {
    return this.#contents.tombstones.count
  }

  /** Bytes of all entries with their headers and the indexes' share: the sum of what `costOf` said, exact. */
  get byteSize(): number {
    return this.#contents.byteSize
  }

  /** The least sequence number; -1 when the table is empty. */
  get firstSeq(): number {
    return this.#contents.firstSeq
  }

  /** The greatest sequence number; -1 when the table is empty. */
  get lastSeq(): number {
    return this.#contents.lastSeq
  }

  /**
   * The newest version of `key` with a sequence number up to `visibleSeq`, or the range tombstone that hides it;
   * `undefined` when this table knows nothing of the key. The value is borrowed: it stays as it is as long as anybody
   * holds it, keeps the table's memory alive, and must not be written to. `reader()` does the same with no allocation.
   */
  get(key: Uint8Array, visibleSeq: number = Number.POSITIVE_INFINITY): MemtableEntry | undefined {
    const reader = new PointReader(this.#contents)
    if (!reader.find(key, visibleSeq)) return undefined
    return { kind: reader.kind, seq: reader.seq, timestampMs: reader.timestampMs, value: reader.value }
  }

  /** An object for any number of point reads that allocate nothing. */
  reader(): PointReader {
    return new PointReader(this.#contents)
  }

  /** A cursor over values and tombstones. It is on no entry until it is told where to go. Range tombstones are apart. */
  cursor(options: CursorOptions = {}): MemtableCursor {
    return new MemtableCursor(this.#contents, this.#contents.points, this.#settings(options))
  }

  /**
   * A cursor over the range tombstones: key and value are start and exclusive end. With `versions: 'all'`, the default
   * here, they come by ascending start, newest first for equal ones: the order in which a table file has them.
   */
  rangeTombstones(options: Omit<CursorOptions, 'skipDeleted'> = {}): MemtableCursor {
    const settings = this.#settings({ versions: 'all', ...options })
    return new MemtableCursor(this.#contents, this.#contents.ranges, { ...settings, skipDeleted: false })
  }

  /**
   * The sequence number of the newest range tombstone up to `visibleSeq` that covers `key`, or -1: every version of
   * the key below it is deleted, in this table and in older ones. O(log² tombstones).
   */
  coveringSeq(key: Uint8Array, visibleSeq: number = Number.POSITIVE_INFINITY): number {
    checkBytes(key, 'key')
    checkVisibleSeq(visibleSeq)
    const hider = this.#contents.tombstones.find(key, visibleSeq)
    return hider === NONE ? -1 : seqOf(this.#contents.memory, hider)
  }

  /** How much of the table a range of keys is. Sorts at most 1,024 keys; O(runs · log n) otherwise. */
  rangeSize(range: KeyRange): RangeSize {
    checkObject(range, 'range')
    if (range.start !== undefined) checkBytes(range.start, 'start')
    if (range.end !== undefined) checkBytes(range.end, 'end')
    const { memory, points, byteSize } = this.#contents
    let keys = 0
    for (const run of points.sortedRuns()) {
      const from = range.start === undefined ? 0 : countBefore(memory, run, range.start, false)
      const to = range.end === undefined ? run.nodes.length : countBefore(memory, run, range.end, false)
      keys += Math.max(0, to - from)
    }
    return { keys, bytes: keys === 0 ? 0 : Math.round((byteSize * keys) / points.count) }
  }

  #settings(options: CursorOptions): CursorSettings {
    checkObject(options, 'options')
    const { visibleSeq = Number.POSITIVE_INFINITY, versions = 'newest', skipDeleted = false, reverse = false } = options
    checkVisibleSeq(visibleSeq)
    if (versions !== 'newest' && versions !== 'all') throw typeError(`versions must be 'newest' or 'all'`)
    if (typeof skipDeleted !== 'boolean') throw typeError('skipDeleted must be a boolean')
    if (typeof reverse !== 'boolean') throw typeError('reverse must be a boolean')
    if (skipDeleted && versions === 'all') throw typeError(`skipDeleted needs versions: 'newest'`)
    // Later writes have greater sequence numbers than all before: the bound keeps them out of sight.
    const bound = Math.min(visibleSeq, this.#contents.lastSeq)
    return { visibleSeq: bound, allVersions: versions === 'all', skipDeleted, reverse }
  }
}
