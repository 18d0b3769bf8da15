/** Makes the file of a new segment, durable before anybody relies on it. */
import type { Storage, StorageFile } from '@lsm/storage'
import { checkIdentity, encodeSegmentHeader, type SegmentIdentity, segmentFileName } from './segment.ts'

/** A segment that holds its header and nothing else, and whose file is open. */
export interface NewSegment {
  readonly identity: SegmentIdentity
  readonly file: StorageFile
}

/**
 * Creates a segment: header written, header and directory entry durable. Name it in the manifest before it is given
 * to a writer, since from then on a damaged header counts as corruption. Throws the storage's errors; a file that was
 * created is then closed and left for the next opening to remove.
 */
export async function createSegment(storage: Storage, identity: SegmentIdentity): Promise<NewSegment> {
  checkIdentity(identity)
  const file = await storage.open(segmentFileName(identity.number), { mode: 'create' })
  try {
    await file.append(encodeSegmentHeader(identity))
    await file.datasync()
    await storage.syncDirectory()
    return { identity, file }
  } catch (error) {
    await file.close().catch(() => {})
    throw error
  }
}
