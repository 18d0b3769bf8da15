/** Reads a table. Layout: docs/format/table.md. What is read is verified first, and kept in a cache. */
import { BlockCache } from '@lsm/block-cache'
import { compareBytes } from '@lsm/encoding'
import type { SparseIndex } from '@lsm/sparse-index'
import type { Storage, StorageFile } from '@lsm/storage'
import { CodecTable, type CompressionCodec } from './compression.ts'
import { checkBytes, checkId, checkInteger, checkOptions, checkVisibleSeq, corrupt, invalidRange } from './errors.ts'
import type { FilterPolicy } from './filter-policy.ts'
import { tableFileName, tableIdText } from './footer.ts'
import { type OpenedTable, openSteps } from './open-table.ts'
import type { TableInfo } from './properties.ts'
import type { RangeTombstones } from './range-tombstones.ts'
import { type TableBlock, TableBlocks } from './table-blocks.ts'
import { TableCursor, type TableCursorOptions } from './table-cursor.ts'
import { asNotFound, TableFile } from './table-file.ts'
import type { TableLookup } from './table-lookup.ts'
import { type TableReport, verifyTable } from './verify-table.ts'

export interface TableReaderOptions {
  /** The table's 16 bytes: they name the file, and every block is tied to them. */
  readonly id: Uint8Array
  /** The 16 bytes that all files of the store share. */
  readonly storeId: Uint8Array
  /** What the manifest says of the file; both are checked where they are given. `openSync` needs the size. */
  readonly sizeBytes?: number
  readonly tailChecksum?: number
  /** Shared by the readers of many tables, and outliving them. Default: a small one of the reader's own. */
  readonly cache?: BlockCache<TableBlock> | undefined
  /** Filters that can be read. A table whose filter has another name is read without it. */
  readonly filterPolicies?: readonly FilterPolicy[] | undefined
  /** Codecs beside deflate and zstd. */
  readonly codecs?: readonly CompressionCodec[] | undefined
}

export interface FindOptions {
  /** Whether a block that is read for this is cached. Default true. */
  readonly fillCache?: boolean
  /** The key's hash as the filter's maker computes it, at `keyHash[0]`: computed once for many tables. */
  readonly keyHash?: Int32Array | undefined
  /** Counts what the look-up cost; may be shared by any number of look-ups. */
  readonly tally?: FindTally | undefined
}

/** Two counts that look-ups add to. */
export interface FindTally {
  /** Look-ups that ended with the filter: the table has no such key. */
  filterSkips: number
  /** Data blocks that were not in the cache. */
  blockReads: number
}

const NO_OPTIONS: FindOptions = {}
/** Of the cache that a reader has when it is given none. */
const OWN_CACHE_BYTES = 1024 * 1024

/**
 * An open table. Calls may overlap. Whatever is not as it was written is an `SSTableError` with code `SSTABLE_CORRUPT`
 * that names file and offset, and never a wrong answer; errors of the storage come out as they are.
 */
export class TableReader {
  /** `close`, where the runtime has the symbol. */
  declare readonly [Symbol.asyncDispose]: () => Promise<void>
  /** The file's name in the storage. */
  readonly name: string
  /** What the file says of itself. Its keys are only to be read. */
  readonly info: TableInfo
  /** All of the table's range tombstones, held in memory. */
  readonly rangeTombstones: RangeTombstones
  readonly #file: TableFile
  readonly #blocks: TableBlocks
  readonly #opened: OpenedTable

  private constructor(file: TableFile, opened: OpenedTable, options: TableReaderOptions) {
    const { footer, properties, rangeTombstones } = opened
    const { id, cache = ownCache(), filterPolicies = [] } = options
    const idText = tableIdText(id)
    const policy = filterPolicies.find(({ name }) => name === properties.filterName)
    this.name = file.name
    this.info = { ...properties, id: idText, sizeBytes: file.sizeBytes, tailChecksum: footer.tailChecksum }
    this.rangeTombstones = rangeTombstones
    this.#file = file
    this.#opened = opened
    this.#blocks = new TableBlocks(file, cache.file(idText), footer, properties, policy)
  }

