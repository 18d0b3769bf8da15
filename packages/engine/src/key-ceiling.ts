/**
 * A bound behind every key of a store: where a range deletion ends that is to go on to the last key. A row of `ff` bytes
 * is behind all keys but those that begin with as many, so it must be one longer than the longest such beginning, and
 * is a single byte in almost every store.
 */
export class KeyCeiling {
  #longestRun = 0

  /** Takes in a key that is written, or a bound of what is there. */
  include(key: Uint8Array): void {
    if (key[0] !== 0xff) return
    let run = 1
    while (key[run] === 0xff) run++
    if (run > this.#longestRun) this.#longestRun = run
  }

  /** Sorts behind every key that was taken in, and behind every key before a bound that was. */
  get bound(): Uint8Array {
    return new Uint8Array(this.#longestRun + 1).fill(0xff)
  }
}
