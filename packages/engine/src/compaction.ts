/** Merges tables of two levels into new ones of the deeper: makes the plan, and decides which thread does the job. */
import type { TableInfo } from '@lsm/sstable'
import { asRun, type CompactionPlan, runPlan } from './compaction-plan.ts'
import type { CompactionTask } from './compaction-policy.ts'
import { type CompactionThread, WorkerLost } from './compaction-thread.ts'
import { formatOf } from './flush.ts'
import type { KeyRange } from './key-bound.ts'
import { overlaps } from './key-bound.ts'
import type { KeyspaceState } from './keyspace-state.ts'
import type { StoreCore } from './store-core.ts'
import type { Version } from './version.ts'

export interface CompactionResult {
  readonly tables: readonly TableInfo[]
  readonly bytesRead: number
  readonly inWorker: boolean
}

export interface CompactionContext {
  readonly core: StoreCore
  readonly keyspace: KeyspaceState
  /** For a job on the main thread: see `CompactionParts`. */
  readonly pause: () => undefined | Promise<void>
  /** Where there can be one. */
  readonly thread: CompactionThread | undefined
}

/** Runs a task and returns the tables that it made; commits nothing. */
export async function runCompaction(task: CompactionTask, context: CompactionContext): Promise<CompactionResult> {
  const { core, keyspace, pause, thread } = context
  const { live } = keyspace.view
  live.pin()
  try {
    const plan: CompactionPlan = {
      runs: runsOf(task),
      format: formatOf(core, keyspace),
      rules: { snapshots: core.snapshots.seqs, olderRanges: olderRangesOf(live.version, task) },
    }
    const bytesRead = plan.runs.flat().reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
    const tables = thread?.isUsable ? await runInWorker(thread, plan, core.options.maxOpenFiles) : undefined
    if (tables !== undefined) return { tables, bytesRead, inWorker: true }
    const own = await runPlan(core.storage, plan, {
      readerOf: (entry) => live.table(entry).reader,
      newTableId: () => core.components.random.bytes(16),
      pause,
      sync: false,
    })
    return { tables: own, bytesRead, inWorker: false }
  } finally {
    live.unpin()
  }
}

/** `undefined`: the worker died, and the job is still to be done. */
async function runInWorker(
  thread: CompactionThread,
  plan: CompactionPlan,
  maxOpenFiles: number,
): Promise<readonly TableInfo[] | undefined> {
  try {
    return await thread.run(plan, maxOpenFiles)
  } catch (error) {
    if (error instanceof WorkerLost) return undefined
    throw error
  }
}

/** One run for each table of level 0, and one for all tables of a deeper level. */
function runsOf({ level, inputs, overlapping }: CompactionTask): (readonly (typeof inputs)[number][])[] {
  const runs = [...(level === 0 ? inputs.map((entry) => [entry]) : [asRun(inputs)]), asRun(overlapping)]
  return runs.filter((run) => run.length > 0)
}

/** Where data older than the inputs may lie: deeper levels, and tables of level 0 that were not taken. */
function olderRangesOf(version: Version, task: CompactionTask): KeyRange[] {
  const below = version.levels.slice(task.outputLevel + 1).flat()
  const taken = new Set(task.inputs)
  const oldest = task.inputs.reduce((seq, { smallestSeq }) => Math.min(seq, smallestSeq), Number.POSITIVE_INFINITY)
  const leftOut = version.levels[0]!.filter(
    (table) => task.level === 0 && !taken.has(table) && table.smallestSeq < oldest,
  )
  return [...below, ...leftOut].filter((table) => overlaps(table, task.range))
}
