/** Measures how long single operations take, without measuring itself too much. */

/** A clock costs some 40 ns a look; with more samples than these the percentiles say nothing new. */
const WANTED_SAMPLES = 100_000

export interface Measured {
  readonly operations: number
  /** Keys and values that were written, or read and found. */
  readonly bytes: number
  readonly seconds: number
  readonly opsPerSecond: number
  readonly megabytesPerSecond: number
  readonly p50Us: number
  readonly p99Us: number
}

export interface MeterOptions {
  /** How many operations are expected. */
  readonly operations: number
  /** At the most, every how-manieth is timed. 1 where an operation takes long beside a look at the clock. */
  readonly minStride: number
}

export class Meter {
  /** Every so-manieth operation is timed. */
  readonly stride: number
  readonly #samples: number[] = []
  #started = performance.now()
  #operations = 0
  #bytes = 0

  constructor({ operations, minStride }: MeterOptions) {
    this.stride = Math.max(minStride, Math.floor(operations / WANTED_SAMPLES))
  }

  /** Forgets the time until now. */
  begin(): void {
    this.#started = performance.now()
  }

  sample(milliseconds: number): void {
    this.#samples.push(milliseconds)
  }

  done(operations: number, bytes: number): void {
    this.#operations += operations
    this.#bytes += bytes
  }

  get operations(): number {
    return this.#operations
  }

  result(): Measured {
    const seconds = Math.max((performance.now() - this.#started) / 1000, 1e-9)
    const sorted = Float64Array.from(this.#samples).sort()
    return {
      operations: this.#operations,
      bytes: this.#bytes,
      seconds,
      opsPerSecond: this.#operations / seconds,
      megabytesPerSecond: this.#bytes / 1e6 / seconds,
      p50Us: percentile(sorted, 0.5) * 1000,
      p99Us: percentile(sorted, 0.99) * 1000,
    }
  }
}

/** The smallest sample that at least `share` of all do not exceed; 0 where there are none. */
export function percentile(sorted: ArrayLike<number>, share: number): number {
  if (sorted.length === 0) return 0
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)]!
}
