/**
 * From the first key of each block to where the block starts. As bytes, big-endian, entries in ascending order of
 * both key and offset, and the CRC-32 of all entries behind them:
 *
 *     ┌────────┬────────┬─────┬────────┬────────┬─────┬───┬───────┐
 *     │ keyLen │ offset │ key │ keyLen │ offset │ key │ … │ crc32 │
 *     │ u32    │ u64    │     │ u32    │ u64    │     │   │ u32   │
 *     └────────┴────────┴─────┴────────┴────────┴─────┴───┴───────┘
 *
 * Knows nothing of blocks, files or what lies at an offset.
 */
import { compute, packInto } from '@lsm/crc'
import type { IndexEntry } from '@lsm/encoding'
import { countBelow } from './count-below.ts'
import { EntryTable, FOOTER_SIZE } from './entry-table.ts'
import { checkBytes, checkNumber, rangeError, shown } from './errors.ts'
import { PrefixSearch } from './prefix-search.ts'

export interface SparseIndexDecodeOptions {
  /**
   * How many entries were written, where that is known from elsewhere. With it no cut goes unnoticed, not even one
   * whose last bytes happen to be the checksum of those before; and an empty index can be read at all.
   */
  readonly entryCount?: number
}

/** A sorted index from first keys to offsets. Lookups allocate nothing and take O(log n). */
export class SparseIndex implements Iterable<IndexEntry> {
  #table: EntryTable = new EntryTable()
  #search: PrefixSearch = new PrefixSearch(this.#table)

  /**
   * The index that `toBytes` made these bytes from. The bytes are borrowed: keys are not copied, so they must not
   * change while the index is used (the first `add` copies them). Throws a `SparseIndexError` for bytes that are cut
   * off or changed, or whose entries do not ascend. O(bytes).
   */
  static fromBytes(bytes: Uint8Array, options?: SparseIndexDecodeOptions): SparseIndex {
    const index = new SparseIndex()
    index.#table = EntryTable.decode(bytes, options?.entryCount)
    index.#search = new PrefixSearch(index.#table)
    index.#search.prepare()
    return index
  }

  /** How many entries there are. */
  get length(): number {
    return this.#table.length
  }

  /** The length of what `toBytes` gives. */
  get encodedSizeBytes(): number {
    return this.#table.end + FOOTER_SIZE
  }

  /** Memory held for entries and search, borrowed bytes included: what a cache with a byte budget should count. */
  get memorySizeBytes(): number {
    const { bytes, starts, offsets } = this.#table
    return bytes.byteLength + starts.byteLength + offsets.byteLength + this.#search.byteLength
  }

  /**
   * Adds an entry behind the last one; `firstKey` is copied. A key or an offset that is not above the last one's is a
   * `SparseIndexError`, and the index is as it was. O(key), amortised.
   */
  add(firstKey: Uint8Array, offset: number): void {
    this.#table.append(firstKey, offset)
  }

  /**
   * Where the block that could hold `key` starts, or `undefined` when `key` sorts before every block. A hit is a
   * place to look, not a promise: the block may lack the key.
   */
  floorOffset(key: Uint8Array): number | undefined {
    const index = this.floorIndex(key)
    return index < 0 ? undefined : this.#table.offsets[index]
  }

  /** Where the first block starts whose first key is `key` or sorts after it; `undefined` when none does. */
  ceilOffset(key: Uint8Array): number | undefined {
    const index = this.ceilIndex(key)
    return index < this.length ? this.#table.offsets[index] : undefined
  }

  /** The first offset above `offset`: where the block at `offset` ends. `undefined` at or behind the last block. */
  nextOffsetAfter(offset: number): number | undefined {
    checkNumber(offset, 'offset')
    const { offsets, length } = this.#table
    const index = countBelow(offsets, length, offset + 1)
    return index < length ? offsets[index] : undefined
  }

  /** The position of the entry that `floorOffset` takes: -1 when `key` sorts before every entry. */
  floorIndex(key: Uint8Array): number {
    checkBytes(key, 'key')
    return this.#search.countBefore(key, true) - 1
  }

  /** The position of the entry that `ceilOffset` takes: `length` when `key` sorts after every entry. */
  ceilIndex(key: Uint8Array): number {
    checkBytes(key, 'key')
    return this.#search.countBefore(key, false)
  }

  /** The offset of the entry at `index`, counted from 0. A position that no entry has is a `RangeError`. */
  offsetAt(index: number): number {
    this.#checkIndex(index)
    return this.#table.offsets[index]!
  }

  /** The key of the entry at `index`: a view of the index's bytes, borrowed and only to be read. */
  keyAt(index: number): Uint8Array {
    this.#checkIndex(index)
    return this.#table.bytes.subarray(this.#table.keyStart(index), this.#table.keyEnd(index))
  }

  /** All entries, ascending. Keys are views, borrowed and only to be read. */
  *entries(): Generator<IndexEntry, void, undefined> {
    for (let i = 0; i < this.length; i++) yield { key: this.keyAt(i), offset: this.offsetAt(i) }
  }

  [Symbol.iterator](): Generator<IndexEntry, void, undefined> {
    return this.entries()
  }

  /** The index as bytes, owned by the caller. O(bytes). */
  toBytes(): Uint8Array {
    const { bytes, end } = this.#table
    const encoded = new Uint8Array(end + FOOTER_SIZE)
    encoded.set(bytes.subarray(0, end))
    packInto(compute(encoded, 0, end), encoded, end)
    return encoded
  }

  #checkIndex(index: number): void {
    if (Number.isInteger(index) && index >= 0 && index < this.length) return
    throw rangeError(`no entry at ${shown(index)}: the index has ${this.length}`)
  }
}
