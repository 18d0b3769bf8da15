/** A frozen table as plain data that structured clone takes to another thread, and the way back. */
import { type Memory, memoryOver, NONE, type SharedOrPlainBuffer } from './arena.ts'
import type { Contents } from './contents.ts'
import { MemtableError } from './errors.ts'
import { SharedKeys } from './keys.ts'
import { MemtableView } from './memtable-view.ts'
import { RangeTombstones } from './range-tombstones.ts'
import type { Run } from './run.ts'

const FORMAT = 'lsm-memtable-1'

/** What `share()` returns. Only good for `openShared` of the same version of this package, in the same machine. */
export interface SharedMemtable {
  readonly format: string
  readonly chunks: readonly SharedOrPlainBuffer[]
  readonly points: readonly Run[]
  readonly ranges: readonly Run[]
  /** Of each range tombstone, oldest first: the references of its start and of its version. */
  readonly tombstones: Uint32Array
  readonly firstSeq: number
  readonly lastSeq: number
  readonly entryCount: number
  readonly byteSize: number
}

/** `contents` as plain data over the same memory. Sorts the tails: at most 1,024 keys each. */
export function toShared(contents: Contents): SharedMemtable {
  const { memory, points, ranges, tombstones, firstSeq, lastSeq, entryCount, byteSize } = contents
  return {
    format: FORMAT,
    chunks: memory.bytes.map((bytes) => bytes.buffer as SharedOrPlainBuffer),
    points: points.sortedRuns(),
    ranges: ranges.sortedRuns(),
    tombstones: tombstones.references(),
    firstSeq,
    lastSeq,
    entryCount,
    byteSize,
  }
}

/**
 * The table that another thread shared, for reading, over the same memory. Point reads are binary searches here.
 * O(range tombstones · log); throws `MEMTABLE_NOT_SHARED` for anything that is not what `share()` returned.
 */
export function openShared(shared: SharedMemtable): MemtableView {
  const message = `not a table that share() of this version returned (${FORMAT})`
  if (shared?.format !== FORMAT) throw new MemtableError('MEMTABLE_NOT_SHARED', message)
  try {
    const memory = memoryOver(shared.chunks)
    return new MemtableView({
      memory,
      points: new SharedKeys(memory, shared.points),
      ranges: new SharedKeys(memory, shared.ranges),
      tombstones: readTombstones(memory, shared.tombstones),
      firstSeq: shared.firstSeq,
      lastSeq: shared.lastSeq,
      entryCount: shared.entryCount,
      byteSize: shared.byteSize,
    })
  } catch (cause) {
    throw new MemtableError('MEMTABLE_NOT_SHARED', message, { cause })
  }
}

function readTombstones(memory: Memory, references: Uint32Array): RangeTombstones {
  const tombstones = new RangeTombstones(memory)
  for (let i = 0; i + 1 < references.length; i += 2) {
    tombstones.add(references[i] ?? NONE, references[i + 1] ?? NONE)
  }
  return tombstones
}
