/**
 * - `RWLOCK_ABORTED`: the signal fired before the lock was granted; `cause` is the signal's reason.
 * - `RWLOCK_TIMEOUT`: the lock was not granted within `timeoutMs`.
 * - `RWLOCK_RELEASED`: a handle was downgraded after its release.
 */
export type RWLockErrorCode = 'RWLOCK_ABORTED' | 'RWLOCK_TIMEOUT' | 'RWLOCK_RELEASED'

/** The lock was not granted, or a handle no longer holds it. Nothing is held because of a call that failed so. */
export class RWLockError extends Error {
  readonly code: RWLockErrorCode

  constructor(code: RWLockErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.name = 'RWLockError'
    this.code = code
  }
}

/**
 * A bug in the caller: an argument of the wrong type or out of its range. Not a `RWLockError`, which a program may
 * well handle.
 */
export function misuse<E extends Error>(
  ErrorClass: new (message: string) => E,
  message: string,
): E & { readonly code: 'RWLOCK_INVALID_ARGUMENT' } {
  return Object.assign(new ErrorClass(message), { code: 'RWLOCK_INVALID_ARGUMENT' as const })
}
