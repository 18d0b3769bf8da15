/** The filter itself: checks what it is given, and hands it to the scheme that it was made with. */
import { addBlocked, mayContainBlocked, sizeBlocked } from './blocked-scheme.ts'
import { misuse } from './errors.ts'
import { type BloomScheme, decode, encode, FOOTER_BYTES, HEADER_BYTES, type Size } from './format.ts'
import { hashPair, MAX_KEY_END } from './murmur.ts'
import { addReference, mayContainReference, sizeReference } from './reference-scheme.ts'
import { checkBytes, checkHash, checkInteger } from './validate.ts'

export interface BloomFilterOptions {
  /** Keys that will be added; more of them raise the rate. 1 to 2^32 - 1. */
  readonly expectedItems: number
  /** How often a key that was never added may be taken for one that was: above 0 and below 1. */
  readonly falsePositiveRate: number
  /** How keys become bits: 0 is what every version reads, 1 is many times as fast. Default 0. */
  readonly scheme?: BloomScheme
}

/** The hash of the key at hand: shared, since no call runs inside another. */
const scratch = /* @__PURE__ */ new Int32Array(2)
/** Tells the constructor that size and bits come from `fromBytes`. */
const RESTORE = /* @__PURE__ */ Symbol()

interface Restored extends BloomFilterOptions {
  readonly [RESTORE]: Size & { readonly bits: Uint8Array; readonly scheme: BloomScheme }
}

/**
 * A set of keys that answers "certainly not" or "perhaps". It never forgets a key, and takes another one for one of
 * its own at about the rate it was made for. Keys are bytes, borrowed for the call.
 */
export class BloomFilter {
  readonly #bits: Uint8Array
  readonly #size: Size
  readonly #scheme: BloomScheme
  readonly #blockCount: number
  readonly #hashCount: number

  /**
   * Makes an empty filter.
   *
   * @throws {TypeError | RangeError} `BLOOM_INVALID_ARGUMENT`, also where the filter would have 2^32 bits or more.
   */
  constructor(options: BloomFilterOptions) {
    if (typeof options !== 'object' || options === null) throw misuse(TypeError, 'options must be an object')
    const restored = (options as Restored)[RESTORE]
    if (restored !== undefined) {
      this.#size = { bitCount: restored.bitCount, hashCount: restored.hashCount }
      this.#scheme = restored.scheme
      this.#bits = restored.bits
    } else {
      const { expectedItems, falsePositiveRate, scheme = 0 } = options
      checkInteger(expectedItems, 'expectedItems', 1, 0xffffffff)
      checkInteger(scheme, 'scheme', 0, 1)
      if (typeof falsePositiveRate !== 'number') throw misuse(TypeError, 'falsePositiveRate must be a number')
      if (!(falsePositiveRate > 0 && falsePositiveRate < 1)) {
        throw misuse(RangeError, `falsePositiveRate must be above 0 and below 1, got ${falsePositiveRate}`)
      }
      this.#size = (scheme === 0 ? sizeReference : sizeBlocked)(expectedItems, falsePositiveRate)
      this.#scheme = scheme
      this.#bits = new Uint8Array(Math.ceil(this.#size.bitCount / 8))
    }
    this.#blockCount = this.#bits.length >>> 6
    this.#hashCount = this.#size.hashCount
  }

  /** Bits in the filter. */
  get bitCount(): number {
    return this.#size.bitCount
  }

  /** Bits that a key sets. */
  get hashCount(): number {
    return this.#hashCount
  }

  /** How keys become bits. */
  get scheme(): BloomScheme {
    return this.#scheme
  }

  /** Length of what `toBytes` returns, and within a few hundred bytes what the filter takes in memory. */
  get byteLength(): number {
    return HEADER_BYTES + this.#bits.length + FOOTER_BYTES
  }

