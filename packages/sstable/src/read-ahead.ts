/** Reading blocks for a cursor: one at first, and when it turns out to be a walk, many with one call of the storage. */
import type { SparseIndex } from '@lsm/sparse-index'
import type { DataBlock } from './data-block.ts'
import type { TableBlocks } from './table-blocks.ts'

/** Blocks read one by one before a walk counts as one. */
const BLOCKS_BEFORE = 2
/** What is read at once then; twice as much each time, up to the limit. */
const FIRST_READ = 64 * 1024

export interface ReadAheadOptions {
  readonly reverse: boolean
  readonly sync: boolean
  readonly fillCache: boolean
  readonly readAheadBytes: number
}

export class ReadAhead {
  readonly #blocks: TableBlocks
  readonly #options: ReadAheadOptions
  /** Blocks read since the walk began. */
  #blocksRead = 0
  #nextSize = FIRST_READ
  /** What was read ahead, at `#chunkOffset` of the file. Never reused: views of it are out. */
  #chunk: Uint8Array | undefined
  #chunkOffset = 0

  constructor(blocks: TableBlocks, options: ReadAheadOptions) {
    this.#blocks = blocks
    this.#options = options
  }

  /** The cursor goes elsewhere. */
  restart(): void {
    this.#blocksRead = 0
    this.#nextSize = FIRST_READ
    this.#chunk = undefined
  }

  /** The block at `position` of the index, which is not cached. */
  read(index: SparseIndex, position: number): DataBlock | Promise<DataBlock> {
    const { sync, fillCache, readAheadBytes } = this.#options
    const offset = index.offsetAt(position)
    const end = this.#blocks.endOf(index, position)
    if (this.#holds(offset, end)) return this.#cut(index, position)
    this.#chunk = undefined
    this.#blocksRead++
    if (this.#blocksRead > BLOCKS_BEFORE && end - offset < readAheadBytes) return this.#readAhead(index, position)
    return sync
      ? this.#blocks.readDataSync(index, position, fillCache)
      : this.#blocks.readData(index, position, fillCache)
  }

  #holds(offset: number, end: number): boolean {
    const chunk = this.#chunk
    return chunk !== undefined && offset >= this.#chunkOffset && end <= this.#chunkOffset + chunk.length
  }

  #readAhead(index: SparseIndex, position: number): DataBlock | Promise<DataBlock> {
    const { reverse, sync, readAheadBytes } = this.#options
    const size = Math.min(this.#nextSize, readAheadBytes)
    this.#nextSize *= 2
    let start = index.offsetAt(position)
    let end = this.#blocks.endOf(index, position)
    if (reverse) {
      for (let i = position - 1; i >= 0 && end - index.offsetAt(i) <= size; i--) start = index.offsetAt(i)
    } else {
      for (let i = position + 1; i < index.length; i++) {
        const next = this.#blocks.endOf(index, i)
        if (next - start > size) break
        end = next
      }
    }
    const keep = (bytes: Uint8Array): DataBlock | Promise<DataBlock> => {
      this.#chunk = bytes
      this.#chunkOffset = start
      return this.#cut(index, position)
    }
    const { file } = this.#blocks
    return sync ? keep(file.readSync(start, end - start)) : file.read(start, end - start).then(keep)
  }

  #cut(index: SparseIndex, position: number): DataBlock | Promise<DataBlock> {
    const { sync, fillCache } = this.#options
    const offset = index.offsetAt(position)
    let bytes = this.#chunk!
    let start = offset - this.#chunkOffset
    if (fillCache) {
      // A cached block must not keep the whole chunk alive.
      bytes = bytes.slice(start, this.#blocks.endOf(index, position) - this.#chunkOffset)
      start = 0
    }
    const block = sync
      ? this.#blocks.openDataSync(index, position, bytes, start)
      : this.#blocks.openData(index, position, bytes, start)
    if (!fillCache) return block
    if (!(block instanceof Promise)) return this.#put(offset, block)
    return block.then((opened) => this.#put(offset, opened))
  }

  #put(offset: number, block: DataBlock): DataBlock {
    this.#blocks.cache.put(offset, block)
    return block
  }
}
