import { readFileSync } from 'node:fs'
import { SparseIndex } from '../src/index.ts'

/** Uint8Arrays of their own, not Buffers: `toEqual` tells the two apart. */
export function fromHex(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex, 'hex'))
}

export function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

export interface PlainEntry {
  readonly key: Uint8Array
  readonly offset: number
}

export function build(entries: Iterable<PlainEntry>): SparseIndex {
  const index = new SparseIndex()
  for (const { key, offset } of entries) index.add(key, offset)
  return index
}

/** `[key, offset | null]`: what the reference answers. */
type Answer = readonly [key: string, offset: number | null]

export interface IndexCase {
  readonly entries: readonly (readonly [key: string, offset: number])[]
  readonly bytes: string
  readonly floor: readonly Answer[]
  readonly ceil: readonly Answer[]
  readonly nextAfter: readonly (readonly [offset: number, next: number | null])[]
}

export function readVectors(): readonly IndexCase[] {
  const text = readFileSync(new URL('./vectors/sparse-index.json', import.meta.url), 'utf8')
  return (JSON.parse(text) as { cases: IndexCase[] }).cases
}

/** What `golden/v1/index.bin` holds. The file is rewritten by `write-golden.ts` and by nothing else. */
export const GOLDEN_ENTRIES: readonly PlainEntry[] = [
  { key: utf8(''), offset: 0 },
  { key: utf8('user:1'), offset: 4096 },
  { key: utf8('user:1\0'), offset: 4097 },
  { key: utf8('user:10'), offset: 2 ** 32 },
  { key: fromHex('ff'.repeat(300)), offset: Number.MAX_SAFE_INTEGER },
]
