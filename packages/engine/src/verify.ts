/** Reads every byte of a store and checks it. */

import { readSegment } from '@lsm/wal'
import type { VerifyReport } from './api.ts'
import { corruption } from './errors.ts'
import { segmentFileName } from './files.ts'
import type { StoreCore } from './store-core.ts'

export async function verifyStore({ keyspaces, manifests, storage, wal }: StoreCore): Promise<VerifyReport> {
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
  const { storeId } = manifests.position
  let walSegments = 0
  for (const { number, id, sealedLength } of [...manifests.state.segments.values()]) {
    // The open one is being written: its bytes are checked when they are read again.
    if (sealedLength === undefined || number === wal?.segmentNumber) continue
    const report = await readSegment(storage, { number, id, storeId, sealedLength }, () => {})
    // A flush may have made the segment obsolete while it was read.
    if (report.end !== 'whole' && manifests.state.segments.has(number)) {
      const file = segmentFileName(number)
      throw corruption(`${file}: ${report.reason} at offset ${report.validLength}`, {
        file,
        offset: report.validLength,
      })
    }
    walSegments++
    bytes += report.validLength
  }
  return { tables, blocks, records, bytes, walSegments }
}
