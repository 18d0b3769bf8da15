/** Argument checks: one `instanceof` and a few comparisons where everything is right. */
import { misuse } from './errors.ts'

/** Throws unless `bytes` is a `Uint8Array`, of whatever realm. */
export function checkBytes(bytes: Uint8Array, name: string): void {
  if (bytes instanceof Uint8Array) return
  if (!ArrayBuffer.isView(bytes) || (bytes as Uint8Array)[Symbol.toStringTag] !== 'Uint8Array') {
    throw misuse(TypeError, `${name} must be a Uint8Array`)
  }
}

/** Throws unless `value` is an integer from `least` to `most`. */
export function checkInteger(value: number, name: string, least: number, most: number): void {
  if (typeof value !== 'number') throw misuse(TypeError, `${name} must be a number, got ${typeof value}`)
  if (!Number.isInteger(value) || value < least || value > most) {
    throw misuse(RangeError, `${name} must be an integer from ${least} to ${most}, got ${value}`)
  }
}

/** Throws unless `words` is an `Int32Array` with a hash, two words, at `at`. */
export function checkHash(words: Int32Array, at: number): void {
  if (!(words instanceof Int32Array)) throw misuse(TypeError, 'a hash lies in an Int32Array')
  checkInteger(at, 'at', 0, words.length - 2)
}
