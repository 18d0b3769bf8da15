/**
 * The way of a scan: one merge over the memtables, the tables of level 0 and each deeper level, bounded by a range and a
 * sequence number. Holds the tables open until it is closed.
 */

import { compareBytes } from '@lsm/encoding'
import type { MemtableCursor, MemtableView } from '@lsm/memtable'
import { MergingCursor } from '@lsm/merge-iterator'
import type { TableCursor, TableReader } from '@lsm/sstable'
import type { Bounds } from './input.ts'
import { isAfter } from './key-bound.ts'
import type { View } from './keyspace-state.ts'
import { describeAge, describeBounds, type LeftOpen } from './left-open.ts'
import { LevelCursor } from './level-cursor.ts'
import type { LiveTable } from './live-version.ts'
import type { TableEntry } from './manifest.ts'

/** The scans that hold tables open: closing the store must end them, or it would wait for ever. */
export type OpenScans = Set<LeftOpen & { close(): void }>

/** The method of the API that a scan was begun with. */
export type ScanKind = 'scan' | 'keys' | 'values' | 'scanSync' | 'cursor' | 'count'

export interface ScanSettings {
  readonly kind: ScanKind
  /** When it began, by the scheduler's clock. */
  readonly openedAt: number
  readonly bounds: Bounds
  readonly seq: number
  readonly reverse: boolean
  readonly fillCache: boolean
  /** Reads at once: no call returns a promise. */
  readonly sync: boolean
  readonly openScans: OpenScans
}

type Source = MemtableCursor | TableCursor | LevelCursor

/** What says which keys of a source are deleted by range. */
type Coverer = Pick<MemtableView, 'coveringSeq'> | Pick<TableReader, 'coveringSeq'>

/** One call at a time: none before the promise of the last one is settled, but for `close`. */
export class ScanCursor implements LeftOpen {
  readonly #view: View
  readonly #settings: ScanSettings
  readonly #coverers: Coverer[] = []
  /** Opened by the first call, and kept: a seek moves them. */
  #sources: readonly Source[] = []
  #merged: MergingCursor<Source> | undefined
  #isFresh = true
  #hasEnded = false
  #isClosed = false
  /** The source that holds the current pair. */
  current: Source | undefined

  constructor(view: View, settings: ScanSettings) {
    this.#view = view
    this.#settings = settings
    view.live.pin()
    settings.openScans.add(this)
    for (const memtable of view.memtables) if (memtable.rangeTombstoneCount > 0) this.#coverers.push(memtable)
    for (const { entry, reader } of view.live.levels.flat()) {
      if (entry.rangeTombstones > 0 && this.#isInBounds(entry)) this.#coverers.push(reader)
    }
  }

  #isInBounds(entry: TableEntry): boolean {
    const { start, end } = this.#settings.bounds
    return !isAfter(start, entry.largest) && (end === undefined || compareBytes(entry.smallest, end) < 0)
  }

