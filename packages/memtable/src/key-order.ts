/**
 * The order of a table's keys: an unsorted tail of the newest ones and sorted runs, a few of each power of two.
 *
 *     keys ──► tail (≤ 1,024) ──sort──► run ──merge with one of its size──► … ──► one run
 *
 * Every key is merged once for each doubling of the table, whatever order the keys come in, and never more than 4,096
 * keys are sorted and merged in one call: small merges happen where a tail is sorted, larger ones are `MergeJob`s that
 * a few keys of every write go into, and that `work` goes on with when the program has time. Readers hold on to the
 * runs that they started with; runs never change.
 */
import type { Memory } from './arena.ts'
import { commonBytes, keyLength } from './entries.ts'
import { MergeJob } from './merge-job.ts'
import { RUN_BYTES_PER_KEY, type Run } from './run.ts'
import { MAX_SORTED_KEYS, sortIntoRun } from './sort.ts'

/** Most keys that one call sorts and merges. */
export const MAX_SLICE_KEYS = 4096
/** New keys between two shares of the larger merges. */
const WORK_EVERY = 128
/**
 * Runs of fewer keys are merged at once, into at most one that is tiny and one that is not: together fewer than 1,600
 * keys a time. A scan after every write would make nine such runs, one of each power of two, and every cursor would
 * have to search them all.
 */
const SMALL_RUN_KEYS = 512
/** Arrays of up to 64 bytes, eight prefixes, lie in V8's own heap and cost a tenth of larger ones to make. */
const TINY_RUN_KEYS = 9
/** Tiny, small, and one for each power of two from 512 on. */
const FIRST_LARGE_CLASS = 2
const CLASSES = 25

interface SizeClass {
  /** Oldest first; the first two are the inputs of `job` while there is one. */
  readonly runs: Run[]
  job: MergeJob | undefined
}

/** How far the keys are in order. */
export interface KeyOrderStats {
  /** Keys that are not in a sorted run yet: at most 1,024. */
  readonly tailKeys: number
  /** Sorted runs, those that are being merged included. */
  readonly runs: number
  /** The most keys that any one call has sorted and merged: at most 4,096. */
  readonly largestSliceKeys: number
}

export class KeyOrder {
  readonly #memory: Memory
  readonly #shared: boolean
  readonly #tail = new Uint32Array(MAX_SORTED_KEYS)
  readonly #classes: SizeClass[] = []
  #tailLength = 0
  #keys = 0
  #skip = 0
  #first = 0
  #current: readonly Run[] | undefined = []
  #sliceKeys = 0
  #largestSliceKeys = 0

  constructor(memory: Memory, shared: boolean) {
    this.#memory = memory
    this.#shared = shared
    for (let i = 0; i < CLASSES; i++) this.#classes.push({ runs: [], job: undefined })
  }

  get stats(): KeyOrderStats {
    let runs = 0
    for (const each of this.#classes) runs += each.runs.length
    return { tailKeys: this.#tailLength, runs, largestSliceKeys: this.#largestSliceKeys }
  }

  /** Bytes of the tail and of all runs, merges' unfinished outputs included. */
  get allocatedBytes(): number {
    let keys = 0
    for (const { runs, job } of this.#classes) {
      for (const run of runs) keys += run.nodes.length
      if (job !== undefined) keys += job.output.nodes.length
    }
    return this.#tail.byteLength + keys * RUN_BYTES_PER_KEY
  }

  /** Adds a key that the order does not have. */
  add(node: number): void {
    if (this.#keys === 0) {
      this.#first = node
      this.#skip = keyLength(this.#memory, node)
    } else if (this.#skip > 0) {
      this.#skip = commonBytes(this.#memory, this.#first, node, 0, this.#skip)
    }
    this.#keys++
    this.#tail[this.#tailLength++] = node
    // The tail's capacity is a multiple of this.
    if (this.#tailLength % WORK_EVERY === 0) {
      this.#sliceKeys = 0
      if (this.#tailLength === MAX_SORTED_KEYS) this.#sortTail()
      this.#advanceMerges(this.#shareOfMerges())
      this.#endSlice()
    }
  }

  /** All keys as sorted runs, largest first. Sorts the tail: at most 1,024 keys, and merges up to 2,048 with them. */
  sortedRuns(): readonly Run[] {
    if (this.#tailLength > 0) {
      this.#sliceKeys = 0
      this.#sortTail()
      this.#endSlice()
    }
    if (this.#current === undefined) {
      const runs: Run[] = []
      for (let i = CLASSES - 1; i >= 0; i--) for (const run of this.#classes[i]!.runs) runs.push(run)
      this.#current = runs
    }
    return this.#current
  }

  /**
   * Sorts the tail, and merges until `budget` keys are done (at most `MAX_SLICE_KEYS`); returns whether more is to do.
   * A tail is sorted whole, so that even the smallest budget gets on.
   */
  work(budget: number): boolean {
    this.#sliceKeys = 0
    if (this.#tailLength > 0) this.#sortTail()
    this.#advanceMerges(Math.min(budget, MAX_SLICE_KEYS) - this.#sliceKeys)
    this.#endSlice()
    return this.#tailLength > 0 || this.#classes.some((each) => each.runs.length > 1)
  }

  #endSlice(): void {
    if (this.#sliceKeys > this.#largestSliceKeys) this.#largestSliceKeys = this.#sliceKeys
  }

  #sortTail(): void {
    let run = sortIntoRun(this.#memory, this.#tail, this.#tailLength, this.#skip)
    this.#sliceKeys += this.#tailLength
    this.#tailLength = 0
    for (;;) {
      const { runs } = this.#classes[classOf(run)]!
      if (classOf(run) >= FIRST_LARGE_CLASS || runs.length === 0) break
      const job = new MergeJob(this.#memory, runs.pop()!, run, this.#shared)
      this.#sliceKeys += job.remaining
      job.advance(job.remaining)
      run = job.output
    }
    this.#addRun(run)
  }

  #addRun(run: Run): void {
    this.#classes[classOf(run)]!.runs.push(run)
    this.#current = undefined
  }

  /**
   * The keys to merge for `WORK_EVERY` new ones so that no size class falls behind: each class moves every key once,
   * and the smallest goes first.
   */
  #shareOfMerges(): number {
    const doublings = Math.max(0, Math.floor(Math.log2(this.#keys / SMALL_RUN_KEYS)) + 1)
    return WORK_EVERY * (doublings + 1)
  }

  #advanceMerges(budget: number): void {
    let left = budget
    for (let i = FIRST_LARGE_CLASS; i < CLASSES && left > 0; i++) {
      const each = this.#classes[i]!
      while (left > 0 && each.runs.length > 1) {
        each.job ??= new MergeJob(this.#memory, each.runs[0]!, each.runs[1]!, this.#shared)
        const share = Math.min(left, each.job.remaining)
        each.job.advance(share)
        left -= share
        this.#sliceKeys += share
        if (each.job.remaining > 0) break
        each.runs.splice(0, 2)
        this.#addRun(each.job.output)
        each.job = undefined
      }
    }
  }
}

function classOf(run: Run): number {
  const keys = run.nodes.length
  if (keys < SMALL_RUN_KEYS) return keys < TINY_RUN_KEYS ? 0 : 1
  return FIRST_LARGE_CLASS + Math.floor(Math.log2(keys / SMALL_RUN_KEYS))
}
