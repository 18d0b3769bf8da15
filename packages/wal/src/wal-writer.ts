/**
 * The log's writer: group commit over one open segment.
 *
 * All batches of one tick share one write, and all that arrive while a sync runs share the next write and the next
 * sync. Acknowledgements come in the order of the batches. It knows files and frames; what an operation means, and
 * which manifest names a segment, is its owner's business.
 */
import type { StorageFile } from '@lsm/storage'
import { type BatchBuffer, checkBatch } from './batch.ts'
import { CommitGroup, type Completion } from './commit-group.ts'
import { checkDurability, type WalDurability } from './durability.ts'
import { invalidRange, WalError } from './errors.ts'
import { FragmentChecksum, FrameBuffer, framedSize } from './framing.ts'
import { systemScheduler, type WalScheduler } from './scheduler.ts'
import { MAX_SEGMENT_SIZE, SEGMENT_HEADER_SIZE, type SealedSegment } from './segment.ts'
import type { NewSegment } from './segment-file.ts'

/** Up to here a write is done at once: less than the event loop would spend on handing it to a thread and back. */
const SYNC_WRITE_LIMIT = 256 * 1024
/** Callers that await each write would otherwise never let timers and sockets have a turn. */
const LONGEST_RUN_MS = 4
const RUNS_BETWEEN_CLOCK_READS = 16

export interface WalWriterOptions {
  /** Whether `appendSync` may be used: the storage's `supportsSync`. */
  readonly supportsSync: boolean
  /** Sequence number of the next operation. */
  readonly nextSeq: number
  readonly scheduler?: WalScheduler
}

