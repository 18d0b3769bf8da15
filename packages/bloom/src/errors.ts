/**
 * What this package throws. Bytes that are no filter are a `BloomError`; a call that can never be right is the
 * platform's own `TypeError` or `RangeError` with a `code`.
 */

/**
 * `BLOOM_TRUNCATED`: the bytes end before the header says so. `BLOOM_CORRUPT`: they contradict their checksum or
 * themselves. `BLOOM_UNSUPPORTED_SCHEME`: they are whole, and of a hashing scheme that this version does not know.
 */
export type BloomErrorCode = 'BLOOM_TRUNCATED' | 'BLOOM_CORRUPT' | 'BLOOM_UNSUPPORTED_SCHEME'

/** Bytes that cannot be read as a filter. */
export class BloomError extends Error {
  override readonly name = 'BloomError'
  readonly code: BloomErrorCode
  /** Where in the bytes the trouble is. */
  readonly offset: number

  constructor(code: BloomErrorCode, message: string, offset: number) {
    super(message)
    this.code = code
    this.offset = offset
  }
}

/** The `code` of every `TypeError` and `RangeError` that this package throws. */
export type InvalidArgumentCode = 'BLOOM_INVALID_ARGUMENT'

/** Returns an error of the platform's class `Type` that carries the code. */
export function misuse(Type: ErrorConstructor, message: string): Error & { code: InvalidArgumentCode } {
  return Object.assign(new Type(message), { code: 'BLOOM_INVALID_ARGUMENT' as const })
}
