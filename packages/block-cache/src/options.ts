import type { FileId } from './cached-file.ts'
import { misuse } from './error.ts'

/** The three tiers: each has limits and a recency order of its own, so that data blocks never push out filters. */
export type TierName = 'data' | 'index' | 'filter'

/**
 * Why an entry left: `capacity`, it was the least recently used of its tier; `replaced`, another value was put in
 * its place; `removed`, by `delete`, `invalidate` or `clear`.
 */
export type EvictReason = 'capacity' | 'replaced' | 'removed'

/**
 * Budgets of the tiers. A tier with neither budget has its default number of entries; with a byte budget alone it
 * has no limit of entries; with both, both hold. A budget of 0 turns a tier off: nothing is cached in it.
 *
 * `totalBytes` is one byte budget over all three, in which data blocks use what indexes and filters leave:
 *
 * 1. After every call the sizes of all entries add up to `totalBytes` at most. It is the byte budget of a tier that
 *    has none, so each tier has one and asks for sizes, and none has a default number of entries.
 * 2. An entry enters its tier under the tier's own budgets, and drives out the least recently used of that tier.
 * 3. Then, while the sum is over `totalBytes`, the least recently used data entry goes; when no data is left, that of
 *    the index tier, and then that of the filter tier. The entry just put stays.
 * 4. A data entry never drives out an index or a filter: one that does not fit beside all of them is not cached, as if
 *    it were larger than its tier. So leave data some room by `indexBytes` and `filterBytes`; without them indexes and
 *    filters may fill `totalBytes`, and then no data is cached.
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
  /** Most bytes of all tiers together; 0 caches nothing. Default: no limit but those of the tiers. */
  readonly totalBytes?: number
  /**
   * What an entry costs of a byte budget: an integer ≥ 0, and 0 is charged as 1. Default: the entry's `byteLength`.
   * Asked once for each `put`, and only in tiers with a byte budget.
   */
  readonly sizeOf?: (entry: V, tier: TierName) => number
  /**
   * Called for every entry that left, after the call that drove it out has done its work, so it may use the cache.
   * The first thing that it throws comes out of that call, once all other entries have been reported.
   */
  readonly onEvict?: (entry: V, fileId: FileId, offset: number, reason: EvictReason) => void
}

/**
 * Half of what V8 lets a `Map` hold, so that neither lru-cache's nor our own ever refuses an entry. 8,388,608 blocks
 * of 4 KiB are 32 GiB.
 */
export const MAX_ENTRIES: number = 2 ** 23

/** Refuses what is not an options object, an option that does not exist and a value that it cannot have. */
export function checkOptions(options: object): void {
  if (typeof options !== 'object' || options === null) throw misuse('options are an object', options)
  for (const [name, value] of Object.entries(options)) {
    const option = /^(?:sizeOf|onEvict|(?:data|index|filter|total(?=B))(Entries|Bytes))$/.exec(name)
    if (option === null) throw misuse('options: <tier>Entries, <tier>Bytes, totalBytes, sizeOf, onEvict', name)
    if (value === undefined) continue
    const most = option[1] === 'Bytes' ? Number.MAX_SAFE_INTEGER : MAX_ENTRIES
    if (option[1] === undefined) {
      if (typeof value !== 'function') throw misuse(`${name} is a function`, value)
    } else if (!Number.isInteger(value) || value < 0 || value > most) {
      throw misuse(`${name} is an integer from 0 to ${most}`, value)
    }
  }
}
