/** Point reads that allocate nothing: one object that is pointed at one answer after another. */
import type { RecordKind } from '@lsm/encoding'
import { NONE, UNIT_BITS } from './arena.ts'
import { type Contents, findVersion } from './contents.ts'
import { kindOf, seqOf, timestampOf, valueLength, valueStart } from './entries.ts'
import { checkBytes, checkVisibleSeq } from './errors.ts'

/**
 * Reads single keys. After a `find` that returned true the properties describe the answer, until the next `find`;
 * before, and after one that returned false, they are zero and empty. Get one from `table.reader()`.
 */
export class PointReader {
  readonly #contents: Contents
  #version = NONE

  constructor(contents: Contents) {
    this.#contents = contents
  }

  /**
   * Whether this table says anything about `key` at `visibleSeq`: its newest visible version, be it a tombstone, or a
   * range tombstone over it that is newer (then `kind` is 2). False: ask older tables. O(1) expected without range
   * tombstones.
   */
  find(key: Uint8Array, visibleSeq: number = Number.POSITIVE_INFINITY): boolean {
    checkBytes(key, 'key')
    checkVisibleSeq(visibleSeq)
    this.#version = findVersion(this.#contents, key, visibleSeq)
    return this.#version !== NONE
  }

  get kind(): RecordKind {
    return kindOf(this.#contents.memory, this.#version)
  }

  /** Whether the key is deleted: by a tombstone of its own or by a range tombstone. */
  get isTombstone(): boolean {
    return this.kind !== 0
  }

  get seq(): number {
    return seqOf(this.#contents.memory, this.#version)
  }

  get timestampMs(): number {
    return this.#version === NONE ? 0 : timestampOf(this.#contents.memory, this.#version)
  }

  /** The bytes that the value lies in, from `valueStart` to `valueEnd`: borrowed, never to be written to. */
  get valueBuffer(): Uint8Array {
    return this.#contents.memory.bytes[this.#version >>> UNIT_BITS]!
  }

  get valueStart(): number {
    return valueStart(this.#version)
  }

  get valueEnd(): number {
    return valueStart(this.#version) + valueLength(this.#contents.memory, this.#version)
  }

  /** The value as a view of the table's memory, which neither moves nor changes. Never to be written to. */
  get value(): Uint8Array {
    return this.valueBuffer.subarray(this.valueStart, this.valueEnd)
  }
}
