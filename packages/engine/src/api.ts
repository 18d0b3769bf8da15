/**
 * The engine's public contract: every type that a user of `@lsm/engine` sees, and nothing else.
 *
 * `Engine`, `Keyspace` and `Snapshot` share the read methods; `Engine` and `Keyspace` the write methods (an engine is
 * its own default keyspace). Byte order is the key order.
 */

/** A key or a value. A string is its UTF-8 bytes; one with a lone surrogate is a `TypeError`. Copied before the call returns. */
export type Bytes = string | Uint8Array

/**
 * What an acknowledgement promises: `'sync'` survives a power cut, `'os'` the death of the process; with an interval
 * the log is made durable at least that often, and a power cut loses at most that much.
 */
export type Durability = 'sync' | 'os' | { readonly intervalMs: number }

/**
 * What opening does with a log that is not whole: `'strict'` refuses any tail, `'tail'` cuts what a crash can have left,
 * `'point-in-time'` stops at the first damage and reports what came after it.
 */
export type RecoveryMode = 'strict' | 'tail' | 'point-in-time'

/** How the data blocks of tables are stored. */
export type Compression = 'none' | 'deflate' | 'zstd'

export interface KeyspaceOptions {
  /** Bytes of records in a data block, before compression. Default 4,096. */
  readonly blockSizeBytes?: number
  /** Where a flush or compaction starts its next table. Default 8 MiB. */
  readonly tableSizeBytes?: number
  /** Share of absent keys that a table's filter lets through; `false` for no filter. Default 0.01. */
  readonly filterFalsePositiveRate?: number | false
  /** Default `'none'`. One that the runtime lacks is `LSM_UNSUPPORTED` at opening, before anything is made. */
  readonly compression?: Compression
  /** Tables of level 0 at which they are compacted. Default 4. */
  readonly l0Compact?: number
  /** Tables of level 0 at which writes are delayed. Default 12. */
  readonly l0Slow?: number
  /** Tables of level 0 at which writes wait. Default 20. */
  readonly l0Stop?: number
  /** Target size of level 1. Default 64 MiB. */
  readonly level1SizeBytes?: number
  /** Each level's target over the one above. Default 10. */
  readonly levelMultiplier?: number
}

export interface EngineOptions {
  /** Create the store where there is none. Default true. */
  readonly createIfMissing?: boolean
  /** Refuse to open a store that is there already. Default false. */
  readonly errorIfExists?: boolean
  /** No lock and no write, not even recovery's. Default false. */
  readonly readOnly?: boolean
  /** For writes that do not say otherwise. Default `'sync'`. */
  readonly durability?: Durability
  /** Default `'tail'`. */
  readonly recovery?: RecoveryMode
  /** Default 16 MiB. */
  readonly memtableSizeBytes?: number
  /** Memtables that may wait for their flush before writers wait. Default 2. */
  readonly maxFrozenMemtables?: number
  /** Log size at which the keyspaces that pin its oldest segment are flushed. Default 128 MiB. */
  readonly maxWalSizeBytes?: number
  /** Blocks, filters and indexes together. Default 32 MiB. */
  readonly cacheSizeBytes?: number
  /**
   * Tables that are open at a time; others are opened again when they are read. Lock, log and manifests come on top, and
   * so does what synchronous reads open before the event loop has a turn. A read-only store keeps all open. Default 512.
   */
  readonly maxOpenFiles?: number
  /** 1: a worker thread compacts, where the runtime has one; 0: the main thread does, in slices. Default 1. */
  readonly compactionWorkers?: number
  /** Default 65,536. */
  readonly maxKeySizeBytes?: number
  /** Default 64 MiB, at most 1 GiB. */
  readonly maxValueSizeBytes?: number
  /**
   * Keys and values of one batch, and so of one write: a put and a range of bounds are held to it too. Default 64 MiB,
   * or more where the largest key with the largest value is.
   */
  readonly maxBatchSizeBytes?: number
  /** For keyspaces that are created, the default one included; those of a store that is there keep their own. */
  readonly keyspaceDefaults?: KeyspaceOptions
}

export interface WriteOptions {
  /** Default: the engine's. */
  readonly durability?: Durability
  /** Takes effect only before the write is appended to the log. */
  readonly signal?: AbortSignal
}

