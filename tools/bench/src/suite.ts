/**
 * What a benchmark file exports by default: cases, and in each the contenders that do the same job.
 * Every contender runs in a process of its own, so that none inherits another's compiled code.
 */

/**
 * Prepares a contender and returns the function to time. What it prepares is not timed. The function returns
 * something that depends on its work, so that the work cannot be optimised away; it may return a promise.
 */
export type Contender = () => (() => unknown) | Promise<() => unknown>

export interface Case {
  /** What is done, with its size: `"16 B"`, `"merge of 8 sources, 10,000 records"`. */
  readonly name: string
  /** Operations in one call of the timed function. Default 1. */
  readonly operations?: number
  /** Bytes that one call works through, where MB/s is the figure of interest. */
  readonly bytes?: number
  /** The first is ours; the ratio is the best other one's time over ours, so more than 1 is faster. */
  readonly contenders: Readonly<Record<string, Contender>>
  /**
   * Contenders shown for orientation and left out of the ratio: native code where pure JavaScript is compared,
   * or something that does less than the job.
   */
  readonly reference?: readonly string[]
}

export interface Suite {
  readonly name: string
  readonly cases: readonly Case[]
}

/** Declares a suite; an empty one or a case with fewer than two contenders is a mistake. */
export function suite(name: string, cases: readonly Case[]): Suite {
  if (cases.length === 0) throw new RangeError(`suite "${name}" has no case`)
  for (const each of cases) {
    const names = Object.keys(each.contenders)
    if (names.length < 2) throw new RangeError(`case "${each.name}" of "${name}" compares nothing`)
    for (const reference of each.reference ?? []) {
      if (!names.includes(reference)) throw new RangeError(`case "${each.name}" has no contender "${reference}"`)
    }
  }
  return { name, cases }
}
