/**
 * Ascending keys that are searched. Many of them have six bytes of each as a number, side by side, so that a search
 * follows no pointer until two keys agree in them. The bytes are taken from behind those that all keys start with:
 * keys of one kind often start alike, and the first and the last of sorted keys tell how far.
 */
import { compareBytes, keyPrefix } from '@lsm/encoding'

/** Fewer keys are searched as they are: the numbers would cost more memory than they save time. */
const MIN_PREFIXED = 32

export class SortedKeys {
  readonly keys: readonly Uint8Array[]
  /** Made by the first search, since most layers of a set that grows are fused before anybody asks them. */
  #prefixes: Float64Array | undefined
  /** How many bytes all keys start with in common. */
  #skip = 0

  /** Takes over the keys, which ascend and differ. */
  constructor(keys: readonly Uint8Array[]) {
    this.keys = keys
  }

  /** How many keys are not after `key`. O(log n). */
  countUpTo(key: Uint8Array): number {
    const { keys } = this
    if (keys.length < MIN_PREFIXED) return this.#countAsBytes(key)
    const prefixes = this.#prefixes ?? this.#makePrefixes()
    const skip = this.#skip
    const first = keys[0]!
    for (let i = 0; i < skip; i++) {
      if (i === key.length) return 0
      const difference = first[i]! - key[i]!
      if (difference !== 0) return difference < 0 ? keys.length : 0
    }
    const prefix = keyPrefix(key, skip)
    let low = 0
    let high = keys.length
    while (low < high) {
      const middle = (low + high) >>> 1
      const its = prefixes[middle]!
      if (its < prefix || (its === prefix && compareBytes(keys[middle]!, key) <= 0)) low = middle + 1
      else high = middle
    }
    return low
  }

  #countAsBytes(key: Uint8Array): number {
    const { keys } = this
    let low = 0
    let high = keys.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (compareBytes(keys[middle]!, key) <= 0) low = middle + 1
      else high = middle
    }
    return low
  }

  #makePrefixes(): Float64Array {
    const { keys } = this
    const first = keys[0]!
    const last = keys.at(-1)!
    let skip = 0
    // Keys that differ do so before the longer one ends.
    while (first[skip] === last[skip]) skip++
    const prefixes = new Float64Array(keys.length)
    for (const [i, key] of keys.entries()) prefixes[i] = keyPrefix(key, skip)
    this.#skip = skip
    this.#prefixes = prefixes
    return prefixes
  }
}