  /** Goes to the next pair, or to the first one; false behind the last. */
  next(): boolean | Promise<boolean> {
    if (this.#isClosed || this.#hasEnded) return false
    if (this.#isFresh) return this.#start(undefined)
    return this.#advance(this.#merged!.next())
  }

  /** The next pair is the first one, in the cursor's order, whose key is not before `key`. */
  seek(key: Uint8Array): boolean | Promise<boolean> {
    if (this.#isClosed) return false
    return this.#start(key)
  }

  #start(key: Uint8Array | undefined): boolean | Promise<boolean> {
    this.#isFresh = false
    this.#hasEnded = false
    if (this.#merged === undefined) this.#sources = this.#openSources()
    const sources = this.#sources
    const from = this.#startKey(key)
    const waits: Promise<boolean>[] = []
    for (const source of sources) {
      const moved = from === undefined ? source.seekToFirst() : source.seek(from)
      if (typeof moved !== 'boolean') waits.push(moved)
    }
    if (waits.length === 0) return this.#merge(sources)
    return Promise.all(waits).then(
      () => this.#merge(sources),
      (error: unknown) => {
        for (const source of sources) source.close()
        throw error
      },
    )
  }

  /** Where to begin: the bound in the direction's front, or the sought key when that is further on. */
  #startKey(key: Uint8Array | undefined): Uint8Array | undefined {
    const { bounds, reverse } = this.#settings
    const bound = reverse ? bounds.end : bounds.start.length > 0 ? bounds.start : undefined
    if (key === undefined || bound === undefined) return key ?? bound
    const isFurther = reverse ? compareBytes(key, bound) < 0 : compareBytes(key, bound) > 0
    return isFurther ? key : bound
  }

  #openSources(): Source[] {
    const { seq, reverse, fillCache, sync } = this.#settings
    const { memtables, live } = this.#view
    const sources: Source[] = []
    for (const memtable of memtables) {
      if (memtable.keyCount > 0) sources.push(memtable.cursor({ visibleSeq: seq, reverse }))
    }
    const options = { reverse, fillCache, sync }
    const isInBounds = ({ entry }: LiveTable): boolean => this.#isInBounds(entry)
    for (const { reader } of live.levels[0]!.filter(isInBounds)) sources.push(reader.cursor(options))
    for (const level of live.levels.slice(1)) {
      const tables = level.filter(isInBounds)
      if (tables.length > 0) sources.push(new LevelCursor(tables, options))
    }
    return sources
  }

  #merge(sources: readonly Source[]): boolean | Promise<boolean> {
    // Closed while it waited: nobody else has these.
    if (this.#isClosed) {
      for (const source of sources) source.close()
      return false
    }
    if (this.#merged !== undefined) return this.#advance(this.#merged.restart())
    const { seq, reverse } = this.#settings
    this.#merged = new MergingCursor<Source>(sources, { visibleSeq: seq, reverse, skipTombstones: true })
    return this.#advance(this.#merged.next())
  }

  /** Passes over what range tombstones hide and what lies before the bounds; ends behind them. */
  #advance(moved: boolean | Promise<boolean>): boolean | Promise<boolean> {
    let has = moved
    for (;;) {
      if (typeof has !== 'boolean') return this.#advanceLate(has)
      const current = has && !this.#isClosed ? this.#merged!.current : undefined
      if (current === undefined) return this.#end()
      const place = this.#placeOf(current)
      if (place === 'behind') return this.#end()
      if (place === 'inside' && !this.#isHidden(current)) {
        this.current = current
        return true
      }
      has = this.#merged!.next()
    }
  }

  async #advanceLate(moved: Promise<boolean>): Promise<boolean> {
    return this.#advance(await moved)
  }

  #end(): false {
    this.current = undefined
    this.#hasEnded = true
    return false
  }

  #placeOf({ keyBytes, keyStart, keyEnd }: Source): 'before' | 'inside' | 'behind' {
    const { bounds, reverse } = this.#settings
    if (reverse) {
      // Reverse cursors begin at the exclusive end itself, where there is such a key.
      if (bounds.end !== undefined && !isBefore(keyBytes, keyStart, keyEnd, bounds.end)) return 'before'
      return bounds.start.length > 0 && isBefore(keyBytes, keyStart, keyEnd, bounds.start) ? 'behind' : 'inside'
    }
    return bounds.end === undefined || isBefore(keyBytes, keyStart, keyEnd, bounds.end) ? 'inside' : 'behind'
  }

  #isHidden({ keyBytes, keyStart, keyEnd, seq }: Source): boolean {
    if (this.#coverers.length === 0) return false
    const key = keyBytes.subarray(keyStart, keyEnd)
    return this.#coverers.some((coverer) => coverer.coveringSeq(key, this.#settings.seq) > seq)
  }

  describe(now: number): string {
    const { kind, bounds, reverse, openedAt } = this.#settings
    return `${kind}() over ${describeBounds(bounds)}${reverse ? ', in reverse' : ''}, ${describeAge(now - openedAt)}`
  }

  /** Lets go of the tables. Idempotent. */
  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#settings.openScans.delete(this)
    this.current = undefined
    // The cursors of tables and memtables close at once.
    void this.#merged?.close()
    this.#merged = undefined
    this.#view.live.unpin()
  }
}

/** Whether the key in `bytes[start, end)` sorts before `other`: a loop, since a view costs more than the comparison. */
function isBefore(bytes: Uint8Array, start: number, end: number, other: Uint8Array): boolean {
  const length = end - start
  const shared = Math.min(length, other.length)
  for (let i = 0; i < shared; i++) {
    const difference = bytes[start + i]! - other[i]!
    if (difference !== 0) return difference < 0
  }
  return length < other.length
}
