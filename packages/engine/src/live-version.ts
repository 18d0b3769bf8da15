/** A version with its open readers: what reads go through. It holds every one of its tables open until it is let go. */
import type { TableReader } from '@lsm/sstable'
import type { ReaderHandle } from '@lsm/sstable-registry'
import { isAfter, mayHold } from './key-bound.ts'
import type { TableEntry } from './manifest.ts'
import { LEVEL_COUNT, type Version } from './version.ts'

export interface LiveTable {
  readonly entry: TableEntry
  readonly reader: TableReader
}

export class LiveVersion {
  readonly version: Version
  /** As in the version. */
  readonly levels: readonly (readonly LiveTable[])[]
  /** The deepest level that has tables, or -1. */
  readonly lastLevel: number
  readonly #byId: ReadonlyMap<string, LiveTable>
  readonly #handles: readonly ReaderHandle<TableReader>[]
  #pins = 1

  /** Takes over the handles, one for each table of the version. */
  constructor(version: Version, handles: readonly ReaderHandle<TableReader>[]) {
    this.version = version
    this.#handles = handles
    const readers = new Map(handles.map((handle) => [handle.fileId, handle.reader]))
    this.levels = version.levels.map((tables) => tables.map((entry) => ({ entry, reader: readers.get(entry.id)! })))
    this.#byId = new Map(this.levels.flat().map((table) => [table.entry.id, table]))
    let last = LEVEL_COUNT - 1
    while (last >= 0 && this.levels[last]!.length === 0) last--
    this.lastLevel = last
  }

  /** The open table of an entry of this version. */
  table(entry: TableEntry): LiveTable {
    return this.#byId.get(entry.id)!
  }

  /** The one table of a level from 1 down that could hold `key`: it ends at or behind it, and may begin behind it. O(log n). */
  tableFor(level: number, key: Uint8Array): LiveTable | undefined {
    const tables = this.levels[level]!
    let low = 0
    let high = tables.length
    // The first table whose range does not end before the key. Where it begins, its own index tells.
    while (low < high) {
      const middle = (low + high) >>> 1
      if (isAfter(key, tables[middle]!.entry.largest)) low = middle + 1
      else high = middle
    }
    return tables[low]
  }

  /** The table of level 0 at `index`, counted from the newest, if it could hold `key`. */
  tableInLevel0(index: number, key: Uint8Array): LiveTable | undefined {
    const table = this.levels[0]![index]!
    return mayHold(table.entry, key) ? table : undefined
  }

  /** Keeps the tables open for one more user. */
  pin(): void {
    this.#pins++
  }

  /** Ends one use; the last one lets go of the tables. */
  unpin(): void {
    if (--this.#pins > 0) return
    for (const handle of this.#handles) handle.release()
  }
}
