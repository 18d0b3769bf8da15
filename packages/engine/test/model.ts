/**
 * What a store must answer, from a sorted array: the model of the property tests, and the operations they are made of.
 * Operations are plain data, so that a counterexample can be saved and run again.
 */
import { compareBytes } from '@lsm/encoding'
import type { Bytes, Entry, Range } from '../src/index.ts'

const text = new TextEncoder()

/** The keys of every test, by number: few, so that operations meet; strange, so that bounds are. */
export const KEYS: readonly Uint8Array[] = [
  ...['', 'a', 'a\0', 'aa', 'ab', 'abc', 'b', 'ba', 'c', 'ä', '\0', '\0\0'].map((each) => text.encode(each)),
  // As long as a bound in a manifest may be, longer, and longer with the same beginning.
  ...[63, 64, 65, 70].map((length) => text.encode('k'.repeat(length))),
  ...['a', 'b', 'ba'].map((end) => text.encode('k'.repeat(70) + end)),
  // No key has a prefix's successor behind nothing but ff.
  ...[1, 2, 64, 65, 100].map((length) => new Uint8Array(length).fill(0xff)),
  Uint8Array.of(0x61, 0xff),
  Uint8Array.of(0x61, 0xff, 0xff),
  Uint8Array.of(0xff, 0x00),
  Uint8Array.of(0xfe),
  ...Array.from({ length: 32 }, (_, i) => text.encode(`n${String(i).padStart(3, '0')}`)),
]

/** The first of the keys that a `fill` goes through. */
const FIRST_NUMBERED = KEYS.length - 32

/** A range by numbers of keys. */
export interface ModelRange {
  readonly lower?: readonly ['gt' | 'gte', number]
  readonly upper?: readonly ['lt' | 'lte', number]
  readonly prefix?: number
}

export interface ModelValue {
  readonly length: number
  /** Makes values of one length differ. */
  readonly tag: number
}

export type ModelWrite =
  | { readonly type: 'put'; readonly key: number; readonly value: ModelValue }
  | { readonly type: 'delete'; readonly key: number }
  | { readonly type: 'deleteRange'; readonly range: ModelRange }

export interface ModelScan {
  readonly range: ModelRange
  readonly reverse: boolean
  readonly limit?: number
}

/** Where a read reads: now, or at the open snapshot of that number (modulo how many there are). */
export type At = number | undefined

export type ModelOperation =
  | ModelWrite
  | { readonly type: 'batch'; readonly writes: readonly ModelWrite[] }
  /** Writes that do not wait for each other. */
  | { readonly type: 'burst'; readonly writes: readonly ModelWrite[] }
  /** Many numbered keys, one after the other. */
  | { readonly type: 'fill'; readonly from: number; readonly count: number; readonly value: ModelValue }
  | { readonly type: 'read'; readonly key: number; readonly at?: At; readonly fillCache?: boolean }
  | { readonly type: 'getMany'; readonly keys: readonly number[]; readonly at?: At }
  | { readonly type: 'scan'; readonly scan: ModelScan; readonly how: ScanKind; readonly at?: At }
  | { readonly type: 'count'; readonly range: ModelRange; readonly at?: At }
  /** A cursor's way: the number of a key to seek, or steps. */
  | { readonly type: 'cursor'; readonly scan: ModelScan; readonly way: readonly CursorMove[]; readonly at?: At }
  | { readonly type: 'snapshot' }
  | { readonly type: 'closeSnapshot'; readonly which: number }
  /** An iterator that stays open while other operations run. */
  | { readonly type: 'iterate'; readonly scan: ModelScan; readonly at?: At }
  | { readonly type: 'step'; readonly which: number; readonly count: number }
  | { readonly type: 'closeIterator'; readonly which: number }
  | { readonly type: 'flush' }
  | { readonly type: 'sync' }
  | { readonly type: 'compact'; readonly range?: ModelRange }
  /** Starts a flush or compaction that the next operations run beside. */
  | { readonly type: 'background'; readonly what: 'flush' | 'compact' }
  | { readonly type: 'turns'; readonly count: number }
  | { readonly type: 'verify' }
  | { readonly type: 'reopen' }

