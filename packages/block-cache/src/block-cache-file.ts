import type { CacheCore, Loader } from './cache-core.ts'
import type { CachedFile, FileId } from './cached-file.ts'

/**
 * One file's part of a cache, for a reader that asks for many blocks of it: the file is found once and not at every
 * call. Holds nothing in the cache, so it needs no closing; it may be kept, and outlives `invalidate`.
 */
export class BlockCacheFile<V extends NonNullable<unknown>> {
  readonly fileId: FileId
  readonly #core: CacheCore<V>
  #file: CachedFile<V> | undefined

  constructor(core: CacheCore<V>, fileId: FileId) {
    this.fileId = fileId
    this.#core = core
  }

  /** As `BlockCache.get`. */
  get(offset: number): V | undefined {
    const file = this.#file
    if (file !== undefined && file.number >= 0) return this.#core.get(file, offset)
    return this.#getAgain(offset)
  }

  #getAgain(offset: number): V | undefined {
    const file = this.#find()
    return file === undefined ? this.#core.miss(this.fileId, offset) : this.#core.get(file, offset)
  }

  /** The file was forgotten when the last of it left, and another may stand for the same id since. */
  #find(): CachedFile<V> | undefined {
    if (this.#file === undefined || this.#file.number < 0) this.#file = this.#core.files.find(this.fileId)
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
    return this.#core.put(this.fileId, offset, entry)
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
