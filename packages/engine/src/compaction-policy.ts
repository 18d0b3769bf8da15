/**
 * Which tables to compact next: a pure function from a version to a task. Leveled, after LevelDB and RocksDB: level 0
 * by the number of its tables, deeper levels by their size; one task moves one table of a level (or all that overlap in
 * level 0) into the next.
 */
import { compareBytes } from '@lsm/encoding'
import { type KeyRange, overlaps, union } from './key-bound.ts'
import type { TableEntry } from './manifest.ts'
import { LEVEL_COUNT, type Version } from './version.ts'

export interface CompactionPolicyOptions {
  readonly l0Compact: number
  readonly level1SizeBytes: number
  readonly levelMultiplier: number
}

export interface CompactionTask {
  readonly level: number
  readonly outputLevel: number
  /** Of `level`. */
  readonly inputs: readonly TableEntry[]
  /** Of `outputLevel`: those that overlap the inputs. */
  readonly overlapping: readonly TableEntry[]
  /** The tables only change their level: nothing is read or written. */
  readonly isMove: boolean
  /** Covers all inputs and overlapping tables. */
  readonly range: KeyRange
}

/** How full a level is: 1 and more wants a compaction. */
export function scoreOf(version: Version, level: number, options: CompactionPolicyOptions): number {
  if (level === 0) return version.levels[0]!.length / options.l0Compact
  if (level >= LEVEL_COUNT - 1) return 0
  return version.sizeOfLevel(level) / targetSizeOf(level, options)
}

/** The size that a level from 1 down should not pass. */
export function targetSizeOf(level: number, { level1SizeBytes, levelMultiplier }: CompactionPolicyOptions): number {
  return level1SizeBytes * levelMultiplier ** (level - 1)
}

/**
 * Returns the most urgent task, or `undefined` when every level is within its target. `cursors` holds, for each level,
 * where the last compaction of it ended, so that all key ranges get their turn.
 */
export function pickCompaction(
  version: Version,
  options: CompactionPolicyOptions,
  cursors: readonly (Uint8Array | undefined)[] = [],
): CompactionTask | undefined {
  let best = -1
  let bestScore = 1
  for (let level = 0; level < LEVEL_COUNT - 1; level++) {
    const score = scoreOf(version, level, options)
    if (score >= bestScore && (best < 0 || score > bestScore)) {
      best = level
      bestScore = score
    }
  }
  if (best < 0) return undefined
  const tables = version.levels[best]!
  if (best === 0) return taskFor(version, 0, closure(tables, tables.at(-1)!))
  const cursor = cursors[best]
  const next = cursor && tables.find((table) => compareBytes(table.smallest, cursor) > 0)
  return taskFor(version, best, [next ?? tables[0]!])
}

/**
 * Returns a task for the tables of `level` that touch `range`, or `undefined` where there are none or nothing is
 * below: what a compaction by hand goes through, level by level.
 */
export function pickRange(version: Version, level: number, range: KeyRange | undefined): CompactionTask | undefined {
  if (level >= LEVEL_COUNT - 1) return undefined
  const tables = version.levels[level]!
  const touched = range === undefined ? tables : tables.filter((table) => overlaps(table, range))
  if (touched.length === 0) return undefined
  const first = touched.at(-1)!
  const inputs =
    level === 0 ? touched.reduce((all, each) => closure(tables, each, all), closure(tables, first)) : touched
  return taskFor(version, level, inputs)
}

/**
 * Returns a task that writes tables of the deepest level anew, in their place: from the first to the last of those that
 * touch `range` and of which `isStale` says that something in them may be dropped; `undefined` where there are none.
 */
export function pickRewrite(
  version: Version,
  level: number,
  range: KeyRange | undefined,
  isStale: (table: TableEntry) => boolean,
): CompactionTask | undefined {
  const tables = version.levels[level]!
  const wanted = (table: TableEntry): boolean => (range === undefined || overlaps(table, range)) && isStale(table)
  const first = tables.findIndex(wanted)
  if (first < 0) return undefined
  // Without gaps: one output may reach over all of its inputs.
  const inputs = tables.slice(first, tables.findLastIndex(wanted) + 1)
  const whole = inputs.reduce<KeyRange>(union, inputs[0]!)
  return { level, outputLevel: level, inputs, overlapping: [], isMove: false, range: whole }
}

/**
 * The oldest table of level 0 and all that overlap it, directly or through others. An older version of a key must never
 * stay above a newer one, so of tables that overlap all go down together.
 */
function closure(tables: readonly TableEntry[], start: TableEntry, from: readonly TableEntry[] = []): TableEntry[] {
  const chosen = new Set<TableEntry>([...from, start])
  let range: KeyRange = [...chosen].reduce<KeyRange>(union, start)
  for (let grown = true; grown; ) {
    grown = false
    for (const table of tables) {
      if (chosen.has(table) || !overlaps(table, range)) continue
      chosen.add(table)
      range = union(range, table)
      grown = true
    }
  }
  return tables.filter((table) => chosen.has(table))
}

function taskFor(version: Version, level: number, inputs: readonly TableEntry[]): CompactionTask {
  const inputRange = inputs.reduce<KeyRange>(union, inputs[0]!)
  const outputLevel = level + 1
  const overlapping = version.overlapping(outputLevel, inputRange)
  const range = overlapping.reduce<KeyRange>(union, inputRange)
  // Tables of level 0 that overlap each other cannot stand side by side below.
  const areDisjoint = inputs.every((a, i) => inputs.slice(i + 1).every((b) => !overlaps(a, b)))
  return { level, outputLevel, inputs, overlapping, isMove: overlapping.length === 0 && areDisjoint, range }
}
