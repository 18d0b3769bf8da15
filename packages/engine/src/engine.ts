/** The engine: what a program opens, writes to, reads from and closes. */
import { RECORD_KIND, type RecordKind } from '@lsm/encoding'
import type { NodeStorage } from '@lsm/storage/node'
import type {
  Bytes,
  EngineEvents,
  EngineOptions,
  Operation,
  Range,
  Snapshot,
  Stats,
  VerifyReport,
  WriteOptions,
  Writer,
} from './api.ts'
import { checkWriteOptions } from './call-options.ts'
import { checkCompression } from './codec.ts'
import type { EncodedOperation } from './commit-pipeline.ts'
import { type EngineComponents, resolveComponents } from './components.ts'
import { invalidRange, invalidType, LsmError } from './errors.ts'
import { parseFileName } from './files.ts'
import { toBounds } from './input.ts'
import type { KeyspaceState } from './keyspace-state.ts'
import { nameLeftOpen } from './left-open.ts'
import { NO_STORE, readNewestManifest } from './manifest-log.ts'
import {
  batchOperations,
  checkBatchBytes,
  copyOperations,
  deleteRangeOperation,
  keyBytesOf,
  NO_VALUE,
  valueBytesOf,
} from './operations.ts'
import { type ResolvedOptions, resolveOptions } from './options.ts'
import { ReaderBase, type SnapshotSeqs } from './reader-base.ts'
import { EngineSnapshot } from './snapshot.ts'
import { statsOf } from './stats.ts'
import { Store } from './store.ts'
import { translate, translated } from './translate.ts'
import { verifyStore } from './verify.ts'

/** Files of a platform that has them; browsers pass a storage of their own. */
async function openPath(path: string, create: boolean): Promise<NodeStorage> {
  if (typeof path !== 'string' || path === '' || path.includes('\0')) {
    throw invalidType('the path is a string that is not empty and has no NUL in it')
  }
  const { NodeStorage } = await import('@lsm/storage/node')
  return translated(NodeStorage.open(path, { create }))
}

