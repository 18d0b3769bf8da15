/**
 * One number for a file and an offset, so that lru-cache is asked with a number and no composite string is built.
 *
 *   key = page number * 2^16 + low 16 bits of the offset
 *
 * A page is 64 KiB of one file, numbered when its first entry is cached and freed with its last. So numbers stay
 * below the count of entries, and with up to 32,768 pages in use every key is a small integer, which a `Map` finds in
 * half the time of a larger number (19 against 35 ns measured among 8,192 keys): that is why the key is not
 * file number * 2^32 + offset. More pages make keys larger and slower, never wrong: they stay below 2^40.
 *
 * A page also knows its entries, and a file its pages: what `invalidate` walks instead of the whole cache.
 */
import type { CachedFile } from './cached-file.ts'

// Written out: `2 ** 16` is a boxed float to V8, and so is all that is made with it, and a `Map` finds it slower.
export const PAGE_SIZE = 65_536
export const PAGE_MASK = 65_535

/** Pages that a file finds by an array: its first 64 MiB, so that the array stays at 8 KiB for the largest file. */
const NEAR_PAGES = 1024

/** Entries of a page that are searched one by one; sixteen blocks of 4 KiB are the usual case. */
const MOST_LISTED = 64

interface Page<V> {
  readonly number: number
  readonly file: CachedFile<V>
  /** Which page of its file it is. */
  readonly index: number
  /** Low bits of its entries. Adding to and taking from a `Set` would cost more than lru-cache's own eviction. */
  lows: number[] | Set<number>
}

export class PageTable<V> {
  /** By number. What is free still has its last page here, without entries. */
  readonly #pages: Page<V>[] = []
  readonly #free: number[] = []

  /** Whether the last `claim` was for a new entry. */
  claimed = false

  /** The key of an offset ≥ 0, or -1 if nothing of its page is cached. */
  find(file: CachedFile<V>, offset: number): number {
    const base = baseOf(file, pageOf(offset))
    return base < 0 ? -1 : base + (offset % PAGE_SIZE)
  }

  /** The key for an entry; for a new one it holds its page until `release`. */
  claim(file: CachedFile<V>, offset: number): number {
    const index = pageOf(offset)
    const low = offset % PAGE_SIZE
    const base = baseOf(file, index)
    const page = base < 0 ? this.#open(file, index) : this.#at(base)
    const { lows } = page
    if (Array.isArray(lows)) {
      this.claimed = !lows.includes(low)
      if (this.claimed && lows.push(low) > MOST_LISTED) page.lows = new Set(lows)
    } else {
      this.claimed = !lows.has(low)
      lows.add(low)
    }
    return page.number * PAGE_SIZE + low
  }

  #open(file: CachedFile<V>, index: number): Page<V> {
    const number = this.#free.pop() ?? this.#pages.length
    const page: Page<V> = { number, file, index, lows: [] }
    this.#pages[number] = page
    const base = number * PAGE_SIZE
    if (index < NEAR_PAGES) {
      // Filled up to the index: an array with holes is slower to read.
      while (file.near.length <= index) file.near.push(-1)
      file.near[index] = base
    } else {
      file.far ??= new Map()
      file.far.set(index, base)
    }
    return page
  }

  #at(key: number): Page<V> {
    return this.#pages[pageOf(key)] as Page<V>
  }

  fileOf(key: number): CachedFile<V> {
    return this.#at(key).file
  }

  offsetOf(key: number): number {
    return this.#at(key).index * PAGE_SIZE + (key % PAGE_SIZE)
  }

  /** Takes back a claimed key. */
  release(key: number): void {
    const page = this.#at(key)
    const { lows, file, index } = page
    if (Array.isArray(lows)) {
      const last = lows.pop() as number
      const low = key % PAGE_SIZE
      if (last !== low) lows[lows.indexOf(low)] = last
      if (lows.length > 0) return
    } else {
      lows.delete(key % PAGE_SIZE)
      if (lows.size > 0) return
    }
    if (index < NEAR_PAGES) file.near[index] = -1
    else file.far?.delete(index)
    this.#free.push(page.number)
  }

  /** The keys of all entries of a file: a copy, so they may be released meanwhile. O(its entries + 1024). */
  keys(file: CachedFile<V>): number[] {
    const keys: number[] = []
    for (const base of [...file.near, ...(file.far?.values() ?? [])]) {
      if (base >= 0) for (const low of this.#at(base).lows) keys.push(base + low)
    }
    return keys
  }
}

/** `n / PAGE_SIZE`, without the floating point where the number is small. */
function pageOf(n: number): number {
  return (n | 0) === n ? n >> 16 : Math.floor(n / PAGE_SIZE)
}

function baseOf<V>(file: CachedFile<V>, index: number): number {
  const { near, far } = file
  return (index < near.length ? near[index] : far?.get(index)) ?? -1
}
