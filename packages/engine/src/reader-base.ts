/** The read methods that an engine, a keyspace and a snapshot share. */

import { compareBytes } from '@lsm/encoding'
import type { Bytes, Cursor, Entry, Range, Reader, ReadOptions, ScanOptions } from './api.ts'
import { checkReadOptions, checkScanOptions } from './call-options.ts'
import { EngineCursor } from './engine-cursor.ts'
import { invalidType, LsmError } from './errors.ts'
import { type Bounds, boundsOf, toBounds, toBytes } from './input.ts'
import { copyOf, isAfter } from './key-bound.ts'
import type { KeyspaceState } from './keyspace-state.ts'
import type { LiveTable } from './live-version.ts'
import { PointLookup } from './point-read.ts'
import { ScanCursor, type ScanKind } from './scan-cursor.ts'
import { EntryScan, entries, keysOf, valuesOf } from './scan-iterators.ts'
import type { Store } from './store.ts'
import { translate, translated } from './translate.ts'
import { ValueSlab } from './value-slab.ts'

/** Whether a snapshot belongs to a store, and what it reads at. */
export interface SnapshotSeqs {
  seqOf(snapshot: unknown): number
}

const SYNC_FILLING = { fillCache: true, sync: true }
const SYNC_PASSING = { fillCache: false, sync: true }
const ASYNC_FILLING = { fillCache: true, sync: false }
const ASYNC_PASSING = { fillCache: false, sync: false }

export abstract class ReaderBase implements Reader {
  protected abstract readonly store: Store
  protected abstract readonly keyspaceState: KeyspaceState
  /** What a read without a snapshot sees. */
  protected abstract readonly readSeq: number
  protected abstract readonly snapshotSeqs: SnapshotSeqs
  readonly #slab = new ValueSlab()
  /** For reads that end before they return. */
  #lookup: PointLookup | undefined
  /** Lookups of reads that waited, to be used again. */
  readonly #spare: PointLookup[] = []

  /** Throws unless reads are possible. */
  protected checkReadable(): void {
    this.store.checkOpen()
  }

