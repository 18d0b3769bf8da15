/**
 * The cache behind `BlockCache` and `BlockCacheFile`: takes files that are found already, keeps the three tiers, the
 * keys of each file and the loads under way in step, and reports what left.
 *
 * Order inside a call: arguments are checked, then our own tables and lru-cache change together, then `onEvict` runs.
 */
import { type CachedFile, checkFileId, type FileId, FileTable, type Flight } from './cached-file.ts'
import { BlockCacheError, outOfRange, show, wrongType } from './error.ts'
import { FILTER_OFFSET, INDEX_OFFSET } from './offsets.ts'
import { type BlockCacheOptions, budgetOf, checkOptions, type EvictReason, type TierName } from './options.ts'
import { PageTable } from './page-table.ts'
import { type BlockCacheStats, type Leaving, Tier } from './tier.ts'

/** Reads a block that is not cached. */
export type Loader<V> = () => V | PromiseLike<V>

type Departure<V> = readonly [entry: V, fileId: FileId, offset: number, reason: EvictReason]

export class CacheCore<V extends NonNullable<unknown>> {
  readonly files: FileTable<V> = new FileTable()
  readonly #pages: PageTable<V> = new PageTable()
  readonly data: Tier<V>
  readonly #index: Tier<V>
  readonly #filter: Tier<V>
  readonly #onEvict: BlockCacheOptions<V>['onEvict']
  #departed: Departure<V>[] = []

  constructor(options: BlockCacheOptions<V>) {
    checkOptions(options)
    const leaving: Leaving<V> = (tier, key, entry, reason) => this.#leave(tier, key, entry, reason)
    const tier = (name: TierName) => new Tier<V>(name, budgetOf(options, name), options.sizeOf, leaving)
    this.data = tier('data')
    this.#index = tier('index')
    this.#filter = tier('filter')
    this.#onEvict = options.onEvict
  }

  /** Any look-up. The callers have tried `near` before, which is the path of a hit in the data tier. */
  get(file: CachedFile<V>, offset: number): V | undefined {
    const tier = this.#tierOf(offset)
    const key = this.#keyOf(tier, file, offset)
    if (key >= 0) return tier.get(key)
    tier.misses++
    return undefined
  }

  /** A look-up in a file of which nothing is cached: a miss, if the arguments are right. */
  miss(fileId: FileId, offset: number): undefined {
    checkFileId(fileId)
    this.#tierOf(offset).misses++
    return undefined
  }

  peek(fileId: FileId, file: CachedFile<V> | undefined, offset: number): V | undefined {
    const tier = this.#tierOf(offset)
    if (file === undefined) {
      checkFileId(fileId)
      return undefined
    }
    const key = this.#keyOf(tier, file, offset)
    return key < 0 ? undefined : tier.lru.peek(key)
  }

  put(file: CachedFile<V> | undefined, fileId: FileId, offset: number, entry: V): boolean {
    const tier = this.#tierOf(offset)
    if (file === undefined) checkFileId(fileId)
    else if (file.flights !== undefined) this.#supersede(file, offset)
    const cached = this.#admit(tier, file, fileId, offset, entry)
    this.#report()
    return cached
  }

  load(fileId: FileId, offset: number, loader: Loader<V>): V | Promise<V> {
    if (typeof loader !== 'function') throw wrongType(`a loader is a function, not ${show(loader)}`)
    const known = this.files.find(fileId)
    const cached = known === undefined ? this.miss(fileId, offset) : this.get(known, offset)
    if (cached !== undefined) return cached

    const underWay = known?.flights?.get(offset)
    if (underWay !== undefined) {
      if (underWay.promise !== undefined) return underWay.promise
      throw new BlockCacheError(
        'BLOCK_CACHE_RECURSIVE_LOAD',
        `the loader of offset ${offset} of file ${show(fileId)} asks for that block; read it in the loader`,
        { fileId, offset },
      )
    }

    const file = this.files.intern(fileId)
    const flight: Flight<V> = { promise: undefined, stale: false }
    file.references++
    file.flights ??= new Map()
    file.flights.set(offset, flight)
    const tier = this.#tierOf(offset)
    tier.loads++
    let loaded: V | PromiseLike<V>
    try {
      loaded = loader()
    } catch (error) {
      this.#land(file, offset, flight)
      throw error
    }
    if (!isThenable(loaded)) return this.#arrive(tier, file, offset, flight, loaded)
    const arrive = (entry: V): V => this.#arrive(tier, file, offset, flight, entry)
    const fail = (error: unknown): never => {
      this.#land(file, offset, flight)
      throw error
    }
    flight.promise = Promise.resolve(loaded).then(arrive, fail)
    return flight.promise
  }