export interface ReadOptions {
  /** Default: all that was published when the call was made. */
  readonly snapshot?: Snapshot
  /** Keep the blocks that are read. Default true. */
  readonly fillCache?: boolean
  readonly signal?: AbortSignal
}

/**
 * Keys between bounds: a plain object, as all options are, with no other names in it. `prefix` stands alone; of `gt` and
 * `gte`, and of `lt` and `lte`, one at the most. To a read a bound that is undefined is one that was left out.
 */
export interface Range {
  readonly gt?: Bytes
  readonly gte?: Bytes
  readonly lt?: Bytes
  readonly lte?: Bytes
  readonly prefix?: Bytes
}

export interface ScanOptions extends Range, ReadOptions {
  /** From the last key down. Default false. */
  readonly reverse?: boolean
  /** At most this many pairs. Default: all. */
  readonly limit?: number
}

/** One step of a batch. A member that its type does not have is refused. */
export type Operation = { readonly keyspace?: Keyspace } & (
  | { readonly type: 'put'; readonly key: Bytes; readonly value: Bytes }
  | { readonly type: 'delete'; readonly key: Bytes }
  | { readonly type: 'deleteRange'; readonly range: Range }
)

/**
 * A key and its value, valid for ever. Pairs share buffers: to transfer one to another thread, transfer a copy. On
 * Node.js what shares a buffer cannot be transferred.
 */
export type Entry = [key: Uint8Array, value: Uint8Array]

/**
 * A position in the ordered pairs of a range. Starts before the first one. One call at a time: until a promise of
 * `next()` has settled, `next` and `seek` throw `LSM_BUSY`, and the cursor stays as it is.
 */
export interface Cursor extends Disposable {
  /** Goes to the first key at or after `key` (at or before it in a reverse cursor); `next()` then yields it. */
  seek(key: Bytes): void
  /** Whether there was a further pair. A promise only where a block must be read. After a failure it fails again. */
  next(): boolean | Promise<boolean>
  /**
   * Borrowed until the cursor moves, and not to be written to: the bytes are those that the store reads and flushes.
   * Empty where the cursor is on no pair.
   */
  readonly key: Uint8Array
  /** Borrowed and not to be written to, like `key`. */
  readonly value: Uint8Array
  /** Idempotent; also while `next()` is pending, which then yields false. */
  close(): void
}

/** What `Engine`, `Keyspace` and `Snapshot` can all do. */
export interface Reader {
  get(key: Bytes, options?: ReadOptions): Promise<Uint8Array | undefined>
  has(key: Bytes, options?: ReadOptions): Promise<boolean>
  getSync(key: Bytes, options?: ReadOptions): Uint8Array | undefined
  hasSync(key: Bytes, options?: ReadOptions): boolean
  /** In the order of `keys`; each block is read once. */
  getMany(keys: readonly Bytes[], options?: ReadOptions): Promise<(Uint8Array | undefined)[]>
  scan(options?: ScanOptions): AsyncIterable<Entry>
  keys(options?: ScanOptions): AsyncIterable<Uint8Array>
  values(options?: ScanOptions): AsyncIterable<Uint8Array>
  scanSync(options?: ScanOptions): Iterable<Entry>
  cursor(options?: ScanOptions): Cursor
  count(range?: Range): Promise<number>
  /** Bytes of tables that hold the range, from their indexes alone; what is not flushed yet is not counted. */
  approximateSize(range: Range): Promise<number>
}

/** What `Engine` and `Keyspace` can do besides reading. */
export interface Writer {
  put(key: Bytes, value: Bytes, options?: WriteOptions): Promise<void>
  delete(key: Bytes, options?: WriteOptions): Promise<void>
  /**
   * One record, however many keys it deletes; `{}` deletes all. A bound that is there and undefined is a `TypeError`: it
   * would delete everything.
   */
  deleteRange(range: Range, options?: WriteOptions): Promise<void>
}

/** A separate set of keys in the same store, with options of its own. */
export interface Keyspace extends Reader, Writer {
  readonly name: string
}

/** The store as it was at one moment. */
export interface Snapshot extends Reader, Disposable {
  /** Idempotent. A snapshot that is still open when its engine closes is named in the log. */
  close(): void
}

/** What one level holds. */
export interface LevelStats {
  readonly level: number
  readonly tables: number
  readonly sizeBytes: number
  readonly pointRecords: number
  readonly tombstones: number
  readonly rangeTombstones: number
  /** How full it is: 1 and more wants a compaction. */
  readonly score: number
}

