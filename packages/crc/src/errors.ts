/**
 * What this package throws. Bytes that cannot hold a checksum are a `CrcError`; a call that can never be right is
 * the platform's own `TypeError` or `RangeError` with a `code`.
 */

/** `CRC_TRUNCATED`: the four bytes of a packed checksum do not all lie inside the data. */
export type CrcErrorCode = 'CRC_TRUNCATED'

/** Data that cannot be read as asked. */
export class CrcError extends Error {
  override readonly name: string = 'CrcError'
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
export const INVALID_ARGUMENT = 'CRC_INVALID_ARGUMENT'

export function wrongType(message: string): TypeError {
  return Object.assign(new TypeError(message), { code: INVALID_ARGUMENT })
}

export function outOfRange(message: string): RangeError {
  return Object.assign(new RangeError(message), { code: INVALID_ARGUMENT })
}
