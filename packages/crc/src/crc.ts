/**
 * CRC-32 as in gzip, PNG and Ethernet (CRC-32/ISO-HDLC): polynomial 0x04C11DB7 reflected, initial value and final
 * XOR 0xFFFFFFFF. Every checksum in and out is an unsigned 32-bit integer.
 */
import { extendInLoop } from './loop.ts'
import { nativeCrc32 } from './native.ts'
import { checkCrc, checkRange } from './validate.ts'

/**
 * From here on the runtime's function wins over the loop: crossing into it costs 40 to 130 ns, which the loop needs
 * for about 300 bytes (measured on Node.js 20, x86-64). A part of an array needs a `subarray`, some 40 ns more.
 */
const NATIVE_FROM_BYTES = 320
const NATIVE_PART_FROM_BYTES = 512

/**
 * Returns the CRC-32 of `data[start, end)`, by default of all of it. `data` is borrowed for the call.
 * The range is an argument so that a caller need not make a `subarray`, which costs more than the checksum of a
 * short record. O(end - start), allocates nothing below 512 bytes.
 *
 * @throws {TypeError | RangeError} `CRC_INVALID_ARGUMENT` unless `0 <= start <= end <= data.length`.
 */
export function compute(data: Uint8Array, start: number = 0, end: number = data.length): number {
  checkRange(data, start, end)
  return run(0, data, start, end)
}

/**
 * Returns the CRC-32 of the bytes that `crc` covers followed by `data[start, end)`:
 * `extend(compute(a), b)` equals `compute` of `a` and `b` joined. `data` is borrowed for the call.
 *
 * @throws {TypeError | RangeError} `CRC_INVALID_ARGUMENT` for a `crc` that is no unsigned 32-bit integer or a range
 * outside `data`.
 */
export function extend(crc: number, data: Uint8Array, start: number = 0, end: number = data.length): number {
  checkCrc(crc, 'crc')
  checkRange(data, start, end)
  return run(crc, data, start, end)
}

/**
 * Returns whether the CRC-32 of `data[start, end)` is `expectedCrc`.
 *
 * @throws {TypeError | RangeError} `CRC_INVALID_ARGUMENT`; a signed `expectedCrc` is refused rather than never equal.
 */
export function verify(data: Uint8Array, expectedCrc: number, start: number = 0, end: number = data.length): boolean {
  checkCrc(expectedCrc, 'expectedCrc')
  checkRange(data, start, end)
  return run(0, data, start, end) === expectedCrc
}

function run(crc: number, data: Uint8Array, start: number, end: number): number {
  const length = end - start
  if (length < NATIVE_FROM_BYTES) return extendInLoop(crc, data, start, end)
  return runLong(crc, data, start, end)
}

function runLong(crc: number, data: Uint8Array, start: number, end: number): number {
  const native = nativeCrc32()
  const length = end - start
  const whole = length === data.length
  if (native === null || (!whole && length < NATIVE_PART_FROM_BYTES)) return extendInLoop(crc, data, start, end)
  return native(whole ? data : data.subarray(start, end), crc)
}
