import type { RecordKind } from '@lsm/encoding'

/**
 * What a point lookup found: made once, filled by every `find` that returns true, and left as it was by the others.
 *
 * `bytes` is the immutable copy of a block that the reader made for itself: a view of it stays as it is for as long
 * as anybody holds it, keeps that block's memory alive, and must not be written to.
 */
export class TableLookup {
  bytes: Uint8Array = new Uint8Array(0)
  valueStart = 0
  valueEnd = 0
  seq = 0
  /** 0 value, 1 tombstone. */
  kind: RecordKind = 0
  timestampMs = 0

  /** The value as a view of `bytes`. */
  get value(): Uint8Array {
    return this.bytes.subarray(this.valueStart, this.valueEnd)
  }

  get isTombstone(): boolean {
    return this.kind !== 0
  }
}
