import type { FileId } from './cached-file.ts'
import { outOfRange, show, wrongType } from './error.ts'

/** The three tiers: each has a budget and a recency order of its own, so that data blocks never push out filters. */
export type TierName = 'data' | 'index' | 'filter'

/**
 * Why an entry left: `capacity`, it was the least recently used of its tier; `replaced`, another value was put in
 * its place; `removed`, by `delete`, `invalidate` or `clear`.
 */
export type EvictReason = 'capacity' | 'replaced' | 'removed'

/**
 * Budgets of the tiers. A tier with neither budget has its default number of entries; with a byte budget alone it
 * has no limit of entries; with both, both hold. A budget of 0 turns a tier off: nothing is cached in it.
 */
export interface BlockCacheOptions<V> {
  /** Most entries at offsets ≥ 0. Default 64. */
  readonly dataEntries?: number
  /** Most entries at offset -2. Default 64. */
  readonly indexEntries?: number
  /** Most entries at offset -1. Default 256. */
  readonly filterEntries?: number
  readonly dataBytes?: number
  readonly indexBytes?: number
  readonly filterBytes?: number
  /**
   * What an entry costs of a byte budget: an integer ≥ 0, and 0 is charged as 1. Default: the entry's `byteLength`.
   * Asked once for each `put`, and only in tiers with a byte budget.
   */
  readonly sizeOf?: (entry: V, tier: TierName) => number
  /**
   * Called for every entry that left, after the call that drove it out has done its work, so it may use the cache.
   * What it throws comes out of that call, once all other entries have been reported.
   */
  readonly onEvict?: (entry: V, fileId: FileId, offset: number, reason: EvictReason) => void
}

/** One tier's budgets as they hold: `Infinity` where there is none. */
export interface Budget {
  readonly maxEntries: number
  readonly maxBytes: number
}

/**
 * Half of what V8 lets a `Map` hold, so that neither lru-cache's nor our own ever refuses an entry. 8,388,608 blocks
 * of 4 KiB are 32 GiB.
 */
export const MAX_ENTRIES: number = 2 ** 23

const DEFAULT_ENTRIES = { data: 64, index: 64, filter: 256 } as const

const NAMES: ReadonlySet<string> = new Set([
  ...['dataEntries', 'indexEntries', 'filterEntries', 'dataBytes', 'indexBytes', 'filterBytes'],
  ...['sizeOf', 'onEvict'],
])

/** Refuses what is not an options object, an option that does not exist and a callback that is no function. */
export function checkOptions<V>(options: BlockCacheOptions<V>): void {
  if (typeof options !== 'object' || options === null) {
    throw wrongType(`BlockCache takes an object of options, not ${show(options)}`)
  }
  for (const name of Object.keys(options)) {
    if (!NAMES.has(name)) throw wrongType(`BlockCache has no option ${show(name)}; it has ${[...NAMES].join(', ')}`)
  }
  for (const name of ['sizeOf', 'onEvict'] as const) {
    const value: unknown = options[name]
    if (value !== undefined && typeof value !== 'function') {
      throw wrongType(`option ${name} is ${show(value)}; give a function or leave it out`)
    }
  }
}

/** The budgets of one tier, checked. */
export function budgetOf<V>(options: BlockCacheOptions<V>, tier: TierName): Budget {
  const entries = budget(`${tier}Entries`, options[`${tier}Entries`], MAX_ENTRIES)
  const bytes = budget(`${tier}Bytes`, options[`${tier}Bytes`], Number.MAX_SAFE_INTEGER)
  return {
    maxEntries: entries ?? (bytes === undefined ? DEFAULT_ENTRIES[tier] : Number.POSITIVE_INFINITY),
    maxBytes: bytes ?? Number.POSITIVE_INFINITY,
  }
}

function budget(name: string, value: unknown, most: number): number | undefined {
  if (value === undefined) return undefined
  if (typeof value !== 'number') throw wrongType(`option ${name} is ${show(value)}; give an integer`)
  if (!Number.isInteger(value) || value < 0 || value > most) {
    throw outOfRange(`option ${name} is ${value}; give an integer from 0 to ${most}`)
  }
  return value
}
