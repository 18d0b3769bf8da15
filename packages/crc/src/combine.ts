/**
 * The CRC of two pieces joined, from the CRCs of the pieces: Mark Adler's method in zlib (`crc32_combine`).
 * Appending `n` zero bytes multiplies the register, read as a polynomial over GF(2), by x^(8n) modulo the CRC's own.
 */
import { checkCrc, checkInteger } from './validate.ts'

/** x^8, one byte of zeros, in the reflected order of the CRC: the top bit is x^0. */
const ONE_BYTE = 0x00800000

/**
 * Returns the CRC-32 of `a` followed by `b`, given `crcA` of `a`, `crcB` of `b` and the bytes in `b`: for pieces
 * summed in parallel or apart. O(log lengthB), about a microsecond.
 *
 * @throws {TypeError | RangeError} `CRC_INVALID_ARGUMENT`
 */
export function combine(crcA: number, crcB: number, lengthB: number): number {
  checkCrc(crcA, 'crcA')
  checkCrc(crcB, 'crcB')
  checkInteger(lengthB, 'lengthB', Number.MAX_SAFE_INTEGER)
  let shifted = crcA
  let power = ONE_BYTE
  // Lengths go beyond 32 bits, so they are halved by division, not by a shift.
  for (let rest = lengthB; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) shifted = multiply(shifted, power)
    power = multiply(power, power)
  }
  return (shifted ^ crcB) >>> 0
}

/** Multiplies two polynomials modulo the CRC's polynomial. */
function multiply(a: number, b: number): number {
  let product = 0
  for (let bit = 31; bit >= 0; bit--) {
    product ^= -((a >>> bit) & 1) & b
    b = (b >>> 1) ^ (-(b & 1) & 0xedb88320)
  }
  return product
}
