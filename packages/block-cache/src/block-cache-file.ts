import type { CacheCore, Loader } from './cache-core.ts'
import type { CachedFile, FileId } from './cached-file.ts'
import { PAGE_MASK } from './page-table.ts'
import type { Tier } from './tier.ts'

/**
 * One file's part of a cache, for a reader that asks for many blocks of it: the file is found once and not at every
 * call. Holds nothing in the cache, so it needs no closing; it may be kept, and outlives `invalidate`.
 */
export class BlockCacheFile<V extends NonNullable<unknown>> {
  readonly fileId: FileId
  readonly #core: CacheCore<V>
  readonly #data: Tier<V>
  #file: CachedFile<V> | undefined
  /** The file's own `near`. All -1 once the file is forgotten, so it needs no check. */
  #near: readonly number[] = []

  constructor(core: CacheCore<V>, fileId: FileId) {
    this.fileId = fileId
    this.#core = core
    this.#data = core.data
    this.#find()
  }

  /** As `BlockCache.get`. */
  get(offset: number): V | undefined {
    // A hit in the data tier, written out here because V8 inlines only so much, and a call more is a tenth of its time.
    // An integer of 32 bits; what is negative or far out lies past the end of `near`.
    if ((offset | 0) === offset) {
      const near = this.#near
      const page = offset >>> 16
      if (page < near.length) {
        const base = near[page] as number
        if (base >= 0) return this.#data.get(base + (offset & PAGE_MASK))
      }
    }
    const file = this.#find()
    return file === undefined ? this.#core.miss(this.fileId, offset) : this.#core.get(file, offset)
  }

  /** The file was forgotten when the last of it left, and another may stand for the same id since. */
  #find(): CachedFile<V> | undefined {
    if (this.#file === undefined || this.#file.number < 0) {
      this.#file = this.#core.files.find(this.fileId)
      this.#near = this.#file?.near ?? []
    }
    return this.#file
  }

  /** As `BlockCache.peek`. */
  peek(offset: number): V | undefined {
    return this.#core.peek(this.fileId, this.#find(), offset)
  }

  /** As `BlockCache.has`. */
  has(offset: number): boolean {
    return this.peek(offset) !== undefined
  }

  /** As `BlockCache.put`. */
  put(offset: number, entry: V): boolean {
    return this.#core.put(this.#find(), this.fileId, offset, entry)
  }

  /** As `BlockCache.load`. */
  load(offset: number, loader: Loader<V>): V | Promise<V> {
    return this.#core.load(this.fileId, offset, loader)
  }

  /** As `BlockCache.delete`. */
  delete(offset: number): boolean {
    return this.#core.delete(this.#find(), this.fileId, offset)
  }

  /** As `BlockCache.invalidate`. */
  invalidate(): number {
    return this.#core.invalidate(this.#find(), this.fileId)
  }
}
