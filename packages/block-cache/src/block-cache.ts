import { BlockCacheFile } from './block-cache-file.ts'
import { CacheCore, type Loader } from './cache-core.ts'
import { checkFileId, type FileId } from './cached-file.ts'
import type { BlockCacheOptions } from './options.ts'
import { PAGE_MASK } from './page-table.ts'
import type { BlockCacheStats } from './tier.ts'

/**
 * A cache of parts of files, found by file and offset, in three tiers with a budget and an LRU order each: offsets
 * ≥ 0 are data blocks, -2 is the file's index, -1 its filter.
 *
 * Entries are kept by reference and given out by reference: whoever changes one changes it for all. Everything but
 * an asynchronous loader is synchronous, and O(1) but for what `invalidate` and `clear` remove. A wrong argument is a
 * `TypeError` or `RangeError` with `code: 'BLOCK_CACHE_INVALID_ARGUMENT'`, and changes nothing.
 */
export class BlockCache<V extends NonNullable<unknown> = Uint8Array> {
  readonly #core: CacheCore<V>

  constructor(options: BlockCacheOptions<V> = {}) {
    this.#core = new CacheCore(options)
  }

  /** The cached entry, now the most recently used of its tier, or `undefined`. Counts a hit or a miss. */
  get(fileId: FileId, offset: number): V | undefined {
    const core = this.#core
    const file = core.files.find(fileId)
    if (file === undefined) return core.miss(fileId, offset)
    // The path of a hit, as in BlockCacheFile.get.
    if ((offset | 0) === offset) {
      const { near } = file
      const page = offset >>> 16
      if (page < near.length) {
        const base = near[page] as number
        if (base >= 0) return core.data.get(base + (offset & PAGE_MASK))
      }
    }
    return core.get(file, offset)
  }

  /** The cached entry or `undefined`; counts nothing and leaves the order as it is. */
  peek(fileId: FileId, offset: number): V | undefined {
    return this.#core.peek(fileId, this.#core.files.find(fileId), offset)
  }

  /** Whether the entry is cached; counts nothing and leaves the order as it is. */
  has(fileId: FileId, offset: number): boolean {
    return this.peek(fileId, offset) !== undefined
  }

  /**
   * Caches the entry as the most recently used of its tier, in the place of one that is there, and returns true.
   * Returns false if the entry alone is larger than its tier's budget: then it is not cached, and neither is any
   * longer what was in its place. A load under way for the same block keeps its waiters but is not cached any more.
   */
  put(fileId: FileId, offset: number, entry: V): boolean {
    return this.#core.put(this.#core.files.find(fileId), fileId, offset, entry)
  }

  /**
   * The cached entry, or what `loader` returns for it, which is then cached.
   *
   * A hit, and what a synchronous loader returns, comes at once and not as a promise: `await` the result where it may
   * be either. While an asynchronous loader runs, everyone who asks for the block gets the one promise. A failure goes
   * to all who wait and is not cached. If the block is removed or put meanwhile (`invalidate`, `delete`, `clear`,
   * `put`), the waiters still get the result, it is not cached, and who asks from then on does not get it.
   *
   * Counts one hit or miss. Throws `BLOCK_CACHE_RECURSIVE_LOAD` if the synchronous part of a loader loads its own
   * block; one that awaits its own block waits for ever.
   */
  load(fileId: FileId, offset: number, loader: Loader<V>): V | Promise<V> {
    return this.#core.load(fileId, offset, loader)
  }

  /** Removes one entry; whether there was one. */
  delete(fileId: FileId, offset: number): boolean {
    return this.#core.delete(this.#core.files.find(fileId), fileId, offset)
  }

  /** Removes all entries of the file from all tiers; how many. O(entries of that file). */
  invalidate(fileId: FileId): number {
    return this.#core.invalidate(this.#core.files.find(fileId), fileId)
  }

  /** Removes everything. Counts of hits and misses go on. */
  clear(): void {
    this.#core.clear()
  }

  /** The file's part of this cache, for a reader that asks often: it saves finding the file at every call. */
  file(fileId: FileId): BlockCacheFile<V> {
    checkFileId(fileId)
    return new BlockCacheFile(this.#core, fileId)
  }

  /** Hits, misses, loads, evictions, entries and bytes of each tier. */
  stats(): BlockCacheStats {
    return this.#core.stats()
  }
}
