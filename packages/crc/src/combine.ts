/**
 * The CRC of two pieces joined, from the CRCs of the pieces: Mark Adler's method in zlib (`crc32_combine`).
 * Appending `n` zero bytes multiplies the register, read as a polynomial over GF(2), by x^(8n) modulo the CRC's own.
 */
import { checkCount, checkCrc } from './validate.ts'

/** x^0 in the reflected order of the CRC, where the top bit is the lowest power. */
const ONE = 0x80000000
/** x^8, one byte of zeros. */
const BYTE = 0x00800000

/**
 * Returns the CRC-32 of `a` followed by `b`, given `crcA` of `a`, `crcB` of `b` and the bytes in `b`: for pieces
 * summed in parallel or apart. O(log lengthB), about a microsecond.
 *
 * @throws {TypeError | RangeError} `CRC_INVALID_ARGUMENT`
 */
export function combine(crcA: number, crcB: number, lengthB: number): number {
  checkCrc(crcA, 'crcA')
  checkCrc(crcB, 'crcB')
  checkCount(lengthB, 'lengthB')
  let shift = ONE
  let power = BYTE
  // Lengths go beyond 32 bits, so they are halved by division, not by a shift.
  for (let rest = lengthB; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) shift = multiply(shift, power)
    power = multiply(power, power)
  }
  return (multiply(crcA, shift) ^ crcB) >>> 0
}

/** Multiplies two polynomials modulo the CRC's polynomial. */
function multiply(a: number, b: number): number {
  let product = 0
  for (let bit = 31; bit >= 0; bit--) {
    if ((a >>> bit) & 1) product ^= b
    b = b & 1 ? (b >>> 1) ^ 0xedb88320 : b >>> 1
  }
  return product
}
