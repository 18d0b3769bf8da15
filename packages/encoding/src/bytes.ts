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

/** Writes an integer from 0 to 2^53 - 1 as eight bytes; `top` goes into the first one, which the integer leaves 0. */
export function writeUint53(bytes: Uint8Array, at: number, value: number, top: number): void {
  writeUint32(bytes, at, Math.floor(value / TWO_POW_32) + top * 0x1000000)
  writeUint32(bytes, at + 4, value)
}
