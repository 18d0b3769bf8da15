/** Makes the public statistics of the counters and the state of a store. */
import type { CacheTierStats, LevelStats, Stats } from './api.ts'
import { scoreOf } from './compaction-policy.ts'
import type { KeyspaceState } from './keyspace-state.ts'
import type { Store } from './store.ts'

export function statsOf({ core, maintenance }: Store, keyspace: KeyspaceState): Stats {
  const { counters, cache, manifests, wal } = core
  const levels = levelStatsOf(keyspace)
  const tableBytes = levels.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  const deepest = levels.findLast(({ tables }) => tables > 0)
  const keyspaces = [...core.keyspaces.values()]
  const written = counters.flushBytes + counters.compactionBytesWritten + maintenance.log.bytesWritten
  const { data, index, filter } = cache.stats()
  const failure = core.failure ?? maintenance.passingFailure
  return {
    lastSeq: wal?.lastSeq ?? core.visibleSeq,
    visibleSeq: core.visibleSeq,
    memtableBytes: keyspaces.reduce((sum, { memtableBytes }) => sum + memtableBytes, 0),
    frozenMemtables: keyspaces.reduce((sum, { frozen }) => sum + frozen.length, 0),
    walSegments: manifests.state.segments.size,
    walSizeBytes: maintenance.log.sizeBytes,
    openTables: core.tables.openCount,
    snapshots: core.snapshots.size,
    levels,
    cache: { data: tierOf(data), index: tierOf(index), filter: tierOf(filter) },
    writes: {
      batches: counters.batches,
      operations: counters.operations,
      userBytes: counters.userBytes,
      walBytes: maintenance.log.bytesWritten,
    },
    reads: {
      gets: counters.gets,
      memtableHits: counters.memtableHits,
      filterSkips: counters.filterSkips,
      blockReads: counters.blockReads,
    },
    flushes: {
      count: counters.flushes,
      bytesWritten: counters.flushBytes,
      latency: counters.flushLatency.snapshot,
    },
    compactions: {
      count: counters.compactions,
      moves: counters.moves,
      bytesRead: counters.compactionBytesRead,
      bytesWritten: counters.compactionBytesWritten,
      recordsDropped: counters.recordsDropped,
      latency: counters.compactionLatency.snapshot,
    },
    stalls: { delayed: counters.delayed, stopped: counters.stopped, latency: counters.stallLatency.snapshot },
    writeAmplification: counters.userBytes === 0 ? 0 : written / counters.userBytes,
    spaceAmplification: deepest === undefined ? 0 : tableBytes / deepest.sizeBytes,
    failure: failure && { code: failure.code, message: failure.message },
  }
}

function levelStatsOf({ view, options }: KeyspaceState): LevelStats[] {
  const { version } = view.live
  return version.levels.map((tables, level) => ({
    level,
    tables: tables.length,
    sizeBytes: version.sizeOfLevel(level),
    pointRecords: tables.reduce((sum, table) => sum + table.pointRecords, 0),
    tombstones: tables.reduce((sum, table) => sum + table.tombstones, 0),
    rangeTombstones: tables.reduce((sum, table) => sum + table.rangeTombstones, 0),
    score: scoreOf(version, level, options),
  }))
}

function tierOf({
  entries,
  bytes,
  hits,
  misses,
}: {
  entries: number
  bytes: number
  hits: number
  misses: number
}): CacheTierStats {
  return { entries, sizeBytes: bytes, hits, misses }
}
