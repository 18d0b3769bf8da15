/**
 * A cursor over one level from 1 down: its tables follow each other, and one is opened when the one before it has
 * ended. Same shape and rules as a table's cursor.
 */

import { compareBytes } from '@lsm/encoding'
import type { TableCursor, TableCursorOptions } from '@lsm/sstable'
import { isAfter } from './key-bound.ts'
import type { LiveTable } from './live-version.ts'

export class LevelCursor {
  readonly #tables: readonly LiveTable[]
  readonly #options: TableCursorOptions
  #index = -1
  #cursor: TableCursor | undefined
  #isFresh = true
  #isClosed = false

  /** `tables` in ascending order of their keys, without overlaps. */
  constructor(tables: readonly LiveTable[], options: TableCursorOptions) {
    this.#tables = options.reverse === true ? tables.toReversed() : tables
    this.#options = options
  }

  get valid(): boolean {
    return this.#cursor?.valid === true
  }

  get keyBytes(): Uint8Array {
    return this.#cursor!.keyBytes
  }

  get keyStart(): number {
    return this.#cursor!.keyStart
  }

  get keyEnd(): number {
    return this.#cursor!.keyEnd
  }

  get seq(): number {
    return this.#cursor!.seq
  }

  get isTombstone(): boolean {
    return this.#cursor!.isTombstone
  }

  get valueBytes(): Uint8Array {
    return this.#cursor!.valueBytes
  }

  get valueStart(): number {
    return this.#cursor!.valueStart
  }

  get valueEnd(): number {
    return this.#cursor!.valueEnd
  }

  /** Where the encoded record lies in `keyBytes`. */
  get recordStart(): number {
    return this.#cursor!.recordStart
  }

  get recordEnd(): number {
    return this.#cursor!.recordEnd
  }

  seekToFirst(): boolean | Promise<boolean> {
    this.#isFresh = false
    return this.#enter(0, undefined)
  }

  /** Goes to the first record in the cursor's order whose key is not before `key`. */
  seek(key: Uint8Array): boolean | Promise<boolean> {
    this.#isFresh = false
    return this.#enter(this.#indexFor(key), key)
  }

  /** The first table, in the cursor's order, that does not end before `key`. O(log n). */
  #indexFor(key: Uint8Array): number {
    const tables = this.#tables
    const isReverse = this.#options.reverse === true
    let low = 0
    let high = tables.length
    while (low < high) {
      const middle = (low + high) >>> 1
      const { entry } = tables[middle]!
      const endsBefore = isReverse ? compareBytes(entry.smallest, key) > 0 : isAfter(key, entry.largest)
      if (endsBefore) low = middle + 1
      else high = middle
    }
    return low
  }

  next(): boolean | Promise<boolean> {
    if (this.#isFresh) return this.seekToFirst()
    if (this.#cursor === undefined) return false
    const moved = this.#cursor.next()
    if (moved === true) return true
    return moved === false ? this.#enter(this.#index + 1, undefined) : this.#continue(moved)
  }

  async #continue(moved: Promise<boolean>): Promise<boolean> {
    return (await moved) || this.#enter(this.#index + 1, undefined)
  }

  /** Goes to the first record from the table at `index` on; with `key`, to that of it that is not before the key. */
  #enter(index: number, key: Uint8Array | undefined): boolean | Promise<boolean> {
    let sought = key
    for (let at = index; ; at++) {
      // A cursor that is on the table already keeps its index, and its block if the next key is there too.
      if (at !== this.#index || this.#cursor === undefined) {
        this.#cursor?.close()
        this.#cursor = undefined
        this.#index = at
        const table = this.#tables[at]
        if (table === undefined || this.#isClosed) return false
        this.#cursor = table.reader.cursor(this.#options)
      }
      const moved: boolean | Promise<boolean> =
        sought === undefined ? this.#cursor.seekToFirst() : this.#cursor.seek(sought)
      if (moved === true) return true
      // A table behind the one that was sought begins behind the key.
      sought = undefined
      if (moved !== false) return moved.then((found) => found || this.#enter(at + 1, undefined))
    }
  }

  close(): void {
    this.#isClosed = true
    this.#cursor?.close()
    this.#cursor = undefined
  }
}
