/** A merge of two runs into a third that can stop after any number of keys and go on later. */
import type { Memory } from './arena.ts'
import { compareNodes } from './entries.ts'
import { createRun, prefixAt, type Run } from './run.ts'

export class MergeJob {
  readonly first: Run
  readonly second: Run
  readonly output: Run
  readonly #memory: Memory
  #fromFirst = 0
  #fromSecond = 0
  #done = 0

  constructor(memory: Memory, first: Run, second: Run, shared: boolean) {
    this.#memory = memory
    this.first = first
    this.second = second
    // Both runs' keys share the smaller number of bytes: the table's common bytes only become fewer.
    const skip = Math.min(first.skip, second.skip)
    this.output = createRun(first.nodes.length + second.nodes.length, skip, shared)
  }

  /** Keys that are still to be merged. */
  get remaining(): number {
    return this.output.nodes.length - this.#done
  }

  /** Merges up to `budget` keys. */
  advance(budget: number): void {
    const memory = this.#memory
    const { first, second, output } = this
    const { nodes, prefixes, skip } = output
    const firstLength = first.nodes.length
    const secondLength = second.nodes.length
    const end = this.#done + Math.min(budget, this.remaining)
    let i = this.#fromFirst
    let j = this.#fromSecond
    let a = i < firstLength ? prefixAt(memory, first, i, skip) : 0
    let b = j < secondLength ? prefixAt(memory, second, j, skip) : 0
    for (let k = this.#done; k < end; k++) {
      const takeFirst =
        j >= secondLength ||
        (i < firstLength && (a < b || (a === b && compareNodes(memory, first.nodes[i]!, second.nodes[j]!, skip) < 0)))
      if (takeFirst) {
        nodes[k] = first.nodes[i]!
        prefixes[k] = a
        if (++i < firstLength) a = prefixAt(memory, first, i, skip)
      } else {
        nodes[k] = second.nodes[j]!
        prefixes[k] = b
        if (++j < secondLength) b = prefixAt(memory, second, j, skip)
      }
    }
    this.#fromFirst = i
    this.#fromSecond = j
    this.#done = end
  }
}
