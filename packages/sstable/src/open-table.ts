/** Opening a table, whether its bytes come at once or later: footer first, and then what the footer points to. */
import { compareRanges, RECORD_KIND, RecordCursor } from '@lsm/encoding'
import { BLOCK_TYPE } from './block-trailer.ts'
import { corrupt, SSTableError } from './errors.ts'
import { decodeFooter, FOOTER_SIZE, type Footer } from './footer.ts'
import { decodeProperties, type TableProperties } from './properties.ts'
import { type RangeTombstone, RangeTombstones } from './range-tombstones.ts'
import type { TableFile } from './table-file.ts'

export interface OpenedTable {
  readonly footer: Footer & { readonly tailChecksum: number }
  readonly properties: TableProperties
  readonly rangeTombstones: RangeTombstones
}

/** A part of the file that is needed next. It lies in the file. */
export interface ReadStep {
  readonly offset: number
  readonly size: number
}

export interface TableIdentity {
  readonly id: Uint8Array
  readonly storeId: Uint8Array
  readonly tailChecksum?: number | undefined
}

/** Asks for one part of the file after the other, and returns what was opened. */
export function* openSteps(file: TableFile, identity: TableIdentity): Generator<ReadStep, OpenedTable, Uint8Array> {
  const { name, sizeBytes } = file
  if (sizeBytes < FOOTER_SIZE) throw corrupt(name, sizeBytes, `a table has at least ${FOOTER_SIZE} bytes`)
  const bytes = yield { offset: sizeBytes - FOOTER_SIZE, size: FOOTER_SIZE }
  const { id, storeId, tailChecksum } = identity
  const footer = decodeFooter(bytes, {
    file: name,
    sizeBytes,
    id: new Uint8Array(id),
    storeId: new Uint8Array(storeId),
    tailChecksum,
  })
  const part = footer.properties
  const payload = file.openPart(yield part, BLOCK_TYPE.properties, part)
  const properties = decodeProperties(payload, name, part.offset)
  if (
    properties.rangeTombstones > 0 !== footer.rangeTombstones.size > 0 ||
    (properties.filterName !== undefined) !== footer.filter.size > 0 ||
    properties.dataBlocks > 0 !== footer.dataSize > 0
  ) {
    throw corrupt(name, part.offset, 'footer and properties contradict each other')
  }
  const ranges = footer.rangeTombstones
  const rangeTombstones =
    ranges.size === 0
      ? []
      : decodeRangeTombstones(file.openPart(yield ranges, BLOCK_TYPE.rangeTombstones, ranges), name, ranges.offset)
  if (rangeTombstones.length !== properties.rangeTombstones) {
    const what = `${rangeTombstones.length} range tombstones, and the properties say ${properties.rangeTombstones}`
    throw corrupt(name, ranges.offset, what)
  }
  return { footer, properties, rangeTombstones: new RangeTombstones(rangeTombstones) }
}

/** Returns the range tombstones in `bytes`, which stand at `offset` of `file`. Keys are views. */
export function decodeRangeTombstones(bytes: Uint8Array, file: string, offset: number): RangeTombstone[] {
  const tombstones: RangeTombstone[] = []
  const cursor = new RecordCursor().reset(bytes)
  try {
    while (cursor.next()) {
      const { recordStart, keyStart, keyEnd, valueEnd, seq, timestampMs, kind } = cursor
      const fail = (what: string): SSTableError => corrupt(file, offset + recordStart, what)
      if (kind !== RECORD_KIND.rangeTombstone) throw fail(`a record of kind ${kind} among range tombstones`)
      if (compareRanges(bytes, keyStart, keyEnd, bytes, keyEnd, valueEnd) >= 0) {
        throw fail('a range tombstone whose start is not before its end')
      }
      const last = tombstones.at(-1)
      const order = last === undefined ? -1 : compareRanges(last.start, 0, last.start.length, bytes, keyStart, keyEnd)
      if (order > 0 || (order === 0 && last!.seq < seq)) throw fail('range tombstones are out of order')
      tombstones.push({ start: cursor.key, end: cursor.value, seq, timestampMs })
    }
  } catch (error) {
    if (error instanceof SSTableError) throw error
    throw corrupt(file, offset + cursor.nextOffset, 'range tombstones cannot be read', error)
  }
  return tombstones
}
