/** What a set refuses although the arguments are well formed. */
export type RangeTombstoneErrorCode =
  /** A tombstone added with a smaller sequence number than one before it. The set is unchanged. */
  'RANGE_TOMBSTONES_SEQ_DESCENDING'

export class RangeTombstoneError extends Error {
  override readonly name: string = 'RangeTombstoneError'
  readonly code: RangeTombstoneErrorCode

  constructor(code: RangeTombstoneErrorCode, message: string) {
    super(message)
    this.code = code
  }
}

/** What every `TypeError` and `RangeError` for a wrong argument carries. */
export interface RangeTombstoneArgumentError extends Error {
  readonly code: 'RANGE_TOMBSTONES_INVALID_ARGUMENT'
}

/** Returns an error of the platform's class `Type` that carries the code. */
export function misuse(Type: ErrorConstructor, message: string): RangeTombstoneArgumentError {
  return Object.assign(new Type(message), { code: 'RANGE_TOMBSTONES_INVALID_ARGUMENT' as const })
}

/** Throws unless `bytes` is a `Uint8Array`, one from another realm included. */
export function checkBytes(bytes: unknown, name: string): void {
  if (bytes instanceof Uint8Array || Object.prototype.toString.call(bytes) === '[object Uint8Array]') return
  throw misuse(TypeError, `${name} must be a Uint8Array`)
}

/** Throws unless `value` is a number from 0 up; `Infinity` stands for "all there is". */
export function checkVisibleSeq(value: unknown): void {
  if (typeof value === 'number' && value >= 0) return
  throw misuse(RangeError, 'visibleSeq must be a number from 0 up')
}
