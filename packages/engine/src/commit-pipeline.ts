/**
 * The way of a write: encoded into the log's open batch, written and made as durable as was asked, applied to the
 * memtables, published. All of it in the order of the sequence numbers, so that nothing is visible before it is
 * acknowledged and no write overtakes another.
 */
import { RECORD_KIND, type RecordKind } from '@lsm/encoding'
import type { MemtableWrite } from '@lsm/memtable'
import { BatchCursor, type Completion, type WalDurability, type WalWriter } from '@lsm/wal'
import type { Clock } from './components.ts'

/** One operation in bytes, ready for the log. */
export interface EncodedOperation {
  readonly kind: RecordKind
  readonly keyspaceId: number
  readonly key: Uint8Array
  /** Empty for a tombstone; the exclusive end for a range tombstone. */
  readonly value: Uint8Array
}

/** Takes what the log has acknowledged. */
export interface CommitTarget {
  /** Puts one operation into its keyspace's memtable. The write and its bytes are borrowed until this returns. */
  apply(keyspaceId: number, write: MemtableWrite): void
  /** Everything up to `seq` is applied: make it visible. */
  publish(seq: number): void
}

/** A write object of one shape that is filled anew for each operation. */
class ReusedWrite implements MemtableWrite {
  key: Uint8Array = new Uint8Array(0)
  value: Uint8Array = new Uint8Array(0)
  seq = 0
  kind: RecordKind = RECORD_KIND.value
  timestampMs = 0
}

/** Applies the batches of the log, when they are written and when they are read again; after a failure no more. */
export class BatchApplier {
  readonly #target: CommitTarget
  readonly #cursor = new BatchCursor()
  readonly #write = new ReusedWrite()
  #failure: { readonly error: unknown } | undefined

  constructor(target: CommitTarget) {
    this.#target = target
  }

  /** Applies the batch in `bytes[start, end)` and publishes it. What comes behind one that failed must not be seen. */
  applyBytes(bytes: Uint8Array, start: number, end: number): void {
    if (this.#failure !== undefined) throw this.#failure.error
    try {
      this.#cursor.reset(bytes, start, end)
      this.#target.publish(this.apply(this.#cursor))
    } catch (error) {
      this.#failure = { error }
      throw error
    }
  }

  /** Applies every operation of a batch whose cursor stands before the first; returns the last sequence number. */
  apply(batch: BatchCursor): number {
    const write = this.#write
    write.timestampMs = batch.timestampMs
    while (batch.next()) {
      write.key = batch.bytes.subarray(batch.keyStart, batch.keyEnd)
      write.value = batch.bytes.subarray(batch.valueStart, batch.valueEnd)
      write.seq = batch.seq
      write.kind = batch.kind
      this.#target.apply(batch.keyspaceId, write)
    }
    return batch.seq
  }
}

/** Told of what became of the writes. */
export interface CommitObserver {
  /** A write was applied and published; it is acknowledged when this returns. Must not throw. */
  committed(): void
  /** Returns the error that the write's caller gets. Must not throw. */
  failed(error: Error): unknown
  /** The log has the write, and memory could not take it. Returns the error that its caller gets. Must not throw. */
  notApplied(error: unknown): unknown
}

/** One write that waits for its acknowledgement. */
class PendingWrite implements Completion {
  readonly #applier: BatchApplier
  readonly #observer: CommitObserver
  readonly #resolve: () => void
  readonly #reject: (error: unknown) => void

  constructor(applier: BatchApplier, observer: CommitObserver, resolve: () => void, reject: (error: unknown) => void) {
    this.#applier = applier
    this.#observer = observer
    this.#resolve = resolve
    this.#reject = reject
  }

  committed(_firstSeq: number, bytes: Uint8Array, start: number, end: number): void {
    try {
      this.#applier.applyBytes(bytes, start, end)
    } catch (error) {
      // Nothing is thrown into the log's face: it tells the rest of the group.
      this.#reject(this.#observer.notApplied(error))
      return
    }
    this.#observer.committed()
    this.#resolve()
  }

  failed(error: Error): void {
    this.#reject(this.#observer.failed(error))
  }
}

/** One promise a write, and no other: each more would cost an awaited write 40 ns and another turn of the microtasks. */
export class CommitPipeline {
  readonly #wal: WalWriter
  readonly #clock: Clock
  readonly #applier: BatchApplier
  readonly #observer: CommitObserver

  constructor(wal: WalWriter, clock: Clock, applier: BatchApplier, observer: CommitObserver) {
    this.#wal = wal
    this.#clock = clock
    this.#applier = applier
    this.#observer = observer
  }

  /** Writes one operation. Its bytes are copied before this returns. Rejects with what the observer makes of the log's errors. */
  commitOne(
    kind: RecordKind,
    keyspaceId: number,
    key: Uint8Array,
    value: Uint8Array,
    durability: WalDurability,
  ): Promise<void> {
    return new Promise((resolve, reject) => {
      const { batch } = this.#wal
      try {
        batch.begin(this.#now())
        batch.add(kind, keyspaceId, key, value)
        this.#wal.submit(durability, new PendingWrite(this.#applier, this.#observer, resolve, reject))
      } catch (error) {
        batch.cancel()
        reject(this.#observer.failed(error as Error))
      }
    })
  }

  /** Writes operations as one batch, like `commitOne`. */
  commit(operations: readonly EncodedOperation[], durability: WalDurability): Promise<void> {
    return new Promise((resolve, reject) => {
      const { batch } = this.#wal
      try {
        batch.begin(this.#now())
        for (const { kind, keyspaceId, key, value } of operations) batch.add(kind, keyspaceId, key, value)
        this.#wal.submit(durability, new PendingWrite(this.#applier, this.#observer, resolve, reject))
      } catch (error) {
        batch.cancel()
        reject(this.#observer.failed(error as Error))
      }
    })
  }

  /** The wall clock, kept within what a record can hold: a clock set wrong must not stop a store. */
  #now(): number {
    const now = Math.floor(this.#clock.now())
    return Number.isSafeInteger(now) && now > 0 ? now : 0
  }
}