  /**
   * Adds the key `data[start, end)`, by default all of `data`. Allocation-free in scheme 1, and in scheme 0 for
   * whole arrays.
   *
   * @throws {TypeError | RangeError} `BLOOM_INVALID_ARGUMENT`
   */
  add(data: Uint8Array, start?: number, end?: number): void {
    if (this.#scheme === 0) addReference(this.#bits, this.#size, keyOf(data, start, end))
    else {
      hashInto(data, start, end, scratch, 0)
      addBlocked(this.#bits, this.#blockCount, this.#hashCount, scratch[0]!, scratch[1]!)
    }
  }

  /**
   * Returns `false` when the key `data[start, end)`, by default all of `data`, was certainly never added, else `true`.
   *
   * @throws {TypeError | RangeError} `BLOOM_INVALID_ARGUMENT`
   */
  mayContain(data: Uint8Array, start?: number, end?: number): boolean {
    if (this.#scheme === 0) return mayContainReference(this.#bits, this.#size, keyOf(data, start, end))
    hashInto(data, start, end, scratch, 0)
    return mayContainBlocked(this.#bits, this.#blockCount, this.#hashCount, scratch[0]!, scratch[1]!)
  }

  /**
   * Writes the hash of the key `data[start, end)`, by default all of `data`, to `target[at]` and `target[at + 1]`:
   * hash a key once and ask many filters, or keep eight bytes a key until their number is known.
   *
   * @throws {TypeError | RangeError} `BLOOM_INVALID_ARGUMENT`
   */
  static hash(data: Uint8Array, target: Int32Array, at = 0, start?: number, end?: number): void {
    checkHash(target, at)
    hashInto(data, start, end, target, at)
  }

  /**
   * Adds the key whose hash lies at `hashes[at]`. Scheme 1 only: scheme 0 hashes a key anew for each bit.
   *
   * @throws {TypeError | RangeError} `BLOOM_INVALID_ARGUMENT`
   */
  addHash(hashes: Int32Array, at = 0): void {
    this.#checkHash(hashes, at)
    addBlocked(this.#bits, this.#blockCount, this.#hashCount, hashes[at]!, hashes[at + 1]!)
  }

  /**
   * Returns what `mayContain` returns for the key whose hash lies at `hashes[at]`. Scheme 1 only.
   *
   * @throws {TypeError | RangeError} `BLOOM_INVALID_ARGUMENT`
   */
  mayContainHash(hashes: Int32Array, at = 0): boolean {
    this.#checkHash(hashes, at)
    return mayContainBlocked(this.#bits, this.#blockCount, this.#hashCount, hashes[at]!, hashes[at + 1]!)
  }

  /** Returns the filter as bytes, which the caller owns. O(bitCount). */
  toBytes(): Uint8Array {
    return encode(this.#bits, this.#size, this.#scheme)
  }

  /**
   * Returns the filter in `bytes`, all of them, of either scheme. `bytes` are borrowed for the call: the filter has
   * its own copy, made after they have been checked. O(bytes.length).
   *
   * @throws {BloomError} `BLOOM_TRUNCATED`, `BLOOM_CORRUPT` or `BLOOM_UNSUPPORTED_SCHEME`
   * @throws {TypeError} `BLOOM_INVALID_ARGUMENT`
   */
  static fromBytes(bytes: Uint8Array): BloomFilter {
    checkBytes(bytes, 'bytes')
    const size = decode(bytes)
    // Not `slice`, which a Buffer answers with a view.
    const bits = new Uint8Array(bytes.length - HEADER_BYTES - FOOTER_BYTES)
    bits.set(bytes.subarray(HEADER_BYTES, bytes.length - FOOTER_BYTES))
    const restored: Restored = { expectedItems: 1, falsePositiveRate: 0.5, [RESTORE]: { ...size, bits } }
    return new BloomFilter(restored)
  }

  #checkHash(hashes: Int32Array, at: number): void {
    checkHash(hashes, at)
    if (this.#scheme === 0) throw misuse(TypeError, 'a filter of scheme 0 takes keys, not hashes of keys')
  }
}

function hashInto(
  data: Uint8Array,
  start: number | undefined,
  end: number | undefined,
  target: Int32Array,
  at: number,
): void {
  checkBytes(data, 'data')
  const from = start === undefined ? 0 : start
  const to = end === undefined ? data.length : end
  if (start !== undefined || end !== undefined || to > MAX_KEY_END) checkRange(data, from, to)
  hashPair(data, from, to, target, at)
}

function keyOf(data: Uint8Array, start: number | undefined, end: number | undefined): Uint8Array {
  checkBytes(data, 'data')
  const from = start === undefined ? 0 : start
  const to = end === undefined ? data.length : end
  checkRange(data, from, to)
  return to - from === data.length ? data : data.subarray(from, to)
}

function checkRange(data: Uint8Array, start: number, end: number): void {
  checkInteger(end, 'end', 0, Math.min(data.length, MAX_KEY_END))
  checkInteger(start, 'start', 0, end)
}
