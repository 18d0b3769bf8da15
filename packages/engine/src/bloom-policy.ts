/** Fits `@lsm/bloom` to what a table asks of a filter. */
import { BloomFilter } from '@lsm/bloom'
import type { FilterBuilder, FilterPolicy } from '@lsm/sstable'

/** The fast scheme: one cache line a key, one hash for all filters of a lookup. */
const SCHEME = 1

/** Keeps the hashes of the keys, eight bytes each, until their number is known and the filter can be sized by it. */
class BloomBuilder implements FilterBuilder {
  readonly #falsePositiveRate: number
  #hashes = new Int32Array(2 * 1024)
  #count = 0

  constructor(falsePositiveRate: number) {
    this.#falsePositiveRate = falsePositiveRate
  }

  add(bytes: Uint8Array, start: number, end: number): void {
    const at = this.#count * 2
    if (at === this.#hashes.length) {
      const grown = new Int32Array(at * 2)
      grown.set(this.#hashes)
      this.#hashes = grown
    }
    BloomFilter.hash(bytes, this.#hashes, at, start, end)
    this.#count++
  }

  finish(): Uint8Array {
    const falsePositiveRate = this.#falsePositiveRate
    const filter = new BloomFilter({ expectedItems: this.#count, falsePositiveRate, scheme: SCHEME })
    for (let i = 0; i < this.#count; i++) filter.addHash(this.#hashes, i * 2)
    return filter.toBytes()
  }
}

/** Returns the policy that writes filters of this rate and reads filters of any. */
export function bloomPolicy(falsePositiveRate: number): FilterPolicy {
  return {
    name: 'bloom',
    createBuilder: () => new BloomBuilder(falsePositiveRate),
    read: (bytes) => BloomFilter.fromBytes(bytes),
  }
}
