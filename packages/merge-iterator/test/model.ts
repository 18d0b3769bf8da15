/**
 * The rules of a merge, written down as plainly as possible, and sources that watch how they are treated.
 */
import type { MergeCursor, MergeRecord, VersionOptions } from '../src/index.ts'

export interface TestRecord<Key = unknown> extends MergeRecord<Key> {
  readonly value: unknown
}

type Compare<Key> = (a: Key, b: Key) => number

export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  for (let at = 0; at < Math.min(a.length, b.length); at++) {
    if (a[at] !== b[at]) return a[at]! - b[at]!
  }
  return a.length - b.length
}

export function compareAny<Key>(a: Key, b: Key): number {
  if (a instanceof Uint8Array && b instanceof Uint8Array) return compareBytes(a, b)
  return a < b ? -1 : a > b ? 1 : 0
}

/** Sorted as a source must be. The sort is stable. */
export function sortSource<R extends TestRecord>(
  records: readonly R[],
  reverse: boolean,
  compare: Compare<R['key']> = compareAny,
): R[] {
  return [...records].sort((a, b) => (reverse ? compare(b.key, a.key) : compare(a.key, b.key)) || b.seq - a.seq)
}

/** What a merge of `sources` gives: a sort of all of them, then each key's versions judged with no running state. */
export function mergeModel<R extends TestRecord>(
  sources: ReadonlyArray<readonly R[]>,
  options: VersionOptions<R['key']>,
  compare: Compare<R['key']> = compareAny,
): R[] {
  const { reverse = false, deduplicate = true, visibleSeq = Infinity, snapshots = [] } = options
  const { seqCutoff = -Infinity, skipTombstones = false, canDropTombstone = () => false } = options
  const stripe = (record: R): number => snapshots.filter((snapshot) => snapshot < record.seq).length
  const dropped = (record: R): boolean => {
    if (record.value !== null) return false
    if (skipTombstones) return true
    if (snapshots.some((snapshot) => snapshot < record.seq)) return false
    return record.seq < seqCutoff || canDropTombstone(record.key, record.seq)
  }
  const visible = sortSource(sources.flat(), reverse, compare).filter((record) => record.seq <= visibleSeq)
  return visible.filter((record, at) => {
    const newer = visible.slice(0, at).filter((each) => compare(each.key, record.key) === 0)
    const sameStripe = newer.filter((each) => stripe(each) === stripe(record))
    if (deduplicate ? sameStripe.length > 0 : sameStripe.some(dropped)) return false
    return !dropped(record)
  })
}

/** How a source was treated. */
export interface Watch {
  opened: number
  closed: number
  /** Came to its end or threw by itself. */
  finished: boolean
  /** Was read after it had finished or been closed, or while a read was under way. */
  misused: boolean
  reading: boolean
}

export function newWatch(): Watch {
  return { opened: 0, closed: 0, finished: false, misused: false, reading: false }
}

export class SourceFailure extends Error {
  override readonly name = 'SourceFailure'
}

/** An iterator over `records` that throws in place of record `failAt`, and when closed if `failsToClose`. */
export function watchedIterable<R>(
  records: readonly R[],
  watch: Watch,
  failAt = Infinity,
  failsToClose = false,
): Iterable<R> {
  let at = 0
  return {
    [Symbol.iterator]() {
      watch.opened++
      return {
        next(): IteratorResult<R> {
          if (watch.finished || watch.closed > 0) watch.misused = true
          if (at === failAt) {
            watch.finished = true
            throw new SourceFailure(`at ${at}`)
          }
          if (at >= records.length) {
            watch.finished = true
            return { done: true, value: undefined }
          }
          return { done: false, value: records[at++]! }
        },
        return(): IteratorResult<R> {
          if (watch.finished || watch.closed > 0) watch.misused = true
          watch.closed++
          if (failsToClose) throw new SourceFailure('closing')
          return { done: true, value: undefined }
        },
      }
    },
  }
}

