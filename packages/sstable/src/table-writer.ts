/** Writes a table: records in ascending order in, one immutable file out. Layout: docs/format/table.md. */
import {
  compareBytes,
  compareRanges,
  encodedRecordSize,
  encodeRecordInto,
  RECORD_HEADER_SIZE,
  RECORD_KIND,
  RECORD_OVERHEAD,
  type RecordKind,
} from '@lsm/encoding'
import { SparseIndex } from '@lsm/sparse-index'
import type { Storage, StorageFile } from '@lsm/storage'
import { BLOCK_TYPE, TRAILER_SIZE } from './block-trailer.ts'
import { BlockWriter } from './block-writer.ts'
import { readUint32 } from './bytes.ts'
import { type CompressionCodec, checkCodec } from './compression.ts'
import {
  checkBytes,
  checkId,
  checkInteger,
  checkOptions,
  invalidRange,
  invalidType,
  SSTableError,
  unsorted,
} from './errors.ts'
import type { FilterBuilder, FilterPolicy } from './filter-policy.ts'
import { encodeFooter, FOOTER_SIZE, NO_PART, tableFileName, tableIdText } from './footer.ts'
import { encodeProperties, type TableInfo, type TableProperties } from './properties.ts'
import type { RangeTombstone } from './range-tombstones.ts'
import { TableTally } from './table-tally.ts'

export interface TableWriterOptions {
  /** The table's own 16 random bytes: they name the file. */
  readonly id: Uint8Array
  /** The 16 bytes that all files of one store share. */
  readonly storeId: Uint8Array
  readonly keyspaceId?: number
  /** A block ends before it grows over this, as long as its key allows. 64 to 1 GiB. Default 4,096. */
  readonly blockSizeBytes?: number
  /** Default: none. */
  readonly compression?: CompressionCodec | undefined
  /** Default: no filter. */
  readonly filter?: FilterPolicy | undefined
}

const DEFAULT_BLOCK_SIZE = 4096
const MAX_BLOCK_SIZE = 2 ** 30
const TWO_POW_32 = 4_294_967_296

/**
 * Takes records by ascending key, for equal keys by strictly descending sequence number; range tombstones in any order.
 * Calls that return a promise must be awaited before the next: that is once in 256 KiB, not once a record.
 * Arguments are borrowed until the call returns.
 *
 * A wrong argument leaves the writer as it was. After an error of the storage, the codec or the filter the table cannot
 * be finished: `abandon` it.
 */
export class TableWriter {
  /** `abandon`, where the runtime has the symbol: it does nothing to a finished table. */
  declare readonly [Symbol.asyncDispose]: () => Promise<void>
  /** The file's name in the storage. */
  readonly name: string
  readonly #storage: Storage
  readonly #file: StorageFile
  readonly #options: TableWriterOptions
  readonly #blockSizeBytes: number
  readonly #blocks: BlockWriter
  readonly #index: SparseIndex = new SparseIndex()
  readonly #filter: FilterBuilder | undefined
  readonly #rangeTombstones: RangeTombstone[] = []
  #state: 'open' | 'busy' | 'failed' | 'finished' | 'abandoned' = 'open'
  #failure: unknown
  /** The last record's key: where it was written, or a copy once its block was sealed. */
  #lastBytes: Uint8Array = new Uint8Array(0)
  #lastStart = 0
  #lastEnd = 0
  #lastSeq = 0
  #firstKey: Uint8Array = new Uint8Array(0)
  readonly #tally: TableTally = new TableTally()
  /** Whether the record that is being added has another key than the one before it. */
  #isNewKey = true

  private constructor(
    storage: Storage,
    file: StorageFile,
    options: TableWriterOptions,
    filter: FilterBuilder | undefined,
  ) {
    this.#storage = storage
    this.#file = file
    this.#options = options
    this.name = file.name
    this.#blockSizeBytes = options.blockSizeBytes ?? DEFAULT_BLOCK_SIZE
    this.#blocks = new BlockWriter(file, options.id, options.compression)
    this.#filter = filter
  }

  /** Creates the table's file; `STORAGE_EXISTS` where there is one. */
  static async create(storage: Storage, options: TableWriterOptions): Promise<TableWriter> {
    checkWriterOptions(options)
    const copy = { ...options, id: new Uint8Array(options.id), storeId: new Uint8Array(options.storeId) }
    const filter = options.filter?.createBuilder()
    return new TableWriter(storage, await storage.open(tableFileName(copy.id), { mode: 'create' }), copy, filter)
  }

