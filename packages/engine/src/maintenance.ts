/**
 * The work in the background: freezing and flushing memtables, moving the log on, compacting. Flushes and compactions
 * each go one at a time, side by side; both commit through the core. Nothing here ever holds up a read.
 */
import { runCompaction } from './compaction.ts'
import { type CompactionTask, pickCompaction, pickRange, pickRewrite } from './compaction-policy.ts'
import { CompactionThread } from './compaction-thread.ts'
import { yieldTurn } from './components.ts'
import { LsmError } from './errors.ts'
import { tableFileName } from './files.ts'
import { runFlush } from './flush.ts'
import type { KeyRange } from './key-bound.ts'
import type { KeyspaceState } from './keyspace-state.ts'
import { LogSegments } from './log-segments.ts'
import type { TableEntry } from './manifest.ts'
import { entryOf, type StoreCore, withSegments, withTables } from './store-core.ts'
import { isNoSpace, isPassing, translate, translated } from './translate.ts'
import type { Pressure } from './write-gate.ts'

/** How long work on the main thread goes on before the event loop has a turn. */
const SLICE_MS = 4
/** Waits after a failure that may pass, such as a full disk: doubled each time. */
const FIRST_RETRY_MS = 200
const LAST_RETRY_MS = 30_000

export class Maintenance {
  readonly #core: StoreCore
  readonly log: LogSegments
  /** Called when writes may go on that had to wait. */
  readonly #onProgress: () => void
  #flushing: Promise<void> | undefined
  #compacting: Promise<void> | undefined
  #isStopped = false
  #isPaused = false
  /** The compactions that were asked for: they take turns, since two that ran side by side would take the same tables. */
  #asked: Promise<void> = Promise.resolve()
  #retryMs = FIRST_RETRY_MS
  /** The failure that the next attempt may clear. */
  #passing: LsmError | undefined
  #cancelRetry: (() => void) | undefined
  readonly #thread: CompactionThread | undefined

  constructor(core: StoreCore, onProgress: () => void) {
    this.#core = core
    this.log = new LogSegments(core)
    const { compactionWorkers, readOnly } = core.options
    const mayHaveWorker = compactionWorkers > 0 && !readOnly
    this.#thread = mayHaveWorker ? CompactionThread.create(core.storage, core.components.logger) : undefined
    this.#onProgress = onProgress
  }

  /** Why background work fails at present, if so. */
  get passingFailure(): LsmError | undefined {
    return this.#passing
  }

