/**
 * The log's segments: moving on from one to the next, and letting go of those whose writes are all in tables. It knows
 * manifests and memtables; how frames are written is `@lsm/wal`'s.
 */
import { createSegment } from '@lsm/wal'
import type { LsmError } from './errors.ts'
import { segmentFileName } from './files.ts'
import type { KeyspaceState } from './keyspace-state.ts'
import { nextFreeNumber } from './recovery.ts'
import { type StoreCore, withSegments } from './store-core.ts'
import { isNoSpace } from './translate.ts'

/** A segment shorter than this is not worth a new one. */
const MIN_SEGMENT_BYTES = 64 * 1024

export class LogSegments {
  readonly #core: StoreCore
  #sealedBytes = 0

  constructor(core: StoreCore) {
    this.#core = core
  }

  /** Bytes of all log segments. */
  get sizeBytes(): number {
    const { manifests, wal } = this.#core
    let size = wal?.segmentLength ?? 0
    for (const { sealedLength } of manifests.state.segments.values()) size += sealedLength ?? 0
    return size
  }

  /** Bytes written to the log since the store was opened. */
  get bytesWritten(): number {
    return this.#sealedBytes + (this.#core.wal?.segmentLength ?? 0)
  }

  /** Ends the open log segment and goes on in a new one, so that the old one can go when its writes are in tables. */
  async moveOn(): Promise<void> {
    const core = this.#core
    const { wal, manifests, components } = core
    if (wal === undefined || wal.segmentLength < MIN_SEGMENT_BYTES) return
    const { storeId } = manifests.position
    const number = await nextFreeNumber(core.storage, manifests.state)
    const identity = { number, id: components.random.bytes(16), storeId }
    const remove = (): Promise<void> => core.storage.remove(segmentFileName(number)).catch(() => {})
    const next = await createSegment(core.storage, identity).catch(async (error: unknown) => {
      await remove()
      throw error
    })
    let lastSeq = 0
    let unpublished: LsmError | undefined
    const sealed = await wal.rotate(next, async ({ number: old, length }) => {
      lastSeq = wal.lastSeq
      try {
        await core.commit((state) => {
          const oldEntry = { ...state.segments.get(old)!, sealedLength: length }
          const newEntry = { number, id: identity.id, sealedLength: undefined }
          return { ...withSegments(state, { added: [oldEntry, newEntry] }), nextSegmentNumber: number + 1 }
        })
        return true
      } catch (error) {
        if (!isNoSpace(error)) throw error
        unpublished = error
        return false
      }
    })
    if (sealed === undefined) {
      await remove()
      throw unpublished!
    }
    core.segments.push({ number: sealed.number, lastSeq })
    this.#sealedBytes += sealed.length
  }

  /** Segments that nobody needs once the oldest memtable of `flushed` is in a table. */
  obsoleteAfter(flushed: KeyspaceState): number[] {
    let needed = Number.POSITIVE_INFINITY
    for (const keyspace of this.#core.keyspaces.values()) {
      const next = keyspace === flushed ? firstUnflushedAfterOldest(keyspace) : keyspace.firstUnflushedSeq
      needed = Math.min(needed, next)
    }
    return this.#core.segments.filter(({ lastSeq }) => lastSeq < needed).map(({ number }) => number)
  }

  /** Removes the files of segments that no manifest names any more. */
  async remove(numbers: readonly number[]): Promise<void> {
    const { segments, storage } = this.#core
    for (const number of numbers) {
      const index = segments.findIndex((each) => each.number === number)
      if (index >= 0) segments.splice(index, 1)
      // No manifest names it any more: the next opening removes what is left.
      await storage.remove(segmentFileName(number)).catch(() => {})
    }
  }
}

function firstUnflushedAfterOldest({ frozen, memtable }: KeyspaceState): number {
  const next = frozen.at(-2) ?? memtable
  return next.entryCount === 0 ? Number.POSITIVE_INFINITY : next.firstSeq
}