export class WalWriter {
  readonly #scheduler: WalScheduler
  readonly #supportsSync: boolean
  readonly #frames = new FrameBuffer()
  #segment: NewSegment
  #checksum: FragmentChecksum
  #length = SEGMENT_HEADER_SIZE
  #syncedLength = SEGMENT_HEADER_SIZE
  #nextSeq: number
  #syncedSeq: number
  /** Takes batches while `#writing` is on its way. */
  #filling = new CommitGroup()
  #writing = new CommitGroup()
  #isScheduled = false
  #isBusy = false
  #isClosed = false
  #closing: Promise<SealedSegment> | undefined
  #failure: WalError | undefined
  #whenIdle: (() => void)[] = []
  #cancelTimer: (() => void) | undefined
  #timerMs = Number.POSITIVE_INFINITY
  #timerDeadline = Number.POSITIVE_INFINITY
  #runs = 0
  /** One closure for all writes. */
  readonly #runScheduled = (): void => {
    this.#isScheduled = false
    if (!this.#isBusy) this.#run()
  }
  #turnStarted: number
  #tellFailure!: (failure: WalError) => void
  /** Resolves when the writer takes nothing more because something failed, also in the background. Never rejects. */
  readonly failed: Promise<WalError> = new Promise((resolve) => (this.#tellFailure = resolve))

  /** `segment` comes from `createSegment` and is named by a manifest. */
  constructor(segment: NewSegment, { supportsSync, nextSeq, scheduler = systemScheduler }: WalWriterOptions) {
    if (!Number.isSafeInteger(nextSeq) || nextSeq < 1) throw invalidRange(`sequence numbers start at 1, not ${nextSeq}`)
    this.#segment = segment
    this.#checksum = new FragmentChecksum(segment.identity.id)
    this.#supportsSync = supportsSync
    this.#nextSeq = nextSeq
    this.#syncedSeq = nextSeq - 1
    this.#scheduler = scheduler
    this.#turnStarted = scheduler.now()
  }

  /**
   * Where the next batch is built: `begin`, `add` …, then `submit` here, with no `await` between. Fetch it anew for
   * each batch: one that is still open when the group ahead of it is written is cancelled.
   */
  get batch(): BatchBuffer {
    return this.#filling.batches
  }

  /** Sequence number of the last operation that was written. */
  get lastSeq(): number {
    return this.#nextSeq - 1
  }

  /** Every operation up to this sequence number is durable. */
  get syncedSeq(): number {
    return this.#syncedSeq
  }

  get segmentNumber(): number {
    return this.#segment.identity.number
  }

  /** Bytes of the open segment, `segmentNumber`. */
  get segmentLength(): number {
    return this.#length
  }

  /** Bytes that wait for their write. */
  get queuedBytes(): number {
    return this.#filling.batches.length
  }

  /** Why nothing more is taken, if so. */
  get failure(): WalError | undefined {
    return this.#failure
  }

  /**
   * Queues the batch that is open in `batch`. `completion` hears of it in the order of submission: after the write
   * for `'os'` or an interval, after the sync for `'sync'`, and never before the batches ahead of it.
   *
   * Its failure is `WAL_NOT_WRITTEN` (nothing of it is in the log; try again later), or `WAL_FAILED`, after which
   * the writer takes nothing more; with `outcome: 'unknown'` the batch may be found when the log is read again.
   */
  submit(durability: WalDurability, completion: Completion): void {
    const refusal = this.#refusal() ?? checkDurability(durability) ?? checkBatch(this.batch)
    if (refusal) {
      this.batch.cancel()
      throw refusal
    }
    this.#filling.take(completion, durability === 'sync')
    if (typeof durability === 'object') this.#startTimer(durability.intervalMs)
    this.#schedule()
  }

  /** As `submit`, for one batch that `build` fills. Resolves with the sequence number of its first operation. */
  append(build: (batch: BatchBuffer) => void, durability: WalDurability, timestampMs: number): Promise<number> {
    return new Promise((resolve, reject) => {
      const { batch } = this
      batch.begin(timestampMs)
      try {
        build(batch)
      } catch (error) {
        batch.cancel()
        throw error
      }
      this.submit(durability, { committed: resolve, failed: reject })
    })
  }

  /** Resolves when everything is durable that was submitted before and not refused. */
  sync(): Promise<void> {
    return new Promise((resolve, reject) => {
      const refusal = this.#refusal()
      if (refusal) throw refusal
      this.#filling.wantsSync = true
      this.#filling.syncWaiters.push({ committed: () => resolve(), failed: reject })
      this.#schedule()
    })
  }

  /**
   * Goes on in `next`: makes the open segment durable, waits for `publish`, which must make a manifest durable that
   * seals the old segment and names the new one, and closes the old file. Batches wait meanwhile. After a failure of
   * any step the writer takes nothing more. Where `publish` resolves with false, nothing was published: the writer
   * goes on in the old segment, and this resolves with `undefined`. `next` is the writer's from this call on: where it
   * cannot go on in it, it closes its file.
   */
  async rotate(
    next: NewSegment,
    publish: (sealed: SealedSegment) => Promise<unknown>,
  ): Promise<SealedSegment | undefined> {
    await this.#acquire()
    const old = this.#segment
    try {
      const refusal = this.#refusal()
      if (refusal) throw refusal
      if (next.identity.number <= old.identity.number) throw invalidRange('segments are numbered upward')
      const sealed = { number: old.identity.number, length: this.#length }
      try {
        await this.#datasync(old.file)
        if ((await publish(sealed)) === false) {
          await next.file.close().catch(() => {})
          return undefined
        }
        await old.file.close()
      } catch (error) {
        throw this.#fail('the log could not go on in a new segment', error)
      }
      this.#segment = next
      this.#checksum = new FragmentChecksum(next.identity.id)
      this.#length = SEGMENT_HEADER_SIZE
      this.#syncedLength = SEGMENT_HEADER_SIZE
      return sealed
    } catch (error) {
      if (next.file !== old.file) await next.file.close().catch(() => {})
      throw error
    } finally {
      this.#release()
    }
  }

  /**
   * Writes what is queued, makes it durable, closes the file and returns the segment's length, to be published. After
   * a failure it closes the file and rejects with that failure. Later calls do nothing and answer the same.
   */
  close(): Promise<SealedSegment> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<SealedSegment> {
    const last = this.#failure ? undefined : this.sync()
    this.#isClosed = true
    // Its failure is the writer's, and is thrown below once the file is closed.
    await last?.catch(() => {})
    this.#cancelTimer?.()
    await this.#acquire()
    try {
      await this.#segment.file.close()
    } catch (error) {
      // Some file systems say only now what they could not write.
      this.#fail('the file could not be closed', error)
    } finally {
      this.#release()
    }
    if (this.#failure) throw this.#failure
    return { number: this.segmentNumber, length: this.#length }
  }

  #refusal(): WalError | undefined {
    if (this.#failure) {
      const message = `the log takes no more writes: ${this.#failure.message}`
      return new WalError('WAL_FAILED', message, { cause: this.#failure.cause })
    }
    return this.#isClosed ? new WalError('WAL_CLOSED', 'the log is closed') : undefined
  }

  #schedule(): void {
    if (this.#isScheduled || this.#isBusy) return
    this.#isScheduled = true
    if (++this.#runs % RUNS_BETWEEN_CLOCK_READS !== 0 || this.#scheduler.now() - this.#turnStarted < LONGEST_RUN_MS) {
      this.#scheduler.microtask(this.#runScheduled)
      return
    }
    this.#scheduler.macrotask(() => {
      this.#turnStarted = this.#scheduler.now()
      this.#runScheduled()
    })
  }

  /** Writes the queued group. Synchronous where it can be, since a promise costs more than a small write. */
  #run(): void {
    const group = this.#filling
    if (group.isEmpty) return
    this.#filling = this.#writing
    this.#writing = group
    const nextSeq = group.number(this.#nextSeq)
    const seqsFit = Number.isSafeInteger(nextSeq)
    this.#frames.clear()
    const place = { base: this.#length, syncedMark: this.#syncedLength, checksum: this.#checksum }
    let room = MAX_SEGMENT_SIZE - this.#length
    for (let i = 0; i < group.size && room >= 0 && seqsFit; i++) {
      const length = group.ends[i]! - group.starts[i]!
      room -= framedSize(place.base + this.#frames.length, length)
      if (room >= 0) this.#frames.add(group.batches.bytes, group.starts[i]!, group.ends[i]!, place)
    }
    if (room < 0 || !seqsFit) {
      const { name } = this.#segment.file
      const what = seqsFit ? 'the segment is full: rotate the log' : 'the sequence numbers are used up'
      group.refuse(new WalError('WAL_NOT_WRITTEN', `${name}: ${what}`, { file: name }))
      // Those who wait for a sync wait for what was written before, too.
      if (group.isEmpty) return
    }
    const isSmall = this.#supportsSync && this.#frames.length <= SYNC_WRITE_LIMIT
    if (!isSmall || group.wantsSync) {
      this.#isBusy = true
      void this.#runSlowly(group, nextSeq, isSmall)
      return
    }
    try {
      this.#segment.file.appendSync(this.#frames.bytes)
    } catch (error) {
      this.#isBusy = true
      void this.#takeBack(group, error).then(() => this.#release())
      return
    }
    this.#written(nextSeq)
    group.commit()
  }

  async #runSlowly(group: CommitGroup, nextSeq: number, isSmall: boolean): Promise<void> {
    try {
      if (group.size > 0) {
        const { file } = this.#segment
        try {
          if (isSmall) file.appendSync(this.#frames.bytes)
          else await file.append(this.#frames.bytes)
        } catch (error) {
          await this.#takeBack(group, error)
          return
        }
        this.#written(nextSeq)
      }
      if (group.wantsSync) {
        try {
          await this.#datasync(this.#segment.file)
        } catch (error) {
          this.#fail('a sync failed, and what is durable is unknown', error, group)
          return
        }
      }
      group.commit()
    } finally {
      this.#turnStarted = this.#scheduler.now()
      this.#release()
    }
  }

  #written(nextSeq: number): void {
    this.#length += this.#frames.length
    this.#nextSeq = nextSeq
  }

  async #datasync(file: StorageFile): Promise<void> {
    const length = this.#length
    const seq = this.lastSeq
    if (length === this.#syncedLength) return
    await file.datasync()
    this.#syncedLength = length
    this.#syncedSeq = seq
  }

  /**
   * Undoes a write that failed half-way. The cut is made durable before anything is written in its place: else a power
   * cut could bring back frames whose writers were told that they are not there.
   */
  async #takeBack(group: CommitGroup, cause: unknown): Promise<void> {
    const { file } = this.#segment
    try {
      await file.truncate(this.#length)
      await file.datasync()
      this.#syncedLength = this.#length
      this.#syncedSeq = this.lastSeq
    } catch (error) {
      const both = new AggregateError([cause, error], 'the write failed, and so did taking it back')
      this.#fail('a write failed and could not be taken back', both, group)
      return
    }
    const what = 'the write failed and was taken back; nothing of it is in the log'
    group.refuse(
      new WalError('WAL_NOT_WRITTEN', `${file.name}: ${what}`, { file: file.name, offset: this.#length, cause }),
    )
    // All that is in the log is durable, which is what the others wait for.
    group.commit()
  }

  /** Ends all writing. Batches of `group` may be in the log; those that were only queued are not. */
  #fail(what: string, cause: unknown, group?: CommitGroup): WalError {
    const file = this.#segment.file.name
    const context = { file, offset: this.#length, cause }
    this.#failure ??= new WalError('WAL_FAILED', `${file}: ${what}`, context)
    this.#tellFailure(this.#failure)
    this.#cancelTimer?.()
    group?.fail(new WalError('WAL_FAILED', `${file}: ${what}`, { ...context, outcome: 'unknown' }))
    this.#filling.fail(new WalError('WAL_FAILED', `${file}: not written, because ${what}`, context))
    return this.#failure
  }

  /** Waits until nothing is written or synced, and keeps it so until `#release`. */
  async #acquire(): Promise<void> {
    // Handed over busy, first come first served: no stream of writes can keep a rotation or a close waiting.
    if (this.#isBusy) await new Promise<void>((resolve) => this.#whenIdle.push(resolve))
    this.#isBusy = true
  }

  #release(): void {
    const next = this.#whenIdle.shift()
    if (next) {
      next()
      return
    }
    this.#isBusy = false
    if (!this.#filling.isEmpty) this.#schedule()
  }

  #startTimer(intervalMs: number): void {
    // The clock is read only for an interval shorter than the one that runs.
    if (intervalMs >= this.#timerMs) return
    const deadline = this.#scheduler.now() + intervalMs
    // A short interval that begins late must not put off the longer one that is nearly over.
    if (deadline >= this.#timerDeadline) return
    this.#cancelTimer?.()
    this.#timerMs = intervalMs
    this.#timerDeadline = deadline
    this.#cancelTimer = this.#scheduler.delay(() => {
      this.#cancelTimer = undefined
      this.#timerMs = Number.POSITIVE_INFINITY
      this.#timerDeadline = Number.POSITIVE_INFINITY
      // Its failure shows in `failure`, in `failed` and in every later write.
      if (!this.#refusal()) this.sync().catch(() => {})
    }, intervalMs)
  }
}
