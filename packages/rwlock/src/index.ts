export type { AbortSignalLike, AcquireOptions } from './acquire-options.ts'
export { AsyncRWLock } from './async-rw-lock.ts'
export { RWLockError, type RWLockErrorCode } from './errors.ts'
export type { ReadHandle, WriteHandle } from './lock-handle.ts'