  #seqFor(options: ReadOptions | undefined): number {
    this.checkReadable()
    if (options === undefined) return this.readSeq
    checkReadOptions(options)
    return this.#seqAt(options)
  }

  /** For options that were checked. */
  #seqAt({ signal, snapshot }: ReadOptions): number {
    if (signal?.aborted) throw new LsmError('LSM_ABORTED', 'the read was called off', { cause: signal.reason })
    return snapshot === undefined ? this.readSeq : this.snapshotSeqs.seqOf(snapshot)
  }

  getSync(key: Bytes, options?: ReadOptions): Uint8Array | undefined {
    const lookup = this.#findSync(key, options)
    return lookup.found ? this.#slab.copy(lookup.bytes, lookup.valueStart, lookup.valueEnd) : undefined
  }

  hasSync(key: Bytes, options?: ReadOptions): boolean {
    return this.#findSync(key, options).found
  }

  #findSync(key: Bytes, options: ReadOptions | undefined): PointLookup {
    const seq = this.#seqFor(options)
    if (!this.store.core.storage.supportsSync) {
      throw new LsmError('LSM_UNSUPPORTED', 'this storage cannot read at once: use get')
    }
    this.#lookup ??= new PointLookup(this.store.core.counters)
    const how = options?.fillCache === false ? SYNC_PASSING : SYNC_FILLING
    try {
      this.#lookup.find(this.keyspaceState.view, toBytes(key, 'key'), seq, how)
    } catch (error) {
      throw translate(error)
    }
    return this.#lookup
  }

  async get(key: Bytes, options?: ReadOptions): Promise<Uint8Array | undefined> {
    const lookup = this.#spare.pop() ?? new PointLookup(this.store.core.counters)
    const waiting = this.#find(lookup, key, options)
    if (waiting !== undefined) await waiting
    const value = lookup.found ? this.#slab.copy(lookup.bytes, lookup.valueStart, lookup.valueEnd) : undefined
    this.#spare.push(lookup)
    return value
  }

  async has(key: Bytes, options?: ReadOptions): Promise<boolean> {
    const lookup = this.#spare.pop() ?? new PointLookup(this.store.core.counters)
    const waiting = this.#find(lookup, key, options)
    if (waiting !== undefined) await waiting
    this.#spare.push(lookup)
    return lookup.found
  }

  /** Nothing is awaited, and no table pinned, as long as all is in memory. */
  #find(lookup: PointLookup, key: Bytes, options: ReadOptions | undefined): undefined | Promise<void> {
    const seq = this.#seqFor(options)
    const how = options?.fillCache === false ? ASYNC_PASSING : ASYNC_FILLING
    const { view } = this.keyspaceState
    try {
      const waiting = lookup.find(view, toBytes(key, 'key'), seq, how)
      return waiting && pinned(view, waiting)
    } catch (error) {
      throw translate(error)
    }
  }

  async getMany(keys: readonly Bytes[], options?: ReadOptions): Promise<(Uint8Array | undefined)[]> {
    const seq = this.#seqFor(options)
    if (!Array.isArray(keys)) throw invalidType('keys are an array')
    const { view } = this.keyspaceState
    // Unlike `map`, this also comes to the holes of an array.
    const own = Array.from(keys, (key, i) => copyOf(toBytes(key, `keys[${i}]`)))
    const order = own.map((_, i) => i).sort((a, b) => compareBytes(own[a]!, own[b]!))
    const values = new Array<Uint8Array | undefined>(keys.length).fill(undefined)
    const lookup = new PointLookup(this.store.core.counters)
    const how = options?.fillCache === false ? ASYNC_PASSING : ASYNC_FILLING
    view.live.pin()
    try {
      // In key order, so that a block that one key has read is there for the next.
      for (const index of order) {
        const waiting = lookup.find(view, own[index]!, seq, how)
        if (waiting !== undefined) await waiting
        if (lookup.found) values[index] = this.#slab.copy(lookup.bytes, lookup.valueStart, lookup.valueEnd)
      }
      return values
    } catch (error) {
      throw translate(error)
    } finally {
      view.live.unpin()
    }
  }

  /** Checks and copies the options; what is returned begins a scan of the store as it is then. */
  #prepareScan(kind: ScanKind, options: ScanOptions = {}): () => EntryScan {
    this.checkReadable()
    checkScanOptions(options)
    const { reverse = false, limit = Number.POSITIVE_INFINITY, fillCache = true, snapshot, signal } = options
    const read: ReadOptions = { ...(snapshot !== undefined && { snapshot }), ...(signal !== undefined && { signal }) }
    const bounds = boundsOf(options)
    const sync = kind === 'scanSync'
    return () => {
      this.checkReadable()
      const seq = this.#seqAt(read)
      const { openScans, storage, components } = this.store.core
      if (sync && !storage.supportsSync) {
        throw new LsmError('LSM_UNSUPPORTED', 'this storage cannot read at once: use scan')
      }
      const openedAt = components.scheduler.now()
      const settings = { kind, openedAt, bounds, seq, reverse, fillCache, sync, openScans }
      const cursor = new ScanCursor(this.keyspaceState.view, settings)
      return new EntryScan(cursor, { limit, signal, checkOpen: () => this.checkReadable() })
    }
  }

  scan(options?: ScanOptions): AsyncIterable<Entry> {
    return entries(this.#prepareScan('scan', options))
  }

  keys(options?: ScanOptions): AsyncIterable<Uint8Array> {
    return keysOf(this.#prepareScan('keys', options))
  }

  values(options?: ScanOptions): AsyncIterable<Uint8Array> {
    return valuesOf(this.#prepareScan('values', options))
  }

  scanSync(options?: ScanOptions): Iterable<Entry> {
    return { [Symbol.iterator]: this.#prepareScan('scanSync', options) }
  }

  cursor(options?: ScanOptions): Cursor {
    return new EngineCursor(this.#prepareScan('cursor', options)())
  }

  async count(range: Range = {}): Promise<number> {
    this.checkReadable()
    // Refuses what only a scan takes.
    toBounds(range)
    const scan = this.#prepareScan('count', { ...range, fillCache: false })()
    let count = 0
    try {
      for (;;) {
        const moved = scan.move()
        if (!(typeof moved === 'boolean' ? moved : await moved)) return count
        count++
      }
    } finally {
      scan.close()
    }
  }

  async approximateSize(range: Range): Promise<number> {
    this.checkReadable()
    const { start, end }: Bounds = toBounds(range)
    const { live } = this.keyspaceState.view
    live.pin()
    try {
      const sizes = live.levels.flat().map((table) => approximateSizeIn(table, start, end))
      return (await translated(Promise.all(sizes))).reduce((sum, size) => sum + size, 0)
    } finally {
      live.unpin()
    }
  }
}

/** Bytes of a table's file that hold the range: all of it, or by the index the blocks between the bounds, and one at least. */
async function approximateSizeIn(
  { entry, reader }: LiveTable,
  start: Uint8Array,
  end: Uint8Array | undefined,
): Promise<number> {
  const { smallest, largest, sizeBytes } = entry
  if (isAfter(start, largest) || (end !== undefined && compareBytes(smallest, end) >= 0)) return 0
  const beginsBefore = compareBytes(start, smallest) <= 0
  const endsBehind = end === undefined || isAfter(end, largest)
  if (beginsBefore && endsBehind) return sizeBytes
  const { dataBlocks, largest: last } = reader.info
  const behind = new Uint8Array(last.key.length + 1)
  behind.set(last.key)
  const [dataBytes, from, to] = await Promise.all([
    reader.offsetOf(behind),
    beginsBefore ? 0 : reader.offsetOf(start),
    reader.offsetOf(endsBehind ? behind : end),
  ])
  return Math.min(sizeBytes, Math.max(to - from, Math.ceil(dataBytes / Math.max(1, dataBlocks))))
}

/** Keeps the tables of `view` open until `waiting` settles. */
async function pinned({ live }: KeyspaceState['view'], waiting: Promise<void>): Promise<void> {
  live.pin()
  try {
    await translated(waiting)
  } finally {
    live.unpin()
  }
}