/** Counts of how long something took, by powers of two. */
export interface LatencyHistogram {
  readonly count: number
  readonly sumMs: number
  readonly maxMs: number
  /** `buckets[i]` counts those from 2^(i-10) ms on, up to twice that; the first one also counts all below. */
  readonly buckets: readonly number[]
}

export interface CacheTierStats {
  readonly entries: number
  readonly sizeBytes: number
  readonly hits: number
  readonly misses: number
}

/** A copy of the engine's counters; they start at 0 when the store is opened. */
export interface Stats {
  readonly lastSeq: number
  readonly visibleSeq: number
  readonly memtableBytes: number
  readonly frozenMemtables: number
  readonly walSegments: number
  readonly walSizeBytes: number
  readonly openTables: number
  readonly snapshots: number
  readonly levels: readonly LevelStats[]
  readonly cache: { readonly data: CacheTierStats; readonly index: CacheTierStats; readonly filter: CacheTierStats }
  readonly writes: {
    readonly batches: number
    readonly operations: number
    readonly userBytes: number
    readonly walBytes: number
  }
  readonly reads: {
    readonly gets: number
    readonly memtableHits: number
    /** Tables that a get did not look into because their filter said no. */
    readonly filterSkips: number
    /** Data blocks that gets had to read from files. */
    readonly blockReads: number
  }
  readonly flushes: { readonly count: number; readonly bytesWritten: number; readonly latency: LatencyHistogram }
  readonly compactions: {
    readonly count: number
    readonly moves: number
    readonly bytesRead: number
    readonly bytesWritten: number
    readonly recordsDropped: number
    readonly latency: LatencyHistogram
  }
  readonly stalls: { readonly delayed: number; readonly stopped: number; readonly latency: LatencyHistogram }
  /** Bytes written to log and tables over the bytes of keys and values that users wrote; 0 before the first write. */
  readonly writeAmplification: number
  /** Bytes of all tables over the bytes of the deepest level; 0 while there are none. */
  readonly spaceAmplification: number
  /** The last failure in the background, until the store is opened again. */
  readonly failure: { readonly code: LsmErrorCode; readonly message: string } | undefined
}

/** What `on` can be asked for, and what the listener is given. */
export interface EngineEvents {
  flush: {
    readonly keyspace: string
    readonly records: number
    readonly bytesWritten: number
    readonly durationMs: number
  }
  compaction: {
    readonly keyspace: string
    readonly level: number
    readonly outputLevel: number
    readonly isMove: boolean
    readonly bytesRead: number
    readonly bytesWritten: number
    readonly recordsDropped: number
    readonly durationMs: number
    /** Whether it ran in a worker thread. */
    readonly inWorker: boolean
  }
  stall: {
    readonly reason: 'memtables' | 'level 0' | 'batch bytes'
    readonly kind: 'delayed' | 'stopped'
    readonly durationMs: number
  }
  /** A failure in the background. */
  error: Error
}

/** What `verify` read: all tables, and the log as far as it was written when it came there. */
export interface VerifyReport {
  readonly tables: number
  readonly blocks: number
  readonly records: number
  readonly bytes: number
  readonly walSegments: number
}

export interface RepairReport {
  readonly tablesKept: number
  readonly recordsKept: number
  /** What could not be kept, and why. */
  readonly lost: readonly { readonly file: string; readonly reason: string }[]
}

export type LsmErrorCode =
  | 'LSM_CORRUPTION'
  | 'LSM_IO'
  | 'LSM_NO_SPACE'
  /** A sync failed: no more writes until the store is opened again. */
  | 'LSM_FAILED'
  | 'LSM_LOCKED'
  | 'LSM_FENCED'
  | 'LSM_CLOSED'
  | 'LSM_READ_ONLY'
  | 'LSM_NOT_FOUND'
  | 'LSM_EXISTS'
  | 'LSM_NOT_A_STORE'
  | 'LSM_PERMISSION'
  | 'LSM_UNSUPPORTED_FORMAT'
  | 'LSM_UNSUPPORTED'
  | 'LSM_ABORTED'
  | 'LSM_BUSY'

/** What misuse carries on its `TypeError` or `RangeError`. */
export type LsmMisuseCode = 'LSM_INVALID_ARGUMENT' | 'LSM_INVALID_OPTIONS'
