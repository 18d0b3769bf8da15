/**
 * A version: the live tables of one keyspace by level. Immutable; a flush or a compaction makes the next one, and
 * readers keep the one that they started with.
 */
import { compareBytes } from '@lsm/encoding'
import { corruption } from './errors.ts'
import { compareUpper, type KeyRange, overlaps } from './key-bound.ts'
import type { TableEntry } from './manifest.ts'

/** Levels 0 to 6: with a multiplier of 10 and 64 MiB in level 1, the last one holds 6 TiB. */
export const LEVEL_COUNT = 7

export class Version {
  /** Level 0 newest first; deeper levels by key, without overlaps. */
  readonly levels: readonly (readonly TableEntry[])[]

  private constructor(levels: readonly (readonly TableEntry[])[]) {
    this.levels = levels
  }

  /** Builds the version of a keyspace. Throws `LSM_CORRUPTION` for tables that cannot stand side by side. */
  static of(tables: Iterable<TableEntry>): Version {
    const levels: TableEntry[][] = Array.from({ length: LEVEL_COUNT }, () => [])
    for (const table of tables) {
      const level = levels[table.level]
      if (level === undefined) throw corruption(`table ${table.id} is on level ${table.level}, of ${LEVEL_COUNT}`)
      level.push(table)
    }
    levels[0]!.sort((a, b) => b.largestSeq - a.largestSeq)
    for (const level of levels.slice(1)) {
      level.sort((a, b) => compareBytes(a.smallest, b.smallest) || compareUpper(a.largest, b.largest))
      for (let i = 1; i < level.length; i++) {
        if (!overlaps(level[i - 1]!, level[i]!)) continue
        throw corruption(`tables ${level[i - 1]!.id} and ${level[i]!.id} overlap on level ${level[i]!.level}`)
      }
    }
    return new Version(levels)
  }

  /** All tables, level by level. */
  get tables(): readonly TableEntry[] {
    return this.levels.flat()
  }

  sizeOfLevel(level: number): number {
    let size = 0
    for (const table of this.levels[level] ?? []) size += table.sizeBytes
    return size
  }

  /** The tables of a level whose ranges touch `range`, in the level's order. */
  overlapping(level: number, range: KeyRange): TableEntry[] {
    return (this.levels[level] ?? []).filter((table) => overlaps(table, range))
  }
}
