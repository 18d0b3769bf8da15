/**
 * A compaction as plain data and the job that it describes: the same job on the main thread and in a worker. It reads
 * the tables that the plan names, writes new ones, and publishes nothing.
 */
import { compareBytes } from '@lsm/encoding'
import type { RangeTombstone, TableInfo, TableReader } from '@lsm/sstable'
import type { Storage } from '@lsm/storage'
import { LevelCursor } from './level-cursor.ts'
import type { TableEntry } from './manifest.ts'
import { type DropRules, runMergeJob, type TableFormat } from './merge-job.ts'

/** Everything that the job must know: numbers, strings and bytes, so that a worker can be told. */
export interface CompactionPlan {
  /** The inputs as sorted runs: each run's tables in key order, without overlaps. */
  readonly runs: readonly (readonly TableEntry[])[]
  readonly format: TableFormat
  readonly rules: DropRules
}

export interface CompactionParts {
  /** The open reader of an input. */
  readonly readerOf: (entry: TableEntry) => TableReader
  /** Sixteen random bytes for each table that is made, asked for before its file is. */
  readonly newTableId: () => Uint8Array
  /** Called now and then; a promise that it returns is awaited, and what it throws ends the job. */
  readonly pause: () => undefined | Promise<void>
  /** Read with calls that block: in a thread that has nothing else to do. */
  readonly sync: boolean
}

/** Runs the job and returns the tables that it made. When it fails, it has removed what it could of them. */
export async function runPlan(
  storage: Storage,
  { runs, format, rules }: CompactionPlan,
  { readerOf, newTableId, pause, sync }: CompactionParts,
): Promise<readonly TableInfo[]> {
  // Blocks are read once and in order: they are no use to a cache.
  const options = { fillCache: false, sync }
  const tables = runs.map((run) => run.map((entry) => ({ entry, reader: readerOf(entry) })))
  const withRanges = tables.flat().flatMap(({ reader }) => (reader.rangeTombstones.count > 0 ? [reader] : []))
  const result = await runMergeJob<LevelCursor>(storage, {
    cursors: tables.map((run) => new LevelCursor(run, options)),
    write: (writer, cursor) => writer.addRecord(cursor.keyBytes, cursor.recordStart, cursor.recordEnd),
    rangeTombstones: withRanges.flatMap((reader): RangeTombstone[] => [...reader.rangeTombstones]),
    coveringSeq: newestCoverOf(withRanges),
    format,
    rules,
    newTableId,
    pause,
  })
  return result.tables
}

function newestCoverOf(readers: readonly TableReader[]): (key: Uint8Array, visibleSeq: number) => number {
  return (key, visibleSeq) => readers.reduce((newest, each) => Math.max(newest, each.coveringSeq(key, visibleSeq)), -1)
}

/** Ascending by key, as a run must be. */
export function asRun(entries: readonly TableEntry[]): readonly TableEntry[] {
  return entries.toSorted((a, b) => compareBytes(a.smallest, b.smallest))
}
