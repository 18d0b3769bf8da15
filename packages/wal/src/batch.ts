/**
 * A batch: the operations that are applied whole or not at all. Normative text: docs/format/wal.md.
 *
 *   layout u8 = 1 | first seq u64 | timestamp ms u64 | count u32 | operations
 *   operation: kind u8 | keyspace id varint | key length varint | value length varint | key | value
 *
 * The sequence number has a fixed place, so that it can be filled in when the batch is written and not before: a
 * write that fails uses none up.
 */
import { isRecordKind, RECORD_KIND, type RecordKind } from '@lsm/encoding'
import { invalidRange, invalidType, WalError } from './errors.ts'

/** Bytes of a batch before its operations. */
export const BATCH_HEADER_SIZE = 21
const LAYOUT = 1
const SEQ_AT = 1
const TIMESTAMP_AT = 9
const COUNT_AT = 17
/** Longest varint of 32 bits. */
const MAX_VARINT = 5

/** Batches one behind the other in one growing buffer; nothing is allocated for each of them. */
export class BatchBuffer {
  #bytes: Uint8Array
  #view: DataView
  #length = 0
  #start = 0
  #count = 0
  #isOpen = false

  constructor(capacity: number = 64 * 1024) {
    if (capacity >>> 0 !== capacity) throw invalidRange(`a capacity is a whole number of bytes, not ${capacity}`)
    this.#bytes = new Uint8Array(capacity)
    this.#view = new DataView(this.#bytes.buffer)
  }

  /** All batches that were ended; borrowed until the next `begin`, `add` or `clear`. */
  get bytes(): Uint8Array {
    return this.#bytes
  }

  /** Where the next batch will start: the end of the last one. */
  get length(): number {
    return this.#isOpen ? this.#start : this.#length
  }

  /** Operations of the batch that is open, or of the last one. */
  get count(): number {
    return this.#count
  }

  /** Bytes of the batch that is open so far. */
  get openSize(): number {
    return this.#isOpen ? this.#length - this.#start : 0
  }

