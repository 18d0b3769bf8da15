/**
 * What this package throws. Bytes that cannot hold a checksum are a `CrcError`; a call that can never be right is
 * the platform's own `TypeError` or `RangeError` with a `code`.
 */

/** `CRC_TRUNCATED`: the four bytes of a packed checksum do not all lie inside the data. */
export type CrcErrorCode = 'CRC_TRUNCATED'

/** Data that cannot be read as asked. */
export class CrcError extends Error {
  override readonly name = 'CrcError'
  readonly code: CrcErrorCode
  /** Where in the data the reading started. */
  readonly offset: number

  constructor(code: CrcErrorCode, message: string, offset: number) {
    super(message)
    this.code = code
    this.offset = offset
  }
}

/** The `code` of every `TypeError` and `RangeError` that this package throws. */
export type InvalidArgumentCode = 'CRC_INVALID_ARGUMENT'

/** Returns an error of the platform's class `Type` that carries the code. */
export function misuse(Type: ErrorConstructor, message: string): Error & { code: InvalidArgumentCode } {
  return Object.assign(new Type(message), { code: 'CRC_INVALID_ARGUMENT' as const })
}
