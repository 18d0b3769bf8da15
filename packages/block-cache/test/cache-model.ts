/** The cache as one would say it: a list for each tier, the least recently used first. Slow and plain. */
import type { BlockCacheOptions, BlockCacheStats, EvictReason, FileId, TierName } from '../src/index.ts'

export type Budgets = Omit<BlockCacheOptions<never>, 'sizeOf' | 'onEvict'>

interface Slot<V> {
  readonly fileId: FileId
  readonly offset: number
  readonly entry: V
  readonly size: number
}

type Looked<V> =
  | { readonly kind: 'hit'; readonly entry: V }
  | { readonly kind: 'joins' | 'starts'; readonly generation: object }

interface Underway {
  readonly fileId: FileId
  readonly offset: number
  readonly generation: object
}

const DEFAULTS = { data: 64, index: 64, filter: 256 }

class TierModel<V> {
  slots: Slot<V>[] = []
  readonly counts = { hits: 0, misses: 0, loads: 0, evictions: 0 }
  readonly maxEntries: number
  readonly maxBytes: number
  readonly sized: boolean

  /** `bytes` is the budget of the tier, or that of all tiers if it has none of its own. */
  constructor(entries: number | undefined, bytes: number | undefined, usual: number) {
    this.sized = bytes !== undefined
    this.maxBytes = bytes ?? Number.POSITIVE_INFINITY
    this.maxEntries = entries ?? (this.sized ? Number.POSITIVE_INFINITY : usual)
  }

  get bytes(): number {
    return this.slots.reduce((sum, slot) => sum + slot.size, 0)
  }
}

export class CacheModel<V> {
  readonly evicted: [entry: V, fileId: FileId, offset: number, reason: EvictReason][] = []
  readonly #tiers: Record<TierName, TierModel<V>>
  readonly #sizeOf: (entry: V) => number
  readonly #totalBytes: number
  #underway: Underway[] = []

  constructor(budgets: Budgets, sizeOf: (entry: V) => number) {
    const tier = (name: TierName) =>
      new TierModel<V>(budgets[`${name}Entries`], budgets[`${name}Bytes`] ?? budgets.totalBytes, DEFAULTS[name])
    this.#tiers = { data: tier('data'), index: tier('index'), filter: tier('filter') }
    this.#sizeOf = sizeOf
    this.#totalBytes = budgets.totalBytes ?? Infinity
  }

  /** How far all tiers together are over `totalBytes`. */
  get #excess(): number {
    const { data, index, filter } = this.#tiers
    return data.bytes + index.bytes + filter.bytes - this.#totalBytes
  }

  #tier(offset: number): TierModel<V> {
    return this.#tiers[offset === -1 ? 'filter' : offset === -2 ? 'index' : 'data']
  }

  #take(fileId: FileId, offset: number): Slot<V> | undefined {
    const tier = this.#tier(offset)
    const found = tier.slots.find((slot) => slot.fileId === fileId && slot.offset === offset)
    tier.slots = tier.slots.filter((slot) => slot !== found)
    return found
  }

  get(fileId: FileId, offset: number): V | undefined {
    const tier = this.#tier(offset)
    const slot = this.#take(fileId, offset)
    if (slot === undefined) tier.counts.misses++
    else {
      tier.counts.hits++
      tier.slots.push(slot)
    }
    return slot?.entry
  }

  peek(fileId: FileId, offset: number): V | undefined {
    return this.#tier(offset).slots.find((slot) => slot.fileId === fileId && slot.offset === offset)?.entry
  }

  put(fileId: FileId, offset: number, entry: V): boolean {
    this.#forgetLoads((load) => load.fileId === fileId && load.offset === offset)
    return this.#admit(fileId, offset, entry)
  }

  #admit(fileId: FileId, offset: number, entry: V): boolean {
    const tier = this.#tier(offset)
    const size = tier.sized ? Math.max(1, this.#sizeOf(entry)) : 0
    const old = this.#take(fileId, offset)
    const { data, index, filter } = this.#tiers
    // Data has to fit beside indexes and filters, and they only alone.
    const room = this.#totalBytes - (tier === data ? index.bytes + filter.bytes : 0)
    const fits = tier.maxEntries > 0 && size <= tier.maxBytes && size <= room
    if (old !== undefined) this.evicted.push([old.entry, fileId, offset, fits ? 'replaced' : 'removed'])
    if (!fits) return false
    while (tier.slots.length >= tier.maxEntries || tier.bytes + size > tier.maxBytes) this.#evictFrom(tier)
    // In the tier only once there is room, so it cannot be what goes.
    for (const each of [data, index, filter]) {
      while (this.#excess + size > 0 && each.slots.length > 0) this.#evictFrom(each)
    }
    tier.slots.push({ fileId, offset, entry, size })
    return true
  }

  #evictFrom(tier: TierModel<V>): void {
    const gone = tier.slots.shift() as Slot<V>
    tier.counts.evictions++
    this.evicted.push([gone.entry, gone.fileId, gone.offset, 'capacity'])
  }

  load(fileId: FileId, offset: number): Looked<V> {
    const entry = this.get(fileId, offset)
    if (entry !== undefined) return { kind: 'hit', entry }
    const load = this.#underway.find((each) => each.fileId === fileId && each.offset === offset)
    if (load !== undefined) return { kind: 'joins', generation: load.generation }
    this.#tier(offset).counts.loads++
    const generation = {}
    this.#underway.push({ fileId, offset, generation })
    return { kind: 'starts', generation }
  }

  /** A load ends; its entry, if it has one, is cached unless the load was forgotten. */
  settle(fileId: FileId, offset: number, generation: object, entry: V | undefined): void {
    const current = this.#underway.some((load) => load.generation === generation)
    this.#forgetLoads((load) => load.generation === generation)
    if (current && entry !== undefined) this.#admit(fileId, offset, entry)
  }

  #forgetLoads(which: (load: Underway) => boolean): void {
    this.#underway = this.#underway.filter((load) => !which(load))
  }

  delete(fileId: FileId, offset: number): boolean {
    this.#forgetLoads((load) => load.fileId === fileId && load.offset === offset)
    const gone = this.#take(fileId, offset)
    if (gone !== undefined) this.evicted.push([gone.entry, fileId, offset, 'removed'])
    return gone !== undefined
  }

  invalidate(fileId: FileId): number {
    return this.#remove((each) => each.fileId === fileId)
  }

  clear(): void {
    this.#remove(() => true)
  }

  #remove(which: (each: { readonly fileId: FileId }) => boolean): number {
    this.#forgetLoads(which)
    let removed = 0
    for (const tier of Object.values(this.#tiers)) {
      for (const slot of tier.slots.filter(which)) {
        removed++
        this.evicted.push([slot.entry, slot.fileId, slot.offset, 'removed'])
      }
      tier.slots = tier.slots.filter((slot) => !which(slot))
    }
    return removed
  }

  stats(): BlockCacheStats {
    const of = (name: TierName) => {
      const tier = this.#tiers[name]
      return { ...tier.counts, entries: tier.slots.length, bytes: tier.bytes }
    }
    return { data: of('data'), index: of('index'), filter: of('filter') }
  }
}
