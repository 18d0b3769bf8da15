/** Cursors: all versions of a table's point records in key order, both ways. */
import { RECORD_HEADER_SIZE, type RecordKind } from '@lsm/encoding'
import type { SparseIndex } from '@lsm/sparse-index'
import type { DataBlock } from './data-block.ts'
import { checkBytes, checkInteger, checkOptions, invalidRange, invalidType, SSTableError } from './errors.ts'
import { ReadAhead } from './read-ahead.ts'
import type { TableBlocks } from './table-blocks.ts'

export interface TableCursorOptions {
  /** The order of keys is turned round; versions of one key still come newest first. Default false. */
  readonly reverse?: boolean
  /** Reads at once, so that no call returns a promise, for a storage that can. Default false. */
  readonly sync?: boolean
  /** Whether blocks that are read are cached. Default true. */
  readonly fillCache?: boolean
  /** Most bytes that are read at once when blocks are read one after another; 0 for one block. Default 262,144. */
  readonly readAheadBytes?: number
}

const NO_BYTES = new Uint8Array(0)
const EMPTY_VIEW = new DataView(NO_BYTES.buffer)
const TWO_POW_32 = 4_294_967_296

/** Where in a block to stop: at its first record, at the newest version of its last key, at a key, or at its end. */
type Goal = 'first' | 'last key' | 'key' | 'end'

/**
 * Walks records in key order, or against it when made with `reverse`; versions of one key come newest first. A step
 * allocates nothing, but where it comes to another block. A call that returns a promise must be awaited before the
 * next. After an error the cursor gives that error again until it is told where to go.
 *
 * The properties describe the current record until the cursor moves, and mean nothing while it is on none. `keyBytes`
 * is the immutable copy of a block that the reader made for itself: a view of it stays as it is for as long as anybody
 * holds it, keeps that block's memory alive, and must not be written to.
 */
export class TableCursor {
  /** `close`, in runtimes that have the symbol. */
  declare readonly [Symbol.dispose]: () => void
  /** Whether the cursor is on a record. */
  valid = false
  /** The bytes that the record lies in; its key from `keyStart` to `keyEnd`. */
  keyBytes: Uint8Array = NO_BYTES
  keyStart = 0
  keyEnd = 0
  seq = 0
  /** 0 value, 1 tombstone. */
  kind: RecordKind = 0
  /** The value starts at `keyEnd`. */
  valueEnd = 0
  readonly #blocks: TableBlocks
  readonly #reverse: boolean
  readonly #sync: boolean
  readonly #readAhead: ReadAhead
  /** Held while the cursor is open: the cache may let go of it. */
  #index: SparseIndex | undefined
  #block: DataBlock | undefined
  #view: DataView = EMPTY_VIEW
  #offsets: readonly number[] = []
  /** Records in the block; 0 while there is no block to walk in, so that the short way in `next` needs one test. */
  #count = 0
  #record = -1
  /** Of the block in the index. */
  #position = 0
  #state: 'fresh' | 'placed' | 'nowhere' | 'busy' | 'failed' | 'closed' = 'fresh'
  #failure: unknown

  constructor(blocks: TableBlocks, options: TableCursorOptions) {
    checkOptions(options)
    const { reverse = false, sync = false, fillCache = true, readAheadBytes = 262_144 } = options
    for (const [name, value] of Object.entries({ reverse, sync, fillCache })) {
      if (typeof value !== 'boolean') throw invalidType(`${name} must be a boolean`)
    }
    checkInteger(readAheadBytes, 'readAheadBytes', 2 ** 30)
    this.#blocks = blocks
    this.#reverse = reverse
    this.#sync = sync
    this.#readAhead = new ReadAhead(blocks, { reverse, sync, fillCache, readAheadBytes })
  }

  get isTombstone(): boolean {
    return this.kind !== 0
  }

  /** Read from the bytes when asked for. */
  get timestampMs(): number {
    const { keyStart } = this
    return this.#view.getUint32(keyStart - 8) * TWO_POW_32 + this.#view.getUint32(keyStart - 4)
  }

