/** An open store: opening and recovery, the way of writes, background work, closing. */
import type { RecordKind } from '@lsm/encoding'
import type { Storage, StorageLock } from '@lsm/storage'
import type { WalReport } from '@lsm/wal'
import type { Durability, WriteOptions } from './api.ts'
import { BatchApplier, CommitPipeline, type EncodedOperation } from './commit-pipeline.ts'
import type { ResolvedComponents } from './components.ts'
import { LsmError } from './errors.ts'
import { copyOf } from './key-bound.ts'
import { nameLeftOpen } from './left-open.ts'
import { Maintenance } from './maintenance.ts'
import type { ResolvedOptions } from './options.ts'
import { openBesideWriter } from './read-only-open.ts'
import { adoptLog, openManifests, refuseEarly, removeOrphans, replay } from './recovery.ts'
import { StoreCore, withSegments } from './store-core.ts'
import { translate } from './translate.ts'
import { WriteGate } from './write-gate.ts'

/** Of each operation besides key and value, for back-pressure. */
const OPERATION_OVERHEAD = 16

/** Log segments of earlier openings from which on opening flushes what they hold. */
const MOST_ADOPTED_SEGMENTS = 4

export class Store {
  readonly core: StoreCore
  readonly maintenance: Maintenance
  readonly #lock: StorageLock | undefined
  readonly #gate: WriteGate
  #pipeline: CommitPipeline | undefined
  #isClosing = false
  #isWaking = false
  /** Whether somebody who wrote knows that the store takes no more. */
  #hasToldFailure = false
  #closing: Promise<void> | undefined
  /** What recovery found. */
  readonly recovered: WalReport | undefined