  /** Starts a batch. `timestampMs` is a whole number up to 2^53 - 1. */
  begin(timestampMs: number): void {
    if (this.#isOpen) throw invalidRange('a batch is open: end or cancel it first')
    if (!Number.isSafeInteger(timestampMs) || timestampMs < 0) {
      throw invalidRange(`a timestamp is a whole number of milliseconds, not ${timestampMs}`)
    }
    this.#reserve(BATCH_HEADER_SIZE)
    this.#isOpen = true
    this.#start = this.#length
    this.#count = 0
    this.#bytes[this.#start] = LAYOUT
    writeU64(this.#view, this.#start + SEQ_AT, 0)
    writeU64(this.#view, this.#start + TIMESTAMP_AT, timestampMs)
    this.#length += BATCH_HEADER_SIZE
  }

  /** Adds one operation. Copies key and value. */
  add(kind: RecordKind, keyspaceId: number, key: Uint8Array, value: Uint8Array): void {
    if (!this.#isOpen) throw invalidRange('no batch is open: begin one first')
    if (!isRecordKind(kind)) throw invalidRange(`kind must be one of RECORD_KIND, not ${String(kind)}`)
    if (kind === RECORD_KIND.tombstone && value.length > 0) throw invalidRange('a tombstone has no value')
    if (keyspaceId >>> 0 !== keyspaceId)
      throw invalidRange(`a keyspace id is an unsigned 32-bit number, not ${keyspaceId}`)
    // A string has a length too, and would be stored as zeros.
    if (!isBytes(key) || !isBytes(value)) throw invalidType('a key and a value are each a Uint8Array')
    const size = key.length + value.length
    if (size > 0xffff_ffff) throw invalidRange(`a key and a value of ${size} bytes are more than a segment holds`)
    this.#reserve(1 + 3 * MAX_VARINT + size)
    const bytes = this.#bytes
    let at = this.#length
    bytes[at++] = kind
    at = writeVarint(bytes, at, keyspaceId)
    at = writeVarint(bytes, at, key.length)
    at = writeVarint(bytes, at, value.length)
    bytes.set(key, at)
    at += key.length
    bytes.set(value, at)
    this.#length = at + value.length
    this.#count++
  }

  /** Ends the batch and returns where it starts; it reaches to `length`. A batch has at least one operation. */
  end(): number {
    if (!this.#isOpen) throw invalidRange('no batch is open: begin one first')
    if (this.#count === 0) throw invalidRange('a batch has at least one operation: cancel it instead')
    this.#view.setUint32(this.#start + COUNT_AT, this.#count)
    this.#isOpen = false
    return this.#start
  }

  /** Forgets the batch that is open. */
  cancel(): void {
    if (this.#isOpen) this.#length = this.#start
    this.#isOpen = false
  }

  /** Forgets all batches. A buffer that grew past `keepBytes` shrinks again. */
  clear(keepBytes: number = 1024 * 1024): void {
    if (this.#isOpen) throw invalidRange('a batch is open: end or cancel it first')
    this.#length = 0
    if (this.#bytes.length <= keepBytes) return
    this.#bytes = new Uint8Array(keepBytes)
    this.#view = new DataView(this.#bytes.buffer)
  }

  /** Fills in the sequence number of the first operation of the batch at `start`. */
  setFirstSeq(start: number, seq: number): void {
    writeU64(this.#view, start + SEQ_AT, seq)
  }

  #reserve(size: number): void {
    const needed = this.#length + size
    if (needed <= this.#bytes.length) return
    const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2))
    grown.set(this.#bytes.subarray(0, this.#length))
    this.#bytes = grown
    this.#view = new DataView(grown.buffer)
  }
}

/**
 * Walks over the operations of one batch. The fields after `next()` are positions in `bytes`: no key and no value is
 * copied, and nothing is allocated for each.
 */
export class BatchCursor {
  bytes: Uint8Array = new Uint8Array(0)
  firstSeq = 0
  timestampMs = 0
  /** Operations in the batch. */
  count = 0
  /** Of the operation that `next()` went to. */
  seq = 0
  kind: RecordKind = RECORD_KIND.value
  keyspaceId = 0
  keyStart = 0
  keyEnd = 0
  valueStart = 0
  valueEnd = 0
  #start = 0
  #at = 0
  #end = 0
  #left = 0

  /**
   * Goes before the first operation of the batch in `bytes[start, end)`, which is borrowed until the next reset.
   * Throws `WAL_CORRUPT` with an offset relative to `start`, here and in `next`, for bytes that are no batch.
   */
  reset(bytes: Uint8Array, start: number, end: number): void {
    this.#start = start
    this.#end = end
    this.bytes = bytes
    if (end - start < BATCH_HEADER_SIZE || end > bytes.length) throw this.#corrupt('too short for a batch', start)
    if (bytes[start] !== LAYOUT) throw this.#corrupt(`batch of unknown layout ${bytes[start]}`, start)
    this.firstSeq = readU64(bytes, start + SEQ_AT)
    this.timestampMs = readU64(bytes, start + TIMESTAMP_AT)
    this.count = readU32(bytes, start + COUNT_AT)
    // An operation is at least four bytes long, so a count beyond that is a lie and no loop will trust it.
    if (this.count === 0 || this.count > (end - start - BATCH_HEADER_SIZE) / 4) {
      throw this.#corrupt(`${this.count} operations cannot be`, start + COUNT_AT)
    }
    const lastSeq = this.firstSeq + this.count - 1
    if (!Number.isSafeInteger(lastSeq) || !Number.isSafeInteger(this.timestampMs)) {
      throw this.#corrupt('a number beyond 2^53 - 1', start + SEQ_AT)
    }
    this.#at = start + BATCH_HEADER_SIZE
    this.#left = this.count
    this.seq = this.firstSeq - 1
  }

  /** Goes to the next operation; false behind the last one. */
  next(): boolean {
    if (this.#left === 0) {
      if (this.#at !== this.#end) throw this.#corrupt('bytes behind the last operation', this.#at)
      return false
    }
    const kind = this.bytes[this.#at] ?? 255
    if (this.#at >= this.#end || !isRecordKind(kind)) throw this.#corrupt('operation of unknown kind', this.#at)
    const start = this.#at++
    this.kind = kind
    this.keyspaceId = this.#varint()
    const keyLength = this.#varint()
    const valueLength = this.#varint()
    this.keyStart = this.#at
    this.keyEnd = this.keyStart + keyLength
    this.valueStart = this.keyEnd
    this.valueEnd = this.valueStart + valueLength
    if (this.valueEnd > this.#end) throw this.#corrupt('operation longer than its batch', start)
    if (kind === RECORD_KIND.tombstone && valueLength > 0) throw this.#corrupt('tombstone with a value', start)
    this.#at = this.valueEnd
    this.#left--
    this.seq++
    return true
  }

  #varint(): number {
    let value = 0
    for (let shift = 0; shift < 35; shift += 7) {
      if (this.#at >= this.#end) throw this.#corrupt('number cut off', this.#at)
      const byte = this.bytes[this.#at++]!
      value += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) {
        // One spelling for each number, so that what is read is what would be written.
        if (value > 0xffff_ffff || (byte === 0 && shift > 0)) break
        return value
      }
    }
    throw this.#corrupt('number that is not a varint of 32 bits', this.#at)
  }

  #corrupt(what: string, at: number): WalError {
    return new WalError('WAL_CORRUPT', `${what}, ${at - this.#start} bytes into the batch`, {
      offset: at - this.#start,
    })
  }
}

/** Arrays of another realm are bytes too. */
function isBytes(value: unknown): boolean {
  return value instanceof Uint8Array || Object.prototype.toString.call(value) === '[object Uint8Array]'
}

function writeVarint(bytes: Uint8Array, at: number, value: number): number {
  let rest = value
  while (rest > 0x7f) {
    bytes[at++] = (rest & 0x7f) | 0x80
    rest >>>= 7
  }
  bytes[at++] = rest
  return at
}

function writeU64(view: DataView, at: number, value: number): void {
  view.setUint32(at, Math.floor(value / 2 ** 32))
  view.setUint32(at + 4, value >>> 0)
}

function readU32(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0
}

function readU64(bytes: Uint8Array, at: number): number {
  return readU32(bytes, at) * 2 ** 32 + readU32(bytes, at + 4)
}

/** What is wrong with a batch that is to be submitted, if anything. */
export function checkBatch({ count }: BatchBuffer): Error | undefined {
  return count > 0 ? undefined : invalidRange('a batch has at least one operation')
}
