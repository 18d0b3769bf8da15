/**
 * A bound behind every key of a store: where a range deletion ends that is to go on to the last key. A row of `ff` bytes
 * is behind all keys but those that begin with as many, so it must be one longer than the longest such beginning, and
 * is a single byte in almost every store.
 */
import type { UpperBound } from './key-bound.ts'

export class KeyCeiling {
  #longestRun = 0

  /** Takes in a key that is written. */
  include(key: Uint8Array): void {
    if (key[0] !== 0xff) return
    const run = runOf(key)
    if (run > this.#longestRun) this.#longestRun = run
  }

  /** Takes in all keys before a bound. */
  includeBefore({ key, inclusive }: UpperBound): void {
    const run = runOf(key)
    // Before a row of ff there are only keys with shorter ones: else each opening would find the last one's bound, and
    // make a longer one of it.
    const isRow = !inclusive && run === key.length
    this.#longestRun = Math.max(this.#longestRun, isRow ? run - 1 : run)
  }

  /** Sorts behind every key that was taken in, and behind every key before a bound that was. */
  get bound(): Uint8Array {
    return new Uint8Array(this.#longestRun + 1).fill(0xff)
  }
}

/** How many bytes of ff a key begins with. */
function runOf(key: Uint8Array): number {
  let run = 0
  while (key[run] === 0xff) run++
  return run
}
