/**
 * Binary search that compares numbers and looks at keys only where the numbers are equal. Sorted keys share what the
 * first and the last of them share; the six bytes behind that, as a number for each entry, lie side by side in one
 * array, so that the early steps of a search, which no cache holds, touch 8 bytes and not an entry somewhere.
 */
import { compareRanges, keyPrefix } from '@lsm/encoding'
import { countBelow } from './count-below.ts'
import type { EntryTable } from './entry-table.ts'

export class PrefixSearch {
  readonly #table: EntryTable
  /** Bytes that all keys share. */
  #skip = 0
  #prefixes: Float64Array = new Float64Array(0)
  /** Entries whose prefixes are in place. */
  #ready = 0

  constructor(table: EntryTable) {
    this.#table = table
  }

  get byteLength(): number {
    return this.#prefixes.byteLength
  }

  /** How many entries sort before `key`, those equal to it counted in if `orEqual`. O(log n). */
  countBefore(key: Uint8Array, orEqual: boolean): number {
    const { length } = this.#table
    if (this.#ready !== length) this.prepare()
    if (length === 0) return 0
    const { bytes } = this.#table
    const skip = this.#skip
    const shared = Math.min(skip, key.length)
    if (shared > 0) {
      const firstStart = this.#table.keyStart(0)
      const order = compareRanges(key, 0, shared, bytes, firstStart, firstStart + shared)
      if (order !== 0) return order < 0 ? 0 : length
    }
    if (shared < skip) return 0

    const prefixes = this.#prefixes
    const prefix = keyPrefix(key, skip, key.length)
    let low = countBelow(prefixes, length, prefix)
    if (low === length || prefixes[low] !== prefix) return low

    // Now only among equal prefixes: mostly one, so the end of their run is found by doubling steps.
    let step = 1
    while (low + step < length && prefixes[low + step] === prefix) step *= 2
    let high = Math.min(low + step, length)
    while (low < high) {
      const middle = (low + high) >>> 1
      const order = prefixes[middle]! > prefix ? 1 : this.#compareRest(middle, key)
      if (order < 0 || (orEqual && order === 0)) low = middle + 1
      else high = middle
    }
    return low
  }

  /** Computes what entries added since the last time lack. O(added), or O(n) when they share less than all before. */
  prepare(): void {
    const table = this.#table
    const { length, bytes } = table
    if (length === 0) return
    const skip = sharedLength(table)
    if (skip !== this.#skip) this.#ready = 0
    this.#skip = skip
    if (length > this.#prefixes.length) {
      const prefixes = new Float64Array(table.offsets.length)
      prefixes.set(this.#prefixes.subarray(0, this.#ready))
      this.#prefixes = prefixes
    }
    for (let i = this.#ready; i < length; i++) {
      this.#prefixes[i] = keyPrefix(bytes, table.keyStart(i) + skip, table.keyEnd(i))
    }
    this.#ready = length
  }

  #compareRest(index: number, key: Uint8Array): number {
    const table = this.#table
    const skip = this.#skip
    return compareRanges(table.bytes, table.keyStart(index) + skip, table.keyEnd(index), key, skip, key.length)
  }
}

/** How many first bytes all keys share: as the keys are sorted, as many as the first and the last one do. */
function sharedLength(table: EntryTable): number {
  const { bytes, length } = table
  const first = table.keyStart(0)
  const last = table.keyStart(length - 1)
  const limit = Math.min(table.keyEnd(0) - first, table.keyEnd(length - 1) - last)
  let shared = 0
  while (shared < limit && bytes[first + shared] === bytes[last + shared]) shared++
  return shared
}
