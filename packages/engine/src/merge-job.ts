/**
 * The work of a flush and of a compaction, apart from who commits it: cursors and range tombstones in, new tables out.
 * A pure transform over a storage: it changes nothing that is there, so one that dies half-way leaves orphans only.
 */
import { MergingCursor } from '@lsm/merge-iterator'
import { deflateCodec, type RangeTombstone, type TableInfo, TableWriter, zstdCodec } from '@lsm/sstable'
import type { Storage } from '@lsm/storage'
import type { Compression } from './api.ts'
import { bloomPolicy } from './bloom-policy.ts'
import { tableFileName } from './files.ts'
import { type KeyRange, mayHold } from './key-bound.ts'
import { type OutputRecord, TableOutput, type TableOutputResult } from './table-output.ts'

/** How tables are written: plain data, so that a worker can be told. */
export interface TableFormat {
  readonly storeId: Uint8Array
  readonly keyspaceId: number
  readonly blockSizeBytes: number
  readonly compression: Compression
  readonly filterFalsePositiveRate: number | false
  /** Where the next table begins. */
  readonly tableSizeBytes: number
}

/** What may be dropped: plain data. */
export interface DropRules {
  /** Where somebody still reads, ascending. */
  readonly snapshots: readonly number[]
  /** Where data older than the inputs may lie. */
  readonly olderRanges: readonly KeyRange[]
}

/** A source of records in order, of the shape that a merge wants. */
export interface JobCursor extends OutputRecord {
  readonly valid: boolean
  readonly isTombstone: boolean
  next(): boolean | Promise<boolean>
  close(): void
}

export interface MergeJob<C extends JobCursor> {
  readonly cursors: readonly C[]
  /** Copies the record that the cursor is on. */
  readonly write: (writer: TableWriter, cursor: C) => undefined | Promise<void>
  readonly rangeTombstones: readonly RangeTombstone[]
  readonly coveringSeq: (key: Uint8Array, visibleSeq: number) => number
  readonly format: TableFormat
  readonly rules: DropRules
  /** Sixteen random bytes for each table. */
  readonly newTableId: () => Uint8Array
  /** Called now and then; a promise that it returns is awaited, and its rejection ends the job. */
  readonly pause: () => undefined | Promise<void>
}

/** Records between two looks at the clock. */
const RECORDS_PER_PAUSE = 128

/** Runs the job. When it fails, every table that it made is removed. Closes the cursors. */
export async function runMergeJob<C extends JobCursor>(storage: Storage, job: MergeJob<C>): Promise<TableOutputResult> {
  const { format, rules, rangeTombstones, coveringSeq, write } = job
  const output = new TableOutput<C>({
    createWriter: () => createWriter(storage, format, job.newTableId()),
    write,
    tableSizeBytes: format.tableSizeBytes,
    rangeTombstones,
    coveringSeq,
    ...rules,
  })
  const merged = new MergingCursor<C>(job.cursors, {
    snapshots: rules.snapshots,
    canDropTombstone: (key) => !rules.olderRanges.some((range) => mayHold(range, key)),
  })
  let recordsIn = 0
  try {
    for (;;) {
      const next = merged.next()
      if (!(typeof next === 'boolean' ? next : await next)) break
      recordsIn++
      const added = output.add(merged.current!)
      if (added !== undefined) await added
      if (recordsIn % RECORDS_PER_PAUSE === 0) {
        const paused = job.pause()
        if (paused !== undefined) await paused
      }
    }
    return await output.finish()
  } catch (error) {
    await removeAll(storage, await output.abandon().catch(() => []))
    throw error
  } finally {
    await merged.close()
  }
}

async function removeAll(storage: Storage, tables: readonly TableInfo[]): Promise<void> {
  // What cannot be removed is an orphan, and the next opening removes it.
  for (const { id } of tables) await storage.remove(tableFileName(id)).catch(() => {})
}

function createWriter(storage: Storage, format: TableFormat, id: Uint8Array): Promise<TableWriter> {
  const { storeId, keyspaceId, blockSizeBytes, compression, filterFalsePositiveRate } = format
  return TableWriter.create(storage, {
    id,
    storeId,
    keyspaceId,
    blockSizeBytes,
    compression: compression === 'deflate' ? deflateCodec() : compression === 'zstd' ? zstdCodec() : undefined,
    filter: filterFalsePositiveRate === false ? undefined : bloomPolicy(filterFalsePositiveRate),
  })
}