  /** How hard writers are to be held back. */
  pressure(): Pressure {
    const { maxFrozenMemtables, memtableSizeBytes, maxBatchSizeBytes } = this.#core.options
    // As much again can be on its way to the disk.
    if ((this.#core.wal?.queuedBytes ?? 0) >= maxBatchSizeBytes) return { level: 'stopped', reason: 'batch bytes' }
    let share = -1
    for (const keyspace of this.#core.keyspaces.values()) {
      const isFull = keyspace.isMemtableFull(memtableSizeBytes)
      if (isFull && keyspace.frozen.length >= maxFrozenMemtables) return { level: 'stopped', reason: 'memtables' }
      const { l0Slow, l0Stop } = keyspace.options
      const tables = keyspace.view.live.levels[0]!.length
      if (tables >= l0Stop) return { level: 'stopped', reason: 'level 0' }
      if (tables >= l0Slow) share = Math.max(share, (tables - l0Slow) / Math.max(1, l0Stop - l0Slow))
    }
    return share < 0 ? { level: 'open' } : { level: 'delayed', share, reason: 'level 0' }
  }

  /** Freezes what is full and starts what there is to do. Cheap when there is nothing: called after every commit. */
  wake(): void {
    if (this.#isStopped || this.#core.failure) return
    const hasFrozen = this.#freezeFull()
    if (hasFrozen && this.#flushing === undefined && this.#cancelRetry === undefined) {
      this.#flushing = this.#flushAll().finally(() => {
        this.#flushing = undefined
        if (!this.#passing) this.wake()
      })
    }
  }

  /** Freezes the memtables that are full and have room behind them; whether any waits for its flush. */
  #freezeFull(): boolean {
    const { memtableSizeBytes, maxFrozenMemtables } = this.#core.options
    let hasFrozen = false
    for (const keyspace of this.#core.keyspaces.values()) {
      if (keyspace.isMemtableFull(memtableSizeBytes) && keyspace.frozen.length < maxFrozenMemtables) keyspace.freeze()
      if (keyspace.frozen.length > 0) hasFrozen = true
    }
    return hasFrozen || (this.#logIsTooLong() && this.#freezeOldest())
  }

  /** Starts a compaction where one is wanted. */
  wakeCompaction(): void {
    if (this.#isStopped || this.#isPaused || this.#core.failure || this.#compacting !== undefined) return
    if (this.#cancelRetry !== undefined || this.#nextTask() === undefined) return
    this.#compacting = this.#compactAll().finally(() => {
      this.#compacting = undefined
      if (!this.#passing) this.wakeCompaction()
    })
  }

  #logIsTooLong(): boolean {
    return this.#core.wal !== undefined && this.log.sizeBytes > this.#core.options.maxWalSizeBytes
  }

  /** Freezes the keyspaces whose writes keep the oldest segment; that can be the open one, which a flush ends. */
  #freezeOldest(): boolean {
    const { segments, wal, keyspaces } = this.#core
    const lastSeq = segments[0]?.lastSeq ?? wal!.lastSeq
    let hasFrozen = false
    for (const keyspace of keyspaces.values()) {
      if (keyspace.firstUnflushedSeq > lastSeq) continue
      // One that waits for its flush already is enough.
      if (keyspace.frozen.length === 0) keyspace.freeze()
      hasFrozen ||= keyspace.frozen.length > 0
    }
    return hasFrozen
  }

  async #flushAll(): Promise<void> {
    for (;;) {
      if (this.#isStopped || this.#core.failure) return
      // A memtable that is full waits for the room that the last flush made.
      this.#freezeFull()
      const keyspace = [...this.#core.keyspaces.values()].find(({ frozen }) => frozen.length > 0)
      if (keyspace === undefined) return
      if (!(await this.#attempt(() => this.#flushOldest(keyspace)))) return
      this.#onProgress()
      this.wakeCompaction()
    }
  }

  async #flushOldest(keyspace: KeyspaceState): Promise<void> {
    const core = this.#core
    const memtable = keyspace.frozen.at(-1)!
    const { scheduler } = core.components
    const started = scheduler.now()
    await this.log.moveOn()
    // Else half of a batch could survive in the table and half of it be lost with the log.
    if (core.wal !== undefined && core.wal.syncedSeq < memtable.lastSeq) await core.wal.sync()
    const infos = await runFlush(core, keyspace, memtable, this.#pauser())
    const added = infos.map((info) => entryOf(info, keyspace.id, 0))
    const bytesWritten = added.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
    let obsolete: number[] = []
    await this.#commitTables(
      added,
      (state) => {
        const entry = state.keyspaces.get(keyspace.id)!
        const flushedThroughSeq = Math.max(entry.flushedThroughSeq, memtable.lastSeq)
        const keyspaces = new Map(state.keyspaces).set(keyspace.id, { ...entry, flushedThroughSeq })
        obsolete = this.log.obsoleteAfter(keyspace)
        return withSegments({ ...withTables(state, { added }), keyspaces }, { removed: obsolete })
      },
      () => keyspace.install(core.tables.acquire(core.versionOf(keyspace.id)), memtable),
    )
    await this.log.remove(obsolete)
    const durationMs = scheduler.now() - started
    core.counters.flushes++
    core.counters.flushBytes += bytesWritten
    core.counters.flushLatency.add(durationMs)
    core.events.emit('flush', { keyspace: keyspace.name, records: memtable.entryCount, bytesWritten, durationMs })
  }

  /** Opens new tables and commits them. Those of a commit that did not happen are removed. */
  async #commitTables(added: readonly TableEntry[], ...commit: Parameters<StoreCore['commit']>): Promise<void> {
    const { tables, storage } = this.#core
    const opened = new Set<string>()
    try {
      for (const entry of added) {
        await tables.open(entry)
        opened.add(entry.id)
      }
      await this.#core.commit(...commit)
    } catch (error) {
      // After any other failure the manifest may name them.
      const isUncommitted = opened.size < added.length || isNoSpace(error)
      if (isUncommitted) {
        for (const { id } of added) {
          if (opened.has(id)) tables.retire(id)
          else await storage.remove(tableFileName(id)).catch(() => {})
        }
      }
      throw error
    }
  }

  #nextTask(): { readonly keyspace: KeyspaceState; readonly task: CompactionTask } | undefined {
    for (const keyspace of this.#core.keyspaces.values()) {
      const { view, options, compactionCursors } = keyspace
      const task = pickCompaction(view.live.version, options, compactionCursors)
      if (task !== undefined) return { keyspace, task }
    }
    return undefined
  }

  async #compactAll(): Promise<void> {
    while (!this.#isStopped && !this.#isPaused && !this.#core.failure) {
      const next = this.#nextTask()
      if (next === undefined) return
      if (!(await this.#attempt(() => this.#compact(next.keyspace, next.task)))) return
      this.#onProgress()
    }
  }

  async #compact(keyspace: KeyspaceState, task: CompactionTask): Promise<void> {
    const core = this.#core
    const { scheduler } = core.components
    const started = scheduler.now()
    const removed = [...task.inputs, ...task.overlapping]
    const result = task.isMove
      ? { tables: [], bytesRead: 0, inWorker: false }
      : await runCompaction(task, { core, keyspace, pause: this.#pauser(), thread: this.#thread })
    const added = task.isMove
      ? task.inputs.map((entry) => ({ ...entry, level: task.outputLevel }))
      : result.tables.map((info) => entryOf(info, keyspace.id, task.outputLevel))
    await this.#commitTables(
      task.isMove ? [] : added,
      (state) => withTables(state, { added, removed }),
      () => {
        keyspace.compactionCursors[task.level] = task.inputs.at(-1)!.smallest
        keyspace.install(core.tables.acquire(core.versionOf(keyspace.id)))
      },
    )
    if (!task.isMove) for (const { id } of removed) core.tables.retire(id)
    this.#count(keyspace, task, { ...result, added, removed, durationMs: scheduler.now() - started })
  }

  #count(
    keyspace: KeyspaceState,
    task: CompactionTask,
    done: {
      readonly added: readonly { readonly sizeBytes: number; readonly pointRecords: number }[]
      readonly removed: readonly { readonly pointRecords: number }[]
      readonly bytesRead: number
      readonly inWorker: boolean
      readonly durationMs: number
    },
  ): void {
    const { counters, events } = this.#core
    const records = (list: readonly { readonly pointRecords: number }[]): number =>
      list.reduce((sum, { pointRecords }) => sum + pointRecords, 0)
    const recordsDropped = task.isMove ? 0 : records(done.removed) - records(done.added)
    const bytesWritten = task.isMove ? 0 : done.added.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
    if (task.isMove) counters.moves++
    else counters.compactions++
    counters.compactionBytesRead += done.bytesRead
    counters.compactionBytesWritten += bytesWritten
    counters.recordsDropped += recordsDropped
    counters.compactionLatency.add(done.durationMs)
    const { level, outputLevel, isMove } = task
    const { bytesRead, inWorker, durationMs } = done
    const event = { level, outputLevel, isMove, bytesRead, bytesWritten, recordsDropped, inWorker, durationMs }
    events.emit('compaction', { keyspace: keyspace.name, ...event })
  }

  /** Waits until everything that was written is in tables. */
  async flush(): Promise<void> {
    // Who asks wants to know how it is now, not how it was when it last failed.
    this.#retryNow()
    // What is on its way through the log was written before this, too, and its sync would come first anyway.
    const { wal } = this.#core
    if (wal !== undefined && wal.failure === undefined) await translated(wal.sync())
    const keyspaces = [...this.#core.keyspaces.values()]
    for (const keyspace of keyspaces) keyspace.freeze()
    // Not those that are frozen later: under load there would be no end.
    const waited = keyspaces.flatMap((keyspace) => keyspace.frozen.map((memtable) => ({ keyspace, memtable })))
    try {
      await this.#settle(() => waited.some(({ keyspace, memtable }) => keyspace.frozen.includes(memtable)))
    } finally {
      // The timer that is gone would also have tried again what others wait for. Not before: its failure is not ours.
      this.wakeCompaction()
    }
  }

  async #settle(isUnfinished: () => boolean): Promise<void> {
    while (isUnfinished()) {
      if (this.#core.failure) throw this.#core.failure
      if (this.#passing) throw this.#passing
      if (this.#isStopped) throw new LsmError('LSM_CLOSED', 'the store is closed')
      this.wake()
      if (this.#flushing === undefined) throw new LsmError('LSM_FAILED', 'a flush could not be started')
      await this.#flushing
    }
  }

  /** Merges what overlaps `range` down to the deepest level that has data. Calls wait for those before them. */
  compact(keyspace: KeyspaceState, range: KeyRange | undefined): Promise<void> {
    const mine = this.#asked.then(() => this.#compactRange(keyspace, range))
    this.#asked = mine.catch(() => {})
    return mine
  }

  async #compactRange(keyspace: KeyspaceState, range: KeyRange | undefined): Promise<void> {
    await this.flush()
    this.#isPaused = true
    try {
      await this.#compacting
      for (let level = 0; level < Math.max(1, keyspace.view.live.lastLevel); level++) {
        await this.#compactAsked(keyspace, pickRange(keyspace.view.live.version, level, range))
      }
      // What came down has been merged with the deepest level; what a snapshot held there may still wait.
      const { live } = keyspace.view
      if (live.lastLevel < 1) return
      const isStale = (entry: TableEntry): boolean =>
        entry.tombstones + entry.rangeTombstones > 0 || live.table(entry).reader.info.distinctKeys < entry.pointRecords
      await this.#compactAsked(keyspace, pickRewrite(live.version, live.lastLevel, range, isStale))
    } finally {
      this.#isPaused = false
      this.wakeCompaction()
    }
  }

  async #compactAsked(keyspace: KeyspaceState, task: CompactionTask | undefined): Promise<void> {
    if (task === undefined) return
    const done = await this.#attempt(() => this.#compact(keyspace, task))
    if (done) this.#onProgress()
    else throw this.#core.failure ?? this.#passing ?? new LsmError('LSM_CLOSED', 'the store was closed')
  }

  /** Runs one step; false when it failed, which is then known to everybody who asks. */
  async #attempt(step: () => Promise<void>): Promise<boolean> {
    try {
      await step()
      this.#passing = undefined
      if (this.#cancelRetry !== undefined) {
        // There is room: what else failed need not wait any longer.
        this.#retryNow()
        this.wake()
        this.wakeCompaction()
      }
      this.#retryMs = FIRST_RETRY_MS
      return true
    } catch (error) {
      if (!this.#isStopped) this.#fail(error)
      return false
    }
  }

  #fail(error: unknown): void {
    const core = this.#core
    const translated = translate(error)
    const failure =
      translated instanceof LsmError
        ? translated
        : new LsmError('LSM_FAILED', `background work failed: ${String(error)}`, { cause: error })
    // A full disk can get room again, and files be closed elsewhere; a lost lock, a failed sync, damage and a manifest
    // that may be there or not stay what they are.
    const mayPass = isPassing(failure) && !core.failure && !core.wal?.failure && !core.manifests.isFenced
    if (mayPass) {
      this.#passing = failure
      const ms = this.#retryMs
      this.#retryMs = Math.min(LAST_RETRY_MS, ms * 2)
      this.#cancelRetry ??= core.components.scheduler.delay(() => {
        this.#retryNow()
        this.wake()
        this.wakeCompaction()
      }, ms)
    } else core.failure ??= failure
    // The log has told of its own.
    if (mayPass || !core.wal?.failure) core.events.emit('error', failure)
    this.#onProgress()
  }

  #retryNow(): void {
    this.#cancelRetry?.()
    this.#cancelRetry = undefined
    this.#passing = undefined
  }

  /** Gives the event loop a turn when a slice is over; ends a job when the store closes. */
  #pauser(): () => undefined | Promise<void> {
    const { scheduler } = this.#core.components
    let sliceStarted = scheduler.now()
    return () => {
      if (this.#isStopped) throw new LsmError('LSM_CLOSED', 'the store is closing')
      if (scheduler.now() - sliceStarted < SLICE_MS) return undefined
      return yieldTurn(scheduler).then(() => {
        sliceStarted = scheduler.now()
      })
    }
  }

  /** Ends background work and waits for what runs; a job that is under way is given up. */
  async stop(): Promise<void> {
    this.#isStopped = true
    this.#cancelRetry?.()
    await this.#thread?.close()
    await this.#flushing
    await this.#compacting
    await this.#asked
  }
}
