/** Point reads that allocate nothing: one object that shows one answer after another. */
import { NONE } from './arena.ts'
import { type Contents, findVersion } from './contents.ts'
import { EntryView } from './entry-view.ts'
import { checkBytes, checkVisibleSeq } from './errors.ts'

/** Reads single keys. Its properties show the answer of the last `find`, until the next one. */
export class PointReader extends EntryView {
  readonly #contents: Contents

  constructor(contents: Contents) {
    super(contents.memory)
    this.#contents = contents
  }

  /**
   * Whether this table says anything about `key` at `visibleSeq`: its newest visible version, be it a tombstone, or a
   * range tombstone over it that is newer (then `kind` is 2, and `value` the end of the range). False: ask older
   * tables. O(1) expected, O(log versions) below the newest, and O(log² n) for n range tombstones.
   */
  find(key: Uint8Array, visibleSeq: number = Number.POSITIVE_INFINITY): boolean {
    checkBytes(key, 'key')
    checkVisibleSeq(visibleSeq)
    this.version = findVersion(this.#contents, key, visibleSeq)
    return this.version !== NONE
  }
}
