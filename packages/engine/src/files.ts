/** The names of a store's files: made and parsed by pattern, never joined from stored text. */
import { parseSegmentFileName, segmentFileName } from '@lsm/wal'

/** What a file of a store's directory is. */
export type StoreFile =
  | { readonly type: 'manifest'; readonly number: number }
  | { readonly type: 'segment'; readonly number: number }
  | { readonly type: 'table'; readonly id: string }

export function manifestFileName(number: number): string {
  return `manifest-${number.toString(16).padStart(16, '0')}`
}

export function tableFileName(id: string): string {
  return `${id}.sst`
}

/** Returns what `name` is, or `undefined` for a name that no store has. */
export function parseFileName(name: string): StoreFile | undefined {
  const segment = parseSegmentFileName(name)
  if (segment !== undefined) return { type: 'segment', number: segment }
  if (/^[0-9a-f]{32}\.sst$/.test(name)) return { type: 'table', id: name.slice(0, 32) }
  if (!/^manifest-[0-9a-f]{16}$/.test(name)) return undefined
  const number = Number.parseInt(name.slice(9), 16)
  return Number.isSafeInteger(number) ? { type: 'manifest', number } : undefined
}

/** 32 lower-case hexadecimal digits for 16 bytes. */
export function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

export function fromHex(digits: string): Uint8Array {
  return Uint8Array.from({ length: digits.length / 2 }, (_, i) => Number.parseInt(digits.slice(i * 2, i * 2 + 2), 16))
}

export { segmentFileName }
