/** The one error class of the package, and the misuse errors that carry a code of their own. */

export type WalErrorCode =
  /** Damage that a crash cannot explain. */
  | 'WAL_CORRUPT'
  /** An end that a crash can have left, in a log that was to be read strictly. */
  | 'WAL_TORN'
  /** Written by a newer release. */
  | 'WAL_UNSUPPORTED_FORMAT'
  /** The storage refused the write; nothing of it is in the log, and the log goes on. */
  | 'WAL_NOT_WRITTEN'
  /** A write or a sync failed and what is durable is unknown: the writer takes nothing more. */
  | 'WAL_FAILED'
  | 'WAL_CLOSED'

/** Where it happened, and why. */
export interface WalErrorContext {
  readonly file?: string | undefined
  readonly offset?: number | undefined
  /** `'unknown'`: the batch may be found when the log is read again. */
  readonly outcome?: 'unknown' | undefined
  readonly cause?: unknown
}

/** What went wrong with a log: `code` for programs, `message`, `file` and `offset` for people. */
export class WalError extends Error {
  override readonly name: string = 'WalError'
  readonly code: WalErrorCode
  readonly file: string | undefined
  readonly offset: number | undefined
  readonly outcome: 'unknown' | undefined

  constructor(code: WalErrorCode, message: string, context: WalErrorContext = {}) {
    super(message, context.cause === undefined ? undefined : { cause: context.cause })
    this.code = code
    this.file = context.file
    this.offset = context.offset
    this.outcome = context.outcome
  }
}

/** What every `TypeError` and `RangeError` for a wrong argument carries. */
export interface WalArgumentError extends Error {
  readonly code: 'WAL_INVALID_ARGUMENT'
}

/** Returns a `TypeError` for an argument of the wrong kind. */
export function invalidType(message: string): WalArgumentError {
  return Object.assign(new TypeError(message), { code: 'WAL_INVALID_ARGUMENT' as const })
}

/** Returns a `RangeError` for a number out of its bounds, or a call at the wrong time. */
export function invalidRange(message: string): WalArgumentError {
  return Object.assign(new RangeError(message), { code: 'WAL_INVALID_ARGUMENT' as const })
}
