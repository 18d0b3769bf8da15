/** Records one after another: decoded as objects, or only their offsets. */
import { compute } from '@lsm/crc'
import { readUint32, TWO_POW_32 } from './bytes.ts'
import { checkRange, corrupt, truncated } from './errors.ts'
import { checkWords, type RecordKind } from './kind.ts'
import { RECORD_HEADER_SIZE, RECORD_OVERHEAD } from './record.ts'
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
  checkRange(bytes, offset, bytes?.length)
  return decodeAt(bytes, offset, bytes.length)
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
  while (cursor.next()) {
    const { key, seq, timestampMs, value, kind, nextOffset } = cursor
    yield { key, seq, timestampMs, value, kind, nextOffset }
  }
}

/** Reads single bytes: with a cursor and its DataView made for it, one record took 230 ns and not 140. */
function decodeAt(bytes: Uint8Array, at: number, end: number): DecodedRecord {
  const nextOffset = at + sizeAt(bytes, at, end)
  const valueEnd = nextOffset - 4
  if (compute(bytes, at, valueEnd) !== readUint32(bytes, valueEnd)) throw corrupt(at)
  const seqUpper = readUint32(bytes, at + 8)
  const timestampUpper = readUint32(bytes, at + 16)
  checkWords(at, seqUpper, timestampUpper)
  const keyStart = at + RECORD_HEADER_SIZE
  const keyEnd = keyStart + readUint32(bytes, at)
  return {
    key: bytes.subarray(keyStart, keyEnd),
    seq: (seqUpper & 0xffffff) * TWO_POW_32 + readUint32(bytes, at + 12),
    timestampMs: timestampUpper * TWO_POW_32 + readUint32(bytes, at + 20),
    value: bytes.subarray(keyEnd, valueEnd),
    kind: (seqUpper >>> 24) as RecordKind,
    nextOffset,
  }
}

/**
 * Where each record of `[start, end)` of `bytes` starts, for a binary search in the block or a walk backwards with
 * `RecordCursor.moveTo`. Checks that the lengths lead exactly to `end`; checksums, kinds and numbers are the
 * cursor's to check. Owned by the caller. O(records).
 *
 * A plain array, because blocks are small: for 28 records 5 ns each, against 10 into a Uint32Array, whose memory
 * outside the heap costs as much as the walk.
 */
export function recordOffsets(bytes: Uint8Array, start: number = 0, end: number = bytes?.length): number[] {
  checkRange(bytes, start, end)
  const offsets: number[] = []
  for (let at = start; at < end; ) {
    const size = sizeAt(bytes, at, end)
    offsets.push(at)
    at += size
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
