import type { FileId, FileTable, Loader } from './cached-file.ts'
import { PAGE_MASK } from './page-table.ts'
import type { Tier } from './tier.ts'

/** The cache that a view is a view of: `BlockCache`, by shape. */
interface WholeCache<V> {
  get(fileId: FileId, offset: number): V | undefined
  put(fileId: FileId, offset: number, entry: V): boolean
  load(fileId: FileId, offset: number, loader: Loader<V>): V | Promise<V>
  invalidate(fileId: FileId): number
}

/**
 * One file's part of a cache, for a reader that asks for many blocks of it: the file is found once and not at every
 * call. Its methods do what those of `BlockCache` do. Holds nothing in the cache, so it needs no closing;
 * it may be kept, and outlives `invalidate`.
 */
export class BlockCacheFile<V extends NonNullable<unknown>> {
  readonly fileId: FileId
  readonly #cache: WholeCache<V>
  readonly #files: FileTable<V>
  readonly #data: Tier<V>
  /** The file's own `near`: all -1 once the file is forgotten, so that it needs no check. */
  #near: readonly number[] = []

  constructor(cache: WholeCache<V>, fileId: FileId, files: FileTable<V>, data: Tier<V>) {
    this.fileId = fileId
    this.#cache = cache
    this.#files = files
    this.#data = data
  }

  get(offset: number): V | undefined {
    // A hit in the data tier, written out as in BlockCache.get: V8 inlines only so much, and one more call that is not
    // inlined is a tenth of a hit's time.
    if (typeof offset === 'number' && (offset | 0) === offset) {
      const near = this.#near
      const page = offset >>> 16
      if (page < near.length) {
        const base = near[page] as number
        if (base >= 0) return this.#data.get(base + (offset & PAGE_MASK))
      }
    }
    // The file is forgotten when the last of it leaves, and then another stands for the same id.
    this.#near = this.#files.find(this.fileId)?.near ?? this.#near
    return this.#cache.get(this.fileId, offset)
  }

  put(offset: number, entry: V): boolean {
    return this.#cache.put(this.fileId, offset, entry)
  }

  load(offset: number, loader: Loader<V>): V | Promise<V> {
    return this.#cache.load(this.fileId, offset, loader)
  }

  invalidate(): number {
    return this.#cache.invalidate(this.fileId)
  }
}
