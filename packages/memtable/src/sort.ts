/**
 * Sorts a few hundred nodes by key without calling back for each comparison: 42 bits of the keys' prefixes and the
 * node's place share one number, and the platform's own sort of numbers does the rest. Keys that agree in those bits
 * are sorted among themselves, further along the key. Measured for 1,024 random 16-byte keys: 35 ns a key, where a
 * sort with a comparison function took 230.
 */
import type { Memory } from './arena.ts'
import { commonBytes, compareNodes, keyLength } from './entries.ts'
import { createRun, prefixOf, type Run } from './run.ts'

/** As many as ten bits of place tell apart. */
export const MAX_SORTED_KEYS = 1024
/** Up to this many equal prefixes are put in order by insertion. */
const FEW = 8
/** Whole bytes in 42 bits. */
const SORTED_BYTES = 5

const packed: Float64Array = /* @__PURE__ */ new Float64Array(MAX_SORTED_KEYS)
const before: Uint32Array = /* @__PURE__ */ new Uint32Array(MAX_SORTED_KEYS)

/** The first `count` of `nodes` as a run. All their keys are distinct and start with the same `skip` bytes. */
export function sortIntoRun(memory: Memory, nodes: Uint32Array, count: number, skip: number): Run {
  const run = createRun(count, skip, false)
  run.nodes.set(nodes.subarray(0, count))
  sortByKey(memory, run.nodes, 0, count, skip)
  for (let i = 0; i < count; i++) run.prefixes[i] = prefixOf(memory, run.nodes[i]!, skip)
  return run
}

function sortByKey(memory: Memory, nodes: Uint32Array, from: number, to: number, skip: number): void {
  if (to - from <= FEW) {
    sortFew(memory, nodes, from, to, skip)
    return
  }
  const count = to - from
  for (let i = 0; i < count; i++) {
    const node = nodes[from + i]!
    before[i] = node
    packed[i] = Math.floor(prefixOf(memory, node, skip) / 64) * MAX_SORTED_KEYS + i
  }
  packed.subarray(0, count).sort()
  for (let i = 0; i < count; i++) {
    const bits = Math.floor(packed[i]! / MAX_SORTED_KEYS)
    nodes[from + i] = before[packed[i]! - bits * MAX_SORTED_KEYS]!
    packed[i] = bits
  }
  const ties = findTies(count)
  for (let i = 0; i < ties.length; i += 2) sortTie(memory, nodes, from + ties[i]!, from + ties[i + 1]!, skip)
}

/** Starts and ends of the stretches of equal numbers in `packed`: read off before the sort of a stretch reuses it. */
function findTies(count: number): number[] {
  const ties: number[] = []
  for (let start = 0; start < count; ) {
    let end = start + 1
    while (end < count && packed[end] === packed[start]) end++
    if (end - start > 1) ties.push(start, end)
    start = end
  }
  return ties
}

function sortTie(memory: Memory, nodes: Uint32Array, from: number, to: number, skip: number): void {
  const common = to - from <= FEW ? skip : commonLength(memory, nodes, from, to, skip)
  if (to - from <= FEW) sortFew(memory, nodes, from, to, skip)
  else if (common >= skip + SORTED_BYTES) sortByKey(memory, nodes, from, to, common)
  // A key that ends inside the sorted bytes looks like one that goes on with zeros: no number tells them apart.
  else nodes.subarray(from, to).sort((a, b) => compareNodes(memory, a, b, skip))
}

/** How many bytes all of these keys start with; they are known to share `skip`. */
function commonLength(memory: Memory, nodes: Uint32Array, from: number, to: number, skip: number): number {
  const first = nodes[from]!
  let common = keyLength(memory, first)
  for (let i = from + 1; i < to; i++) common = commonBytes(memory, first, nodes[i]!, skip, common)
  return common
}

function sortFew(memory: Memory, nodes: Uint32Array, from: number, to: number, skip: number): void {
  for (let i = from + 1; i < to; i++) {
    const node = nodes[i]!
    let at = i
    while (at > from && compareNodes(memory, nodes[at - 1]!, node, skip) > 0) {
      nodes[at] = nodes[at - 1]!
      at--
    }
    nodes[at] = node
  }
}
