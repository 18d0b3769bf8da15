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
    const isReverse = this.#options.reverse === true
    const index = this.#tables.findIndex(({ entry }) =>
      isReverse ? compareBytes(entry.smallest, key) <= 0 : !isAfter(key, entry.largest),
    )
    return this.#enter(index < 0 ? this.#tables.length : index, key)
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
      this.#cursor?.close()
      this.#cursor = undefined
      this.#index = at
      const table = this.#tables[at]
      if (table === undefined || this.#isClosed) return false
      this.#cursor = table.reader.cursor(this.#options)
      const moved = sought === undefined ? this.#cursor.seekToFirst() : this.#cursor.seek(sought)
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
