/**
 * A run: nodes in key order, never changed, each with a prefix of its key as a number.
 *
 * The prefix is six bytes, and it starts behind the bytes that all keys of the table have in common (`skip`), because
 * real keys start alike: `user:00012345` differs from its neighbours in the last bytes only. A table's common bytes can
 * only become fewer, so two runs with the same `skip` were cut at the same bytes and their prefixes can be compared.
 */
import { keyPrefix } from '@lsm/encoding'
import { allocateBuffer, type Memory, UNIT_BITS } from './arena.ts'
import { compareWithKey, keyLength, keyStart } from './entries.ts'

export interface Run {
  readonly nodes: Uint32Array
  readonly prefixes: Float64Array
  readonly skip: number
}

export const RUN_BYTES_PER_KEY = 12

/** Runs of fewer keys are ordinary memory, copied when the table is shared: a shared buffer costs microseconds. */
export const SHARED_RUN_KEYS = 4096

export function createRun(length: number, skip: number, shared: boolean): Run {
  if (!shared || length < SHARED_RUN_KEYS) {
    return { nodes: new Uint32Array(length), prefixes: new Float64Array(length), skip }
  }
  return {
    nodes: new Uint32Array(allocateBuffer(length * 4, true)),
    prefixes: new Float64Array(allocateBuffer(length * 8, true)),
    skip,
  }
}

/** The number that stands for six bytes of the node's key from byte `skip` on, missing ones as 0. */
export function prefixOf(memory: Memory, node: number, skip: number): number {
  const start = keyStart(node)
  const length = keyLength(memory, node)
  return keyPrefix(memory.bytes[node >>> UNIT_BITS]!, start + Math.min(skip, length), start + length)
}

/** The prefix of the key at `index`, as a run with `skip` has it. */
export function prefixAt(memory: Memory, run: Run, index: number, skip: number): number {
  return run.skip === skip ? run.prefixes[index]! : prefixOf(memory, run.nodes[index]!, skip)
}

/** How many of the run's keys sort before `key`, or, with `inclusive`, before or equal to it. O(log n). */
export function countBefore(memory: Memory, run: Run, key: Uint8Array, inclusive: boolean): number {
  const { nodes, prefixes, skip } = run
  if (nodes.length === 0) return 0
  const common = compareCommon(memory, nodes[0]!, key, skip)
  if (common !== 0) return common < 0 ? nodes.length : 0
  const prefix = keyPrefix(key, skip, key.length)
  let low = 0
  let high = nodes.length
  while (low < high) {
    const middle = (low + high) >>> 1
    const its = prefixes[middle]!
    let order = its < prefix ? -1 : its > prefix ? 1 : compareWithKey(memory, nodes[middle]!, key, skip)
    if (order === 0 && inclusive) order = -1
    if (order < 0) low = middle + 1
    else high = middle
  }
  return low
}

/** Compares the `skip` bytes that all keys of a run start with to those of `key`; 0 when `key` starts with them too. */
function compareCommon(memory: Memory, node: number, key: Uint8Array, skip: number): number {
  const bytes = memory.bytes[node >>> UNIT_BITS]!
  const start = keyStart(node)
  for (let i = 0; i < skip; i++) {
    if (i === key.length) return 1
    const difference = bytes[start + i]! - key[i]!
    if (difference !== 0) return difference
  }
  return 0
}
