/** Counting what a table holds: the writer to say it, `verify` to check what was said. */
import { compareBytes, RECORD_KIND } from '@lsm/encoding'
import type { TableProperties } from './properties.ts'
import type { RangeTombstone } from './range-tombstones.ts'

export type Tallied = Omit<TableProperties, 'keyspaceId' | 'dataBlocks' | 'filterName'>

export class TableTally {
  pointRecords = 0
  #tombstones = 0
  #distinctKeys = 0
  #keyBytes = 0
  #valueBytes = 0
  #smallestSeq = Number.POSITIVE_INFINITY
  #largestSeq = 0

  /** Counts a point record; `isNewKey` unless the record before it has the same key. */
  count(keyLength: number, valueLength: number, seq: number, kind: number, isNewKey: boolean): void {
    this.pointRecords++
    if (kind === RECORD_KIND.tombstone) this.#tombstones++
    if (isNewKey) this.#distinctKeys++
    this.#keyBytes += keyLength
    this.#valueBytes += valueLength
    this.#countSeq(seq)
  }

  #countSeq(seq: number): void {
    if (seq < this.#smallestSeq) this.#smallestSeq = seq
    if (seq > this.#largestSeq) this.#largestSeq = seq
  }

  /** All of it, when the first and the last key of the point records and all range tombstones are known. */
  total(firstKey: Uint8Array, lastKey: Uint8Array, rangeTombstones: readonly RangeTombstone[]): Tallied {
    const hasPoints = this.pointRecords > 0
    let smallest = hasPoints ? firstKey : (rangeTombstones[0]?.start ?? firstKey)
    let largest = { key: lastKey, inclusive: hasPoints }
    for (const { start, end, seq } of rangeTombstones) {
      if (compareBytes(start, smallest) < 0) smallest = start
      if (compareBytes(largest.key, end) < 0) largest = { key: end, inclusive: false }
      this.#countSeq(seq)
    }
    return {
      pointRecords: this.pointRecords,
      tombstones: this.#tombstones,
      rangeTombstones: rangeTombstones.length,
      distinctKeys: this.#distinctKeys,
      smallestSeq: this.#smallestSeq === Number.POSITIVE_INFINITY ? 0 : this.#smallestSeq,
      largestSeq: this.#largestSeq,
      smallest,
      largest,
      keyBytes: this.#keyBytes,
      valueBytes: this.#valueBytes,
    }
  }
}