  /** Bytes of the file so far; filter, index and footer come on top. */
  get sizeBytes(): number {
    return this.#blocks.sizeBytes
  }

  /** Point records so far. */
  get pointRecords(): number {
    return this.#tally.pointRecords
  }

  /**
   * Adds a value or a tombstone. `SSTABLE_UNSORTED` unless it comes after the record before it.
   * O(key + value).
   */
  add(
    key: Uint8Array,
    seq: number,
    timestampMs: number,
    value: Uint8Array,
    kind: RecordKind = RECORD_KIND.value,
  ): undefined | Promise<void> {
    checkBytes(key, 'key')
    checkBytes(value, 'value')
    checkInteger(seq, 'seq')
    checkInteger(timestampMs, 'timestampMs')
    if (kind !== RECORD_KIND.value && kind !== RECORD_KIND.tombstone) throw wrongKind(kind)
    const size = encodedRecordSize(key.length, value.length)
    if (this.#needsNewBlock(key, 0, key.length, seq, size)) {
      const ended = this.#endBlock()
      if (ended !== undefined) {
        // The caller may reuse its arrays once this call has returned.
        const [ownKey, ownValue] = [new Uint8Array(key), new Uint8Array(value)]
        return this.#wait(ended, () => this.#append(ownKey, seq, timestampMs, ownValue, kind, size))
      }
    }
    this.#append(key, seq, timestampMs, value, kind, size)
    return undefined
  }