/** As `watchedIterable`; answers at once where `delays` is 0 and after so many ticks elsewhere, in turn. */
export function watchedAsyncIterable<R>(
  records: readonly R[],
  watch: Watch,
  delays: readonly number[],
  failAt = Infinity,
  failsToClose = false,
): AsyncIterable<R> {
  const inner = watchedIterable(records, watch, failAt, failsToClose)
  let turn = 0
  const guarded = async <T>(ticks: number, call: () => T): Promise<T> => {
    if (watch.reading) watch.misused = true
    watch.reading = true
    for (let tick = 0; tick < ticks; tick++) await undefined
    watch.reading = false
    return call()
  }
  return {
    [Symbol.asyncIterator]() {
      const iterator = inner[Symbol.iterator]()
      return {
        next() {
          const ticks = delays.length === 0 ? 0 : delays[turn++ % delays.length]!
          // A result that is no promise: an async source with its record ready may answer so.
          if (ticks === 0) return iterator.next() as unknown as Promise<IteratorResult<R>>
          return guarded(ticks, () => iterator.next())
        },
        return: () => guarded(1, () => iterator.return!()),
      }
    },
  }
}

/**
 * A cursor as a table reader's would be: keys lie in blocks of three records, and the one block buffer is written over
 * when the next block is loaded, so that a key kept too long is seen to change.
 */
export class BlockCursor implements MergeCursor {
  readonly #records: ReadonlyArray<TestRecord<Uint8Array>>
  readonly #watch: Watch
  readonly #delays: readonly number[]
  readonly #failAt: number
  readonly #failsToClose: boolean
  readonly keyBytes: Uint8Array
  keyStart = 0
  keyEnd = 0
  #at = -1
  #turn = 0

  constructor(
    records: ReadonlyArray<TestRecord<Uint8Array>>,
    watch: Watch = newWatch(),
    options: { delays?: readonly number[]; failAt?: number; failsToClose?: boolean } = {},
  ) {
    this.#records = records
    this.#watch = watch
    this.#delays = options.delays ?? []
    this.#failAt = options.failAt ?? Infinity
    this.#failsToClose = options.failsToClose ?? false
    this.keyBytes = new Uint8Array(3 * Math.max(1, ...records.map(({ key }) => key.length)) + 5)
  }

  get valid(): boolean {
    return this.#at >= 0 && this.#at < this.#records.length
  }

  get record(): TestRecord<Uint8Array> {
    return this.#records[this.#at]!
  }

  get seq(): number {
    return this.record.seq
  }

  get isTombstone(): boolean {
    return this.record.value === null
  }

  /** To the first record whose place among the cursor's is `at` or later. */
  seek(at: number): void {
    this.#at = at - 1
    this.#move()
  }

  next(): boolean | Promise<boolean> {
    if (this.#watch.closed > 0 || this.#watch.reading) this.#watch.misused = true
    const ticks = this.#delays.length === 0 ? 0 : this.#delays[this.#turn++ % this.#delays.length]!
    return ticks === 0 ? this.#move() : this.#moveLater(ticks)
  }

  close(): void | Promise<void> {
    if (this.#watch.reading) this.#watch.misused = true
    this.#watch.closed++
    if (this.#delays.length === 0) {
      if (this.#failsToClose) throw new SourceFailure('closing')
      return
    }
    return this.#failsToClose ? Promise.reject(new SourceFailure('closing')) : Promise.resolve()
  }

  async #moveLater(ticks: number): Promise<boolean> {
    this.#watch.reading = true
    this.keyBytes.fill(0xee)
    for (let tick = 0; tick < ticks; tick++) await undefined
    this.#watch.reading = false
    return this.#move()
  }

  #move(): boolean {
    if (this.#at < this.#records.length) this.#at++
    if (this.#at === this.#failAt) {
      this.#watch.finished = true
      throw new SourceFailure(`at ${this.#at}`)
    }
    this.keyBytes.fill(0xee)
    if (!this.valid) return false
    const { key } = this.record
    this.keyStart = 2 + (this.#at % 3) * Math.floor((this.keyBytes.length - 5) / 3)
    this.keyEnd = this.keyStart + key.length
    this.keyBytes.set(key, this.keyStart)
    return true
  }
}
