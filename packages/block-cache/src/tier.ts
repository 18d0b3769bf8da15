/** One tier: an lru-cache with its budgets and its counts. Keys are numbers; what they stand for is not known here. */
import { LRUCache } from 'lru-cache'
import { misuse } from './error.ts'
import { type BlockCacheOptions, MAX_ENTRIES, type TierName } from './options.ts'

/** Counts since the cache was made, and what a tier holds now. */
export interface TierStats {
  /** Look-ups (`get`, `load`) that found their entry. */
  readonly hits: number
  /** Look-ups that did not, joined loads among them. */
  readonly misses: number
  /** Calls of a loader: `misses` of `load` less those that joined a load under way. */
  readonly loads: number
  /** Entries dropped because a budget was full. */
  readonly evictions: number
  readonly entries: number
  /** Sum of the sizes of the entries; 0 in a tier without a byte budget, where no size is asked for. */
  readonly bytes: number
}

/** The tiers' counts. A plain copy, never updated. */
export type BlockCacheStats = Readonly<Record<TierName, TierStats>>

/** Called when an entry leaves lru-cache, before its key is used again. */
export type Leaving<V extends NonNullable<unknown>> = (
  tier: Tier<V>,
  key: number,
  entry: V,
  reason: LRUCache.DisposeReason,
) => void

export class Tier<V extends NonNullable<unknown>> {
  readonly name: TierName
  readonly lru: LRUCache<number, V>
  /**
   * Passed to every `lru.get`, which else makes two objects a call when it is not inlined: 27 against 35 ns for a hit.
   * lru-cache leaves a report in it while somebody listens to its diagnostics channel, to be taken out again.
   */
  readonly #getOptions: { status?: unknown } = {}
  hits = 0
  misses = 0
  loads = 0
  evictions = 0
  readonly #maxEntries: number | undefined
  readonly #maxBytes: number | undefined
  readonly #sizeOf: BlockCacheOptions<V>['sizeOf']

  constructor(name: TierName, options: BlockCacheOptions<V>, leaving: Leaving<V>) {
    this.name = name
    const maxBytes = options[`${name}Bytes`] ?? options.totalBytes
    let maxEntries = options[`${name}Entries`]
    if (maxBytes === undefined) maxEntries ??= name === 'filter' ? 256 : 64
    this.#maxEntries = maxEntries
    this.#maxBytes = maxBytes
    this.#sizeOf = options.sizeOf
    // lru-cache knows no empty cache; what may not enter is refused by `sizeFor`.
    const limits = { max: maxEntries === 0 ? 1 : maxEntries, maxSize: maxBytes === 0 ? 1 : maxBytes }
    const dispose: LRUCache.Disposer<number, V> = (entry, key, reason) => leaving(this, key, entry, reason)
    this.lru = new LRUCache({ ...(limits as { max: number }), dispose })
  }

  /** The entry, now the most recently used, or `undefined`; counted. */
  get(key: number): V | undefined {
    const options = this.#getOptions
    const entry = this.lru.get(key, options as LRUCache.GetOptions<number, V, unknown>)
    if (options.status !== undefined) options.status = undefined
    if (entry === undefined) this.misses++
    else this.hits++
    return entry
  }

  /**
   * What the entry costs of the byte budget (0 where there is none), or -1 if it is larger than its tier.
   * Refuses what is no entry.
   */
  sizeFor(entry: V): number {
    if (entry === undefined || entry === null) throw misuse('an entry is a value', entry)
    const maxBytes = this.#maxBytes
    if (this.#maxEntries === 0 || maxBytes === 0) return -1
    if (maxBytes === undefined) return 0
    const size = this.#sizeOf ? this.#sizeOf(entry, this.name) : (entry as unknown as { byteLength: number }).byteLength
    if (!Number.isSafeInteger(size) || size < 0) {
      throw misuse('the size of an entry is an integer from 0 to 2^53-1', size)
    }
    // lru-cache has no entries without a size, and rightly: they would be without limit.
    return size > maxBytes ? -1 : size || 1
  }

  /** Caches the entry, at the cost that `sizeFor` has given. */
  set(key: number, entry: V, size: number): void {
    if (this.lru.size >= MAX_ENTRIES && !this.lru.has(key)) this.lru.pop()
    this.lru.set(key, entry, { size })
  }

  stats(): TierStats {
    return {
      hits: this.hits,
      misses: this.misses,
      loads: this.loads,
      evictions: this.evictions,
      entries: this.lru.size,
      bytes: this.lru.calculatedSize,
    }
  }
}