  #append(key: Uint8Array, seq: number, timestampMs: number, value: Uint8Array, kind: RecordKind, size: number): void {
    const blocks = this.#blocks
    blocks.reserve(size)
    const at = blocks.end
    encodeRecordInto(blocks.bytes, at, key, seq, timestampMs, value, kind)
    this.#took(at, key.length, size, seq, kind)
  }

  /**
   * Adds the encoded record `bytes[start, end)` as it is, its checksum included and not verified: what a compaction
   * does with the records that it keeps. Otherwise as `add`.
   */
  addRecord(bytes: Uint8Array, start: number, end: number): undefined | Promise<void> {
    checkBytes(bytes, 'bytes')
    checkInteger(end, 'end', bytes.length)
    checkInteger(start, 'start', end)
    const size = end - start
    const keyLength = size < RECORD_OVERHEAD ? 0 : readUint32(bytes, start)
    if (size < RECORD_OVERHEAD || keyLength + readUint32(bytes, start + 4) + RECORD_OVERHEAD !== size) {
      throw invalidRange(`[${start}, ${end}) is not one record`)
    }
    const kind = bytes[start + 8]!
    if (kind > RECORD_KIND.tombstone) throw wrongKind(kind)
    const seq = (readUint32(bytes, start + 8) & 0xffffff) * TWO_POW_32 + readUint32(bytes, start + 12)
    checkInteger(seq, 'seq')
    checkInteger(readUint32(bytes, start + 16) * TWO_POW_32, 'timestampMs')
    const keyStart = start + RECORD_HEADER_SIZE
    if (this.#needsNewBlock(bytes, keyStart, keyStart + keyLength, seq, size)) {
      const ended = this.#endBlock()
      if (ended !== undefined) {
        const own = Uint8Array.prototype.slice.call(bytes, start, end)
        return this.#wait(ended, () => this.#copy(own, 0, size, keyLength, seq))
      }
    }
    this.#copy(bytes, start, size, keyLength, seq)
    return undefined
  }

  #copy(bytes: Uint8Array, start: number, size: number, keyLength: number, seq: number): void {
    const blocks = this.#blocks
    blocks.reserve(size)
    const at = blocks.end
    const target = blocks.bytes
    // A loop beats a view and `set` for a short record.
    if (size <= 64) for (let i = 0; i < size; i++) target[at + i] = bytes[start + i]!
    else target.set(bytes.subarray(start, start + size), at)
    this.#took(at, keyLength, size, seq, bytes[start + 8]!)
  }

  /**
   * Adds a range tombstone: it deletes every key from `start` to before `end` that is older than `seq`. One whose
   * start is not before its end covers nothing, and is accepted and left out. O(start + end).
   */
  addRangeTombstone(start: Uint8Array, end: Uint8Array, seq: number, timestampMs: number): void {
    checkBytes(start, 'start')
    checkBytes(end, 'end')
    checkInteger(seq, 'seq')
    checkInteger(timestampMs, 'timestampMs')
    this.#checkOpen()
    if (compareBytes(start, end) >= 0) return
    this.#rangeTombstones.push({ start: new Uint8Array(start), end: new Uint8Array(end), seq, timestampMs })
  }

  /** Whether the open block must end before this record. Throws unless the record may come next. */
  #needsNewBlock(bytes: Uint8Array, keyStart: number, keyEnd: number, seq: number, size: number): boolean {
    this.#checkOpen()
    if (this.#tally.pointRecords === 0) {
      this.#firstKey = Uint8Array.prototype.slice.call(bytes, keyStart, keyEnd)
      return false
    }
    const order = compareRanges(this.#lastBytes, this.#lastStart, this.#lastEnd, bytes, keyStart, keyEnd)
    this.#isNewKey = order !== 0
    if (order > 0) throw unsorted('the key sorts before that of the last record')
    if (order === 0) {
      // All versions of a key stay in one block.
      if (seq < this.#lastSeq) return false
      throw unsorted(`sequence number ${seq} is not below ${this.#lastSeq}, that of the same key's last record`)
    }
    const blockSize = this.#blocks.end - this.#blocks.blockStart
    return blockSize > 0 && blockSize + size + TRAILER_SIZE > this.#blockSizeBytes
  }

  /** Notes the record of `size` bytes that was written at `at`. */
  #took(at: number, keyLength: number, size: number, seq: number, kind: number): void {
    const blocks = this.#blocks
    const { bytes, blockStart, blockOffset } = blocks
    const keyStart = at + RECORD_HEADER_SIZE
    const keyEnd = keyStart + keyLength
    if (this.#isNewKey) {
      try {
        this.#filter?.add(bytes, keyStart, keyEnd)
        if (at === blockStart) this.#index.add(bytes.subarray(keyStart, keyEnd), blockOffset)
      } catch (error) {
        throw this.#fail(error)
      }
    }
    this.#lastBytes = bytes
    this.#lastStart = keyStart
    this.#lastEnd = keyEnd
    this.#lastSeq = seq
    blocks.end = at + size
    this.#tally.count(keyLength, size - keyLength - RECORD_OVERHEAD, seq, kind, this.#isNewKey)
  }

  #endBlock(): undefined | Promise<void> {
    // The block's bytes are compressed in place and overwritten after they are on their way.
    this.#lastBytes = this.#lastBytes.slice(this.#lastStart, this.#lastEnd)
    this.#lastStart = 0
    this.#lastEnd = this.#lastBytes.length
    try {
      return this.#blocks.endDataBlock()
    } catch (error) {
      throw this.#fail(error)
    }
  }

  async #wait(promise: Promise<void>, then: () => void): Promise<void> {
    this.#state = 'busy'
    try {
      await promise
      this.#checkBusy()
      this.#state = 'open'
      then()
    } catch (error) {
      throw this.#fail(error)
    }
  }

  /**
   * Writes what is left, makes the file durable, closes it and says what it holds. The file's name is durable only
   * after `storage.syncDirectory()`. A table without a record is one too.
   */
  async finish(): Promise<TableInfo> {
    this.#checkOpen()
    this.#state = 'busy'
    const blocks = this.#blocks
    try {
      if (blocks.end > blocks.blockStart) await this.#endBlock()
      const dataSize = blocks.sizeBytes
      const tombstones = this.#rangeTombstones.sort((a, b) => compareBytes(a.start, b.start) || b.seq - a.seq)
      const rangeTombstones =
        tombstones.length === 0
          ? NO_PART
          : await blocks.writePart(BLOCK_TYPE.rangeTombstones, encodeRangeTombstones(tombstones))
      const hasFilter = this.#filter !== undefined && this.#tally.pointRecords > 0
      const filter = hasFilter ? await blocks.writePart(BLOCK_TYPE.filter, this.#filter.finish()) : NO_PART
      const index = await blocks.writePart(BLOCK_TYPE.index, this.#index.toBytes())
      const contents = this.#properties(hasFilter)
      const properties = await blocks.writePart(BLOCK_TYPE.properties, encodeProperties(contents))
      const { id, storeId } = this.#options
      const footer = encodeFooter({ rangeTombstones, filter, index, properties, dataSize, id, storeId })
      blocks.appendRaw(footer.bytes)
      await blocks.flush()
      await this.#file.datasync()
      await this.#file.close()
      this.#checkBusy()
      this.#state = 'finished'
      const sizeBytes = properties.offset + properties.size + FOOTER_SIZE
      return { ...contents, id: tableIdText(id), sizeBytes, tailChecksum: footer.tailChecksum }
    } catch (error) {
      throw this.#fail(error)
    }
  }

  #properties(hasFilter: boolean): TableProperties {
    const lastKey = this.#lastBytes.slice(this.#lastStart, this.#lastEnd)
    return {
      ...this.#tally.total(this.#firstKey, lastKey, this.#rangeTombstones),
      keyspaceId: this.#options.keyspaceId ?? 0,
      dataBlocks: this.#index.length,
      filterName: hasFilter ? this.#options.filter?.name : undefined,
    }
  }

  /** Closes the file and removes it. Does nothing to a table that is finished. Idempotent. */
  async abandon(): Promise<void> {
    if (this.#state === 'finished' || this.#state === 'abandoned') return
    this.#state = 'abandoned'
    // What the file holds is of no use to anybody, so neither is an error about it.
    await this.#file.close().catch(() => {})
    await this.#storage.remove(this.name)
  }

  #checkOpen(): void {
    if (this.#state === 'open') return
    if (this.#state === 'busy') throw invalidRange('await the promise of the call before this one')
    const context = { file: this.name, cause: this.#failure }
    if (this.#state === 'failed') {
      throw new SSTableError('SSTABLE_FAILED', `${this.name}: an earlier write failed; abandon the table`, context)
    }
    throw new SSTableError('SSTABLE_CLOSED', `${this.name} is ${this.#state}: it takes no more records`, context)
  }

  /** Throws when the table was abandoned while something was waited for. */
  #checkBusy(): void {
    if (this.#state !== 'busy') this.#checkOpen()
  }

  #fail(error: unknown): unknown {
    if (this.#state !== 'abandoned') this.#state = 'failed'
    this.#failure ??= error
    return error
  }

  static {
    if (typeof Symbol.asyncDispose === 'symbol') {
      Object.defineProperty(TableWriter.prototype, Symbol.asyncDispose, { value: TableWriter.prototype.abandon })
    }
  }
}

function encodeRangeTombstones(tombstones: readonly RangeTombstone[]): Uint8Array {
  const size = tombstones.reduce((sum, { start, end }) => sum + encodedRecordSize(start.length, end.length), 0)
  const bytes = new Uint8Array(size)
  let at = 0
  for (const { start, end, seq, timestampMs } of tombstones) {
    at = encodeRecordInto(bytes, at, start, seq, timestampMs, end, RECORD_KIND.rangeTombstone)
  }
  return bytes
}

function wrongKind(kind: unknown): Error {
  return invalidRange(
    `kind ${String(kind)} is neither a value nor a tombstone; range tombstones go to addRangeTombstone`,
  )
}

function checkWriterOptions(options: TableWriterOptions): void {
  checkOptions(options)
  const { id, storeId, keyspaceId = 0, blockSizeBytes = DEFAULT_BLOCK_SIZE, compression, filter } = options
  checkId(id, 'id')
  checkId(storeId, 'storeId')
  checkInteger(keyspaceId, 'keyspaceId', 0xffff_ffff)
  checkInteger(blockSizeBytes, 'blockSizeBytes', MAX_BLOCK_SIZE)
  if (blockSizeBytes < 64) throw invalidRange(`blockSizeBytes must be at least 64, not ${blockSizeBytes}`)
  if (compression !== undefined) checkCodec(compression)
  if (filter === undefined) return
  if (typeof filter?.createBuilder !== 'function' || typeof filter.read !== 'function') {
    throw invalidType('a filter policy has a name, createBuilder and read')
  }
  const nameBytes = typeof filter.name === 'string' ? new TextEncoder().encode(filter.name).length : 0
  if (nameBytes < 1 || nameBytes > 255) throw invalidRange(`a filter's name has 1 to 255 bytes`)
}
