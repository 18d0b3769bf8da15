/**
 * What a merge may be asked to do, apart from where its records come from.
 */
import { invalidArgument } from './errors.ts'

/** A record that can be merged. Records are not changed while the merge may still look at them. */
export interface MergeRecord<Key = unknown> {
  readonly key: Key
  /** Higher is newer. Any number but NaN. */
  readonly seq: number
  /** `null` marks a tombstone, unless `isTombstone` says otherwise. */
  readonly value?: unknown
}

/** Which versions of a key come out. The defaults give the newest version of each key, tombstones included. */
export interface VersionOptions<Key> {
  /** Keys descend. Sources must too; versions of one key come newest first in either direction. Default false. */
  readonly reverse?: boolean
  /** One record a key, the newest. False: every visible version. Default true. */
  readonly deduplicate?: boolean
  /** Records with a higher `seq` are passed over before anything else is decided. Default Infinity. */
  readonly visibleSeq?: number
  /**
   * Ascending sequence numbers at which somebody still reads. With `deduplicate`, the newest version at or below
   * each of them is kept too. A tombstone with a snapshot below it is kept whatever `seqCutoff` and
   * `canDropTombstone` say: without it an older version would show through. Default none.
   */
  readonly snapshots?: readonly number[]
  /** Tombstones with a lower `seq` are dropped. Default -Infinity. */
  readonly seqCutoff?: number
  /** All tombstones are dropped, snapshots or not: what is left are values that somebody can read. Default false. */
  readonly skipTombstones?: boolean
  /**
   * Asked for each tombstone that would come out: true drops it. Not asked while a snapshot is below it.
   * A key of bytes that comes from a cursor is borrowed until the call returns.
   */
  readonly canDropTombstone?: (key: Key, seq: number) => boolean
}

/** Options of a merge over records. */
export interface MergeOptions<Record extends MergeRecord> extends VersionOptions<Record['key']> {
  /** Default: `value === null`. */
  readonly isTombstone?: (record: Record) => boolean
  /**
   * Negative when `a` comes before `b`, in ascending order. Default: bytes as unsigned bytes, strings by UTF-16 code
   * unit, numbers and bigints by size. Without it, byte and string keys are merged by offset-value codes, so give one
   * only for another order.
   */
  readonly compare?: (a: Record['key'], b: Record['key']) => number
}

const NUMBERS = ['visibleSeq', 'seqCutoff'] as const
const BOOLEANS = ['reverse', 'deduplicate', 'skipTombstones'] as const
const FUNCTIONS = ['canDropTombstone', 'isTombstone', 'compare'] as const

/** Throws a coded `TypeError` that names the first option of a wrong type; `options` is a caller's, so unknown. */
export function checkOptions(options: unknown): void {
  if (typeof options !== 'object' || options === null) throw invalidArgument('the options must be an object')
  const given = options as Record<string, unknown>
  const check = (names: readonly string[], type: string): void => {
    for (const name of names) {
      const value = given[name]
      if (value !== undefined && (typeof value !== type || Number.isNaN(value))) {
        throw invalidArgument(`option "${name}" must be a ${type}`)
      }
    }
  }
  check(NUMBERS, 'number')
  check(BOOLEANS, 'boolean')
  check(FUNCTIONS, 'function')
  const { snapshots = [] } = given
  if (
    !Array.isArray(snapshots) ||
    !snapshots.every((each, at) => typeof each === 'number' && each >= (at > 0 ? snapshots[at - 1] : each))
  ) {
    throw invalidArgument('option "snapshots" must be an array of ascending numbers')
  }
}

/** A copy of the sources; a coded `TypeError` when they are not in an array. */
export function listSources<Source>(sources: readonly Source[]): Source[] {
  if (!Array.isArray(sources)) throw invalidArgument('the sources must be in an array')
  return [...sources]
}
