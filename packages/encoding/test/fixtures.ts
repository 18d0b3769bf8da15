import { readFileSync } from 'node:fs'
import { encodeRecord, RECORD_KIND, type RecordKind } from '../src/index.ts'

export function readVectors<Case>(name: string): readonly Case[] {
  const text = readFileSync(new URL(`./vectors/${name}.json`, import.meta.url), 'utf8')
  return (JSON.parse(text) as { cases: Case[] }).cases
}

/** Uint8Arrays of their own, not Buffers: `toEqual` tells the two apart. */
export function fromHex(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex, 'hex'))
}

export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

export function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

export function concat(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

export interface PlainRecord {
  readonly key: Uint8Array
  readonly seq: number
  readonly timestampMs: number
  readonly value: Uint8Array
  readonly kind: RecordKind
}

export function encodeAll(records: readonly PlainRecord[]): Uint8Array {
  return concat(records.map((r) => encodeRecord(r.key, r.seq, r.timestampMs, r.value, r.kind)))
}

/** What `golden/v1/block.bin` holds. The file is rewritten by `write-golden.ts` and by nothing else. */
export const GOLDEN_RECORDS: readonly PlainRecord[] = [
  { key: utf8(''), seq: 0, timestampMs: 0, value: utf8(''), kind: RECORD_KIND.value },
  { key: utf8('apple'), seq: 7, timestampMs: 1_700_000_000_000, value: utf8('green'), kind: RECORD_KIND.value },
  { key: utf8('apple'), seq: 6, timestampMs: 1_699_999_999_999, value: utf8(''), kind: RECORD_KIND.tombstone },
  { key: utf8('b'), seq: 2 ** 32, timestampMs: 2 ** 32, value: utf8('d'), kind: RECORD_KIND.rangeTombstone },
  {
    key: Uint8Array.from({ length: 256 }, (_, i) => i),
    seq: Number.MAX_SAFE_INTEGER,
    timestampMs: Number.MAX_SAFE_INTEGER,
    value: Uint8Array.from({ length: 600 }, (_, i) => (i * 7) & 255),
    kind: RECORD_KIND.value,
  },
]

/** What `golden/v1/index-entries.bin` holds. */
export const GOLDEN_ENTRIES: readonly { readonly key: Uint8Array; readonly offset: number }[] = [
  { key: utf8(''), offset: 0 },
  { key: utf8('apple'), offset: 4096 },
  { key: utf8('apple\0'), offset: 2 ** 32 + 1 },
  { key: fromHex('ff'), offset: Number.MAX_SAFE_INTEGER },
]
