/** A table's range tombstones by the keys that they cover: the entries in the arena stand in for what `add` was told. */
import { type RangeTombstone, RangeTombstoneSet } from '@lsm/range-tombstones'
import { type Memory, NONE, UNIT_BITS } from './arena.ts'
import { keyLength, keyStart, seqOf, valueLength, valueStart } from './entries.ts'

/** A start that is not before its end covers no key; such a tombstone is kept, as the log has accepted it. */
interface Tombstone extends RangeTombstone {
  readonly node: number
  readonly version: number
}

export class RangeTombstones {
  readonly #memory: Memory
  readonly #set: RangeTombstoneSet<Tombstone> = new RangeTombstoneSet()

  constructor(memory: Memory) {
    this.#memory = memory
  }

  get count(): number {
    return this.#set.size
  }

  /**
   * Adds the tombstone whose start is the key at `node` and whose end is the value of `version`. Its sequence number
   * is greater than all before it. O(log n) amortized.
   */
  add(node: number, version: number): void {
    const memory = this.#memory
    const startAt = keyStart(node)
    const endAt = valueStart(version)
    const start = memory.bytes[node >>> UNIT_BITS]!.subarray(startAt, startAt + keyLength(memory, node))
    const end = memory.bytes[version >>> UNIT_BITS]!.subarray(endAt, endAt + valueLength(memory, version))
    this.#set.add({ start, end, seq: seqOf(memory, version), node, version })
  }

  /** Node and version of each tombstone, in the order in which they were added: what `add` takes elsewhere. */
  references(): Uint32Array {
    const references = new Uint32Array(this.#set.size * 2)
    let at = 0
    for (const { node, version } of this.#set) {
      references[at++] = node
      references[at++] = version
    }
    return references
  }

  /** The version of the newest tombstone up to `visibleSeq` that covers `key`, or `NONE`. O(log² n). */
  find(key: Uint8Array, visibleSeq: number): number {
    return this.#set.find(key, visibleSeq)?.version ?? NONE
  }
}