  get valueBytes(): Uint8Array {
    return this.keyBytes
  }

  get valueStart(): number {
    return this.keyEnd
  }

  /** Where the encoded record starts in `keyBytes`: `writer.addRecord(keyBytes, recordStart, recordEnd)` copies it. */
  get recordStart(): number {
    return this.keyStart - RECORD_HEADER_SIZE
  }

  get recordEnd(): number {
    return this.valueEnd + 4
  }

  /** The key as a view. */
  get key(): Uint8Array {
    return this.keyBytes.subarray(this.keyStart, this.keyEnd)
  }

  /** The value as a view. */
  get value(): Uint8Array {
    return this.keyBytes.subarray(this.keyEnd, this.valueEnd)
  }

  /** Goes to the first record in the cursor's order; false when there is none. */
  seekToFirst(): boolean | Promise<boolean> {
    return this.#go(this.#reverse ? 'last key' : 'first')
  }

  /** Goes to the last record in the cursor's order, the oldest version of its key; false when there is none. */
  seekToLast(): boolean | Promise<boolean> {
    return this.#go('end')
  }

  /**
   * Goes to the first record in the cursor's order whose key is not before `key`: at or after it, or at or before it
   * for a `reverse` cursor. False when there is none. Where it returns a promise, `key` must stay as it is until
   * that settles. O(log n).
   */
  seek(key: Uint8Array): boolean | Promise<boolean> {
    checkBytes(key, 'key')
    return this.#go('key', key)
  }

  /**
   * Goes to the next record, or to the first one from where a new cursor begins. False when there is none, and from
   * then on until the cursor is told where to go.
   */
  next(): boolean | Promise<boolean> {
    if (!this.#reverse) {
      const record = this.#record + 1
      if (record < this.#count) {
        this.#show(record)
        return true
      }
    } else if (this.#count > 0) {
      const record = this.#recordBefore()
      if (record >= 0) {
        this.#show(record)
        return true
      }
    }
    return this.#nextBlock()
  }

