/** Checks all there is to check of a table, reading every byte of its file. */
import { compareRanges, RecordCursor } from '@lsm/encoding'
import { BLOCK_TYPE } from './block-trailer.ts'
import { sameBytes } from './bytes.ts'
import type { DataBlock } from './data-block.ts'
import { corrupt, type SSTableError } from './errors.ts'
import type { TableFilter } from './filter-policy.ts'
import { encodeFooter, FOOTER_SIZE } from './footer.ts'
import { decodeRangeTombstones, type OpenedTable } from './open-table.ts'
import type { TableProperties, TableUpperBound } from './properties.ts'
import type { RangeTombstone } from './range-tombstones.ts'
import type { TableBlocks } from './table-blocks.ts'
import type { TableFile } from './table-file.ts'

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

  const tally = new Tally(name, filter)
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
    tally.take(await blocks.openData(index, i, chunk, offset - chunkStart), offset)
  }
  tally.compare(properties, tombstones, footer.properties.offset)
  const { dataBlocks, pointRecords, rangeTombstones } = properties
  return { file: name, sizeBytes, dataBlocks, pointRecords, rangeTombstones, filterChecked: filter !== undefined }
}

/** Counts what blocks hold, and checks what no block shows by itself. */
class Tally {
  readonly #file: string
  readonly #filter: TableFilter | undefined
  readonly #cursor = new RecordCursor()
  #pointRecords = 0
  #tombstones = 0
  #distinctKeys = 0
  #keyBytes = 0
  #valueBytes = 0
  #smallestSeq = Number.POSITIVE_INFINITY
  #largestSeq = 0
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
        throw this.#fail(offset, `record ${i} of the block does not match its checksum`, error)
      }
      const { keyStart, keyEnd, valueEnd, kind, seq } = cursor
      this.#pointRecords++
      if (kind !== 0) this.#tombstones++
      this.#keyBytes += keyEnd - keyStart
      this.#valueBytes += valueEnd - keyEnd
      this.#smallestSeq = Math.min(this.#smallestSeq, seq)
      this.#largestSeq = Math.max(this.#largestSeq, seq)
      if (heads !== undefined && heads[i] !== i) continue
      this.#distinctKeys++
      if (this.#filter?.mayContain(cursor.key) === false) throw this.#fail(offset, `the filter denies key ${i} of it`)
    }
    this.#firstKey ??= bytes.slice(block.keyStart(0), block.keyEnd(0))
    this.#lastKey = bytes.slice(block.keyStart(block.count - 1), block.keyEnd(block.count - 1))
  }

  /** Throws unless `properties`, which stand at `offset`, say what was found. */
  compare(properties: TableProperties, tombstones: readonly RangeTombstone[], offset: number): void {
    let smallest = this.#firstKey
    let largest: TableUpperBound = { key: this.#lastKey, inclusive: this.#firstKey !== undefined }
    for (const { start, end, seq } of tombstones) {
      if (smallest === undefined || compare(start, smallest) < 0) smallest = start
      if (compare(largest.key, end) < 0) largest = { key: end, inclusive: false }
      this.#smallestSeq = Math.min(this.#smallestSeq, seq)
      this.#largestSeq = Math.max(this.#largestSeq, seq)
    }
    const found = {
      pointRecords: this.#pointRecords,
      tombstones: this.#tombstones,
      distinctKeys: this.#distinctKeys,
      keyBytes: this.#keyBytes,
      valueBytes: this.#valueBytes,
      smallestSeq: this.#smallestSeq === Number.POSITIVE_INFINITY ? 0 : this.#smallestSeq,
      largestSeq: this.#largestSeq,
    }
    for (const [name, value] of Object.entries(found)) {
      const said = properties[name as keyof typeof found]
      if (said !== value) throw this.#fail(offset, `${name} is ${value}, and the properties say ${said}`)
    }
    const isBounded =
      sameBytes(properties.smallest, smallest ?? new Uint8Array(0)) &&
      sameBytes(properties.largest.key, largest.key) &&
      properties.largest.inclusive === largest.inclusive
    if (!isBounded) throw this.#fail(offset, 'the properties give other bounds than the keys have')
  }

  #fail(offset: number, what: string, cause?: unknown): SSTableError {
    return corrupt(this.#file, offset, what, cause)
  }
}

function compare(a: Uint8Array, b: Uint8Array): number {
  return compareRanges(a, 0, a.length, b, 0, b.length)
}
