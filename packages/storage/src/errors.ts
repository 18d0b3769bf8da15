/** The one error class of the package, and the misuse errors that carry a code of their own. */

export type StorageErrorCode =
  /** There is no such file or directory. */
  | 'STORAGE_NOT_FOUND'
  /** The name is taken. */
  | 'STORAGE_EXISTS'
  /** The device or the system failed; `cause` says how. */
  | 'STORAGE_IO'
  /** No space or quota left. */
  | 'STORAGE_NO_SPACE'
  /** Not allowed, or a read-only file system. */
  | 'STORAGE_PERMISSION'
  /** Too many open files, in this process or system. */
  | 'STORAGE_TOO_MANY_FILES'
  /** A directory was expected: the path is something else, a symbolic link included. */
  | 'STORAGE_NOT_A_DIRECTORY'
  /** A regular file was expected: the name is a symbolic link, a directory, a pipe … */
  | 'STORAGE_NOT_A_FILE'
  /** The directory was to be taken away and holds files. */
  | 'STORAGE_NOT_EMPTY'
  /** Another holds the lock. */
  | 'STORAGE_LOCKED'
  /** The lock was held and is lost; nothing may be changed any more. */
  | 'STORAGE_LOCK_LOST'
  /** An earlier sync failed, so nothing can be promised of this file or directory any more. */
  | 'STORAGE_FAILED'
  /** The file or the storage is closed. */
  | 'STORAGE_CLOSED'
  /** The file was opened for reading only. */
  | 'STORAGE_READ_ONLY'
  /** A synchronous append met a pending asynchronous one. */
  | 'STORAGE_BUSY'
  /** This storage or platform cannot do that. */
  | 'STORAGE_UNSUPPORTED'

/** Where it happened, and why. */
export interface StorageErrorContext {
  /** The file's name in its storage, or a path where there is no storage yet. */
  readonly file?: string | undefined
  /** The position of the failed read or write in bytes. */
  readonly offset?: number | undefined
  readonly cause?: unknown
}

/** What went wrong with a storage: `code` for programs, `message`, `file` and `offset` for people. */
export class StorageError extends Error {
  readonly code: StorageErrorCode
  readonly file: string | undefined
  readonly offset: number | undefined

  constructor(code: StorageErrorCode, message: string, context: StorageErrorContext = {}) {
    super(message, context.cause === undefined ? undefined : { cause: context.cause })
    this.name = 'StorageError'
    this.code = code
    this.file = context.file
    this.offset = context.offset
  }
}

/** The code of every `TypeError` and `RangeError` that reports misuse. */
export type StorageMisuseCode = 'STORAGE_INVALID_ARGUMENT'

/** Returns a `TypeError` for an argument of the wrong kind. */
export function invalidType(message: string): TypeError & { code: StorageMisuseCode } {
  return Object.assign(new TypeError(message), { code: 'STORAGE_INVALID_ARGUMENT' as const })
}

/** Returns a `RangeError` for a number out of its bounds. */
export function invalidRange(message: string): RangeError & { code: StorageMisuseCode } {
  return Object.assign(new RangeError(message), { code: 'STORAGE_INVALID_ARGUMENT' as const })
}