  /** Caches a loaded entry unless something was put or removed in its place meanwhile. */
  #arrive(tier: Tier<V>, file: CachedFile<V>, offset: number, flight: Flight<V>, entry: V): V {
    const current = !flight.stale
    this.#land(file, offset, flight)
    if (current) {
      this.#admit(tier, this.files.find(file.id), file.id, offset, entry)
      this.#report()
    } else {
      checkEntry(entry)
    }
    return entry
  }

  #land(file: CachedFile<V>, offset: number, flight: Flight<V>): void {
    if (flight.stale) return
    flight.stale = true
    file.flights?.delete(offset)
    this.files.release(file)
  }

  /** The load under way for that block, if any, keeps its waiters, and its result goes to them alone. */
  #supersede(file: CachedFile<V>, offset: number): void {
    const flight = file.flights?.get(offset)
    if (flight !== undefined) this.#land(file, offset, flight)
  }

  /** Caches an entry, or drops the one in its place if this one is larger than its tier. */
  #admit(tier: Tier<V>, known: CachedFile<V> | undefined, fileId: FileId, offset: number, entry: V): boolean {
    checkEntry(entry)
    const size = tier.sizeFor(entry)
    // `sizeOf` is the caller's and may have used this cache.
    const there = known !== undefined && known.number >= 0 ? known : this.files.find(fileId)
    if (size < 0) {
      if (there !== undefined) this.#remove(tier, there, offset)
      return false
    }
    const file = there ?? this.files.intern(fileId)
    const key = tier === this.data ? this.#pages.claim(file, offset) : file.number
    // Counted before lru-cache makes room: the entry that goes may be the last other one of this file or page.
    if (tier === this.data ? this.#pages.claimed : !tier.lru.has(key)) file.references++
    tier.set(key, entry, size)
    return true
  }

  #remove(tier: Tier<V>, file: CachedFile<V>, offset: number): boolean {
    const key = this.#keyOf(tier, file, offset)
    return key >= 0 && tier.lru.delete(key)
  }

  delete(file: CachedFile<V> | undefined, fileId: FileId, offset: number): boolean {
    const tier = this.#tierOf(offset)
    if (file === undefined) {
      checkFileId(fileId)
      return false
    }
    this.#supersede(file, offset)
    const removed = this.#remove(tier, file, offset)
    this.#report()
    return removed
  }

  invalidate(file: CachedFile<V> | undefined, fileId: FileId): number {
    if (file === undefined) {
      checkFileId(fileId)
      return 0
    }
    const entries = this.#empty(file)
    this.#report()
    return entries
  }

  #empty(file: CachedFile<V>): number {
    // One reference more, so that the file stays itself until all of it is gone.
    file.references++
    for (const [offset, flight] of file.flights ?? []) this.#land(file, offset, flight)
    let entries = 0
    for (const key of this.#pages.keys(file)) if (this.data.lru.delete(key)) entries++
    if (this.#index.lru.delete(file.number)) entries++
    if (this.#filter.lru.delete(file.number)) entries++
    this.files.release(file)
    return entries
  }

  clear(): void {
    for (const file of [...this.files.values()]) this.#empty(file)
    this.#report()
  }

  stats(): BlockCacheStats {
    return { data: this.data.stats(), index: this.#index.stats(), filter: this.#filter.stats() }
  }

  #tierOf(offset: number): Tier<V> {
    if (offset >= 0 && Number.isSafeInteger(offset)) return this.data
    if (offset === FILTER_OFFSET) return this.#filter
    if (offset === INDEX_OFFSET) return this.#index
    if (typeof offset !== 'number') throw wrongType(`an offset is a number, not ${show(offset)}`)
    throw outOfRange(`offset ${offset}: give an integer from 0 to 2^53-1, -1 for the filter or -2 for the index`)
  }

  #keyOf(tier: Tier<V>, file: CachedFile<V>, offset: number): number {
    return tier === this.data ? this.#pages.find(file, offset) : file.number
  }

  /** lru-cache lets an entry go: the tables follow at once, `onEvict` when the call is done. */
  #leave(tierName: TierName, key: number, entry: V, reason: string): void {
    const data = tierName === 'data'
    const file = data ? this.#pages.fileOf(key) : this.files.at(key)
    if (this.#onEvict !== undefined) {
      const offset = data ? this.#pages.offsetOf(key) : tierName === 'filter' ? FILTER_OFFSET : INDEX_OFFSET
      this.#departed.push([entry, file.id, offset, REASONS[reason] ?? 'removed'])
    }
    if (reason === 'set') return
    if (data) this.#pages.release(key)
    if (reason === 'evict') (data ? this.data : tierName === 'filter' ? this.#filter : this.#index).evictions++
    this.files.release(file)
  }

  #report(): void {
    if (this.#departed.length === 0) return
    const departed = this.#departed
    this.#departed = []
    const errors: unknown[] = []
    for (const each of departed) {
      try {
        this.#onEvict?.(...each)
      } catch (error) {
        errors.push(error)
      }
    }
    if (errors.length > 1) throw new AggregateError(errors, `onEvict threw for ${errors.length} entries`)
    if (errors.length === 1) throw errors[0]
  }
}

const REASONS: Readonly<Record<string, EvictReason>> = { evict: 'capacity', set: 'replaced' }

function checkEntry(entry: unknown): void {
  if (entry === undefined || entry === null) throw wrongType(`an entry is a value, not ${show(entry)}`)
}

function isThenable<V>(value: V | PromiseLike<V>): value is PromiseLike<V> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === 'function'
}
