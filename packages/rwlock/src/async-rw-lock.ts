import { type AbortSignalLike, type AcquireOptions, readOptions } from './acquire-options.ts'
import { misuse, RWLockError } from './errors.ts'
import type { LockHandle, LockMode, ReadHandle, WriteHandle } from './lock-handle.ts'
import { Turns } from './turns.ts'

/**
 * A lock that many readers hold together, or one writer alone. A waiting writer holds new readers back, and readers
 * that wait while a writer holds the lock come in before the next writer: neither side starves (turns.ts has the
 * policy in full).
 *
 * An acquire that need not wait is decided within the call: `tryRead` and `tryWrite` return its handle, `read` and
 * `write` a promise that is fulfilled already, so that `await` costs the one microtask that `await` always costs.
 *
 * It is not re-entrant: who holds the lock and asks for it again may wait for itself. It guards one thread's
 * asynchronous work, not memory shared between threads, and has nothing to close.
 */
export class AsyncRWLock {
  readonly #turns = new Turns()

  /** How many readers hold the lock now. */
  get readers(): number {
    return this.#turns.readers
  }

  /** Whether a writer holds the lock now. */
  get isWriting(): boolean {
    return this.#turns.isWriting
  }

  /** How many requests to read wait. */
  get pendingReaders(): number {
    return this.#turns.waiting.read.length
  }

  /** How many requests to write wait. */
  get pendingWriters(): number {
    return this.#turns.waiting.write.length
  }

  /**
   * A shared hold on the lock, as soon as no writer holds it or waits for it. The caller releases it. O(1).
   *
   * Rejects with `RWLockError` `RWLOCK_ABORTED` or `RWLOCK_TIMEOUT`, and with a `TypeError` or `RangeError` whose
   * `code` is `RWLOCK_INVALID_ARGUMENT` for options that make no sense. A signal that has fired already is refused
   * even when the lock is free.
   */
  read(options?: AcquireOptions): Promise<ReadHandle> {
    return this.#request('read', options)
  }

  /** The only hold on the lock, as soon as nobody else has one; otherwise as `read`. O(1). */
  write(options?: AcquireOptions): Promise<WriteHandle> {
    return this.#request('write', options)
  }

  /** A shared hold on the lock, or `undefined` when a writer holds it or waits for it. O(1). */
  tryRead(): ReadHandle | undefined {
    return this.#turns.tryTake('read')
  }

  /** The only hold on the lock, or `undefined` when anyone has one. O(1). */
  tryWrite(): WriteHandle | undefined {
    return this.#turns.tryTake('write')
  }

  /**
   * What `use` returns, called with the lock held for reading until its result settles; released also when it throws.
   * When the lock is free, `use` is called before this method returns, like the first lines of any async function.
   * Rejects as `read` does, or with what `use` threw.
   */
  withRead<T>(use: (handle: ReadHandle) => T | PromiseLike<T>, options?: AcquireOptions): Promise<T> {
    return this.#with('read', use, options)
  }

  /** What `use` returns, called with the lock held for writing until its result settles; otherwise as `withRead`. */
  withWrite<T>(use: (handle: WriteHandle) => T | PromiseLike<T>, options?: AcquireOptions): Promise<T> {
    return this.#with('write', use, options)
  }

  // Not an async function: returning a promise from one would cost three microtasks instead of none.
  #request(mode: LockMode, options: AcquireOptions | undefined): Promise<LockHandle> {
    try {
      return Promise.resolve(this.#take(mode, options))
    } catch (error) {
      return Promise.reject(error)
    }
  }

  async #with<T>(
    mode: LockMode,
    use: (handle: LockHandle) => T | PromiseLike<T>,
    options: AcquireOptions | undefined,
  ): Promise<T> {
    if (typeof use !== 'function') throw misuse(TypeError, 'use must be a function')
    const taken = this.#take(mode, options)
    const handle = taken instanceof Promise ? await taken : taken
    try {
      return await use(handle)
    } finally {
      handle.release()
    }
  }

  /** The handle when the lock is to be had at once, else a promise of it. */
  #take(mode: LockMode, options: AcquireOptions | undefined): LockHandle | Promise<LockHandle> {
    const { signal, timeoutMs } = readOptions(options)
    if (signal?.aborted) throw aborted(mode, signal)
    const handle = this.#turns.tryTake(mode)
    if (handle) return handle
    if (timeoutMs === 0) throw this.#timedOut(mode, timeoutMs)
    return this.#wait(mode, signal, timeoutMs)
  }

  #wait(mode: LockMode, signal: AbortSignalLike | undefined, timeoutMs: number | undefined): Promise<LockHandle> {
    const queue = this.#turns.waiting[mode]
    // Two paths, because most requests have no limit and need none of the closures of those that do.
    if (!signal && !timeoutMs) return new Promise((resolve) => queue.push(resolve))
    return new Promise((resolve, reject) => {
      // Whichever comes first, neither the signal nor the timer keeps anything of a request that is decided.
      const disarm = (): void => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', onAbort)
      }
      const giveUp = (error: RWLockError): void => {
        disarm()
        this.#turns.leave(mode, waiter)
        reject(error)
      }
      const onAbort = (): void => giveUp(aborted(mode, signal))
      signal?.addEventListener('abort', onAbort)
      // Not unreferenced: a program that waits for nothing else must still see its time-out.
      const timer = timeoutMs && setTimeout(() => giveUp(this.#timedOut(mode, timeoutMs)), timeoutMs)
      const waiter = queue.push((handle) => {
        disarm()
        // A signal that several requests share tells them one by one; the first to leave may make way for the next.
        if (!signal?.aborted) return resolve(handle)
        reject(aborted(mode, signal))
        return false
      })
    })
  }

  #timedOut(mode: LockMode, timeoutMs: number): RWLockError {
    const holders = this.isWriting ? 'a writer' : `${this.readers} readers`
    const state = `held by ${holders}, ${this.pendingWriters} writers wait`
    return new RWLockError('RWLOCK_TIMEOUT', `${mode} lock not granted within ${timeoutMs} ms: ${state}`)
  }
}

function aborted(mode: LockMode, signal: AbortSignalLike | undefined): RWLockError {
  return new RWLockError('RWLOCK_ABORTED', `${mode} lock not granted: the signal was aborted`, {
    cause: signal?.reason,
  })
}