  /** Opens a table: reads its footer, properties and range tombstones. `SSTABLE_NOT_FOUND` where there is no file. */
  static async open(storage: Storage, options: TableReaderOptions): Promise<TableReader> {
    const [name, codecs] = checkReaderOptions(options)
    let storageFile: StorageFile
    try {
      storageFile = await storage.open(name, { mode: 'read' })
    } catch (error) {
      throw asNotFound(error, name)
    }
    try {
      const size = await storageFile.size()
      const { sizeBytes = size } = options
      if (size !== sizeBytes) throw corrupt(name, Math.min(size, sizeBytes), wrongSize(size, sizeBytes))
      const file = new TableFile(storageFile, size, options.id, codecs)
      const steps = openSteps(file, options)
      let step = steps.next()
      while (!step.done) step = steps.next(await file.read(step.value.offset, step.value.size))
      return new TableReader(file, step.value, options)
    } catch (error) {
      await storageFile.close()
      throw error
    }
  }

  /** `open` at once, for a storage that can; needs `sizeBytes`. */
  static openSync(storage: Storage, options: TableReaderOptions): TableReader {
    const [name, codecs] = checkReaderOptions(options)
    const { sizeBytes } = options
    if (sizeBytes === undefined) throw invalidRange('openSync needs sizeBytes: a file tells its size only later')
    let storageFile: StorageFile
    try {
      storageFile = storage.openSync(name)
    } catch (error) {
      throw asNotFound(error, name)
    }
    try {
      const file = new TableFile(storageFile, sizeBytes, options.id, codecs)
      if (storageFile.readSync(new Uint8Array(1), sizeBytes) !== 0) {
        throw corrupt(name, sizeBytes, `the file goes on, and should be ${sizeBytes} bytes long`)
      }
      const steps = openSteps(file, options)
      let step = steps.next()
      while (!step.done) step = steps.next(file.readSync(step.value.offset, step.value.size))
      return new TableReader(file, step.value, options)
    } catch (error) {
      // A handle for reading has nothing to lose when it closes.
      storageFile.close().catch(() => {})
      throw error
    }
  }

  /**
   * Puts the newest version of `key` with a sequence number up to `visibleSeq` into `result`, a tombstone included;
   * false when there is none. Range tombstones are apart: see `coveringSeq`. A promise only where something must be
   * read; then `key` must stay as it is, and `result` serve nothing else, until the promise settles. Sorted keys find in
   * the cache the block that the one before them has read. O(log n), allocates nothing when all is cached.
   */
  find(
    key: Uint8Array,
    visibleSeq: number,
    result: TableLookup,
    options: FindOptions = NO_OPTIONS,
  ): boolean | Promise<boolean> {
    return this.#find(key, visibleSeq, result, options, false)
  }

  /** `find` that reads at once, for a storage that can. */
  findSync(key: Uint8Array, visibleSeq: number, result: TableLookup, options: FindOptions = NO_OPTIONS): boolean {
    return this.#find(key, visibleSeq, result, options, true) as boolean
  }

