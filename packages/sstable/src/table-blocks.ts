/**
 * The blocks of one table as objects in memory, from the cache or from the file. Each is verified when it is loaded,
 * data blocks also against the index: their keys lie from their index key to before the next one.
 */
import type { BlockCacheFile } from '@lsm/block-cache'
import { compareRanges } from '@lsm/encoding'
import { SparseIndex } from '@lsm/sparse-index'
import { BLOCK_TYPE } from './block-trailer.ts'
import { BadBlock, DataBlock } from './data-block.ts'
import { corrupt, SSTableError } from './errors.ts'
import type { FilterPolicy, TableFilter } from './filter-policy.ts'
import type { Footer } from './footer.ts'
import type { TableProperties } from './properties.ts'
import type { TableFile } from './table-file.ts'

const FILTER_OFFSET = -1
const INDEX_OFFSET = -2

/** A table's index, as the cache keeps it. */
export class IndexBlock {
  readonly index: SparseIndex

  constructor(index: SparseIndex) {
    this.index = index
  }

  get byteLength(): number {
    return this.index.memorySizeBytes + 300
  }
}

/** A table's filter, as the cache keeps it. */
export class FilterBlock {
  readonly filter: TableFilter
  readonly byteLength: number

  constructor(filter: TableFilter, sizeBytes: number) {
    this.filter = filter
    this.byteLength = (filter.byteLength ?? sizeBytes) + 300
  }
}

/**
 * What a cache of tables holds: `new BlockCache<TableBlock>({ dataBytes, indexBytes, filterBytes })`. The `byteLength`
 * of each is what it takes in memory, index numbers and objects included.
 */
export type TableBlock = DataBlock | IndexBlock | FilterBlock

export class TableBlocks {
  readonly file: TableFile
  readonly cache: BlockCacheFile<TableBlock>
  readonly #footer: Footer
  readonly #properties: TableProperties
  /** Reads under way, by what they bring. */
  readonly #flights = new Map<number, Promise<TableBlock>>()
  /** `undefined`: there is no filter, or none that is understood. */
  readonly #policy: FilterPolicy | undefined

  constructor(
    file: TableFile,
    cache: BlockCacheFile<TableBlock>,
    footer: Footer,
    properties: TableProperties,
    policy: FilterPolicy | undefined,
  ) {
    this.file = file
    this.cache = cache
    this.#footer = footer
    this.#properties = properties
    this.#policy = footer.filter.size === 0 ? undefined : policy
  }

  get hasFilter(): boolean {
    return this.#policy !== undefined
  }

