/** Keys with their versions: what points and range tombstones have in common, while they are written and when shared. */
import { type Arena, type Memory, NONE } from './arena.ts'
import {
  type EntryFields,
  hasKey,
  keyAndVersionBytes,
  laterVersionBytes,
  writeKey,
  writeLaterVersion,
} from './entries.ts'
import { type HashSeed, hashKey } from './hash.ts'
import { HashIndex } from './hash-index.ts'
import { KeyOrder } from './key-order.ts'
import { countBefore, type Run } from './run.ts'

/** Keys to read. */
export interface Keys {
  readonly count: number
  /** The node of `key`, or `NONE`. */
  find(key: Uint8Array): number
  /** All keys as sorted runs that never change. */
  sortedRuns(): readonly Run[]
}

/**
 * What hash table and runs hold for each key: a slot of 8 bytes at a load of 3/8 to 3/4, node and prefix of 12. The
 * least of it, so that a table never claims more than it has.
 */
export const INDEX_BYTES_PER_KEY = 24

export class WritableKeys implements Keys {
  readonly order: KeyOrder
  readonly #arena: Arena
  readonly #index: HashIndex
  readonly #seed0: number
  readonly #seed1: number
  #count = 0
  #byteSize = 0

  constructor(arena: Arena, seed: HashSeed) {
    this.#arena = arena
    this.#index = new HashIndex(arena)
    this.order = new KeyOrder(arena, arena.shared)
    this.#seed0 = seed[0] | 0
    this.#seed1 = seed[1] | 0
  }

  get count(): number {
    return this.#count
  }

  /** Bytes of all keys and versions with their headers, and of what the indexes hold for them. */
  get byteSize(): number {
    return this.#byteSize
  }

  get indexBytes(): number {
    return this.#index.allocatedBytes + this.order.allocatedBytes
  }

  find(key: Uint8Array): number {
    return this.#index.find(hashKey(key, this.#seed0, this.#seed1), key)
  }

  /** Adds a version, newer than every other one of its key; returns the key's node. */
  add(key: Uint8Array, value: Uint8Array, fields: EntryFields): number {
    const hash = hashKey(key, this.#seed0, this.#seed1)
    let node = this.#index.find(hash, key)
    if (node !== NONE) {
      writeLaterVersion(this.#arena, node, value, fields)
      this.#byteSize += laterVersionBytes(value.length)
      return node
    }
    node = writeKey(this.#arena, key, value, fields)
    this.#index.insert(hash, node)
    this.order.add(node)
    this.#byteSize += keyAndVersionBytes(key.length, value.length) + INDEX_BYTES_PER_KEY
    this.#count++
    return node
  }

  sortedRuns(): readonly Run[] {
    return this.order.sortedRuns()
  }
}

/** Runs that another thread sorted. A key is found by binary search, O(log² n): there is no hash table to share. */
export class SharedKeys implements Keys {
  readonly count: number
  readonly #memory: Memory
  readonly #runs: readonly Run[]

  constructor(memory: Memory, runs: readonly Run[]) {
    this.#memory = memory
    this.#runs = runs
    this.count = runs.reduce((sum, run) => sum + run.nodes.length, 0)
  }

  find(key: Uint8Array): number {
    for (const run of this.#runs) {
      const node = run.nodes[countBefore(this.#memory, run, key, false)]
      if (node !== undefined && hasKey(this.#memory, node, key)) return node
    }
    return NONE
  }

  sortedRuns(): readonly Run[] {
    return this.#runs
  }
}
