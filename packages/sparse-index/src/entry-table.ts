/**
 * Entries in ascending order, kept as they are written: the encoded entries one behind another, and beside them
 * where each starts and its offset as a number. So decoding copies no key, and encoding is one copy of all. Decides
 * what an index may hold; knows nothing of searching.
 */
import { unpack, verify } from '@lsm/crc'
import {
  compareRanges,
  encodedIndexEntrySize,
  encodeIndexEntryInto,
  INDEX_ENTRY_HEADER_SIZE,
  IndexEntryCursor,
} from '@lsm/encoding'
import { checkBytes, checkNumber, rangeError, SparseIndexError } from './errors.ts'

/** Bytes of the checksum behind the entries. */
export const FOOTER_SIZE = 4

/** What the positions, which are kept in 32 bits, can reach. */
const MAX_BYTES = 0xffffffff

export class EntryTable {
  length = 0
  /** Holds the encoded entries in `[0, starts[length])`. */
  bytes: Uint8Array = new Uint8Array(0)
  /** Where each entry starts, and behind the last one where the entries end. */
  starts: Uint32Array = new Uint32Array(1)
  offsets: Float64Array = new Float64Array(0)

  /** Where the entries end. */
  get end(): number {
    return this.starts[this.length]!
  }

  keyStart(index: number): number {
    return this.starts[index]! + INDEX_ENTRY_HEADER_SIZE
  }

  keyEnd(index: number): number {
    return this.starts[index + 1]!
  }

  /** Adds an entry, copying its key. Nothing has changed when it throws. O(key), amortised. */
  append(key: Uint8Array, offset: number): void {
    checkBytes(key, 'firstKey')
    checkNumber(offset, 'offset')
    const { length, end } = this
    this.#checkOrder(length, key, 0, key.length, offset, undefined)
    const newEnd = end + encodedIndexEntrySize(key.length)
    if (newEnd > MAX_BYTES - FOOTER_SIZE) throw rangeError(`the index is full: ${length} entries in ${end} bytes`)
    this.#reserve(length + 1, newEnd)
    encodeIndexEntryInto(this.bytes, end, key, offset)
    this.offsets[length] = offset
    this.starts[length + 1] = newEnd
    this.length = length + 1
  }

  /**
   * Takes over the encoded entries in `bytes`, borrowed, with their checksum behind them. `entryCount` is how many
   * there must be, or `undefined` when nobody knows. Allocates only after the checksum and every length have been
   * checked, 12 bytes for each entry of at least 12.
   */
  static decode(bytes: Uint8Array, entryCount: number | undefined): EntryTable {
    checkBytes(bytes, 'bytes')
    if (entryCount !== undefined) checkNumber(entryCount, 'entryCount')
    const end = bytes.length - FOOTER_SIZE
    if (end < 0) throw truncated(`an index has at least ${FOOTER_SIZE} bytes, not ${bytes.length}`, 0)
    if (bytes.length > MAX_BYTES) throw rangeError('an index of 4 GiB or more cannot be read')
    if (!verify(bytes, unpack(bytes, end), 0, end)) {
      const message = `the index of ${bytes.length} bytes does not match its checksum: it is cut off or was changed`
      throw new SparseIndexError('SPARSE_INDEX_CORRUPT', message, end)
    }
    // Four zero bytes are the checksum of no entries, and also how an index starts whose first key is empty.
    if (end === 0 && entryCount === undefined) {
      throw truncated('no entries, or an index cut off after four bytes: if empty is right, pass entryCount: 0', 0)
    }
    const length = countEntries(bytes, end)
    if (entryCount !== undefined && length !== entryCount) {
      const message = `the index has ${length} entries where ${entryCount} were written`
      if (length < entryCount) throw truncated(message, end)
      throw new SparseIndexError('SPARSE_INDEX_CORRUPT', message, end)
    }
    const table = new EntryTable()
    table.bytes = bytes
    table.#fill(length, end)
    return table
  }

  #fill(length: number, end: number): void {
    const { bytes } = this
    const starts = new Uint32Array(length + 1)
    const offsets = new Float64Array(length)
    this.starts = starts
    this.offsets = offsets
    const cursor = new IndexEntryCursor().reset(bytes, 0, end)
    for (let i = 0; cursor.next(); i++) {
      const { keyStart, keyEnd, offset } = cursor
      this.#checkOrder(i, bytes, keyStart, keyEnd, offset, keyStart - INDEX_ENTRY_HEADER_SIZE)
      offsets[i] = offset
      starts[i + 1] = keyEnd
    }
    this.length = length
  }

  /** Throws unless this key and offset come after those of entry `index - 1`. */
  #checkOrder(
    index: number,
    key: Uint8Array,
    start: number,
    end: number,
    offset: number,
    position: number | undefined,
  ): void {
    const last = index - 1
    if (last < 0) return
    const keyAscends = compareRanges(this.bytes, this.keyStart(last), this.keyEnd(last), key, start, end) < 0
    if (keyAscends && this.offsets[last]! < offset) return
    const what = keyAscends
      ? `offset ${offset} is not above ${this.offsets[last]}`
      : 'its key does not sort after the last one'
    throw new SparseIndexError('SPARSE_INDEX_UNSORTED', `entry ${index} is out of order: ${what}`, position)
  }

  /**
   * Makes room for `length` entries in `size` bytes. Bytes that were decoded are the caller's and are never written
   * to: behind their entries they have room for the checksum alone, so the first entry added finds them too small.
   */
  #reserve(length: number, size: number): void {
    if (size > this.bytes.length) {
      const bytes = new Uint8Array(Math.max(size, Math.min(this.end * 2, MAX_BYTES), 256))
      bytes.set(this.bytes.subarray(0, this.end))
      this.bytes = bytes
    }
    if (length > this.offsets.length) {
      const capacity = Math.max(length, this.length * 2, 16)
      const { starts, offsets } = this
      this.starts = new Uint32Array(capacity + 1)
      this.starts.set(starts)
      this.offsets = new Float64Array(capacity)
      this.offsets.set(offsets)
    }
  }
}

/** How many entries there are in `[0, end)`, which must end where one does. */
function countEntries(bytes: Uint8Array, end: number): number {
  const cursor = new IndexEntryCursor().reset(bytes, 0, end)
  let count = 0
  try {
    while (cursor.next()) count++
  } catch (cause) {
    const message = `entry ${count} of the index is no index entry, though the checksum matches`
    throw new SparseIndexError('SPARSE_INDEX_CORRUPT', message, cursor.nextOffset, cause)
  }
  return count
}

function truncated(message: string, offset: number): SparseIndexError {
  return new SparseIndexError('SPARSE_INDEX_TRUNCATED', message, offset)
}