  #find(
    key: Uint8Array,
    visibleSeq: number,
    result: TableLookup,
    options: FindOptions,
    sync: boolean,
  ): boolean | Promise<boolean> {
    this.#file.checkOpen()
    if (!(key instanceof Uint8Array)) checkBytes(key, 'key')
    checkVisibleSeq(visibleSeq)
    const blocks = this.#blocks
    if (blocks.hasFilter) {
      const filter = sync ? blocks.filterSync() : blocks.filter()
      if (filter instanceof Promise) {
        return this.#file.run(async () => {
          const loaded = await filter
          if (!mayContain(loaded, key, options)) return false
          return this.#findInIndex(key, visibleSeq, result, options, false)
        })
      }
      if (!mayContain(filter, key, options)) return false
    }
    return this.#findInIndex(key, visibleSeq, result, options, sync)
  }

  #findInIndex(
    key: Uint8Array,
    visibleSeq: number,
    result: TableLookup,
    options: FindOptions,
    sync: boolean,
  ): boolean | Promise<boolean> {
    const index = sync ? this.#blocks.indexSync() : this.#blocks.index()
    if (!(index instanceof Promise)) return this.#findInBlock(index, key, visibleSeq, result, options, sync)
    return this.#file.run(async () => this.#findInBlock(await index, key, visibleSeq, result, options, false))
  }

  #findInBlock(
    index: SparseIndex,
    key: Uint8Array,
    visibleSeq: number,
    result: TableLookup,
    options: FindOptions,
    sync: boolean,
  ): boolean | Promise<boolean> {
    const position = index.floorIndex(key)
    if (position < 0) return false
    const blocks = this.#blocks
    const cached = blocks.cachedData(index.offsetAt(position))
    if (cached !== undefined) return cached.find(key, visibleSeq, result)
    const fillCache = options.fillCache !== false
    if (options.tally !== undefined) options.tally.blockReads++
    if (sync) return blocks.readDataSync(index, position, fillCache).find(key, visibleSeq, result)
    return this.#file.run(async () => (await blocks.readData(index, position, fillCache)).find(key, visibleSeq, result))
  }

  /**
   * The sequence number of the newest range tombstone up to `visibleSeq` that covers `key`, or -1: every version of
   * the key below it is deleted, in this table and in older ones. O(log² tombstones).
   */
  coveringSeq(key: Uint8Array, visibleSeq: number = Number.POSITIVE_INFINITY): number {
    return this.rangeTombstones.coveringSeq(key, visibleSeq)
  }

  /**
   * Where in the data blocks the records from `key` on begin, to the block: the difference of two keys is about the
   * size of what lies between them in the file. A promise where the index must be read. O(log n).
   */
  offsetOf(key: Uint8Array): number | Promise<number> {
    this.#file.checkOpen()
    checkBytes(key, 'key')
    const index = this.#blocks.index()
    if (!(index instanceof Promise)) return this.#offsetIn(index, key)
    return this.#file.run(async () => this.#offsetIn(await index, key))
  }

  #offsetIn(index: SparseIndex, key: Uint8Array): number {
    // Beyond the last block only the properties tell whether the key is beyond its records too.
    const { largest } = this.info
    const order = compareBytes(key, largest.key)
    if (order > 0 || (order === 0 && !largest.inclusive)) return this.#opened.footer.dataSize
    return index.floorOffset(key) ?? 0
  }

  /** A cursor over all versions of all point records. It is on no record until it is told where to go. */
  cursor(options: TableCursorOptions = {}): TableCursor {
    this.#file.checkOpen()
    return new TableCursor(this.#blocks, options)
  }

  /**
   * Reads every byte of the file, past the cache, and checks all there is to check: checksums of blocks and of records,
   * order, the index against the blocks, the filter against the keys, the properties against all of it. Throws at the
   * first fault.
   */
  async verify(): Promise<TableReport> {
    this.#file.checkOpen()
    return this.#file.run(() => verifyTable(this.#file, this.#blocks, this.#opened))
  }

  /**
   * Waits for the reads under way and closes the file. Its blocks stay in a cache that was passed in: `invalidate` the
   * table's id there when the file is gone for good. Idempotent.
   */
  close(): Promise<void> {
    return this.#file.close()
  }

  static {
    if (typeof Symbol.asyncDispose === 'symbol') {
      Object.defineProperty(TableReader.prototype, Symbol.asyncDispose, { value: TableReader.prototype.close })
    }
  }
}

function ownCache(): BlockCache<TableBlock> {
  return new BlockCache<TableBlock>({ dataBytes: OWN_CACHE_BYTES, indexEntries: 1, filterEntries: 1 })
}

function mayContain(
  filter: { mayContain(key: Uint8Array): boolean; mayContainHash?(hash: Int32Array, at: number): boolean },
  key: Uint8Array,
  { keyHash, tally }: FindOptions,
): boolean {
  const may =
    keyHash !== undefined && filter.mayContainHash !== undefined
      ? filter.mayContainHash(keyHash, 0)
      : filter.mayContain(key)
  if (!may && tally !== undefined) tally.filterSkips++
  return may
}

function wrongSize(size: number, expected: number): string {
  return `the file is ${size} bytes long, and should be ${expected}`
}

function checkReaderOptions(options: TableReaderOptions): [name: string, codecs: CodecTable] {
  checkOptions(options)
  const { id, storeId, sizeBytes, tailChecksum, codecs } = options
  checkId(id, 'id')
  checkId(storeId, 'storeId')
  if (sizeBytes !== undefined) checkInteger(sizeBytes, 'sizeBytes')
  if (tailChecksum !== undefined) checkInteger(tailChecksum, 'tailChecksum', 0xffff_ffff)
  return [tableFileName(id), new CodecTable(codecs)]
}
