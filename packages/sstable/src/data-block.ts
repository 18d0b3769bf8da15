/**
 * A block of records in memory. Beside the bytes it keeps where each record starts, and for a binary search the six
 * bytes of each key behind what all keys of the block share, as numbers side by side: a search touches a few cache
 * lines of numbers and then one record, and decodes nothing.
 *
 *     keys        user:0041 user:0042 user:0042 user:0057        skip 7 = "user:00"
 *     prefixes    "41"      "42"      "42"      "57"
 *     heads       0         1         1         3                first version of each record's key
 */
import { compareRanges, keyPrefix, RECORD_HEADER_SIZE, RECORD_OVERHEAD, type RecordKind } from '@lsm/encoding'
import type { TableLookup } from './table-lookup.ts'

const TWO_POW_32 = 4_294_967_296
const HIGHEST_UPPER_WORD = 0x1fffff
/** The tombstone's; a range tombstone has no place among point records. */
const HIGHEST_KIND = 1
/** Objects of a block besides its bytes and its numbers, measured roughly. */
const FIXED_SIZE = 400

/** Why bytes are no block of records; whoever knows the file makes an error of it. */
export class BadBlock extends Error {
  readonly at: number

  constructor(at: number, message: string) {
    super(message)
    this.at = at
  }
}

/** Immutable, and verified when it was made: every length, kind and number, and the order of keys and versions. */
export class DataBlock {
  /** The block's own copy of its records; nobody writes to it ever after. */
  readonly bytes: Uint8Array
  readonly view: DataView
  /** How many records there are: at least one. */
  readonly count: number
  /** Where each record starts. A plain array: see `recordOffsets` in `@lsm/encoding`. */
  readonly offsets: readonly number[]
  /** The first version of each record's key; `undefined` when every key has one version. */
  readonly heads: readonly number[] | undefined
  /** Bytes that all keys share. */
  readonly #skip: number
  #prefixes: number[] | undefined = undefined
  #wasSearched = false

