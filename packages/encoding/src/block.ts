/** Records one after another: decoded as objects, or only their offsets. */
import { readUint32 } from './bytes.ts'
import { checkRange, rangeError, truncated } from './errors.ts'
import type { RecordKind } from './kind.ts'
import { RECORD_OVERHEAD } from './record.ts'
import { RecordCursor } from './record-cursor.ts'

export interface DecodedRecord {
  /** A view of the input: borrowed, valid as long as those bytes do not change. */
  readonly key: Uint8Array
  readonly seq: number
  readonly timestampMs: number
  /** A view of the input: borrowed, valid as long as those bytes do not change. */
  readonly value: Uint8Array
  readonly kind: RecordKind
  /** Where the next record starts. */
  readonly nextOffset: number
}

/**
 * The record that starts at `offset`, its checksum verified. Key and value are views of `bytes`, not copies. Bytes
 * that are cut off, changed, of an unknown kind or with numbers beyond 2^53 - 1 are an `EncodingError`; there is no
 * short read. O(record).
 */
export function decodeFrom(bytes: Uint8Array, offset: number = 0): DecodedRecord {
  const cursor = new RecordCursor().reset(bytes, offset)
  if (!cursor.next()) throw truncated('record', offset, RECORD_OVERHEAD, 0)
  return current(cursor)
}

/**
 * The records of `[start, end)` of `bytes` in order, as `decodeFrom` gives them. The range must end where a record
 * ends, else the iteration throws there. The range is checked at the call, each record when it is reached.
 */
export function iterBlock(
  bytes: Uint8Array,
  start: number = 0,
  end: number = bytes?.length,
): Generator<DecodedRecord, void, undefined> {
  return iterate(new RecordCursor().reset(bytes, start, end))
}

function* iterate(cursor: RecordCursor): Generator<DecodedRecord, void, undefined> {
  while (cursor.next()) yield current(cursor)
}

function current(cursor: RecordCursor): DecodedRecord {
  const { key, seq, timestampMs, value, kind, nextOffset } = cursor
  return { key, seq, timestampMs, value, kind, nextOffset }
}

/**
 * Where each record of `[start, end)` of `bytes` starts, for a binary search in the block or a walk backwards with
 * `RecordCursor.moveTo`. Checks that the lengths lead exactly to `end`; checksums, kinds and numbers are the
 * cursor's to check. Owned by the caller. O(records); allocates 4 bytes for each record of at least 28.
 */
export function recordOffsets(bytes: Uint8Array, start: number = 0, end: number = bytes?.length): Uint32Array {
  checkRange(bytes, start, end)
  if (end > 0xffffffff) throw rangeError('a block whose record offsets are asked for must end below 4 GiB')
  let count = 0
  for (let at = start; at < end; count++) at += sizeAt(bytes, at, end)
  // A second walk costs less than guessing the count and copying.
  const offsets = new Uint32Array(count)
  for (let i = 0, at = start; i < count; i++) {
    offsets[i] = at
    at += sizeAt(bytes, at, end)
  }
  return offsets
}

function sizeAt(bytes: Uint8Array, at: number, end: number): number {
  const room = end - at
  const size =
    room < RECORD_OVERHEAD ? RECORD_OVERHEAD : readUint32(bytes, at) + readUint32(bytes, at + 4) + RECORD_OVERHEAD
  if (size > room) throw truncated('record', at, size, room)
  return size
}
