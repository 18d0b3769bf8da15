/** Argument checks. The valid case is a few comparisons, so that they may stand in front of a 10 ns loop. */
import { misuse } from './errors.ts'

/** Throws unless `data` is a `Uint8Array`, of whatever realm. */
export function checkBytes(data: Uint8Array): void {
  if (!(data instanceof Uint8Array)) checkForeignBytes(data)
}

/** Throws unless `0 <= start <= end <= length`, all integers. */
export function checkRange(length: number, start: number, end: number): void {
  checkInteger(end, 'end', length)
  checkInteger(start, 'start', end)
}

/** Throws unless `crc` is an unsigned 32-bit integer. */
export function checkCrc(crc: number, name: string): void {
  checkInteger(crc, name, 0xffffffff)
}

/** Throws unless `value` is an integer from 0 to `most`. */
export function checkInteger(value: number, name: string, most: number): void {
  if (typeof value !== 'number') throw misuse(TypeError, `${name} must be a number, got ${typeof value}`)
  if (!Number.isInteger(value) || value < 0 || value > most) {
    throw misuse(RangeError, `${name} must be an integer from 0 to ${most}, got ${value}`)
  }
}

/** `instanceof` fails for bytes made in another realm (an iframe, `node:vm`). */
function checkForeignBytes(data: unknown): void {
  if (!ArrayBuffer.isView(data) || (data as Uint8Array)[Symbol.toStringTag] !== 'Uint8Array') {
    throw misuse(TypeError, 'data must be a Uint8Array')
  }
}
