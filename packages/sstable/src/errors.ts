/** The one error class of the package, and the misuse errors that carry a code of their own. */

export type SSTableErrorCode =
  /** Bytes that no writer wrote: damaged, cut off, swapped with another file's, or stale. */
  | 'SSTABLE_CORRUPT'
  /** Written by a newer release. */
  | 'SSTABLE_UNSUPPORTED_FORMAT'
  /** A block is compressed in a way that this runtime or this reader lacks. */
  | 'SSTABLE_UNSUPPORTED_COMPRESSION'
  /** There is no such file. */
  | 'SSTABLE_NOT_FOUND'
  /** The reader, cursor or writer was closed. */
  | 'SSTABLE_CLOSED'
  /** A block, filter or index larger than the format allows. */
  | 'SSTABLE_TOO_LARGE'
  /** An earlier write of this file failed, as `cause` says: abandon it. */
  | 'SSTABLE_FAILED'

/** Where it happened, and why. */
export interface SSTableErrorContext {
  readonly file?: string | undefined
  /** In the file. */
  readonly offset?: number | undefined
  readonly cause?: unknown
}

/** What went wrong with a table: `code` for programs, `message`, `file` and `offset` for people. */
export class SSTableError extends Error {
  override readonly name: string = 'SSTableError'
  readonly code: SSTableErrorCode
  readonly file: string | undefined
  readonly offset: number | undefined

  constructor(code: SSTableErrorCode, message: string, context: SSTableErrorContext = {}) {
    super(message, context.cause === undefined ? undefined : { cause: context.cause })
    this.code = code
    this.file = context.file
    this.offset = context.offset
  }
}

/** Returns the error for bytes of `file` that are not as they were written. */
export function corrupt(file: string, offset: number, what: string, cause?: unknown): SSTableError {
  const message = `${file} is damaged at offset ${offset}: ${what}`
  return new SSTableError('SSTABLE_CORRUPT', message, { file, offset, cause })
}

/** What every `TypeError` and `RangeError` for a wrong argument carries. */
export interface SSTableArgumentError extends Error {
  /** `SSTABLE_UNSORTED`: a record that does not come after the one before it. */
  readonly code: 'SSTABLE_INVALID_ARGUMENT' | 'SSTABLE_UNSORTED'
}

/** Returns a `TypeError` for an argument of the wrong kind. */
export function invalidType(message: string): SSTableArgumentError {
  return Object.assign(new TypeError(message), { code: 'SSTABLE_INVALID_ARGUMENT' as const })
}

/** Returns a `RangeError` for a number out of its bounds, or a call at the wrong time. */
export function invalidRange(message: string): SSTableArgumentError {
  return Object.assign(new RangeError(message), { code: 'SSTABLE_INVALID_ARGUMENT' as const })
}

/** Returns the `RangeError` for input out of order. */
export function unsorted(message: string): SSTableArgumentError {
  return Object.assign(new RangeError(message), { code: 'SSTABLE_UNSORTED' as const })
}

/** Throws unless `bytes` is a `Uint8Array`, one from another realm included. */
export function checkBytes(bytes: unknown, name: string): asserts bytes is Uint8Array {
  if (bytes instanceof Uint8Array || Object.prototype.toString.call(bytes) === '[object Uint8Array]') return
  throw invalidType(`${name} must be a Uint8Array`)
}

/** Throws unless `bytes` are the 16 of an id. */
export function checkId(bytes: unknown, name: string): asserts bytes is Uint8Array {
  checkBytes(bytes, name)
  if (bytes.length !== 16) throw invalidType(`${name} must be 16 bytes, not ${bytes.length}`)
}

/** Throws unless `value` is an integer from 0 to `max`. */
export function checkInteger(value: unknown, name: string, max: number = Number.MAX_SAFE_INTEGER): void {
  if (Number.isInteger(value) && (value as number) >= 0 && (value as number) <= max) return
  throw invalidRange(`${name} must be an integer from 0 to ${max}, not ${String(value)}`)
}

/** Throws unless `value` is a number from 0 up; `Infinity` stands for "all there is". */
export function checkVisibleSeq(value: unknown): void {
  if (typeof value === 'number' && value >= 0) return
  throw invalidRange(`visibleSeq must be a number from 0 up, not ${String(value)}`)
}

/** Throws unless `options` is an object. */
export function checkOptions(options: unknown): void {
  if (typeof options !== 'object' || options === null) throw invalidType('options must be an object')
}
