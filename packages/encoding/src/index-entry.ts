/**
 * Index entries as bytes: where the block that starts with a key lies. Big-endian:
 *
 *     0        4                12
 *     ┌────────┬────────────────┬─────┐
 *     │ keyLen │ offset         │ key │
 *     │ u32    │ u64 ≤ 2^53 - 1 │     │
 *     └────────┴────────────────┴─────┘
 *
 * An entry carries no checksum and does not say how many follow: whoever stores entries adds both (the sparse index
 * does). Knows nothing of order.
 */
import { HIGHEST_UPPER_WORD, TWO_POW_32, upperWord, writeUint32 } from './bytes.ts'
import { checkBytes, checkLength, checkNumber, checkRange, outOfRange, rangeError, truncated } from './errors.ts'

/** Bytes of an index entry before its key. */
export const INDEX_ENTRY_HEADER_SIZE = 12

export interface IndexEntry {
  /** When decoded, a view of the input: borrowed, valid as long as those bytes do not change. */
  readonly key: Uint8Array
  readonly offset: number
}

/** The size in bytes of an index entry with a key of this length. */
export function encodedIndexEntrySize(keyLength: number): number {
  checkLength(keyLength, 'keyLength')
  return INDEX_ENTRY_HEADER_SIZE + keyLength
}

/** The entry's bytes, owned by the caller. */
export function encodeIndexEntry(key: Uint8Array, offset: number): Uint8Array {
  checkBytes(key, 'key')
  checkNumber(offset, 'offset')
  const target = new Uint8Array(encodedIndexEntrySize(key.length))
  encodeIndexEntryInto(target, 0, key, offset)
  return target
}

/**
 * Writes an entry for `key` and `offset` at `at` of `target` and returns the place after it. Writes nothing when it
 * throws: a target with too little room is a `RangeError`. Allocates nothing.
 */
export function encodeIndexEntryInto(target: Uint8Array, at: number, key: Uint8Array, offset: number): number {
  checkBytes(target, 'target')
  checkBytes(key, 'key')
  checkNumber(at, 'at')
  checkNumber(offset, 'offset')
  const size = encodedIndexEntrySize(key.length)
  if (size > target.length - at) {
    throw rangeError(`an entry of ${size} bytes does not fit at offset ${at} of ${target.length} bytes`)
  }
  writeUint32(target, at, key.length)
  writeUint32(target, at + 4, upperWord(offset))
  writeUint32(target, at + 8, offset)
  target.set(key, at + INDEX_ENTRY_HEADER_SIZE)
  return at + size
}

/**
 * All entries in `bytes`, in order. Keys are views, not copies. Bytes that end inside an entry, and an offset over
 * 2^53 - 1, are an `EncodingError`. O(entries).
 */
export function decodeIndexEntries(bytes: Uint8Array): IndexEntry[] {
  const entries: IndexEntry[] = []
  const cursor = new IndexEntryCursor().reset(bytes)
  while (cursor.next()) entries.push({ key: bytes.subarray(cursor.keyStart, cursor.keyEnd), offset: cursor.offset })
  return entries
}

/**
 * Walks index entries without allocating. Fields describe the current entry until the next call; the bytes are
 * borrowed and must not change while the cursor is on them.
 */
export class IndexEntryCursor {
  keyStart = 0
  keyEnd = 0
  /** What the entry says: where its block starts. */
  offset = 0
  /** Where the entry after the current one starts. */
  nextOffset = 0
  #view: DataView = new DataView(new ArrayBuffer(0))
  #end = 0

  /** Puts the cursor before the first entry of `[start, end)` of `bytes`, which must end where an entry ends. */
  reset(bytes: Uint8Array, start: number = 0, end: number = bytes?.length): this {
    checkRange(bytes, start, end)
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    this.#end = end
    this.nextOffset = start
    return this
  }

  /** Moves to the next entry; false at the end. Throws an `EncodingError`, and again if called again, on damage. */
  next(): boolean {
    const at = this.nextOffset
    const room = this.#end - at
    if (room === 0) return false
    const view = this.#view
    const size = INDEX_ENTRY_HEADER_SIZE + (room < INDEX_ENTRY_HEADER_SIZE ? 0 : view.getUint32(at))
    if (size > room) throw truncated('index entry', at, size, room)
    const upper = view.getUint32(at + 4)
    if (upper > HIGHEST_UPPER_WORD) throw outOfRange('index entry', at)
    this.offset = upper * TWO_POW_32 + view.getUint32(at + 8)
    this.keyStart = at + INDEX_ENTRY_HEADER_SIZE
    this.keyEnd = at + size
    this.nextOffset = at + size
    return true
  }
}
