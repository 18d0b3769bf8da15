/**
 * The main thread's side of the compaction worker: started with the first job, told one job at a time, ended with the
 * store. It decides whether there can be a worker at all; who cannot have one does the job itself.
 */

import type { Worker } from 'node:worker_threads'
import type { TableInfo } from '@lsm/sstable'
import type { Storage, StorageDescriptor } from '@lsm/storage'
import type { CompactionPlan } from './compaction-plan.ts'
import type { Logger } from './components.ts'
import { LsmError } from './errors.ts'
import { tableFileName } from './files.ts'
import { fromPlainError, type JobMessage, type WorkerMessage } from './worker-messages.ts'

/** A worker that dies this often is not started again. */
const MAX_DEATHS = 3
const SOURCE_FILE = /\.[cm]?tsx?$/

/** The worker died with the job: nothing is known of why, and the job can be done by somebody else. */
export class WorkerLost extends Error {
  override readonly name = 'WorkerLost'
}

interface PendingJob {
  /** Tables that the worker has begun. */
  readonly tables: string[]
  readonly resolve: (tables: readonly TableInfo[]) => void
  readonly reject: (error: Error) => void
}

export class CompactionThread {
  readonly #storage: Storage
  readonly #descriptor: StorageDescriptor
  readonly #logger: Logger
  readonly #createWorker: () => Worker
  #worker: Worker | undefined
  #job: PendingJob | undefined
  #hasStarted = false
  #deaths = 0
  #isClosed = false
  /** Ends with the worker, and when the tables that it left are gone. */
  #gone: Promise<void> = Promise.resolve()

  private constructor(storage: Storage, descriptor: StorageDescriptor, logger: Logger, createWorker: () => Worker) {
    this.#storage = storage
    this.#descriptor = descriptor
    this.#logger = logger
    this.#createWorker = createWorker
  }

  /** `undefined` where no worker can be: no threads, no files that another thread could open, or no built worker. */
  static create(storage: Storage, logger: Logger): CompactionThread | undefined {
    const descriptor = storage.describe()
    const threads = globalThis.process?.getBuiltinModule?.('node:worker_threads')
    // Run from TypeScript sources there is no file that every runtime could start.
    if (descriptor === undefined || threads === undefined || SOURCE_FILE.test(String(import.meta.url))) return undefined
    // Written like this, with both in one expression, for the bundlers that look for it and bring the worker along.
    const createWorker = (): Worker =>
      new threads.Worker(new URL('./compaction-worker.js', import.meta.url), { name: 'lsm-compaction' })
    return new CompactionThread(storage, descriptor, logger, createWorker)
  }

  /** Whether a job can be given to it. */
  get isUsable(): boolean {
    return !this.#isClosed && this.#job === undefined && this.#deaths < MAX_DEATHS
  }

  /**
   * Runs one job in the worker. Rejects with the job's own error, with `WorkerLost` when the worker died with it, and
   * with `LSM_CLOSED` when `close` gave it up; in each case the tables that it began are removed, or will be at the next
   * opening.
   */
  async run(plan: CompactionPlan, maxOpenFiles: number): Promise<readonly TableInfo[]> {
    try {
      this.#worker ??= this.#start()
    } catch (error) {
      this.#deaths = MAX_DEATHS
      throw new WorkerLost('no worker could be started', { cause: error })
    }
    const worker = this.#worker
    let job: PendingJob | undefined
    const done = new Promise<readonly TableInfo[]>((resolve, reject) => {
      job = { tables: [], resolve, reject }
    })
    this.#job = job
    const message: JobMessage = { storage: this.#descriptor, maxOpenFiles, plan }
    // Work under way keeps the process alive, as that of the main thread does; an idle worker does not.
    worker.ref()
    try {
      worker.postMessage(message)
      return await done
    } finally {
      if (this.#job === job) this.#job = undefined
      worker.unref()
    }
  }

  #start(): Worker {
    const worker = this.#createWorker()
    this.#hasStarted = false
    let failure: unknown
    worker.on('message', (message: WorkerMessage) => this.#take(message))
    worker.on('error', (error) => {
      failure = error
    })
    this.#gone = new Promise((resolve) => {
      worker.on('exit', (code) => resolve(this.#exited(failure ?? new Error(`it exited with code ${code}`))))
    })
    return worker
  }

  #take(message: WorkerMessage): void {
    if (message.type === 'started') this.#hasStarted = true
    else if (message.type === 'table') this.#job?.tables.push(message.id)
    else {
      // From here on the tables are the caller's: a worker that exits in this moment takes none of them away.
      const job = this.#job
      this.#job = undefined
      if (message.type === 'done') job?.resolve(message.tables)
      else job?.reject(fromPlainError(message.error))
    }
  }

  async #exited(cause: unknown): Promise<void> {
    this.#worker = undefined
    const job = this.#job
    // A table that stays is an orphan, and the next opening removes it.
    for (const id of job?.tables ?? []) await this.#storage.remove(tableFileName(id)).catch(() => {})
    if (this.#isClosed) {
      job?.reject(new LsmError('LSM_CLOSED', 'the store was closed while it compacted'))
      return
    }
    this.#deaths = this.#hasStarted ? this.#deaths + 1 : MAX_DEATHS
    const rest = this.#deaths < MAX_DEATHS ? '' : '; from now on the main thread compacts'
    this.#logger.warn(`the compaction worker died (${String(cause)}): its job is done by the main thread${rest}`)
    job?.reject(new WorkerLost('the compaction worker died', { cause }))
  }

  /** Ends the worker and gives up its job. Resolves when the thread has ended and what it began is removed. Idempotent. */
  async close(): Promise<void> {
    this.#isClosed = true
    await this.#worker?.terminate()
    await this.#gone
  }
}
