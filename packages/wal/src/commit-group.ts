/** The batches that share one write and one sync. */
import { BatchBuffer } from './batch.ts'

/** Who waits for a batch. Called once, with one of the two, in the order in which batches were submitted. */
export interface Completion {
  /**
   * The batch in `bytes[start, end)` is as durable as was asked; its first operation has the sequence number
   * `firstSeq`. The bytes are borrowed until this returns. Must not throw.
   */
  committed(firstSeq: number, bytes: Uint8Array, start: number, end: number): void
  /** The batch was not acknowledged. Must not throw. */
  failed(error: Error): void
}

/** Columns that grew past this are given back. */
const KEEP_ROWS = 4096
/** Holds the place of one that was told. */
const NOBODY: Completion = { committed: () => {}, failed: () => {} }

/**
 * Batches in their order, with what is known of each in columns: nothing is allocated for a batch. Columns keep their
 * length and are overwritten, since an array cut to length 0 loses its store, and five new ones were 0.8 kB a group.
 */
export class CommitGroup {
  readonly batches: BatchBuffer = new BatchBuffer()
  readonly starts: number[] = []
  readonly ends: number[] = []
  readonly counts: number[] = []
  readonly firstSeqs: number[] = []
  readonly completions: Completion[] = []
  /** Those who wait for a sync and for no batch. */
  readonly syncWaiters: Completion[] = []
  wantsSync = false
  #size = 0

  get size(): number {
    return this.#size
  }

  get isEmpty(): boolean {
    return this.#size === 0 && !this.wantsSync
  }

  /** Takes in the batch that is open in `batches`. */
  take(completion: Completion, wantsSync: boolean): void {
    const start = this.batches.end()
    const row = this.#size++
    this.starts[row] = start
    this.ends[row] = this.batches.length
    this.counts[row] = this.batches.count
    this.completions[row] = completion
    if (wantsSync) this.wantsSync = true
  }

  /** Gives every batch its sequence number, from `nextSeq` on, and returns the number after the last one. */
  number(nextSeq: number): number {
    let seq = nextSeq
    for (let i = 0; i < this.#size; i++) {
      this.firstSeqs[i] = seq
      this.batches.setFirstSeq(this.starts[i]!, seq)
      seq += this.counts[i]!
    }
    return seq
  }

  /** Tells everybody, in order, and forgets them. */
  commit(): void {
    const { bytes } = this.batches
    for (let i = 0; i < this.#size; i++) {
      this.completions[i]!.committed(this.firstSeqs[i]!, bytes, this.starts[i]!, this.ends[i]!)
    }
    for (const waiter of this.syncWaiters) waiter.committed(0, bytes, 0, 0)
    this.#clear()
  }

  /** Tells the batches that they are not written, and keeps those who wait for the sync alone. */
  refuse(error: Error): void {
    for (let i = 0; i < this.#size; i++) this.completions[i]!.failed(error)
    this.#clearBatches()
    this.wantsSync = this.syncWaiters.length > 0
  }

  /** Tells everybody, in order, and forgets them. */
  fail(error: Error): void {
    for (let i = 0; i < this.#size; i++) this.completions[i]!.failed(error)
    for (const waiter of this.syncWaiters) waiter.failed(error)
    this.#clear()
  }

  #clear(): void {
    this.#clearBatches()
    if (this.syncWaiters.length > 0) this.syncWaiters.length = 0
    this.wantsSync = false
  }

  #clearBatches(): void {
    // One that was begun and not submitted before its group was written: its builder is refused at the next step.
    this.batches.cancel()
    this.batches.clear()
    this.completions.fill(NOBODY, 0, this.#size)
    if (this.#size > KEEP_ROWS) {
      for (const column of [this.starts, this.ends, this.counts, this.firstSeqs, this.completions]) column.length = 0
    }
    this.#size = 0
  }
}
