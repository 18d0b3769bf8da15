/** Writes a frozen memtable as tables of level 0. */
import type { Memtable, MemtableCursor } from '@lsm/memtable'
import type { RangeTombstone, TableInfo } from '@lsm/sstable'
import type { KeyspaceState } from './keyspace-state.ts'
import { type DropRules, runMergeJob, type TableFormat } from './merge-job.ts'
import type { StoreCore } from './store-core.ts'

/** Returns the tables that hold what somebody can still read of the memtable; none when that is nothing. */
export async function runFlush(
  core: StoreCore,
  keyspace: KeyspaceState,
  memtable: Memtable,
  pause: () => undefined | Promise<void>,
): Promise<readonly TableInfo[]> {
  const rangeTombstones: RangeTombstone[] = []
  const ranges = memtable.rangeTombstones()
  while (ranges.next()) {
    rangeTombstones.push({ start: ranges.key, end: ranges.value, seq: ranges.seq, timestampMs: ranges.timestampMs })
  }
  const rules: DropRules = { snapshots: core.snapshots.seqs, olderRanges: keyspace.view.live.version.tables }
  const { tables } = await runMergeJob<MemtableCursor>(core.storage, {
    cursors: [memtable.cursor({ versions: 'all' })],
    write: (writer, cursor) => writer.add(cursor.key, cursor.seq, cursor.timestampMs, cursor.value, cursor.kind),
    rangeTombstones,
    coveringSeq: (key, visibleSeq) => memtable.coveringSeq(key, visibleSeq),
    // One table a flush: level 0 is compacted by the number of its tables.
    format: { ...formatOf(core, keyspace), tableSizeBytes: Number.POSITIVE_INFINITY },
    rules,
    newTableId: () => core.components.random.bytes(16),
    pause,
  })
  return tables
}

/** How the tables of a keyspace are written. */
export function formatOf(core: StoreCore, { id, options }: KeyspaceState): TableFormat {
  const { blockSizeBytes, compression, filterFalsePositiveRate, tableSizeBytes } = options
  return {
    storeId: core.manifests.position.storeId,
    keyspaceId: id,
    ...{ blockSizeBytes, compression, filterFalsePositiveRate, tableSizeBytes },
  }
}
