/**
 * What the cache knows of one file, and the table that finds it by its id. A file is here as long as something
 * refers to it (entries, loads under way); then its number is free for another.
 */
import { misuse } from './error.ts'

/** A file's name: any string, or a safe integer. `1` and `'1'` are two files. */
export type FileId = string | number

/** Reads a block that is not cached. */
export type Loader<V> = () => V | PromiseLike<V>

/** A load under way. `stale` once its result may no longer be cached. */
export interface Flight<V> {
  /** Absent while the loader has not yet returned from its synchronous part. */
  promise: Promise<V> | undefined
  stale: boolean
}

export class CachedFile<V> {
  readonly id: FileId
  /** Small and dense, the key in the filter and index tiers; -1 once the file is forgotten. */
  number: number
  /** Entries in all tiers and loads under way. */
  references = 0
  /** First key of each page of the first 1,024, -1 where none is cached. See page-table.ts. */
  readonly near: number[] = []
  /** The same for pages further out. */
  far: Map<number, number> | undefined = undefined
  /** Loads under way by offset. */
  flights: Map<number, Flight<V>> | undefined = undefined

  constructor(id: FileId, number: number) {
    this.id = id
    this.number = number
  }
}

/** Slots of the table of recent files. Two kilobytes of pointers for each 256 slots. */
const HINTS = 1024

export class FileTable<V> {
  readonly #byId = new Map<FileId, CachedFile<V>>()
  readonly #byNumber: (CachedFile<V> | undefined)[] = []
  readonly #free: number[] = []
  // A lookup in a Map by a 32-character string takes 26 ns, as long as the rest of a hit. Here a few characters pick a
  // slot and one comparison (of pointers, when the caller holds on to its string) confirms it: 7 ns.
  readonly #hints: CachedFile<V>[] = new Array(HINTS).fill(new CachedFile<V>('', -1))

  /** The file with that id if the cache knows it. Anything that is no id is not known. */
  find(id: FileId): CachedFile<V> | undefined {
    let slot: number
    if (typeof id === 'string') {
      // The middle, the last and the character before a three-letter extension: they tell apart random ids and
      // numbered file names alike. Where they do not, the Map answers.
      const n = id.length
      slot = ((id.charCodeAt(n >> 1) << 6) ^ (id.charCodeAt(n - 1) << 3) ^ id.charCodeAt(n - 5)) & (HINTS - 1)
    } else if (typeof id === 'number') {
      slot = id & (HINTS - 1)
    } else {
      return undefined
    }
    const file = this.#hints[slot] as CachedFile<V>
    return file.id === id && file.number >= 0 ? file : this.#search(id, slot)
  }

  #search(id: FileId, slot: number): CachedFile<V> | undefined {
    const file = this.#byId.get(id)
    if (file !== undefined) this.#hints[slot] = file
    return file
  }

  /** The file with that id, new if need be. The caller counts a reference at once. */
  intern(id: FileId): CachedFile<V> {
    let file = this.find(id)
    if (file === undefined) {
      checkFileId(id)
      file = new CachedFile<V>(id, this.#free.pop() ?? this.#byNumber.length)
      this.#byNumber[file.number] = file
      this.#byId.set(id, file)
    }
    return file
  }

  at(number: number): CachedFile<V> {
    return this.#byNumber[number] as CachedFile<V>
  }

  /** Takes one reference back; without any the file is forgotten. */
  release(file: CachedFile<V>): void {
    if (--file.references > 0) return
    this.#byId.delete(file.id)
    this.#byNumber[file.number] = undefined
    this.#free.push(file.number)
    file.number = -1
  }

  /** A copy, so that files may be released meanwhile. */
  all(): CachedFile<V>[] {
    return [...this.#byId.values()]
  }
}

export function checkFileId(id: unknown): void {
  if (typeof id === 'string' || Number.isSafeInteger(id)) return
  // Beyond 2^53 two different 64-bit ids can be the same number.
  throw misuse('a file id is a string or a safe integer', id)
}
