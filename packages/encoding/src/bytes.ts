/**
 * Big-endian numbers in a Uint8Array, for writers and for single reads: a DataView pays off only when it is kept,
 * as the cursors keep theirs.
 */
export const TWO_POW_32 = 4294967296
/** The upper four bytes of 2^53 - 1. */
export const HIGHEST_UPPER_WORD = 0x1fffff

export function readUint32(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0
}

export function writeUint32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24
  bytes[at + 1] = value >>> 16
  bytes[at + 2] = value >>> 8
  bytes[at + 3] = value
}

/** The upper four bytes of an integer from 0 to 2^53 - 1; `writeUint32` takes the integer itself for the lower four. */
export function upperWord(value: number): number {
  return Math.floor(value / TWO_POW_32)
}
