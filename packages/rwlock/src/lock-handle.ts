/// <reference lib="esnext.disposable" preserve="true" />
import { RWLockError } from './errors.ts'

/** `read` is shared with other readers, `write` with nobody. */
export type LockMode = 'read' | 'write'

/** One hold on the lock. It belongs to whoever acquired it, and must be released by them. */
export interface ReadHandle {
  /** Whether this hold is over. */
  readonly isReleased: boolean
  /**
   * Ends this hold, and gives the lock at once to whose turn it is. A second call does nothing: it can never release
   * what somebody else holds. O(1), and O(waiting readers) when it lets them all in.
   */
  release(): void
  /** The same as `release()`, for `using`. Missing where the runtime has no `Symbol.dispose`. */
  [Symbol.dispose](): void
}

/** A hold on the lock that excludes everybody else. */
export interface WriteHandle extends ReadHandle {
  /**
   * Turns this hold into a read hold, with no moment in between at which another writer could come in; all readers
   * that wait are let in beside it. Does nothing when it was done before. The same handle still has to be released.
   *
   * @throws {RWLockError} `RWLOCK_RELEASED` when the hold is over: the lock may be somebody else's by now.
   */
  downgrade(): void
}

/** What a handle gives its hold back to. */
export interface Holdings {
  release(): void
  /** Called by one of the holders. */
  downgrade(): void
}

/** The one implementation of both handles: a single shape keeps every call site on the hot path monomorphic. */
export class LockHandle implements WriteHandle {
  #holdings: Holdings | undefined

  declare [Symbol.dispose]: () => void

  static {
    // Older browsers have no such symbol; a handle is then released by hand.
    if (Symbol.dispose) LockHandle.prototype[Symbol.dispose] = LockHandle.prototype.release
  }

  constructor(holdings: Holdings) {
    this.#holdings = holdings
  }

  get isReleased(): boolean {
    return !this.#holdings
  }

  release(): void {
    const holdings = this.#holdings
    this.#holdings = undefined
    holdings?.release()
  }

  downgrade(): void {
    if (!this.#holdings) throw new RWLockError('RWLOCK_RELEASED', 'downgrade() after release()')
    this.#holdings.downgrade()
  }
}
