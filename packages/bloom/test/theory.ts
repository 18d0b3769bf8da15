/**
 * False positive rates from theory, reckoned apart from the code under test: exact distributions instead of the
 * series that the sizing uses.
 */
export interface Theory {
  /** Mean rate of a filter that holds what it was made for. */
  readonly mean: number
  /** Variance of that rate from filter to filter. */
  readonly variance: number
}

/** A filter without blocks: the mean and variance of (bits set / bits)^hashes after items * hashes throws. */
export function unblocked(items: number, bits: number, hashes: number): Theory {
  const throws = items * hashes
  const empty = Math.exp(throws * Math.log1p(-1 / bits))
  const bothEmpty = Math.exp(throws * Math.log1p(-2 / bits))
  const full = 1 - empty
  const relative = (empty / bits + (1 - 1 / bits) * bothEmpty - empty * empty) / (full * full)
  return {
    mean: full ** hashes * (1 + ((hashes * (hashes - 1)) / 2) * relative),
    variance: (hashes * full ** hashes) ** 2 * relative,
  }
}

/** A blocked filter: the mixture over the binomial load of a block, with the exact distribution of its set bits. */
export function blocked(items: number, blocks: number, hashes: number, blockBits = 512): Theory {
  const perBlock = items / blocks
  const mostLoad = Math.min(items, Math.ceil(perBlock + 10 * Math.sqrt(perBlock) + 30))
  let mean = 0
  let square = 0
  let occupied: Float64Array = new Float64Array(blockBits + 1)
  occupied[0] = 1
  // Binomial(items, 1 / blocks), from its logarithm at 0.
  let logWeight = blocks === 1 ? Number.NEGATIVE_INFINITY : items * Math.log1p(-1 / blocks)
  for (let load = 0; load <= mostLoad; load++) {
    const weight = blocks === 1 ? Number(load === items) : Math.exp(logWeight)
    if (weight > 1e-18) {
      for (let set = 0; set <= blockBits; set++) {
        const rate = (set / blockBits) ** hashes
        mean += weight * occupied[set]! * rate
        square += weight * occupied[set]! * rate * rate
      }
    }
    logWeight += Math.log((items - load) / (load + 1)) - Math.log(blocks - 1)
    for (let i = 0; i < hashes; i++) occupied = oneMoreThrow(occupied, blockBits)
  }
  // Blocks share their items, so their loads are not independent; independence is the larger variance.
  return { mean, variance: (square - mean * mean) / blocks }
}

function oneMoreThrow(occupied: Float64Array, bits: number): Float64Array {
  const next = new Float64Array(bits + 1)
  for (let set = 0; set <= bits; set++) {
    next[set] = (occupied[set]! * set) / bits + (set > 0 ? (occupied[set - 1]! * (bits - set + 1)) / bits : 0)
  }
  return next
}
