/** Merges tables of two levels into new ones of the deeper. */
import type { RangeTombstone, TableInfo, TableReader } from '@lsm/sstable'
import type { CompactionTask } from './compaction-policy.ts'
import { formatOf } from './flush.ts'
import type { KeyRange } from './key-bound.ts'
import { overlaps } from './key-bound.ts'
import type { KeyspaceState } from './keyspace-state.ts'
import { LevelCursor } from './level-cursor.ts'
import type { LiveVersion } from './live-version.ts'
import { runMergeJob } from './merge-job.ts'
import type { StoreCore } from './store-core.ts'

export interface CompactionResult {
  readonly tables: readonly TableInfo[]
  readonly bytesRead: number
  readonly inWorker: boolean
}

/** Blocks are read once and in order: they are no use to a cache. */
const CURSOR_OPTIONS = { fillCache: false }

/** Runs a task and returns the tables that it made; commits nothing. */
export async function runCompaction(
  core: StoreCore,
  keyspace: KeyspaceState,
  task: CompactionTask,
  pause: () => undefined | Promise<void>,
): Promise<CompactionResult> {
  const { live } = keyspace.view
  live.pin()
  try {
    const inputs = [...task.inputs, ...task.overlapping]
    const readers = inputs.map((entry) => live.table(entry).reader)
    const { tables } = await runMergeJob<LevelCursor>(core.storage, {
      cursors: cursorsOf(live, task),
      write: (writer, cursor) => writer.addRecord(cursor.keyBytes, cursor.recordStart, cursor.recordEnd),
      rangeTombstones: readers.flatMap((reader): RangeTombstone[] => [...reader.rangeTombstones]),
      coveringSeq: newestCoverOf(readers.filter(({ rangeTombstones }) => rangeTombstones.count > 0)),
      format: formatOf(core, keyspace),
      rules: { snapshots: core.snapshots.seqs, olderRanges: olderRangesOf(live, task) },
      newTableId: () => core.components.random.bytes(16),
      pause,
    })
    return { tables, bytesRead: inputs.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0), inWorker: false }
  } finally {
    live.unpin()
  }
}

/** One cursor for each table of level 0, and one for all tables of a deeper level. */
function cursorsOf(live: LiveVersion, { level, inputs, overlapping }: CompactionTask): LevelCursor[] {
  const groups = [...(level === 0 ? inputs.map((entry) => [entry]) : [inputs]), overlapping]
  return groups
    .filter((entries) => entries.length > 0)
    .map(
      (entries) =>
        new LevelCursor(
          entries.map((entry) => live.table(entry)),
          CURSOR_OPTIONS,
        ),
    )
}

function newestCoverOf(readers: readonly TableReader[]): (key: Uint8Array, visibleSeq: number) => number {
  return (key, visibleSeq) => readers.reduce((newest, each) => Math.max(newest, each.coveringSeq(key, visibleSeq)), -1)
}

/** Where data older than the inputs may lie: deeper levels, and tables of level 0 that were not taken. */
function olderRangesOf({ version }: LiveVersion, task: CompactionTask): KeyRange[] {
  const below = version.levels.slice(task.outputLevel + 1).flat()
  const taken = new Set(task.inputs)
  const oldest = task.inputs.reduce((seq, { smallestSeq }) => Math.min(seq, smallestSeq), Number.POSITIVE_INFINITY)
  const leftOut = version.levels[0]!.filter(
    (table) => task.level === 0 && !taken.has(table) && table.smallestSeq < oldest,
  )
  return [...below, ...leftOut].filter((table) => overlaps(table, task.range))
}
