/**
 * What the parts of an open store share: its files, its keyspaces, what is visible, and how its state is committed.
 * It decides nothing; the commit pipeline, the maintenance and the readers do.
 */
import { BlockCache } from '@lsm/block-cache'
import { Memtable, type MemtableWrite } from '@lsm/memtable'
import { AsyncRWLock } from '@lsm/rwlock'
import { sizeOfTableBlock, type TableBlock, type TableInfo } from '@lsm/sstable'
import type { Storage } from '@lsm/storage'
import type { WalWriter } from '@lsm/wal'
import type { ResolvedComponents } from './components.ts'
import { Counters } from './counters.ts'
import { LsmError } from './errors.ts'
import { Events } from './events.ts'
import { shortenLower, shortenUpper } from './key-bound.ts'
import { KeyCeiling } from './key-ceiling.ts'
import { KeyspaceState } from './keyspace-state.ts'
import type { KeyspaceEntry, ManifestState, SegmentEntry, TableEntry } from './manifest.ts'
import type { ManifestLog } from './manifest-log.ts'
import type { WriteLimits } from './operations.ts'
import { decodeKeyspaceOptions, type ResolvedOptions, resolveKeyspaceOptions } from './options.ts'
import type { OpenScans } from './scan-cursor.ts'
import { SnapshotList } from './snapshot-list.ts'
import { TableStore } from './table-store.ts'
import { isNoSpace, translate } from './translate.ts'
import { Version } from './version.ts'

/**
 * Of the cache, what indexes and filters may take at the most each. Blocks of data have all that these leave: an index
 * that must be read again costs more than thirty blocks, so the shares are large, and mostly a few percent are used.
 */
const MOST_INDEX_SHARE = 0.4
const MOST_FILTER_SHARE = 0.4

/** A segment that is sealed, and the last sequence number in it. */
export interface KnownSegment {
  readonly number: number
  readonly lastSeq: number
}

export interface StoreParts {
  readonly storage: Storage
  readonly manifests: ManifestLog
  readonly options: ResolvedOptions
  readonly components: ResolvedComponents
}

export class StoreCore {
  readonly storage: Storage
  readonly manifests: ManifestLog
  readonly options: ResolvedOptions
  readonly components: ResolvedComponents
  /** Of what is written. */
  readonly limits: WriteLimits
  readonly cache: BlockCache<TableBlock>
  readonly tables: TableStore
  readonly keyspaces: Map<number, KeyspaceState> = new Map()
  readonly snapshots: SnapshotList = new SnapshotList()
  /** Scans and cursors that are open. */
  readonly openScans: OpenScans = new Set()
  readonly events: Events = new Events()
  readonly counters: Counters = new Counters()
  /** Sealed segments whose writes are not all in tables yet, oldest first. */
  readonly segments: KnownSegment[] = []
  /** Who reads files without holding tables open is a reader; closing is the writer. Reads of keys never ask for it. */
  readonly lifecycle: AsyncRWLock = new AsyncRWLock()
  /** One manifest at a time. */
  readonly #commitLock = new AsyncRWLock()
  /** Everything up to here is visible. */
  visibleSeq = 0
  wal: WalWriter | undefined
  /** Why nothing more is written, if so. */
  failure: LsmError | undefined

  constructor({ storage, manifests, options, components }: StoreParts) {
    this.storage = storage
    this.manifests = manifests
    this.options = options
    this.components = components
    const { cacheSizeBytes, maxKeySizeBytes, maxValueSizeBytes, maxBatchSizeBytes } = options
    this.limits = { maxKeySizeBytes, maxValueSizeBytes, maxBatchSizeBytes, ceiling: new KeyCeiling() }
    this.cache = new BlockCache({
      totalBytes: cacheSizeBytes,
      indexBytes: Math.floor(cacheSizeBytes * MOST_INDEX_SHARE),
      filterBytes: Math.floor(cacheSizeBytes * MOST_FILTER_SHARE),
      sizeOf: sizeOfTableBlock,
    })
    const { storeId } = manifests.position
    // Whoever reads beside a writer keeps every file open: a name that the writer takes away cannot be opened again.
    const maxOpenFiles = options.readOnly ? undefined : options.maxOpenFiles
    this.tables = new TableStore({ storage, maxOpenFiles, storeId, cache: this.cache, logger: components.logger })
  }

  /** Opens every table and shows every keyspace of the manifest. */
  async load(): Promise<void> {
    const { state } = this.manifests
    const opened = await Promise.allSettled([...state.tables.values()].map((table) => this.tables.open(table)))
    // All are waited for: one that opened behind the failure would never be closed.
    for (const each of opened) if (each.status === 'rejected') throw each.reason
    for (const { largest } of state.tables.values()) this.limits.ceiling.includeBefore(largest)
    for (const entry of state.keyspaces.values()) this.addKeyspace(entry)
  }

