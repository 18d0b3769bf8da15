/** Checks all there is to check of a table, reading every byte of its file. */
import { RecordCursor } from '@lsm/encoding'
import { BLOCK_TYPE } from './block-trailer.ts'
import { sameBytes } from './bytes.ts'
import type { DataBlock } from './data-block.ts'
import { corrupt } from './errors.ts'
import type { TableFilter } from './filter-policy.ts'
import { encodeFooter, FOOTER_SIZE } from './footer.ts'
import { decodeRangeTombstones, type OpenedTable } from './open-table.ts'
import type { TableProperties } from './properties.ts'
import type { RangeTombstone } from './range-tombstones.ts'
import type { TableBlocks } from './table-blocks.ts'
import type { TableFile } from './table-file.ts'
import { TableTally } from './table-tally.ts'

/** What was found sound. */
export interface TableReport {
  readonly file: string
  readonly sizeBytes: number
  readonly dataBlocks: number
  readonly pointRecords: number
  readonly rangeTombstones: number
  /** Whether the filter was asked for every key: false where there is none, or none that is understood. */
  readonly filterChecked: boolean
}

/** Data blocks that are read at once. */
const CHUNK_SIZE = 1024 * 1024

/** Returns a report, or throws at the first fault. */
export async function verifyTable(file: TableFile, blocks: TableBlocks, opened: OpenedTable): Promise<TableReport> {
  const { footer, properties } = opened
  const { name, sizeBytes } = file
  const part = async (which: 'rangeTombstones' | 'filter' | 'index' | 'properties'): Promise<Uint8Array> => {
    const handle = footer[which]
    return file.openPart(await file.read(handle.offset, handle.size), BLOCK_TYPE[which], handle)
  }
  const footerStart = sizeBytes - FOOTER_SIZE
  if (!sameBytes(await file.read(footerStart, FOOTER_SIZE), encodeFooter(footer).bytes)) {
    throw corrupt(name, footerStart, 'the footer has changed since the table was opened')
  }
  // Its checksum stands in the footer, so it is what was read when the table was opened.
  await part('properties')
  const ranges = footer.rangeTombstones
  const tombstones = ranges.size === 0 ? [] : decodeRangeTombstones(await part('rangeTombstones'), name, ranges.offset)
  const filterBytes = footer.filter.size === 0 ? undefined : await part('filter')
  const filter = filterBytes && blocks.readFilter(filterBytes)
  const index = blocks.readIndex(await part('index'))

  const contents = new Contents(name, filter)
  let chunk: Uint8Array = new Uint8Array(0)
  let chunkStart = 0
  for (let i = 0; i < index.length; i++) {
    const offset = index.offsetAt(i)
    const end = blocks.endOf(index, i)
    if (end > chunkStart + chunk.length) {
      let chunkEnd = end
      for (let j = i + 1; j < index.length && blocks.endOf(index, j) - offset <= CHUNK_SIZE; j++) {
        chunkEnd = blocks.endOf(index, j)
      }
      chunkStart = offset
      chunk = await file.read(offset, chunkEnd - offset)
    }
    contents.take(await blocks.openData(index, i, chunk, offset - chunkStart), offset)
  }
  contents.compare(properties, tombstones, footer.properties.offset)
  const { dataBlocks, pointRecords, rangeTombstones } = properties
  return { file: name, sizeBytes, dataBlocks, pointRecords, rangeTombstones, filterChecked: filter !== undefined }
}

/** Counts what blocks hold, and checks what no block shows by itself. */
class Contents {
  readonly #file: string
  readonly #filter: TableFilter | undefined
  readonly #cursor = new RecordCursor()
  readonly #tally = new TableTally()
  #firstKey: Uint8Array | undefined
  #lastKey: Uint8Array = new Uint8Array(0)

  constructor(file: string, filter: TableFilter | undefined) {
    this.#file = file
    this.#filter = filter
  }

  /** Takes the next block: its keys lie where the index says, so they follow those of the block before. */
  take(block: DataBlock, offset: number): void {
    const { bytes, heads } = block
    const cursor = this.#cursor.reset(bytes)
    for (let i = 0; i < block.count; i++) {
      try {
        cursor.next()
      } catch (error) {
        throw corrupt(this.#file, offset, `record ${i} of the block does not match its checksum`, error)
      }
      const { keyStart, keyEnd, valueEnd, kind, seq } = cursor
      const isNewKey = heads === undefined || heads[i] === i
      this.#tally.count(keyEnd - keyStart, valueEnd - keyEnd, seq, kind, isNewKey)
      if (isNewKey && this.#filter?.mayContain(cursor.key) === false) {
        throw corrupt(this.#file, offset, `the filter denies key ${i} of the block`)
      }
    }
    this.#firstKey ??= bytes.slice(block.keyStart(0), block.keyEnd(0))
    this.#lastKey = bytes.slice(block.keyStart(block.count - 1), block.keyEnd(block.count - 1))
  }

  /** Throws unless `properties`, which stand at `offset`, say what was found. */
  compare(properties: TableProperties, tombstones: readonly RangeTombstone[], offset: number): void {
    const found = this.#tally.total(this.#firstKey ?? new Uint8Array(0), this.#lastKey, tombstones)
    for (const [name, value] of Object.entries(found)) {
      const said = properties[name as keyof typeof found]
      if (text(said) !== text(value)) {
        throw corrupt(this.#file, offset, `${name} is ${text(value)}, and the properties say ${text(said)}`)
      }
    }
  }
}

/** A property as text: numbers, keys and bounds. */
function text(value: unknown): string {
  return JSON.stringify(value, (_, each) => (each instanceof Uint8Array ? [...each] : each))
}
