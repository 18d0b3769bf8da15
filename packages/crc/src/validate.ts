/** Argument checks. The valid case is a few comparisons, so that they may stand in front of a 10 ns loop. */
import { outOfRange, wrongType } from './errors.ts'

/** Throws unless `data` is a `Uint8Array` (of any realm) and `[start, end)` lies inside it. */
export function checkRange(data: Uint8Array, start: number, end: number): void {
  if (!(data instanceof Uint8Array)) checkForeignBytes(data)
  // One comparison chain that also fails for NaN; the smi test rejects fractions without a call.
  if ((start | 0) === start && (end | 0) === end && start >= 0 && start <= end && end <= data.length) return
  checkRangeSlowly(data, start, end)
}

export function checkBytes(data: Uint8Array): void {
  if (!(data instanceof Uint8Array)) checkForeignBytes(data)
}

/** Throws unless `crc` is an unsigned 32-bit integer. */
export function checkCrc(crc: number, name: string): void {
  if (crc >>> 0 === crc) return
  if (typeof crc !== 'number') throw wrongType(`${name} must be a number, got ${describe(crc)}`)
  const hint = (crc | 0) === crc ? `; a signed CRC becomes an unsigned one with \`${name} >>> 0\`` : ''
  throw outOfRange(`${name} must be an integer from 0 to 4294967295, got ${crc}${hint}`)
}

/** Throws unless `value` is a safe integer of at least 0. */
export function checkCount(value: number, name: string): void {
  if (typeof value !== 'number') throw wrongType(`${name} must be a number, got ${describe(value)}`)
  if (!Number.isSafeInteger(value) || value < 0) {
    throw outOfRange(`${name} must be an integer from 0 to ${Number.MAX_SAFE_INTEGER}, got ${value}`)
  }
}

const typeTag = /* @__PURE__ */ (() =>
  Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), Symbol.toStringTag)?.get)()

/** `instanceof` fails for bytes made in another realm (an iframe, `node:vm`); their internal slot still tells. */
function checkForeignBytes(data: unknown): void {
  if (typeTag?.call(data) !== 'Uint8Array') throw wrongType(`data must be a Uint8Array, got ${describe(data)}`)
}

function checkRangeSlowly(data: Uint8Array, start: number, end: number): void {
  checkCount(start, 'start')
  checkCount(end, 'end')
  if (start > end || end > data.length) {
    throw outOfRange(`range ${start} to ${end} must lie inside the ${data.length} bytes of data, start before end`)
  }
}

function describe(value: unknown): string {
  if (typeof value !== 'object' || value === null) return value === null ? 'null' : typeof value
  const name: unknown = value.constructor?.name
  return typeof name === 'string' && name !== '' ? name : 'object'
}