export class Engine extends ReaderBase implements Writer {
  declare readonly [Symbol.asyncDispose]: () => Promise<void>
  protected readonly store: Store
  protected readonly keyspaceState: KeyspaceState
  readonly #snapshots = new Set<EngineSnapshot>()
  protected readonly snapshotSeqs: SnapshotSeqs = {
    seqOf: (snapshot) => {
      if (!(snapshot instanceof EngineSnapshot)) throw invalidType('a snapshot is what snapshot() returned')
      snapshot.checkOpen()
      if (!this.#snapshots.has(snapshot)) throw invalidRange('the snapshot belongs to another engine')
      return snapshot.seq
    },
  }

  private constructor(store: Store) {
    super()
    this.store = store
    this.keyspaceState = store.core.defaultKeyspace
  }

  /**
   * Opens the store at `path`, or makes one. With a `storage` among the components, that is used and `path` is only
   * its name in messages. Rejects with an `LsmError`, or a `TypeError` with `code: 'LSM_INVALID_OPTIONS'`, and then
   * has changed nothing that the store holds: damage that is found late may come after the next epoch was published.
   * Where no store was made, a directory that this call made is taken away again; in one that was there, `LOCK` may stay.
   */
  static async open(path: string, options: EngineOptions = {}, components: EngineComponents = {}): Promise<Engine> {
    const resolved = resolveOptions(options)
    const others = resolveComponents(components)
    if (components.storage !== undefined) return new Engine(await Store.open(components.storage, resolved, others))
    const storage = await openPlace(path, resolved)
    try {
      return new Engine(await Store.open(storage, resolved, others))
    } catch (error) {
      // Nobody else's: where anything is in it by now, or somebody has its lock, it stays.
      if (storage.created) await removeEmpty(storage.location).catch(() => {})
      throw error
    }
  }

  /**
   * Removes the store at `path` with all that it holds, and its directory if nothing else is in it. Files that no store
   * has are left alone. `LSM_LOCKED` while somebody has it open, `LSM_NOT_FOUND` where there is none.
   */
  static async destroy(path: string): Promise<void> {
    const storage = await openPath(path, false).catch((error: unknown) => {
      throw missingPath(error, path)
    })
    try {
      // Before the lock too, which makes a file.
      const isThere = (await storage.list()).some((name) => parseFileName(name) !== undefined)
      if (!isThere) throw new LsmError('LSM_NOT_FOUND', `${path} holds no store; nothing was removed`)
      await storage.lock()
      // Also refuses a directory whose files only look like a store's.
      if ((await readNewestManifest(storage)) === NO_STORE) {
        throw new LsmError('LSM_NOT_FOUND', `${path} holds no store; nothing was removed`)
      }
      const names = (await storage.list()).filter((name) => parseFileName(name) !== undefined)
      // Manifests go last: without the others the store is known to be damaged, without them it would be ownerless.
      const isManifest = (name: string): boolean => parseFileName(name)?.type === 'manifest'
      for (const name of names.filter((each) => !isManifest(each))) await storage.remove(name)
      for (const name of names.filter(isManifest)) await storage.remove(name)
      await storage.syncDirectory()
    } catch (error) {
      throw translate(error)
    } finally {
      await storage.close().catch(() => {})
    }
    await removeEmpty(path).catch((error: { readonly code?: unknown }) => {
      if (error.code !== 'STORAGE_NOT_EMPTY') throw translate(error)
    })
  }

  protected get readSeq(): number {
    return this.store.core.visibleSeq
  }

  put(key: Bytes, value: Bytes, options?: WriteOptions): Promise<void> {
    // Not an async function, here and below: its promise would be a second one beside that of the log.
    try {
      this.store.checkWritable()
      const limits = this.store.core.limits
      return this.#writeOne(RECORD_KIND.value, keyBytesOf(key, limits), valueBytesOf(value, limits), options)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  delete(key: Bytes, options?: WriteOptions): Promise<void> {
    try {
      this.store.checkWritable()
      return this.#writeOne(RECORD_KIND.tombstone, keyBytesOf(key, this.store.core.limits), NO_VALUE, options)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  async deleteRange(range: Range, options?: WriteOptions): Promise<void> {
    this.store.checkWritable()
    const operation = deleteRangeOperation(this.keyspaceState.id, range, this.store.core.limits)
    return this.#write(operation === undefined ? [] : [operation], options)
  }

  /** Writes all operations or none; in their order, so of two for the same key the later one counts. */
  async write(operations: readonly Operation[], options?: WriteOptions): Promise<void> {
    this.store.checkWritable()
    const keyspaceIdOf = ({ keyspace }: Operation): number => {
      if (keyspace === undefined) return this.keyspaceState.id
      throw new LsmError('LSM_UNSUPPORTED', 'keyspaces other than the default one are not public yet')
    }
    return this.#write(batchOperations(operations, this.store.core.limits, keyspaceIdOf), options)
  }

  #writeOne(kind: RecordKind, key: Uint8Array, value: Uint8Array, options: WriteOptions | undefined): Promise<void> {
    checkBatchBytes(key.length + value.length, this.store.core.limits)
    if (options !== undefined) checkWriteOptions(options)
    return this.store.writeOne(kind, this.keyspaceState.id, key, value, options)
  }

  #write(operations: readonly EncodedOperation[], options: WriteOptions | undefined): Promise<void> {
    if (options !== undefined) checkWriteOptions(options)
    return this.store.write(this.store.isUnhindered ? operations : copyOperations(operations), options)
  }

  /** The store as it is now, until it is closed. O(1). */
  snapshot(): Snapshot {
    this.store.checkOpen()
    const snapshot = new EngineSnapshot(this.store, this.keyspaceState, this.snapshotSeqs, (closed) =>
      this.#snapshots.delete(closed),
    )
    this.#snapshots.add(snapshot)
    return snapshot
  }

  /** Resolves when everything written before is in tables. */
  async flush(): Promise<void> {
    this.store.checkWritable()
    return translated(this.store.maintenance.flush())
  }

  /** Resolves when everything written before is durable. */
  async sync(): Promise<void> {
    this.store.checkWritable()
    return translated(this.store.sync())
  }

  /** Flushes, and merges what overlaps `range` down to the deepest level that has data. */
  async compact(range: Range = {}): Promise<void> {
    this.store.checkWritable()
    const { start, end } = toBounds(range)
    const isWhole = start.length === 0 && end === undefined
    const keyRange = isWhole ? undefined : { smallest: start, largest: { key: end ?? LAST_KEY, inclusive: false } }
    return translated(this.store.maintenance.compact(this.keyspaceState, keyRange))
  }

  /**
   * Reads every byte of every table and log segment and checks it; of the segment that is being written, what was
   * written before. One that a read-only store found open was checked when it was opened. Rejects with `LSM_CORRUPTION`
   * at the first fault.
   */
  async verify(): Promise<VerifyReport> {
    this.store.checkOpen()
    const { core } = this.store
    return translated(core.lifecycle.withRead(() => verifyStore(core)))
  }

  stats(): Stats {
    this.store.checkOpen()
    return statsOf(this.store, this.keyspaceState)
  }

  /** Calls `listener` for each event of that name; the function that is returned ends that. */
  on<K extends keyof EngineEvents>(name: K, listener: (event: EngineEvents[K]) => void): () => void {
    this.store.checkOpen()
    return this.store.core.events.on(name, listener)
  }

  /**
   * Waits for what runs, makes everything durable and lets go of the store. Snapshots, iterators and cursors that are
   * open end, and the logger is told what they are.
   */
  async close(): Promise<void> {
    const open = this.#snapshots.size
    if (open > 0) {
      const { logger, scheduler } = this.store.core.components
      logger.warn(
        `closed with ${open} ${open === 1 ? 'snapshot' : 'snapshots'} open: ${nameLeftOpen(this.#snapshots, scheduler.now())}`,
      )
    }
    for (const snapshot of [...this.#snapshots]) snapshot.close()
    return this.store.close()
  }

  static {
    if (typeof Symbol.asyncDispose === 'symbol') {
      Object.defineProperty(Engine.prototype, Symbol.asyncDispose, { value: Engine.prototype.close })
    }
  }
}

/** Behind every key that is not made of ff alone; compactions take whole tables anyway. */
const LAST_KEY = new Uint8Array(64).fill(0xff)

/** Opens, or makes, the directory that a store is to be in. */
async function openPlace(path: string, options: ResolvedOptions): Promise<NodeStorage> {
  let create = options.createIfMissing && !options.readOnly
  let unsupported: unknown
  try {
    if (create) checkCompression(options.keyspaceDefaults.compression, true)
  } catch (error) {
    // A store that is there keeps its own compression; none is made.
    unsupported = error
    create = false
  }
  return openPath(path, create).catch((error: unknown) => {
    const missing = missingPath(error, path)
    throw missing === error ? error : (unsupported ?? missing)
  })
}

async function removeEmpty(path: string): Promise<void> {
  const { NodeStorage } = await import('@lsm/storage/node')
  await NodeStorage.removeEmpty(path)
}

function missingPath(error: unknown, path: string): unknown {
  const cause = (error as { cause?: { code?: unknown } }).cause
  if (cause?.code !== 'STORAGE_NOT_FOUND') return error
  return new LsmError('LSM_NOT_FOUND', `there is no directory ${path}; set createIfMissing to create a store`, {
    cause: error,
  })
}
