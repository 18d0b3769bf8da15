/** One tier: an lru-cache with its budgets and its counts. Keys are numbers; what they stand for is not known here. */
import { LRUCache } from 'lru-cache'
import { outOfRange, show, wrongType } from './error.ts'
import { type Budget, MAX_ENTRIES, type TierName } from './options.ts'

/** Counts since the cache was made, and what a tier holds now. */
export interface TierStats {
  /** Look-ups (`get`, `load`) that found their entry. */
  readonly hits: number
  /** Look-ups that did not, joined loads among them. */
  readonly misses: number
  /** Calls of a loader: `misses` of `load` less those that joined a load under way. */
  readonly loads: number
  /** Entries dropped because the budget was full. */
  readonly evictions: number
  readonly entries: number
  /** Sum of the sizes of the entries; 0 in a tier without a byte budget, where no size is asked for. */
  readonly bytes: number
}

/** The tiers' counts. A plain copy, never updated. */
export type BlockCacheStats = Readonly<Record<TierName, TierStats>>

/** Called when an entry leaves lru-cache, before its key is used again. */
export type Leaving<V> = (tier: TierName, key: number, entry: V, reason: LRUCache.DisposeReason) => void

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
  readonly #budget: Budget
  readonly #sizeOf: ((entry: V, tier: TierName) => number) | undefined

  constructor(
    name: TierName,
    budget: Budget,
    sizeOf: ((entry: V, tier: TierName) => number) | undefined,
    leaving: Leaving<V>,
  ) {
    this.name = name
    this.#budget = budget
    this.#sizeOf = sizeOf
    const { maxEntries, maxBytes } = budget
    const limits: { max?: number; maxSize?: number } = {}
    // lru-cache knows no empty cache; what may not enter is refused by `sizeFor`.
    if (maxEntries < Number.POSITIVE_INFINITY) limits.max = maxEntries || 1
    if (maxBytes < Number.POSITIVE_INFINITY) limits.maxSize = maxBytes || 1
    const dispose: LRUCache.Disposer<number, V> = (entry, key, reason) => leaving(name, key, entry, reason)
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

  /** What the entry costs of the byte budget (0 where there is none), or -1 if it is larger than its tier. */
  sizeFor(entry: V): number {
    const { maxEntries, maxBytes } = this.#budget
    if (maxEntries === 0) return -1
    if (maxBytes === Number.POSITIVE_INFINITY) return 0
    const size = this.#sizeOf === undefined ? byteLengthOf(entry) : this.#sizeOf(entry, this.name)
    if (typeof size !== 'number') throw wrongType(`sizeOf returned ${show(size)} for an entry; return an integer ≥ 0`)
    if (!Number.isSafeInteger(size) || size < 0) {
      throw outOfRange(`the size of an entry is ${size}; it must be an integer from 0 to 2^53-1`)
    }
    // lru-cache has no entries without a size, and rightly: they would be without limit.
    return size > maxBytes || maxBytes === 0 ? -1 : Math.max(size, 1)
  }

  /** Caches the entry, at the cost that `sizeFor` has given. */
  set(key: number, entry: V, size: number): void {
    if (this.lru.size >= MAX_ENTRIES && !this.lru.has(key)) this.lru.pop()
    if (size === 0) this.lru.set(key, entry)
    else this.lru.set(key, entry, { size })
  }

  stats(): TierStats {
    const { hits, misses, loads, evictions, lru } = this
    return { hits, misses, loads, evictions, entries: lru.size, bytes: lru.calculatedSize }
  }
}

function byteLengthOf(entry: unknown): number {
  const size: unknown = (entry as { byteLength?: unknown }).byteLength
  if (typeof size !== 'number') {
    throw wrongType('an entry without byteLength in a tier with a byte budget; give the option sizeOf')
  }
  return size
}
