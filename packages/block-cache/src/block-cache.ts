/**
 * The cache: takes the three tiers, the files with their pages and the loads under way, and keeps them in step.
 * Order inside a call: arguments are checked, then our tables and lru-cache change together, then `onEvict` runs.
 */
import type { LRUCache } from 'lru-cache'
import { BlockCacheFile } from './block-cache-file.ts'
import { type CachedFile, checkFileId, type FileId, FileTable, type Flight, type Loader } from './cached-file.ts'
import { misuse } from './error.ts'
import { FILTER_OFFSET, INDEX_OFFSET } from './offsets.ts'
import { type BlockCacheOptions, checkOptions, type EvictReason, type TierName } from './options.ts'
import { PAGE_MASK, PageTable } from './page-table.ts'
import { type BlockCacheStats, type Leaving, Tier } from './tier.ts'

/**
 * A cache of parts of files, found by file and offset, in three tiers with limits and an LRU order each: offsets ≥ 0
 * are data blocks, -2 is the file's index, -1 its filter. One byte budget may span them: see `BlockCacheOptions`.
 *
 * Entries are kept by reference and given out by reference: whoever changes one changes it for all. Everything but
 * an asynchronous loader is synchronous, and O(1) but for what `invalidate` and `clear` remove. A wrong argument is a
 * `TypeError` or `RangeError` with `code: 'BLOCK_CACHE_INVALID_ARGUMENT'`, and changes nothing.
 */
export class BlockCache<V extends NonNullable<unknown> = Uint8Array> {
  readonly #files: FileTable<V> = new FileTable()
  readonly #pages: PageTable<V> = new PageTable()
  readonly #data: Tier<V>
  readonly #index: Tier<V>
  readonly #filter: Tier<V>
  readonly #totalBytes: number
  readonly #onEvict: BlockCacheOptions<V>['onEvict']
  #departed: [entry: V, fileId: FileId, offset: number, reason: EvictReason][] = []

  constructor(options: BlockCacheOptions<V> = {}) {
    checkOptions(options)
    const leaving: Leaving<V> = (tier, key, entry, reason) => this.#leave(tier, key, entry, reason)
    const tier = (name: TierName) => new Tier<V>(name, options, leaving)
    this.#data = tier('data')
    this.#index = tier('index')
    this.#filter = tier('filter')
    this.#totalBytes = options.totalBytes ?? Infinity
    this.#onEvict = options.onEvict
  }

