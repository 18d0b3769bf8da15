/** Reads every byte of a store and checks it. */

import { readSegment, type SegmentReport } from '@lsm/wal'
import type { VerifyReport } from './api.ts'
import { corruption } from './errors.ts'
import { segmentFileName } from './files.ts'
import type { SegmentEntry } from './manifest.ts'
import type { StoreCore } from './store-core.ts'

export async function verifyStore(core: StoreCore): Promise<VerifyReport> {
  const { keyspaces, manifests } = core
  let tables = 0
  let blocks = 0
  let records = 0
  let bytes = 0
  for (const { view } of keyspaces.values()) {
    const { live } = view
    live.pin()
    try {
      for (const { reader } of live.levels.flat()) {
        const report = await reader.verify()
        tables++
        blocks += report.dataBlocks
        records += report.pointRecords + report.rangeTombstones
        bytes += reader.info.sizeBytes
      }
    } finally {
      live.unpin()
    }
  }
  let walSegments = 0
  for (const number of [...manifests.state.segments.keys()]) {
    // As it is by now: the log may have gone on in another one.
    const entry = manifests.state.segments.get(number)
    const length = entry && lengthOf(core, entry)
    const report = length === undefined ? undefined : await verifySegment(core, entry!, length)
    if (report === undefined) continue
    walSegments++
    bytes += report.validLength
  }
  return { tables, blocks, records, bytes, walSegments }
}

/** How much of a segment must be whole; `undefined` where nobody can know. */
function lengthOf({ wal }: StoreCore, { number, sealedLength }: SegmentEntry): number | undefined {
  if (sealedLength !== undefined) return sealedLength
  // Beside its writer, a store that is opened to read cannot know, and has checked it all when it was opened. After a
  // failed sync the system may have dropped what was written: opening the store again tells what is left.
  return number === wal?.segmentNumber && !wal.failure ? wal.segmentLength : undefined
}

/** Returns `undefined` for a segment that is not there any more, because nothing needs it. */
async function verifySegment(
  { manifests, storage, options }: StoreCore,
  { number, id }: SegmentEntry,
  sealedLength: number,
): Promise<SegmentReport | undefined> {
  const { storeId } = manifests.position
  // A flush beside this may have made it obsolete; or that of the writer, of a store that is opened to read.
  const isNeeded = (): boolean => !options.readOnly && manifests.state.segments.has(number)
  let report: SegmentReport
  try {
    report = await readSegment(storage, { number, id, storeId, sealedLength }, () => {})
  } catch (error) {
    if ((error as { readonly code?: unknown }).code !== 'STORAGE_NOT_FOUND' || isNeeded()) throw error
    return undefined
  }
  if (report.end === 'whole') return report
  if (!options.readOnly && !isNeeded()) return undefined
  const file = segmentFileName(number)
  const offset = report.validLength
  throw corruption(`${file}: ${report.reason} at offset ${offset}`, { file, offset })
}
