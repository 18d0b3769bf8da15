/** What a table refuses although the arguments are well formed. */
export type MemtableErrorCode =
  /** The table was frozen: write to the table that takes its place. */
  | 'MEMTABLE_FROZEN'
  /** A sequence number that is not greater than every one before it in this table. */
  | 'MEMTABLE_SEQ_NOT_ASCENDING'
  /** No memory for the next entry, or more entries than a table can address (about 16 GiB). The table is unchanged. */
  | 'MEMTABLE_FULL'
  /** `share()` of a table that still takes writes. */
  | 'MEMTABLE_NOT_FROZEN'
  /** What was to be opened is not what `share()` returned, or is of another version of this package. */
  | 'MEMTABLE_NOT_SHARED'

export class MemtableError extends Error {
  override readonly name: string = 'MemtableError'
  readonly code: MemtableErrorCode

  constructor(code: MemtableErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options)
    this.code = code
  }
}

/** What every `TypeError` and `RangeError` for a wrong argument carries. */
export interface MemtableArgumentError extends Error {
  readonly code: 'MEMTABLE_INVALID_ARGUMENT'
}

function asArgumentError(error: Error): MemtableArgumentError {
  return Object.assign(error, { code: 'MEMTABLE_INVALID_ARGUMENT' } as const)
}

export function rangeError(message: string): MemtableArgumentError {
  return asArgumentError(new RangeError(message))
}

export function typeError(message: string): MemtableArgumentError {
  return asArgumentError(new TypeError(message))
}

/** Throws unless `bytes` is a `Uint8Array`, one from another realm included. */
export function checkBytes(bytes: unknown, name: string): asserts bytes is Uint8Array {
  if (bytes instanceof Uint8Array || Object.prototype.toString.call(bytes) === '[object Uint8Array]') return
  throw typeError(`${name} must be a Uint8Array`)
}

export function checkObject(value: unknown, name: string): void {
  if (typeof value !== 'object' || value === null) throw typeError(`${name} must be an object`)
}

/** Throws unless `value` is an integer from 0 to 2^53 - 1. */
export function checkNumber(value: unknown, name: string): asserts value is number {
  if (Number.isSafeInteger(value) && (value as number) >= 0) return
  // Only numbers are shown: not everything can be made a string.
  const shown = typeof value === 'number' ? value : typeof value
  throw rangeError(`${name} must be an integer from 0 to 2^53 - 1, not ${shown}`)
}

/** Throws unless `value` is a number from 0 up; `Infinity` stands for "all there is". */
export function checkVisibleSeq(value: unknown): asserts value is number {
  if (typeof value === 'number' && value >= 0) return
  throw rangeError('visibleSeq must be a number from 0 up')
}