  /** What follows in reverse: an older version of the same key, or the newest of the key before; -1 past the block. */
  #recordBefore(): number {
    const record = this.#record
    const heads = this.#block!.heads
    if (heads === undefined) return record - 1
    const head = heads[record]!
    if (heads[record + 1] === head) return record + 1
    return head === 0 ? -1 : heads[head - 1]!
  }

  #show(record: number): void {
    const at = this.#offsets[record]!
    const view = this.#view
    const seqWord = view.getUint32(at + 8)
    const keyStart = at + RECORD_HEADER_SIZE
    const keyEnd = keyStart + view.getUint32(at)
    this.#record = record
    this.keyStart = keyStart
    this.keyEnd = keyEnd
    this.valueEnd = keyEnd + view.getUint32(at + 4)
    this.seq = (seqWord & 0xffffff) * TWO_POW_32 + view.getUint32(at + 12)
    this.kind = (seqWord >>> 24) as RecordKind
  }

  #nextBlock(): boolean | Promise<boolean> {
    if (this.#state === 'failed') throw this.#failure
    this.#checkReady()
    if (this.#state === 'fresh') return this.seekToFirst()
    if (this.#state === 'nowhere') return false
    return this.#run(() =>
      this.#reverse ? this.#load(this.#position - 1, 'last key') : this.#load(this.#position + 1, 'first'),
    )
  }

  #go(goal: Goal, key: Uint8Array = NO_BYTES): boolean | Promise<boolean> {
    this.#checkReady()
    this.#leave()
    this.#readAhead.restart()
    return this.#run(() => {
      const index = this.#index ?? (this.#sync ? this.#blocks.indexSync() : this.#blocks.index())
      return index instanceof Promise
        ? index.then((loaded) => this.#find(loaded, goal, key))
        : this.#find(index, goal, key)
    })
  }

  #find(index: SparseIndex, goal: Goal, key: Uint8Array): boolean | Promise<boolean> {
    this.#index = index
    if (goal === 'first') return this.#load(0, goal)
    if (goal === 'last key') return this.#load(index.length - 1, goal)
    if (goal === 'end') return this.#load(this.#reverse ? 0 : index.length - 1, goal)
    const position = index.floorIndex(key)
    // The key is before every record: the first one follows it, and none precedes it.
    if (position < 0 && !this.#reverse) return this.#load(0, 'first')
    return this.#load(position, goal, key)
  }

  #load(position: number, goal: Goal, key: Uint8Array = NO_BYTES): boolean | Promise<boolean> {
    const index = this.#index!
    if (position < 0 || position >= index.length) {
      this.#leave()
      return false
    }
    const block = this.#blocks.cachedData(index.offsetAt(position)) ?? this.#readAhead.read(index, position)
    return block instanceof Promise
      ? block.then((loaded) => this.#enter(loaded, position, goal, key))
      : this.#enter(block, position, goal, key)
  }

  #enter(block: DataBlock, position: number, goal: Goal, key: Uint8Array): boolean | Promise<boolean> {
    if (this.#state === 'closed') throw this.#closedError()
    const { count, heads } = block
    const headOf = (record: number): number => (heads === undefined ? record : heads[record]!)
    let record = 0
    if (goal === 'last key') record = headOf(count - 1)
    else if (goal === 'end') {
      record = this.#reverse ? 0 : count - 1
      if (this.#reverse && heads !== undefined) while (heads[record + 1] === 0) record++
    } else if (goal === 'key') {
      record = block.lowerBound(key)
      if (!this.#reverse && record === count) return this.#load(position + 1, 'first')
      if (this.#reverse && (record === count || block.compareKey(record, key) !== 0)) {
        // The index led here, so the block's first key is not after the one looked for.
        record = headOf(record - 1)
      }
    }
    this.#block = block
    this.#view = block.view
    this.#offsets = block.offsets
    this.#count = count
    this.#position = position
    this.keyBytes = block.bytes
    this.valid = true
    this.#state = 'placed'
    this.#show(record)
    return true
  }

  /** Makes one move, which may turn out to be a promise. */
  #run(move: () => boolean | Promise<boolean>): boolean | Promise<boolean> {
    try {
      this.#blocks.file.checkOpen()
      const moved = move()
      return moved instanceof Promise ? this.#settle(moved) : moved
    } catch (error) {
      throw this.#fail(error)
    }
  }

  async #settle(moved: Promise<boolean>): Promise<boolean> {
    this.#state = 'busy'
    this.#count = 0
    this.valid = false
    try {
      return await this.#blocks.file.run(() => moved)
    } catch (error) {
      throw this.#fail(error)
    }
  }

  #fail(error: unknown): unknown {
    if (this.#state === 'closed') return error
    this.#leave()
    this.#state = 'failed'
    this.#failure = error
    return error
  }

  #leave(): void {
    this.valid = false
    this.#count = 0
    this.#record = -1
    this.#block = undefined
    if (this.#state !== 'closed') this.#state = 'nowhere'
  }

  #checkReady(): void {
    if (this.#state === 'busy') throw invalidRange('await the promise of the call before this one')
    if (this.#state === 'closed') throw this.#closedError()
  }

  #closedError(): SSTableError {
    const { name } = this.#blocks.file
    return new SSTableError('SSTABLE_CLOSED', `${name}: the cursor is closed`, { file: name })
  }

  /** Lets go of what the cursor holds. Idempotent. */
  close(): void {
    this.#state = 'closed'
    this.#leave()
    this.#index = undefined
    this.keyBytes = NO_BYTES
    this.#offsets = []
    this.#view = EMPTY_VIEW
    this.#readAhead.restart()
  }

  static {
    if (typeof Symbol.dispose === 'symbol') {
      Object.defineProperty(TableCursor.prototype, Symbol.dispose, { value: TableCursor.prototype.close })
    }
  }
}
