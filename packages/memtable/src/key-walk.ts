/**
 * Walks the nodes of several runs in key order, up or down, by merging them as it goes: nothing is sorted.
 *
 * The runs stand in a list ordered by their next key, and the run that was advanced is moved to its new place by
 * insertion. With runs of geometric sizes this takes about two comparisons a step, fewer than a heap or a loser tree,
 * because the largest run, with half of all keys, mostly stays in front.
 */
import { type Memory, NONE } from './arena.ts'
import { compareNodes, newestVersion } from './entries.ts'
import { countBefore, prefixAt, type Run } from './run.ts'

/** Nodes that are fetched together. */
const AHEAD = 8

export type Direction = 1 | -1

export class KeyWalk {
  /** What was read ahead, kept so that reading it is not optimised away. */
  fetched = 0
  /** Where the walk is; `NONE` before it begins and after its end. */
  node: number = NONE
  readonly #memory: Memory
  readonly #runs: readonly Run[]
  readonly #skip: number
  /** By run: where it stands, and the prefix of the key there. */
  readonly #at: number[] = []
  readonly #heads: number[] = []
  /** Runs that are not at their end, nearest key first. */
  readonly #queue: number[] = []
  #queued = 0
  #direction: Direction = 1

  constructor(memory: Memory, runs: readonly Run[]) {
    this.#memory = memory
    this.#runs = runs
    let skip = Number.MAX_SAFE_INTEGER
    for (const run of runs) {
      skip = Math.min(skip, run.skip)
      this.#at.push(0)
      this.#queue.push(0)
      // Not 0: the array is to hold doubles from the start.
      this.#heads.push(0.5)
    }
    this.#skip = skip
  }

  /**
   * Goes to the first key at or after `key` when the direction is up, to the last one at or before it when down.
   * Without a key, to the first or the last of all.
   */
  seek(direction: Direction, key?: Uint8Array): void {
    for (let r = 0; r < this.#runs.length; r++) {
      const run = this.#runs[r]!
      const isUp = direction > 0
      const before = key === undefined ? (isUp ? 0 : run.nodes.length) : countBefore(this.#memory, run, key, !isUp)
      this.#at[r] = isUp ? before : before - 1
    }
    this.#rebuild(direction)
  }

  /** Goes to the next key in the direction. Only while the walk is on a key. */
  advance(direction: Direction): void {
    if (direction !== this.#direction) {
      this.#turn(direction)
      return
    }
    const queue = this.#queue
    const run = queue[0]!
    const { nodes } = this.#runs[run]!
    const at = this.#at[run]! + direction
    this.#at[run] = at
    if (at < 0 || at >= nodes.length) {
      this.#queued--
      queue.copyWithin(0, 1, this.#queued + 1)
    } else {
      if ((at & (AHEAD - 1)) === (direction > 0 ? 0 : AHEAD - 1)) this.#fetch(nodes, at, direction)
      this.#heads[run] = prefixAt(this.#memory, this.#runs[run]!, at, this.#skip)
      let place = 0
      while (place + 1 < this.#queued && this.#isFurther(run, queue[place + 1]!)) {
        queue[place] = queue[place + 1]!
        place++
      }
      queue[place] = run
    }
    this.#land()
  }

  /**
   * Reads a word of each of the run's next nodes. They lie all over the arena: one after another, each would be a
   * cache miss to wait for, and in this small loop the processor waits for all of them at once.
   */
  #fetch(nodes: Uint32Array, at: number, direction: Direction): void {
    let sum = 0
    for (let i = at; i >= 0 && i < nodes.length && i !== at + AHEAD * direction; i += direction) {
      sum |= newestVersion(this.#memory, nodes[i]!)
    }
    this.fetched = sum
  }

  /** Every run but the current one stands on the first key past the current key: the one before that is next. */
  #turn(direction: Direction): void {
    for (let r = 0; r < this.#runs.length; r++) this.#at[r]! += direction
    this.#rebuild(direction)
  }

  #rebuild(direction: Direction): void {
    this.#direction = direction
    this.#queued = 0
    const queue = this.#queue
    for (let r = 0; r < this.#runs.length; r++) {
      const at = this.#at[r]!
      if (at < 0 || at >= this.#runs[r]!.nodes.length) continue
      this.#heads[r] = prefixAt(this.#memory, this.#runs[r]!, at, this.#skip)
      let place = this.#queued++
      while (place > 0 && !this.#isFurther(r, queue[place - 1]!)) {
        queue[place] = queue[place - 1]!
        place--
      }
      queue[place] = r
    }
    this.#land()
  }

  #land(): void {
    const run = this.#queue[0]!
    this.node = this.#queued === 0 ? NONE : this.#runs[run]!.nodes[this.#at[run]!]!
  }

  /** Whether the next key of run `a` comes after that of run `b` in the walk's direction. */
  #isFurther(a: number, b: number): boolean {
    const difference = this.#heads[a]! - this.#heads[b]!
    if (difference !== 0) return difference > 0 === this.#direction > 0
    const first = this.#runs[a]!.nodes[this.#at[a]!]!
    const second = this.#runs[b]!.nodes[this.#at[b]!]!
    return compareNodes(this.#memory, first, second, this.#skip) > 0 === this.#direction > 0
  }
}
