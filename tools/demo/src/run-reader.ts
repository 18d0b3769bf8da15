/** Reads a run: filter, then index, then one block from the cache. */
import { type BlockCache, FILTER_OFFSET, INDEX_OFFSET } from '@lsm/block-cache'
import { BloomFilter } from '@lsm/bloom'
import { type DecodedRecord, iterBlock } from '@lsm/encoding'
import { SparseIndex } from '@lsm/sparse-index'
import type { RunFile } from './run-file.ts'

/** What a cache of this demo holds. */
export type Part = readonly DecodedRecord[] | SparseIndex | BloomFilter

export class RunReader {
  readonly #id: number
  readonly #file: RunFile
  readonly #cache: BlockCache<Part>
  isClosed = false

  constructor(id: number, file: RunFile, cache: BlockCache<Part>) {
    this.#id = id
    this.#file = file
    this.#cache = cache
  }

  /** The record of `key`, a tombstone included. */
  find(key: Uint8Array): DecodedRecord | undefined {
    const filter = this.#part(FILTER_OFFSET, () => BloomFilter.fromBytes(this.#file.filter)) as BloomFilter
    if (!filter.mayContain(key)) return undefined
    const index = this.#part(INDEX_OFFSET, () => SparseIndex.fromBytes(this.#file.index)) as SparseIndex
    const start = index.floorOffset(key)
    if (start === undefined) return undefined
    const end = index.nextOffsetAfter(start) ?? this.#file.blocks.length
    const load = (): Part => [...iterBlock(this.#file.blocks, start, end)]
    const records = this.#part(start, load) as readonly DecodedRecord[]
    return records.find((record) => Buffer.compare(record.key, key) === 0)
  }

  /** All records in order. */
  records(): Iterable<DecodedRecord> {
    return iterBlock(this.#file.blocks)
  }

  close(): void {
    this.isClosed = true
    this.#cache.invalidate(this.#id)
  }

  #part(offset: number, load: () => Part): Part {
    const part = this.#cache.load(this.#id, offset, load)
    if (part instanceof Promise) throw new TypeError('nothing here loads asynchronously')
    return part
  }
}
