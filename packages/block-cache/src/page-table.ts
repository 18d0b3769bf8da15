/**
 * One number for a file and an offset, so that lru-cache is asked with a number and no composite string is built.
 *
 *   key = page number * 2^16 + low 16 bits of the offset
 *
 * A page is 64 KiB of one file, numbered when its first entry is cached and freed with its last. So numbers stay
 * below the count of entries, and with up to 32,768 pages in use every key is a small integer, which a `Map` finds in
 * half the time of a larger number (19 against 35 ns measured among 8,192 keys): that is why the key is not
 * file number * 2^32 + offset. More pages make keys larger and slower, never wrong: they stay below 2^40.
 */
import type { CachedFile } from './cached-file.ts'

const PAGE_BITS = 16
export const PAGE_SIZE: number = 2 ** PAGE_BITS
export const PAGE_MASK: number = PAGE_SIZE - 1

/** Pages that a file finds by an array: its first 64 MiB, so that the array stays at 8 KiB for the largest file. */
export const NEAR_PAGES = 1024

export class PageTable<V> {
  readonly #files: (CachedFile<V> | undefined)[] = []
  /** Which page of its file it is. */
  readonly #indexes: number[] = []
  readonly #entries: number[] = []
  readonly #free: number[] = []

  /** The key of an offset ≥ 0, or -1 if nothing of its page is cached. */
  find(file: CachedFile<V>, offset: number): number {
    const index = Math.floor(offset / PAGE_SIZE)
    const base = (index < NEAR_PAGES ? file.near[index] : file.far?.get(index)) ?? -1
    return base < 0 ? -1 : base + (offset % PAGE_SIZE)
  }

  /** The key for a new entry, whose page is kept until `release`. */
  claim(file: CachedFile<V>, offset: number): number {
    const index = Math.floor(offset / PAGE_SIZE)
    const low = offset % PAGE_SIZE
    const key = this.find(file, offset - low)
    if (key >= 0) {
      const page = key / PAGE_SIZE
      this.#entries[page] = (this.#entries[page] as number) + 1
      return key + low
    }
    const page = this.#free.pop() ?? this.#files.length
    this.#files[page] = file
    this.#indexes[page] = index
    this.#entries[page] = 1
    const base = page * PAGE_SIZE
    if (index < NEAR_PAGES) {
      // Filled up to the index: an array with holes is slower to read.
      while (file.near.length <= index) file.near.push(-1)
      file.near[index] = base
    } else {
      file.far ??= new Map()
      file.far.set(index, base)
    }
    return base + low
  }

  fileOf(key: number): CachedFile<V> {
    return this.#files[Math.floor(key / PAGE_SIZE)] as CachedFile<V>
  }

  offsetOf(key: number): number {
    return (this.#indexes[Math.floor(key / PAGE_SIZE)] as number) * PAGE_SIZE + (key % PAGE_SIZE)
  }

  /** Takes back a claimed key. */
  release(key: number): void {
    const page = Math.floor(key / PAGE_SIZE)
    const left = (this.#entries[page] as number) - 1
    this.#entries[page] = left
    if (left > 0) return
    const file = this.#files[page] as CachedFile<V>
    const index = this.#indexes[page] as number
    if (index < NEAR_PAGES) file.near[index] = -1
    else file.far?.delete(index)
    this.#files[page] = undefined
    this.#free.push(page)
  }
}
