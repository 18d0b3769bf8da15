/** Keys and values as LevelDB's db_bench makes them, and the same ones every time. */

/** Digits of a key; the number stands at the end, with zeros before it. */
export const KEY_BYTES = 16

/** Numbers that look random: Marsaglia's xorshift, 32 bits. */
export class RandomNumbers {
  #state: number

  constructor(seed: number) {
    // Zero is the one state that it never leaves.
    this.#state = (Math.imul(seed, 0x9e3779b1) ^ 0x5bd1e995) | 1
  }

  /** From 0 up to but not including `limit`, which is at most 2^32. */
  below(limit: number): number {
    let state = this.#state
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    this.#state = state
    return Math.floor(((state >>> 0) / 2 ** 32) * limit)
  }
}

/** Writes the key of `number` into `target`, over what was there. Cheaper than making a new array for each lookup. */
export function writeKey(number: number, target: Uint8Array): Uint8Array {
  let rest = number
  for (let at = KEY_BYTES - 1; at >= 0; at--) {
    const quotient = Math.floor(rest / 10)
    target[at] = 48 + (rest - quotient * 10)
    rest = quotient
  }
  return target
}

/** A new array with the key of `number`. */
export function keyOf(number: number): Uint8Array {
  return writeKey(number, new Uint8Array(KEY_BYTES))
}

/** Bytes of a value that are two times the same. */
const PERIOD = 100

/** Values that compress to about a half, cut from one long row of bytes. */
export class Values {
  readonly #bytes: Uint8Array
  readonly #size: number
  #at = 0

  constructor(size: number, random: RandomNumbers) {
    this.#size = size
    const wanted = Math.max(1024 * 1024, size)
    // Bytes at once: a string of a large value's length is more than the runtime allows.
    this.#bytes = new Uint8Array(Math.ceil(wanted / PERIOD) * PERIOD)
    for (let at = 0; at < this.#bytes.length; at += PERIOD) {
      for (let i = at; i < at + PERIOD / 2; i++) this.#bytes[i] = 32 + random.below(95)
      this.#bytes.copyWithin(at + PERIOD / 2, at, at + PERIOD / 2)
    }
  }

  /** A view that stays as it is. */
  next(): Uint8Array {
    if (this.#at + this.#size > this.#bytes.length) this.#at = 0
    const value = this.#bytes.subarray(this.#at, this.#at + this.#size)
    this.#at += this.#size
    return value
  }
}