  /** Takes over `bytes`, which must be nobody else's to write. Throws `BadBlock`. O(bytes of keys). */
  constructor(bytes: Uint8Array) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    const end = bytes.length
    const offsets: number[] = []
    let heads: number[] | undefined
    let skip = Number.POSITIVE_INFINITY
    let lastStart = 0
    let lastLength = 0
    let lastSeq = 0
    for (let at = 0; at < end; ) {
      const room = end - at
      if (room < RECORD_OVERHEAD) throw new BadBlock(at, `${room} bytes are no record`)
      const keyLength = view.getUint32(at)
      // Doubles: two lengths near 2^32 must not wrap around.
      const size = keyLength + view.getUint32(at + 4) + RECORD_OVERHEAD
      if (size > room) throw new BadBlock(at, `a record of ${size} bytes in a room of ${room}`)
      const seqWord = view.getUint32(at + 8)
      if (
        seqWord >>> 24 > HIGHEST_KIND ||
        (seqWord & 0xffffff) > HIGHEST_UPPER_WORD ||
        view.getUint32(at + 16) > HIGHEST_UPPER_WORD
      ) {
        throw new BadBlock(at, 'a record of an unknown kind, or with a number over 2^53 - 1')
      }
      const seq = (seqWord & 0xffffff) * TWO_POW_32 + view.getUint32(at + 12)
      const keyStart = at + RECORD_HEADER_SIZE
      const index = offsets.length
      if (index === 0) {
        skip = keyLength
      } else {
        const limit = Math.min(keyLength, lastLength)
        let shared = 0
        // By words, since neighbours mostly share most of their bytes.
        while (shared + 4 <= limit && view.getInt32(lastStart + shared) === view.getInt32(keyStart + shared))
          shared += 4
        while (shared < limit && bytes[lastStart + shared] === bytes[keyStart + shared]) shared++
        if (shared < skip) skip = shared
        if (shared === limit && keyLength === lastLength) {
          if (seq >= lastSeq) throw new BadBlock(at, 'versions of a key are out of order')
          heads ??= offsets.map((_, i) => i)
        } else if (shared === limit ? keyLength < lastLength : bytes[keyStart + shared]! < bytes[lastStart + shared]!) {
          throw new BadBlock(at, 'keys are out of order')
        }
        if (heads !== undefined) {
          heads.push(shared === keyLength && keyLength === lastLength ? heads[index - 1]! : index)
        }
      }
      offsets.push(at)
      lastStart = keyStart
      lastLength = keyLength
      lastSeq = seq
      at += size
    }
    if (offsets.length === 0) throw new BadBlock(0, 'a block without a record')
    this.bytes = bytes
    this.view = view
    this.count = offsets.length
    this.offsets = offsets
    this.heads = heads
    this.#skip = skip
  }

  /** What it takes in memory: bytes, and 8 for each of the numbers beside them. */
  get byteLength(): number {
    return this.bytes.buffer.byteLength + this.count * (this.heads === undefined ? 16 : 24) + FIXED_SIZE
  }

  keyStart(index: number): number {
    return this.offsets[index]! + RECORD_HEADER_SIZE
  }

  keyEnd(index: number): number {
    const at = this.offsets[index]!
    return at + RECORD_HEADER_SIZE + this.view.getUint32(at)
  }

  seq(index: number): number {
    const at = this.offsets[index]!
    return (this.view.getUint32(at + 8) & 0xffffff) * TWO_POW_32 + this.view.getUint32(at + 12)
  }

  /** How many records have a key before `key`: where its newest version is, if it is here. O(log n). */
  lowerBound(key: Uint8Array): number {
    const { bytes } = this
    const skip = this.#skip
    const first = this.keyStart(0)
    const shared = Math.min(skip, key.length)
    // Written out: compareRanges would check both ranges, and mostly there is little to compare.
    for (let i = 0; i < shared; i++) {
      const difference = key[i]! - bytes[first + i]!
      if (difference !== 0) return difference < 0 ? 0 : this.count
    }
    if (shared < skip) return 0
    // The numbers cost as much as half a dozen searches without them. Where few blocks stay in the cache most are searched
    // once, and need none.
    if (!this.#wasSearched) {
      this.#wasSearched = true
      return this.#countBefore(key, 0, this.count)
    }
    const prefixes = this.#prefixes ?? this.#prepare()
    const prefix = keyPrefix(key, skip, key.length)
    let low = 0
    let high = prefixes.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (prefixes[middle]! < prefix) low = middle + 1
      else high = middle
    }
    if (low === prefixes.length || prefixes[low] !== prefix) return low

    // Now only among equal prefixes: mostly one, so the end of their run is found by doubling steps.
    let step = 1
    while (low + step < prefixes.length && prefixes[low + step] === prefix) step *= 2
    return this.#countBefore(key, low, Math.min(low + step, prefixes.length))
  }

  /** `lowerBound` of a key that shares what all keys do, where it is known to lie from `low` to `high`. */
  #countBefore(key: Uint8Array, low: number, high: number): number {
    let from = low
    let to = high
    while (from < to) {
      const middle = (from + to) >>> 1
      if (this.compareKey(middle, key) < 0) from = middle + 1
      else to = middle
    }
    return from
  }

  /** Negative when the key of the record at `index` sorts before `key`; both share what the whole block shares. */
  compareKey(index: number, key: Uint8Array): number {
    return compareRanges(this.bytes, this.keyStart(index), this.keyEnd(index), key, 0, key.length)
  }

  /**
   * Puts the newest version of `key` up to `visibleSeq` into `result`; false when there is none. Allocates nothing.
   * O(log n).
   */
  find(key: Uint8Array, visibleSeq: number, result: TableLookup): boolean {
    let index = this.lowerBound(key)
    if (index === this.count || !this.#hasKey(index, key)) return false
    if (this.seq(index) > visibleSeq) {
      index = this.#visibleVersion(index, visibleSeq)
      if (index < 0) return false
    }
    const { view } = this
    const at = this.offsets[index]!
    const valueStart = at + RECORD_HEADER_SIZE + view.getUint32(at)
    const seqWord = view.getUint32(at + 8)
    result.bytes = this.bytes
    result.valueStart = valueStart
    result.valueEnd = valueStart + view.getUint32(at + 4)
    result.seq = (seqWord & 0xffffff) * TWO_POW_32 + view.getUint32(at + 12)
    result.kind = (seqWord >>> 24) as RecordKind
    result.timestampMs = view.getUint32(at + 16) * TWO_POW_32 + view.getUint32(at + 20)
    return true
  }

  #hasKey(index: number, key: Uint8Array): boolean {
    const { bytes } = this
    const at = this.offsets[index]!
    const length = key.length
    if (this.view.getUint32(at) !== length) return false
    const start = at + RECORD_HEADER_SIZE
    // What the block shares was compared on the way here.
    for (let i = this.#skip; i < length; i++) if (bytes[start + i] !== key[i]) return false
    return true
  }

  /** The newest version up to `visibleSeq` of the key whose first version is at `head`, or -1. O(log versions). */
  #visibleVersion(head: number, visibleSeq: number): number {
    const { heads } = this
    if (heads === undefined) return -1
    let low = head + 1
    let high = this.count
    while (low < high) {
      const middle = (low + high) >>> 1
      if (heads[middle] === head && this.seq(middle) > visibleSeq) low = middle + 1
      else high = middle
    }
    return low < this.count && heads[low] === head ? low : -1
  }

  /** Not done for a block that is only walked through. */
  #prepare(): number[] {
    const prefixes: number[] = []
    for (let i = 0; i < this.count; i++) {
      prefixes.push(keyPrefix(this.bytes, this.keyStart(i) + this.#skip, this.keyEnd(i)))
    }
    this.#prefixes = prefixes
    return prefixes
  }
}
