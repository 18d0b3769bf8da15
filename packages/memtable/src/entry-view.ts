/** One entry seen where it lies: what point readers and cursors show. */
import type { RecordKind } from '@lsm/encoding'
import { type Memory, NONE, UNIT_BITS } from './arena.ts'
import { kindOf, seqOf, timestampOf, valueLength, valueStart } from './entries.ts'

/**
 * The properties of an entry. While there is none they are zero and empty. The bytes are borrowed from the table,
 * where they neither move nor change, however long somebody holds them; they must not be written to.
 */
export abstract class EntryView {
  protected readonly memory: Memory
  protected version: number = NONE

  constructor(memory: Memory) {
    this.memory = memory
  }

  get seq(): number {
    return seqOf(this.memory, this.version)
  }

  /** 0 value, 1 tombstone, 2 range tombstone. */
  get kind(): RecordKind {
    return kindOf(this.memory, this.version)
  }

  /** Whether the entry is a tombstone, of its key or of a range. */
  get isTombstone(): boolean {
    return this.kind !== 0
  }

  get timestampMs(): number {
    return timestampOf(this.memory, this.version)
  }

  /** The bytes that the value lies in, from `valueStart` to `valueEnd`. */
  get valueBytes(): Uint8Array {
    return this.memory.bytes[this.version >>> UNIT_BITS]!
  }

  get valueStart(): number {
    return valueStart(this.version)
  }

  get valueEnd(): number {
    return valueStart(this.version) + valueLength(this.memory, this.version)
  }

  /** The value as a view. */
  get value(): Uint8Array {
    return this.valueBytes.subarray(this.valueStart, this.valueEnd)
  }
}