  /** The cached entry, now the most recently used of its tier, or `undefined`. Counts a hit or a miss. */
  get(fileId: FileId, offset: number): V | undefined {
    const file = this.#files.find(fileId)
    // The path of a hit in the data tier: an integer of 32 bits; what is negative or far out lies past `near`'s end.
    if (file !== undefined && typeof offset === 'number' && (offset | 0) === offset) {
      const { near } = file
      const page = offset >>> 16
      if (page < near.length) {
        const base = near[page] as number
        if (base >= 0) return this.#data.get(base + (offset & PAGE_MASK))
      }
    }
    const tier = this.#tierOf(offset)
    return tier.get(this.#keyOf(tier, file, fileId, offset))
  }

  /** The cached entry or `undefined`; counts nothing and leaves the order as it is. */
  peek(fileId: FileId, offset: number): V | undefined {
    const tier = this.#tierOf(offset)
    return tier.lru.peek(this.#keyOf(tier, this.#files.find(fileId), fileId, offset))
  }

  /** Whether the entry is cached; counts nothing and leaves the order as it is. */
  has(fileId: FileId, offset: number): boolean {
    return this.peek(fileId, offset) !== undefined
  }

  /**
   * Caches the entry as the most recently used of its tier, in the place of one that is there, and returns true.
   * Returns false if the entry alone is larger than its tier's budget or `totalBytes`, or is data that does not fit
   * beside the indexes and filters: then it is not cached, and neither is any longer what was in its place. A load
   * under way for the same block keeps its waiters but is not cached any more.
   */
  put(fileId: FileId, offset: number, entry: V): boolean {
    const tier = this.#tierOf(offset)
    const size = tier.sizeFor(entry)
    checkFileId(fileId)
    const file = this.#files.find(fileId)
    this.#land(file, offset)
    const cached = this.#admit(tier, fileId, offset, entry, size)
    this.#report()
    return cached
  }

  /**
   * The cached entry, or what `loader` returns for it, which is then cached.
   *
   * A hit, and what a synchronous loader returns, comes at once and not as a promise: `await` the result where it may
   * be either. While an asynchronous loader runs, everyone who asks for the block gets the one promise. A failure goes
   * to all who wait and is not cached. If the block is removed or put meanwhile (`invalidate`, `delete`, `clear`,
   * `put`), the waiters still get the result, it is not cached, and who asks from then on does not get it.
   *
   * Counts one hit or miss. A coded `TypeError` if the synchronous part of a loader loads its own block; a loader that
   * awaits its own block waits for ever.
   */
  load(fileId: FileId, offset: number, loader: Loader<V>): V | Promise<V> {
    if (typeof loader !== 'function') throw misuse('a loader is a function', loader)
    const cached = this.get(fileId, offset)
    if (cached !== undefined) return cached

    const file = this.#files.intern(fileId)
    file.flights ??= new Map()
    const underWay = file.flights.get(offset)
    if (underWay) {
      if (underWay.promise) return underWay.promise
      throw misuse('a loader loads other blocks', `offset ${offset} of file ${fileId} itself`)
    }
    const flight: Flight<V> = { promise: undefined, stale: false }
    file.references++
    file.flights.set(offset, flight)
    const tier = this.#tierOf(offset)
    tier.loads++

    const arrive = (entry: V): V => {
      const { stale } = flight
      this.#land(file, offset, flight)
      const size = tier.sizeFor(entry)
      if (!stale) {
        this.#admit(tier, fileId, offset, entry, size)
        this.#report()
      }
      return entry
    }
    const fail = (error: unknown): never => {
      this.#land(file, offset, flight)
      throw error
    }
    let loaded: V | PromiseLike<V>
    try {
      loaded = loader()
    } catch (error) {
      return fail(error)
    }
    if (typeof (loaded as PromiseLike<V> | undefined)?.then !== 'function') return arrive(loaded as V)
    flight.promise = Promise.resolve(loaded).then(arrive, fail)
    return flight.promise
  }

  /** Removes one entry; whether there was one. */
  delete(fileId: FileId, offset: number): boolean {
    const tier = this.#tierOf(offset)
    const file = this.#files.find(fileId)
    this.#land(file, offset)
    const deleted = tier.lru.delete(this.#keyOf(tier, file, fileId, offset))
    this.#report()
    return deleted
  }

  /** Removes all entries of the file from all tiers; how many. O(entries of that file). */
  invalidate(fileId: FileId): number {
    checkFileId(fileId)
    const file = this.#files.find(fileId)
    const entries = file ? this.#empty(file) : 0
    this.#report()
    return entries
  }

  /** Removes everything. Counts of hits and misses go on. */
  clear(): void {
    for (const file of this.#files.all()) this.#empty(file)
    this.#report()
  }

  /** The file's part of this cache, for a reader that asks often: it saves finding the file at every call. */
  file(fileId: FileId): BlockCacheFile<V> {
    checkFileId(fileId)
    return new BlockCacheFile(this, fileId, this.#files, this.#data)
  }

  /** Hits, misses, loads, evictions, entries and bytes of each tier. */
  stats(): BlockCacheStats {
    return { data: this.#data.stats(), index: this.#index.stats(), filter: this.#filter.stats() }
  }

  #tierOf(offset: number): Tier<V> {
    if (offset === FILTER_OFFSET) return this.#filter
    if (offset === INDEX_OFFSET) return this.#index
    if (Number.isSafeInteger(offset) && offset >= 0) return this.#data
    throw misuse('an offset is an integer from 0 to 2^53-1, -1 for the filter or -2 for the index', offset)
  }

  /** The key in its tier, or -1, which is nobody's. */
  #keyOf(tier: Tier<V>, file: CachedFile<V> | undefined, fileId: FileId, offset: number): number {
    if (file !== undefined) return tier === this.#data ? this.#pages.find(file, offset) : file.number
    checkFileId(fileId)
    return -1
  }

  /** Caches an entry of the size that its tier has given, or drops the one in its place if it does not fit. */
  #admit(tier: Tier<V>, fileId: FileId, offset: number, entry: V, size: number): boolean {
    const data = tier === this.#data
    // Data drives out no index and no filter, so it has to fit beside all of them.
    const beside = data ? this.#index.lru.calculatedSize + this.#filter.lru.calculatedSize : 0
    if (size < 0 || size + beside > this.#totalBytes) {
      tier.lru.delete(this.#keyOf(tier, this.#files.find(fileId), fileId, offset))
      return false
    }
    const file = this.#files.intern(fileId)
    const key = data ? this.#pages.claim(file, offset) : file.number
    // Counted before lru-cache makes room: the entry that goes may be the last other one of this file or page.
    if (data ? this.#pages.claimed : !tier.lru.has(key)) file.references++
    tier.set(key, entry, size)
    while (this.#bytes() > this.#totalBytes) {
      // The entry just put is the last that its tier would let go, and alone it fits: there is always another.
      const full = [this.#data, this.#index, this.#filter].find((each) => each.lru.size > (each === tier ? 1 : 0))
      ;(full as Tier<V>).lru.pop()
    }
    return true
  }

  /** The sum of the sizes in all tiers. */
  #bytes(): number {
    return this.#data.lru.calculatedSize + this.#index.lru.calculatedSize + this.#filter.lru.calculatedSize
  }

  /** The load is over, or goes on for its waiters alone: its result will not be cached. */
  #land(file: CachedFile<V> | undefined, offset: number, flight = file?.flights?.get(offset)): void {
    if (file === undefined || flight === undefined || flight.stale) return
    flight.stale = true
    file.flights?.delete(offset)
    this.#files.release(file)
  }

  #empty(file: CachedFile<V>): number {
    // One reference more, so that the file stays itself until all of it is gone.
    file.references++
    for (const offset of file.flights?.keys() ?? []) this.#land(file, offset)
    let entries = 0
    for (const key of this.#pages.keys(file)) if (this.#data.lru.delete(key)) entries++
    for (const tier of [this.#index, this.#filter]) if (tier.lru.delete(file.number)) entries++
    this.#files.release(file)
    return entries
  }

  /** lru-cache lets an entry go: the tables follow at once, `onEvict` when the call is done. */
  #leave(tier: Tier<V>, key: number, entry: V, reason: LRUCache.DisposeReason): void {
    const data = tier === this.#data
    const file = data ? this.#pages.fileOf(key) : this.#files.at(key)
    if (this.#onEvict) {
      const offset = data ? this.#pages.offsetOf(key) : tier === this.#filter ? FILTER_OFFSET : INDEX_OFFSET
      this.#departed.push([
        entry,
        file.id,
        offset,
        reason === 'evict' ? 'capacity' : reason === 'set' ? 'replaced' : 'removed',
      ])
    }
    if (reason === 'set') return
    if (reason === 'evict') tier.evictions++
    if (data) this.#pages.release(key)
    this.#files.release(file)
  }

  #report(): void {
    const departed = this.#departed
    if (departed.length === 0) return
    this.#departed = []
    let failure: { readonly error: unknown } | undefined
    for (const each of departed) {
      try {
        this.#onEvict?.(...each)
      } catch (error) {
        failure ??= { error }
      }
    }
    if (failure) throw failure.error
  }
}