  addKeyspace({ id, name, flushedThroughSeq, options }: KeyspaceEntry): KeyspaceState {
    const resolved = resolveKeyspaceOptions(decodeKeyspaceOptions(options), this.options.keyspaceDefaults)
    const live = this.tables.acquire(this.versionOf(id))
    const parts = { flushedThroughSeq, live, createMemtable: () => this.#createMemtable() }
    const keyspace = new KeyspaceState({ id, name, options: resolved }, parts)
    this.keyspaces.set(id, keyspace)
    return keyspace
  }

  #createMemtable(): Memtable {
    const words = new DataView(this.components.random.bytes(8).slice().buffer)
    return new Memtable({ hashSeed: [words.getUint32(0), words.getUint32(4)] })
  }

  /** The version of a keyspace as the manifest has it. */
  versionOf(keyspaceId: number): Version {
    return Version.of([...this.manifests.state.tables.values()].filter((table) => table.keyspaceId === keyspaceId))
  }

  get defaultKeyspace(): KeyspaceState {
    return this.keyspaces.get(0)!
  }

  /** Puts one operation of the log into its memtable, unless a table has it already. */
  apply(keyspaceId: number, write: MemtableWrite): void {
    const keyspace = this.keyspaces.get(keyspaceId)
    // A keyspace that was dropped after this was written.
    if (keyspace === undefined || write.seq <= keyspace.flushedThroughSeq) return
    // For those of the log at opening.
    this.limits.ceiling.include(write.key)
    keyspace.memtable.add(write)
  }

  publish(seq: number): void {
    this.visibleSeq = seq
  }

  /**
   * Makes the manifest's next state durable: `change` is given the current one. Then runs `install` before anybody else
   * commits. A failure ends all writing, since what is durable is not known; `LSM_NO_SPACE` alone leaves all as it was.
   */
  commit(change: (state: ManifestState) => ManifestState, install: () => void = () => {}): Promise<void> {
    return this.#commitLock.withWrite(async () => {
      if (this.failure) throw this.failure
      const next = change(this.manifests.state)
      try {
        // A manifest must not be durable before the names of the files that it names are.
        await this.storage.syncDirectory()
        await this.manifests.publish({ ...next, lastSeq: Math.max(next.lastSeq, this.visibleSeq) })
      } catch (error) {
        // Only then it is certain that the store is as it was.
        if (isNoSpace(error)) throw error
        throw this.fail(error)
      }
      install()
    })
  }

  /** Ends all writing because of `error`, and returns what later writes are told. */
  fail(error: unknown): LsmError {
    const translated = translate(error)
    // "No space" is said of what was certainly not done, and who hears it goes on as before; this may be done.
    const failure = isNoSpace(translated) ? new LsmError('LSM_IO', translated.message, { cause: error }) : translated
    this.failure ??= failure instanceof LsmError ? failure : new LsmError('LSM_FAILED', String(error), { cause: error })
    return this.failure
  }

  /** Log segments that no keyspace needs any more. */
  obsoleteSegments(): KnownSegment[] {
    let needed = Number.POSITIVE_INFINITY
    for (const { firstUnflushedSeq } of this.keyspaces.values()) needed = Math.min(needed, firstUnflushedSeq)
    return this.segments.filter(({ lastSeq }) => lastSeq < needed)
  }
}

/** The manifest's entry of a table that was written. */
export function entryOf(info: TableInfo, keyspaceId: number, level: number): TableEntry {
  const { id, sizeBytes, tailChecksum, pointRecords, tombstones, rangeTombstones, smallestSeq, largestSeq } = info
  return {
    ...{ id, keyspaceId, level, sizeBytes, tailChecksum, pointRecords, tombstones, rangeTombstones },
    ...{ smallestSeq, largestSeq },
    smallest: shortenLower(info.smallest),
    largest: shortenUpper(info.largest),
  }
}

export interface TableChange {
  readonly added?: readonly TableEntry[]
  readonly removed?: readonly TableEntry[]
}

/** The state with other tables. */
export function withTables(state: ManifestState, { added = [], removed = [] }: TableChange): ManifestState {
  const tables = new Map(state.tables)
  for (const { id } of removed) tables.delete(id)
  for (const entry of added) tables.set(entry.id, entry)
  return { ...state, tables }
}

/** The state with other segments. */
export function withSegments(
  state: ManifestState,
  { added = [], removed = [] }: { readonly added?: readonly SegmentEntry[]; readonly removed?: readonly number[] },
): ManifestState {
  const segments = new Map(state.segments)
  for (const number of removed) segments.delete(number)
  for (const entry of added) segments.set(entry.number, entry)
  return { ...state, segments }
}
