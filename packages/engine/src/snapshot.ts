/** The store as it was at one moment. */
import type { Snapshot } from './api.ts'
import { LsmError } from './errors.ts'
import type { KeyspaceState } from './keyspace-state.ts'
import { describeAge, type LeftOpen } from './left-open.ts'
import { ReaderBase, type SnapshotSeqs } from './reader-base.ts'
import type { Store } from './store.ts'

export class EngineSnapshot extends ReaderBase implements Snapshot, LeftOpen {
  declare readonly [Symbol.dispose]: () => void
  protected readonly store: Store
  protected readonly keyspaceState: KeyspaceState
  protected readonly readSeq: number
  protected readonly snapshotSeqs: SnapshotSeqs
  readonly #openedAt: number
  readonly #onClose: (snapshot: EngineSnapshot) => void
  #isClosed = false

  constructor(
    store: Store,
    keyspaceState: KeyspaceState,
    snapshotSeqs: SnapshotSeqs,
    onClose: (snapshot: EngineSnapshot) => void,
  ) {
    super()
    this.store = store
    this.keyspaceState = keyspaceState
    this.snapshotSeqs = snapshotSeqs
    this.readSeq = store.core.visibleSeq
    this.#openedAt = store.core.components.scheduler.now()
    this.#onClose = onClose
    store.core.snapshots.add(this.readSeq)
  }

  /** The sequence number that it reads at. */
  get seq(): number {
    return this.readSeq
  }

  protected override checkReadable(): void {
    super.checkReadable()
    if (this.#isClosed) throw new LsmError('LSM_CLOSED', 'the snapshot is closed')
  }

  /** Throws unless it can be read from. */
  checkOpen(): void {
    this.checkReadable()
  }

  describe(now: number): string {
    return `snapshot() at sequence number ${this.seq}, ${describeAge(now - this.#openedAt)}`
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.store.core.snapshots.remove(this.readSeq)
    this.#onClose(this)
  }

  static {
    if (typeof Symbol.dispose === 'symbol') {
      Object.defineProperty(EngineSnapshot.prototype, Symbol.dispose, { value: EngineSnapshot.prototype.close })
    }
  }
}
