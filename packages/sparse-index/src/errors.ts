/** What is wrong with an index. */
export type SparseIndexErrorCode =
  /** Fewer bytes or entries than an index has, or an empty one that may be the start of another. */
  | 'SPARSE_INDEX_TRUNCATED'
  /** The checksum does not match, or the bytes that it covers are no index entries. */
  | 'SPARSE_INDEX_CORRUPT'
  /** A key or an offset that does not come after the one before it. */
  | 'SPARSE_INDEX_UNSORTED'

/**
 * Bytes that are no index, or an entry added out of order. `offset` is where the trouble starts in the bytes passed,
 * `undefined` for an added entry. `cause` is the decoder's error where there is one.
 */
export class SparseIndexError extends Error {
  override readonly name: string = 'SparseIndexError'
  readonly code: SparseIndexErrorCode
  readonly offset: number | undefined

  constructor(code: SparseIndexErrorCode, message: string, offset?: number, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
    this.offset = offset
  }
}

/** What every `TypeError` and `RangeError` for a wrong argument carries. */
export interface SparseIndexArgumentError extends Error {
  readonly code: 'SPARSE_INDEX_INVALID_ARGUMENT'
}

function asArgumentError(error: Error): SparseIndexArgumentError {
  return Object.assign(error, { code: 'SPARSE_INDEX_INVALID_ARGUMENT' } as const)
}

export function rangeError(message: string): SparseIndexArgumentError {
  return asArgumentError(new RangeError(message))
}

const typeTag = /* @__PURE__ */ (() =>
  Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), Symbol.toStringTag)?.get)()

/** Throws unless `bytes` is a `Uint8Array`. */
export function checkBytes(bytes: Uint8Array, name: string): void {
  if (!(bytes instanceof Uint8Array)) checkForeignBytes(bytes, name)
}

/** Bytes made in another realm have another prototype and the same tag. */
function checkForeignBytes(bytes: unknown, name: string): void {
  if (typeTag?.call(bytes) !== 'Uint8Array') throw asArgumentError(new TypeError(`${name} must be a Uint8Array`))
}

/** Throws unless `value` is an integer from 0 to 2^53 - 1. */
export function checkNumber(value: number, name: string): void {
  if (Number.isSafeInteger(value) && value >= 0) return
  throw rangeError(`${name} must be an integer from 0 to 2^53 - 1, not ${shown(value)}`)
}

/** A value as text. An object's own `toString` may throw, or not be there. */
export function shown(value: unknown): string {
  return typeof value === 'object' || typeof value === 'function' ? typeof value : String(value)
}
