/**
 * What a source of a zero-copy merge must be able to do.
 */

/**
 * A place in a sorted run of records that shows its record where it lies. It begins before its first record or on a
 * record that its owner has sought out.
 *
 * Keys go in the merge's direction and, for equal keys, by falling `seq` **in both directions**. A cursor that walks
 * backwards over records that are stored newest first must therefore step back to the first version of a key and go
 * forward through its versions before it takes the next lower key.
 *
 * Whatever else a record has (a value, a kind, a time) stays the cursor's own affair: the merge shows its consumer
 * which cursor is on the record that came out.
 */
export interface MergeCursor {
  /** Whether it is on a record. What follows is meaningful only then. */
  readonly valid: boolean
  /** The key is `keyBytes[keyStart]` up to, not including, `keyBytes[keyEnd]`: borrowed, unchanged until `next()`. */
  readonly keyBytes: Uint8Array
  readonly keyStart: number
  readonly keyEnd: number
  /** Higher is newer. Any number but NaN. */
  readonly seq: number
  readonly isTombstone: boolean
  /**
   * Moves to the first or the next record; false past the last one, then and ever after. A promise only where
   * something must be waited for.
   */
  next(): boolean | Promise<boolean>
  /** Gives back what the cursor holds. Called once, also after the last record or an error. */
  close(): void | Promise<void>
}