  /** The index; a promise where it must be read. */
  index(): SparseIndex | Promise<SparseIndex> {
    const cached = this.cache.get(INDEX_OFFSET) as IndexBlock | undefined
    if (cached !== undefined) return cached.index
    const { index } = this.#footer
    return this.#load(INDEX_OFFSET, true, async () =>
      this.#indexOf(await this.file.read(index.offset, index.size)),
    ).then((block) => block.index)
  }

  indexSync(): SparseIndex {
    const cached = this.cache.get(INDEX_OFFSET) as IndexBlock | undefined
    if (cached !== undefined) return cached.index
    const { index } = this.#footer
    const block = this.#indexOf(this.file.readSync(index.offset, index.size))
    this.cache.put(INDEX_OFFSET, block)
    return block.index
  }

  /**
   * What `read` gives, once for all who ask meanwhile. The cache's own `load` would count the miss a second time,
   * after the look-up that found nothing.
   */
  #load<B extends TableBlock>(offset: number, fillCache: boolean, read: () => Promise<B>): Promise<B> {
    const underWay = this.#flights.get(offset) as Promise<B> | undefined
    if (underWay !== undefined) return underWay
    const flight = (async () => {
      try {
        const block = await read()
        if (fillCache) this.cache.put(offset, block)
        return block
      } finally {
        this.#flights.delete(offset)
      }
    })()
    this.#flights.set(offset, flight)
    return flight
  }

  #indexOf(bytes: Uint8Array): IndexBlock {
    return new IndexBlock(this.readIndex(this.file.openPart(bytes, BLOCK_TYPE.index, this.#footer.index)))
  }

  /** The index in the payload of its block. */
  readIndex(payload: Uint8Array): SparseIndex {
    const { index: part, dataSize } = this.#footer
    const { name } = this.file
    let index: SparseIndex
    try {
      index = SparseIndex.fromBytes(payload, { entryCount: this.#properties.dataBlocks })
    } catch (error) {
      throw corrupt(name, part.offset, 'its index cannot be read', error)
    }
    // Offsets ascend; so with the first at 0 and the last below the end, each block has a place of its own.
    const { length } = index
    const isWhole = length === 0 ? dataSize === 0 : index.offsetAt(0) === 0 && index.offsetAt(length - 1) < dataSize
    if (!isWhole) throw corrupt(name, part.offset, `the index does not cover ${dataSize} bytes of data blocks`)
    return index
  }

  /** The filter of a table that has one; a promise where it must be read. */
  filter(): TableFilter | Promise<TableFilter> {
    const cached = this.cache.get(FILTER_OFFSET) as FilterBlock | undefined
    if (cached !== undefined) return cached.filter
    const { filter } = this.#footer
    return this.#load(FILTER_OFFSET, true, async () =>
      this.#filterOf(await this.file.read(filter.offset, filter.size)),
    ).then((block) => block.filter)
  }

  filterSync(): TableFilter {
    const cached = this.cache.get(FILTER_OFFSET) as FilterBlock | undefined
    if (cached !== undefined) return cached.filter
    const { filter } = this.#footer
    const block = this.#filterOf(this.file.readSync(filter.offset, filter.size))
    this.cache.put(FILTER_OFFSET, block)
    return block.filter
  }

  #filterOf(bytes: Uint8Array): FilterBlock {
    const payload = this.file.openPart(bytes, BLOCK_TYPE.filter, this.#footer.filter)
    return new FilterBlock(this.readFilter(payload)!, payload.length)
  }

  /** The filter in the payload of its block, if it is understood. */
  readFilter(payload: Uint8Array): TableFilter | undefined {
    try {
      return this.#policy?.read(payload)
    } catch (error) {
      const what = `its filter "${this.#policy?.name}" cannot be read`
      throw corrupt(this.file.name, this.#footer.filter.offset, what, error)
    }
  }

  /** Where the data block at `position` of the index ends in the file. */
  endOf(index: SparseIndex, position: number): number {
    return position + 1 < index.length ? index.offsetAt(position + 1) : this.#footer.dataSize
  }

  /** The data block, if it is cached. */
  cachedData(offset: number): DataBlock | undefined {
    return this.cache.get(offset) as DataBlock | undefined
  }

  /** The data block at `position` of the index, read from the file, and cached if `fillCache`. */
  readData(index: SparseIndex, position: number, fillCache: boolean): Promise<DataBlock> {
    const offset = index.offsetAt(position)
    return this.#load(offset, fillCache, async () => {
      const bytes = await this.file.read(offset, this.endOf(index, position) - offset)
      return this.openData(index, position, bytes, 0)
    })
  }

  readDataSync(index: SparseIndex, position: number, fillCache: boolean): DataBlock {
    const offset = index.offsetAt(position)
    const bytes = this.file.readSync(offset, this.endOf(index, position) - offset)
    const block = this.openDataSync(index, position, bytes, 0)
    if (fillCache) this.cache.put(offset, block)
    return block
  }

  /** The data block at `position` of the index, whose stored bytes begin at `bytes[start]`. */
  openData(index: SparseIndex, position: number, bytes: Uint8Array, start: number): DataBlock | Promise<DataBlock> {
    const offset = index.offsetAt(position)
    const end = start + this.endOf(index, position) - offset
    const payload = this.file.openDataBlock(bytes, start, end, offset)
    return payload instanceof Promise
      ? payload.then((whole) => this.#dataOf(index, position, whole))
      : this.#dataOf(index, position, payload)
  }

  openDataSync(index: SparseIndex, position: number, bytes: Uint8Array, start: number): DataBlock {
    const block = this.openData(index, position, bytes, start)
    if (!(block instanceof Promise)) return block
    block.catch(() => {})
    const message = `${this.file.name}: its compression works only asynchronously in this runtime`
    throw new SSTableError('SSTABLE_UNSUPPORTED_COMPRESSION', message, { file: this.file.name })
  }

  #dataOf(index: SparseIndex, position: number, payload: Uint8Array): DataBlock {
    const offset = index.offsetAt(position)
    let block: DataBlock
    try {
      block = new DataBlock(payload)
    } catch (error) {
      if (!(error instanceof BadBlock)) throw error
      throw corrupt(this.file.name, offset, `at ${error.at} of the block: ${error.message}`)
    }
    const compare = (record: number, entry: number): number => {
      const key = index.keyAt(entry)
      return compareRanges(block.bytes, block.keyStart(record), block.keyEnd(record), key, 0, key.length)
    }
    const isInPlace =
      compare(0, position) === 0 && (position + 1 === index.length || compare(block.count - 1, position + 1) < 0)
    if (!isInPlace) throw corrupt(this.file.name, offset, 'the block holds other keys than the index says')
    return block
  }
}

/** What a block takes in memory, for the `sizeOf` of a cache that also holds other things. */
export function sizeOfTableBlock(block: TableBlock): number {
  return block.byteLength
}
