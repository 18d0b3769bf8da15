/** What the readers of a table read: the same whether the table is written here or was shared by another thread. */
import { type Memory, NONE } from './arena.ts'
import { seqOf, visibleVersion } from './entries.ts'
import type { Keys } from './keys.ts'
import type { RangeTombstones } from './range-tombstones.ts'

export interface Contents {
  readonly memory: Memory
  /** Values and tombstones by key. */
  readonly points: Keys
  /** Range tombstones by start. */
  readonly ranges: Keys
  readonly tombstones: RangeTombstones
  /** The least and the greatest sequence number; -1 when nothing was written. */
  readonly firstSeq: number
  readonly lastSeq: number
  readonly entryCount: number
  readonly byteSize: number
}

/** The version that answers a read of `key`: its newest visible one, or the range tombstone that hides it. */
export function findVersion(contents: Contents, key: Uint8Array, visibleSeq: number): number {
  const { memory, points, tombstones } = contents
  const node = points.find(key)
  const version = node === NONE ? NONE : visibleVersion(memory, node, visibleSeq)
  if (tombstones.count === 0) return version
  const hider = tombstones.find(key, visibleSeq)
  if (hider === NONE) return version
  return version !== NONE && seqOf(memory, version) > seqOf(memory, hider) ? version : hider
}
