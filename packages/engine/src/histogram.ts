/** Latencies counted by powers of two: an increment for each, whatever their number. */
import type { LatencyHistogram } from './api.ts'

const BUCKETS = 32
/** The first bucket ends at 2^-9 ms: two microseconds. */
const LOWEST_EXPONENT = -10

export class Histogram {
  readonly #buckets = new Array<number>(BUCKETS).fill(0)
  #count = 0
  #sumMs = 0
  #maxMs = 0

  add(ms: number): void {
    const exponent = ms > 0 ? Math.floor(Math.log2(ms)) : LOWEST_EXPONENT
    this.#buckets[Math.min(BUCKETS - 1, Math.max(0, exponent - LOWEST_EXPONENT))]! += 1
    this.#count++
    this.#sumMs += ms
    if (ms > this.#maxMs) this.#maxMs = ms
  }

  get snapshot(): LatencyHistogram {
    return { count: this.#count, sumMs: this.#sumMs, maxMs: this.#maxMs, buckets: [...this.#buckets] }
  }
}