export type ScanKind = 'scan' | 'keys' | 'values' | 'scanSync'
export type CursorMove = { readonly seek: number } | { readonly next: number }

export function keyOf(number: number): Uint8Array {
  return KEYS[number % KEYS.length]!
}

/** The number of the i-th key of a fill. */
export function filledKey(from: number, i: number): number {
  return FIRST_NUMBERED + ((from + i) % 32)
}

export function bytesOfValue({ length, tag }: ModelValue): Uint8Array {
  const bytes = new Uint8Array(length)
  for (let i = 0; i < length; i++) bytes[i] = (tag * 31 + i * (tag & 1 ? 7 : 0)) & 0xff
  return bytes
}

/** The same key or bound as text where it has one, for every other call: strings and bytes are the same keys. */
export function asInput(bytes: Uint8Array, salt: number): Bytes {
  if (salt % 2 === 0 || bytes.includes(0xff) || bytes.includes(0xfe)) return bytes
  return new TextDecoder().decode(bytes)
}

export function rangeInput({ lower, upper, prefix }: ModelRange, salt: number): Range {
  if (prefix !== undefined) return { prefix: asInput(keyOf(prefix), salt) }
  return {
    ...(lower && { [lower[0]]: asInput(keyOf(lower[1]), salt) }),
    ...(upper && { [upper[0]]: asInput(keyOf(upper[1]), salt + 1) }),
  }
}

function isInRange({ lower, upper, prefix }: ModelRange, key: Uint8Array): boolean {
  if (prefix !== undefined) {
    const start = keyOf(prefix)
    return compareBytes(key.subarray(0, start.length), start) === 0
  }
  if (lower !== undefined) {
    const order = compareBytes(key, keyOf(lower[1]))
    if (order < 0 || (order === 0 && lower[0] === 'gt')) return false
  }
  if (upper !== undefined) {
    const order = compareBytes(key, keyOf(upper[1]))
    if (order > 0 || (order === 0 && upper[0] === 'lt')) return false
  }
  return true
}

/** The pairs of a store at one moment, sorted. Never changed: writing makes another. */
export class Model {
  static readonly EMPTY: Model = new Model([])
  readonly #entries: readonly Entry[]

  private constructor(entries: readonly Entry[]) {
    this.#entries = entries
  }

  get size(): number {
    return this.#entries.length
  }

  #indexOf(key: Uint8Array): { readonly index: number; readonly has: boolean } {
    let low = 0
    let high = this.#entries.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (compareBytes(this.#entries[middle]![0], key) < 0) low = middle + 1
      else high = middle
    }
    const entry = this.#entries[low]
    return { index: low, has: entry !== undefined && compareBytes(entry[0], key) === 0 }
  }

  get(key: Uint8Array): Uint8Array | undefined {
    const { index, has } = this.#indexOf(key)
    return has ? this.#entries[index]![1] : undefined
  }

  with(write: ModelWrite): Model {
    if (write.type === 'deleteRange') return new Model(this.#entries.filter(([key]) => !isInRange(write.range, key)))
    const key = keyOf(write.key)
    const { index, has } = this.#indexOf(key)
    const entries = [...this.#entries]
    if (write.type === 'put') entries.splice(index, has ? 1 : 0, [key, bytesOfValue(write.value)])
    else if (has) entries.splice(index, 1)
    return new Model(entries)
  }

  scan({ range, reverse, limit = Number.POSITIVE_INFINITY }: ModelScan): Entry[] {
    const inside = this.#entries.filter(([key]) => isInRange(range, key))
    if (reverse) inside.reverse()
    return inside.slice(0, limit)
  }
}
