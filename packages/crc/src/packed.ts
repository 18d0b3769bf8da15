/**
 * A checksum as bytes:
 *
 * ```
 * +--------+--------+--------+--------+
 * | 31..24 | 23..16 | 15..8  | 7..0   |   u32, big-endian
 * +--------+--------+--------+--------+
 * ```
 */
import { CrcError } from './errors.ts'
import { checkBytes, checkCrc, checkInteger } from './validate.ts'

/** Bytes in a packed checksum. */
export const PACKED_BYTES = 4

/**
 * Returns `crc` as four bytes, big-endian, in a new array that the caller owns.
 *
 * @throws {TypeError | RangeError} `CRC_INVALID_ARGUMENT` for a `crc` that is no unsigned 32-bit integer.
 */
export function pack(crc: number): Uint8Array {
  const bytes = new Uint8Array(PACKED_BYTES)
  packInto(crc, bytes, 0)
  return bytes
}

/**
 * Writes `crc` as four bytes, big-endian, at `target[offset]`, and returns the offset behind them.
 *
 * @throws {TypeError | RangeError} `CRC_INVALID_ARGUMENT`, before a byte is written, where they do not fit.
 */
export function packInto(crc: number, target: Uint8Array, offset: number): number {
  checkCrc(crc, 'crc')
  checkBytes(target)
  checkInteger(offset, 'offset', target.length - PACKED_BYTES)
  target[offset] = crc >>> 24
  target[offset + 1] = crc >>> 16
  target[offset + 2] = crc >>> 8
  target[offset + 3] = crc
  return offset + PACKED_BYTES
}

/**
 * Returns the checksum that lies as four bytes, big-endian, at `data[offset]`. `data` is borrowed for the call.
 *
 * @throws {CrcError} `CRC_TRUNCATED` when fewer than four bytes lie there.
 * @throws {TypeError | RangeError} `CRC_INVALID_ARGUMENT` for wrong arguments.
 */
export function unpack(data: Uint8Array, offset: number = 0): number {
  checkBytes(data)
  checkInteger(offset, 'offset', Number.MAX_SAFE_INTEGER)
  if (offset > data.length - PACKED_BYTES) {
    throw new CrcError('CRC_TRUNCATED', `a CRC needs 4 bytes at ${offset}, the data ends at ${data.length}`, offset)
  }
  return ((data[offset]! << 24) | (data[offset + 1]! << 16) | (data[offset + 2]! << 8) | data[offset + 3]!) >>> 0
}