  private constructor(core: StoreCore, lock: StorageLock | undefined, recovered: WalReport | undefined) {
    this.core = core
    this.#lock = lock
    this.recovered = recovered
    this.maintenance = new Maintenance(core, () => this.#onProgress())
    this.#gate = new WriteGate({
      scheduler: core.components.scheduler,
      pressure: () => this.maintenance.pressure(),
      onStall: (reason, kind, durationMs) => {
        if (kind === 'delayed') core.counters.delayed++
        else core.counters.stopped++
        core.counters.stallLatency.add(durationMs)
        core.events.emit('stall', { reason, kind, durationMs })
      },
    })
  }

  /** Opens the store in `storage`, which it closes when it is closed itself, or when opening fails. */
  static async open(storage: Storage, options: ResolvedOptions, components: ResolvedComponents): Promise<Store> {
    try {
      return await Store.#open(storage, options, components)
    } catch (error) {
      await storage.close().catch(() => {})
      throw translate(error)
    }
  }

  static async #open(storage: Storage, options: ResolvedOptions, components: ResolvedComponents): Promise<Store> {
    if (options.readOnly) return openBesideWriter(storage, () => Store.#openOnce(storage, options, components))
    await refuseEarly(storage, options)
    return Store.#openOnce(storage, options, components)
  }

  static async #openOnce(storage: Storage, options: ResolvedOptions, components: ResolvedComponents): Promise<Store> {
    const lock = options.readOnly ? undefined : await storage.lock()
    const manifests = await openManifests(storage, options, components)
    const core = new StoreCore({ storage, manifests, options, components })
    try {
      await core.load()
      const report = await Store.#recover(core)
      const store = new Store(core, lock, report)
      if (!options.readOnly) await store.#begin(report)
      return store
    } catch (error) {
      // Closing the tables waits for all who hold them.
      for (const { view } of core.keyspaces.values()) view.live.unpin()
      await core.tables.close().catch(() => {})
      throw error
    }
  }

  /** Replays the log into the memtables. */
  static async #recover(core: StoreCore): Promise<WalReport> {
    const { state } = core.manifests
    const applier = new BatchApplier(core)
    const { recovery, memtableSizeBytes } = core.options
    const report = await replay(core.storage, core.manifests, recovery, (batch) => {
      applier.apply(batch)
      for (const keyspace of core.keyspaces.values()) {
        if (keyspace.isMemtableFull(memtableSizeBytes)) keyspace.freeze()
      }
    })
    // The manifest's last number may be that of a write that was never durable and is lost. Numbers go on behind the
    // log's own end then: a gap in them would be taken for a missing piece of the log.
    let lastSeq = report.lastSeq ?? state.lastSeq
    for (const { largestSeq } of state.tables.values()) lastSeq = Math.max(lastSeq, largestSeq)
    for (const { flushedThroughSeq } of state.keyspaces.values()) lastSeq = Math.max(lastSeq, flushedThroughSeq)
    core.visibleSeq = lastSeq
    return report
  }

  async #begin(report: WalReport): Promise<void> {
    const { core } = this
    const { storage, manifests, components } = core
    if (report.cut) {
      const { file, offset, reason } = report.cut
      components.logger.warn(`the log was cut in ${file} at offset ${offset}: ${reason}`)
    }
    const isNeeded = [...core.keyspaces.values()].some(
      ({ firstUnflushedSeq }) => firstUnflushedSeq < Number.POSITIVE_INFINITY,
    )
    core.wal = await adoptLog(storage, manifests, report, { lastSeq: core.visibleSeq, isNeeded, components })
    // When their last write was is not known one by one: they go once all of them is in tables.
    for (const number of manifests.state.segments.keys()) {
      if (number !== core.wal.segmentNumber) core.segments.push({ number, lastSeq: core.visibleSeq })
    }
    // A store that is opened for a few writes at a time gathers a segment at each opening.
    if (core.segments.length >= MOST_ADOPTED_SEGMENTS) for (const keyspace of core.keyspaces.values()) keyspace.freeze()
    this.#pipeline = new CommitPipeline(core.wal, components.clock, new BatchApplier(core), {
      committed: () => this.#wakeSoon(),
      failed: (error) => {
        if (core.wal?.failure) core.fail(core.wal.failure)
        this.#wakeSoon()
        return translate(error)
      },
      // It is in the log, and may be found there when the store is opened again.
      notApplied: (error) => {
        const message = `a write could not be applied: ${String(error)}`
        const failure = new LsmError('LSM_FAILED', message, { cause: error, outcome: 'unknown' })
        if (core.failure === undefined) this.#endWriting(failure)
        return failure
      },
    })
    await removeOrphans(storage, manifests)
    void this.#lock?.lost.then((error) => this.#endWriting(error))
    void core.wal.failed.then((error) => {
      // Closing tells of its own failures.
      if (!this.#isClosing) this.#endWriting(error)
    })
    this.maintenance.wake()
    this.maintenance.wakeCompaction()
  }

  /** Nothing more is written, and everybody hears why: those who wait, and those who only listen. */
  #endWriting(error: unknown): void {
    const { core } = this
    core.fail(error)
    core.events.emit('error', core.failure!)
    this.#onProgress()
  }

  /** Throws unless writes are taken. */
  checkWritable(): void {
    if (this.#isClosing) throw new LsmError('LSM_CLOSED', 'the store is closed')
    if (this.core.options.readOnly) throw new LsmError('LSM_READ_ONLY', 'the store was opened with readOnly')
    const { failure } = this.core
    if (failure) {
      this.#hasToldFailure = true
      const message = `no more writes after a failure: ${failure.message}; close the store and open it again`
      throw new LsmError('LSM_FAILED', message, { cause: failure })
    }
  }

  checkOpen(): void {
    if (this.#isClosing) throw new LsmError('LSM_CLOSED', 'the store is closed')
  }

  /** Whether a write need not wait for its turn. */
  get isUnhindered(): boolean {
    return this.#gate.isOpen
  }

  /**
   * Writes one operation of a store that takes writes, with options that were checked. Its bytes are copied before this
   * returns.
   */
  writeOne(
    kind: RecordKind,
    keyspaceId: number,
    key: Uint8Array,
    value: Uint8Array,
    options?: WriteOptions,
  ): Promise<void> {
    const durability = this.#durabilityOf(options)
    if (!this.#gate.isOpen) {
      const operation = { kind, keyspaceId, key: copyOf(key), value: copyOf(value) }
      return this.#writeLater([operation], durability, options?.signal)
    }
    const { counters } = this.core
    counters.batches++
    counters.operations++
    counters.userBytes += key.length + value.length
    return this.#pipeline!.commitOne(kind, keyspaceId, key, value, durability)
  }

  /**
   * Writes operations as one batch, like `writeOne`. Their bytes are copied before this returns, unless the write must
   * wait for its turn: then they must be the caller's own copies (`isUnhindered` tells).
   */
  write(operations: readonly EncodedOperation[], options?: WriteOptions): Promise<void> {
    const durability = this.#durabilityOf(options)
    if (operations.length === 0) return Promise.resolve()
    if (this.#gate.isOpen) return this.#commit(operations, durability)
    return this.#writeLater(operations, durability, options?.signal)
  }

  #durabilityOf(options: WriteOptions | undefined): Durability {
    if (options === undefined) return this.core.options.durability
    if (options.signal?.aborted) throw aborted(options.signal.reason)
    return options.durability ?? this.core.options.durability
  }

  /** Waits for the write's turn first. */
  async #writeLater(
    operations: readonly EncodedOperation[],
    durability: Durability,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    if (this.maintenance.passingFailure) throw this.maintenance.passingFailure
    const bytes = bytesOf(operations) + operations.length * OPERATION_OVERHEAD
    const write = (): Promise<void> => {
      this.checkWritable()
      return this.#commit(operations, durability)
    }
    try {
      await this.#gate.wait(bytes, write, signal)
    } catch (error) {
      throw signal?.aborted && error === signal.reason ? aborted(error) : translate(error)
    }
  }

  #commit(operations: readonly EncodedOperation[], durability: Durability): Promise<void> {
    const { counters } = this.core
    counters.batches++
    counters.operations += operations.length
    counters.userBytes += bytesOf(operations)
    return this.#pipeline!.commit(operations, durability)
  }

  /** Looks for work when all writes of a group are applied: not in the middle, where the log is not to be called. */
  #wakeSoon(): void {
    if (this.#isWaking) return
    this.#isWaking = true
    this.core.components.scheduler.microtask(() => {
      this.#isWaking = false
      this.maintenance.wake()
      // What was written has left room in the queue.
      if (this.#gate.waiting > 0) this.#onProgress()
    })
  }

  /** Resolves when everything written before is durable. */
  async sync(): Promise<void> {
    try {
      await this.core.wal!.sync()
    } catch (error) {
      this.#noteFailure()
      throw error
    }
  }

  #noteFailure(): void {
    if (!this.core.wal?.failure) return
    this.core.fail(this.core.wal.failure)
    this.#hasToldFailure = true
  }

  #onProgress(): void {
    const failure = this.core.failure ?? this.maintenance.passingFailure
    if (failure) this.#gate.fail(failure)
    else this.#gate.update()
  }

  /** Waits for what runs, makes the log durable, and publishes its length, so that nothing of it can be lost unseen. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    const { core } = this
    this.#isClosing = true
    this.#gate.fail(new LsmError('LSM_CLOSED', 'the store was closed while the write waited for its turn'))
    await this.maintenance.stop()
    await core.lifecycle.withWrite(() => this.#release())
  }

  /** Ends the log and lets go of everything; nobody uses any of it any more. */
  async #release(): Promise<void> {
    const { core } = this
    const problems: unknown[] = []
    const attempt = async (step: () => Promise<unknown>): Promise<void> => {
      try {
        await step()
      } catch (error) {
        problems.push(translate(error))
      }
    }
    const { wal } = core
    if (wal !== undefined) {
      await attempt(async () => {
        const { number, length } = await wal.close()
        if (core.failure) return
        await core.commit((state) => {
          const entry = state.segments.get(number)!
          return withSegments(state, { added: [{ ...entry, sealedLength: length }] })
        })
      })
    }
    for (const keyspace of core.keyspaces.values()) keyspace.view.live.unpin()
    const { size } = core.openScans
    if (size > 0) {
      const { logger, scheduler } = core.components
      logger.warn(`closed with ${size} iterators or cursors open: ${nameLeftOpen(core.openScans, scheduler.now())}`)
    }
    for (const scan of [...core.openScans]) scan.close()
    await attempt(() => core.tables.close())
    await attempt(async () => this.#lock?.release())
    await attempt(() => core.storage.close())
    // A failure that a write or sync was told of is no news; one in the background may be known to nobody.
    if (this.#hasToldFailure) return
    if (core.failure && problems.length > 0) throw core.failure
    if (problems.length > 0) throw problems[0]
  }
}

function bytesOf(operations: readonly EncodedOperation[]): number {
  let bytes = 0
  for (const { key, value } of operations) bytes += key.length + value.length
  return bytes
}

function aborted(reason: unknown): LsmError {
  return new LsmError('LSM_ABORTED', 'the write was called off before it was appended to the log', { cause: reason })
}
