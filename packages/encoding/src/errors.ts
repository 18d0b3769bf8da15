/** What is wrong with bytes that were to be decoded. */
export type EncodingErrorCode =
  /** The bytes end before the record or entry that starts at `offset` does. */
  | 'ENCODING_TRUNCATED'
  /** The checksum does not match: some byte of the record is not what was written. */
  | 'ENCODING_CORRUPT'
  /** A sequence number, timestamp or block offset over 2^53 - 1, which a JavaScript number cannot hold exactly. */
  | 'ENCODING_OUT_OF_RANGE'
  /** The record's kind is not one that this version knows; a later version may. */
  | 'ENCODING_UNKNOWN_KIND'

/** Bytes that cannot be decoded. `offset` is where the bad record or entry starts in the bytes that were passed. */
export class EncodingError extends Error {
  override readonly name: string = 'EncodingError'
  readonly code: EncodingErrorCode
  readonly offset: number

  constructor(code: EncodingErrorCode, message: string, offset: number) {
    super(message)
    this.code = code
    this.offset = offset
  }
}

export function truncated(what: string, at: number, size: number, room: number): EncodingError {
  const message = `the ${what} at offset ${at} needs at least ${size} bytes and has ${room}: cut off, or its length is damaged`
  return new EncodingError('ENCODING_TRUNCATED', message, at)
}

export function corrupt(at: number): EncodingError {
  return new EncodingError('ENCODING_CORRUPT', `the record at offset ${at} does not match its checksum`, at)
}

export function outOfRange(what: string, at: number): EncodingError {
  return new EncodingError('ENCODING_OUT_OF_RANGE', `the ${what} at offset ${at} holds a number over 2^53 - 1`, at)
}

/** What every `TypeError` and `RangeError` for a wrong argument carries. */
export interface EncodingArgumentError extends Error {
  readonly code: 'ENCODING_INVALID_ARGUMENT'
}

function asArgumentError(error: Error): EncodingArgumentError {
  return Object.assign(error, { code: 'ENCODING_INVALID_ARGUMENT' } as const)
}

export function rangeError(message: string): EncodingArgumentError {
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

/** Throws unless `0 <= start <= end <= bytes.length`, all integers. */
export function checkRange(bytes: Uint8Array, start: number, end: number): void {
  checkBytes(bytes, 'bytes')
  const integers =
    // Offsets below 4 GiB first, without a call: these checks stand in front of reads of 5 to 10 ns.
    (isUint32(start) && isUint32(end)) || (Number.isInteger(start) && Number.isInteger(end))
  if (integers && start >= 0 && start <= end && end <= bytes.length) return
  throw rangeError(`[${shown(start)}, ${shown(end)}) is not a range inside ${bytes.length} bytes`)
}

/** Whether `value` is an integer from 0 to 2^53 - 1. Number.isSafeInteger took 3 ns more. */
export function isUint53(value: number): boolean {
  return typeof value === 'number' && value >= 0 && value <= Number.MAX_SAFE_INTEGER && Math.floor(value) === value
}

/** Whether `value` is an integer from 0 to 2^32 - 1. */
export function isUint32(value: number): boolean {
  return typeof value === 'number' && value >>> 0 === value
}

export function checkNumber(value: number, name: string): void {
  if (!isUint53(value)) throw rangeError(`${name} must be an integer from 0 to 2^53 - 1, not ${shown(value)}`)
}

export function checkLength(value: number, name: string): void {
  if (!isUint32(value)) throw rangeError(`${name} must be an integer from 0 to 2^32 - 1, not ${shown(value)}`)
}

/** A value as text. An object's own `toString` may throw, or not be there. */
export function shown(value: unknown): string {
  return typeof value === 'object' || typeof value === 'function' ? typeof value : String(value)
}
