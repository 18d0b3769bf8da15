/**
 * The zero-copy merge: a cursor over cursors.
 */

import { CursorTree } from './cursor-tree.ts'
import { busy, closeFailed, invalidArgument } from './errors.ts'
import type { MergeCursor } from './merge-cursor.ts'
import { checkOptions, listSources, type VersionOptions } from './options.ts'
import { VersionFilter } from './version-filter.ts'

/**
 * A cursor over the records of all `sources`, in byte order of their keys, with the rules of `KWayMergeIterator`.
 * It is one of the sources that it shows, whichever is on the record that comes next: nothing is copied but the key
 * that came out last, no object is made for a record, and no promise is made unless a source makes one.
 *
 * It owns its sources: `close()` closes each of them once, at whatever point; so does an error, which a source throws
 * and which is passed on as it is, or which the merge finds.
 */
export class MergingCursor<Cursor extends MergeCursor = MergeCursor> implements MergeCursor {
  /** Calls `close()`, for sources that close at once. Absent where the runtime has no `Symbol.dispose`. */
  declare readonly [Symbol.dispose]: () => void
  /** Waits for `close()`. Absent where the runtime has no `Symbol.asyncDispose`. */
  declare readonly [Symbol.asyncDispose]: () => Promise<void>
  readonly #cursors: readonly Cursor[]
  readonly #tree: CursorTree<Cursor>
  readonly #filter: VersionFilter<Uint8Array, Cursor>
  #started = false
  #running = false
  #current: Cursor | undefined
  /** The call that waits for a source. */
  #pending: Promise<boolean> | undefined
  #closed = false
  #released = false
  #closing: undefined | Promise<void>

  /**
   * The sources stand before their first record, or on the one to begin with. Merges nest: a merging cursor may be a
   * source of another.
   */
  constructor(sources: readonly Cursor[], options: VersionOptions<Uint8Array> = {}) {
    checkOptions(options)
    this.#cursors = listSources(sources)
    for (const [index, source] of this.#cursors.entries()) {
      if (typeof source?.next !== 'function' || typeof source.close !== 'function') {
        throw invalidArgument(`source ${index} is no cursor: it must have next() and close()`)
      }
    }
    this.#tree = new CursorTree(this.#cursors, options.reverse ?? false)
    this.#filter = new VersionFilter(options, viewOfKey)
  }

  /** Whether it is on a record. Else there is no `current`, the key is empty and `seq` is NaN. */
  get valid(): boolean {
    return this.#current !== undefined
  }

  /** The source that is on the record: the way to whatever else the record has. Not to be moved or closed. */
  get current(): Cursor | undefined {
    return this.#current
  }

  get keyBytes(): Uint8Array {
    return this.#current?.keyBytes ?? NO_BYTES
  }

  get keyStart(): number {
    return this.#current?.keyStart ?? 0
  }

  get keyEnd(): number {
    return this.#current?.keyEnd ?? 0
  }

  /** A view of the key, made for each call; borrowed until `next()`. */
  get key(): Uint8Array {
    return this.#current === undefined ? NO_BYTES : viewOfKey(this.#current)
  }

  get seq(): number {
    return this.#current?.seq ?? Number.NaN
  }

  get isTombstone(): boolean {
    return this.#current?.isTombstone ?? false
  }

  /**
   * Moves to the first or the next record: whether there is one. A promise only when a source gave one; until it
   * settles, nothing but `close()` may be called (`MERGE_BUSY`). O(log sources).
   */
  next(): boolean | Promise<boolean> {
    if (this.#running) throw busy()
    if (this.#closed || (this.#started && this.#current === undefined)) return false
    return this.#run(this.#started ? 'advance' : 'open')
  }

  /**
   * Begins anew from where the sources stand now, after their owner has moved them (a seek): those that are on a
   * record take part, the others count as ended. No source is moved unless a version must be passed over.
   * O(sources).
   */
  restart(): boolean | Promise<boolean> {
    if (this.#running) throw busy()
    return !this.#closed && this.#run('build')
  }

  /**
   * Closes every source, each once, and is itself no longer valid; later calls do nothing more. While a `next()` waits,
   * the sources are closed when it has settled. If any fails to close: `MERGE_CLOSE_FAILED`, the first error its cause.
   */
  close(): void | Promise<void> {
    if (this.#closed) return this.#closing
    const pending = this.#pending
    if (this.#running && pending === undefined) throw busy()
    this.#closed = true
    const finish = (): void | Promise<void> => {
      const errors = this.#closeSources()
      if (Array.isArray(errors)) throwIfAny(errors)
      else return errors.then(throwIfAny)
    }
    if (pending === undefined) {
      const closing = finish()
      if (closing !== undefined) this.#closing = closing
    } else this.#closing = pending.then(finish, finish)
    return this.#closing
  }

  #run(from: 'open' | 'build' | 'advance'): boolean | Promise<boolean> {
    this.#running = true
    this.#started = true
    try {
      let waiting: Promise<boolean> | undefined
      if (from === 'open') waiting = this.#open()
      if (waiting !== undefined) return this.#wait(waiting, true)
      if (from === 'advance' || !this.#build()) waiting = this.#advance()
      if (waiting !== undefined) return this.#wait(waiting, false)
      this.#running = false
      return this.#current !== undefined
    } catch (error) {
      return this.#fail(error)
    }
  }

  #wait(waiting: Promise<boolean>, opening: boolean): Promise<boolean> {
    this.#pending = this.#settle(waiting, opening)
    return this.#pending
  }

  async #settle(waiting: Promise<boolean>, opening: boolean): Promise<boolean> {
    try {
      let next: Promise<boolean> | undefined = waiting
      let first = opening
      while (next !== undefined) {
        const moved: boolean = await next
        next = (first ? this.#build() : this.#place(moved)) ? undefined : this.#advance()
        first = false
      }
    } catch (error) {
      return this.#fail(error)
    }
    this.#running = false
    this.#pending = undefined
    // Closed meanwhile: the record is gone before anybody could look at it.
    if (this.#closed) this.#current = undefined
    return this.#current !== undefined
  }

  /** Moves the sources that are not yet on a record to their first, all at once. */
  #open(): Promise<boolean> | undefined {
    const waiting: Promise<boolean>[] = []
    try {
      for (const cursor of this.#cursors) {
        const moved = cursor.valid || cursor.next()
        if (typeof moved !== 'boolean') waiting.push(moved)
      }
    } catch (error) {
      if (waiting.length === 0) throw error
      waiting.push(Promise.reject(error))
    }
    // All are waited for, failed or not: none may be closed while it is being read.
    return waiting.length === 0
      ? undefined
      : Promise.allSettled(waiting)
          .then(() => Promise.all(waiting))
          .then(Boolean)
  }

  /** Plays the sources from where they stand. True when its winner comes out, or there is none. */
  #build(): boolean {
    const tree = this.#tree
    tree.reset()
    for (const [source, cursor] of this.#cursors.entries()) {
      if (cursor.valid) tree.place(source, true)
      else tree.end(source)
    }
    tree.build()
    return this.#answers()
  }

  /** Goes on until a record comes out or all sources have ended; or to the promise that must be waited for. */
  #advance(): Promise<boolean> | undefined {
    const tree = this.#tree
    for (;;) {
      tree.hold()
      const moved = this.#cursors[tree.winner]!.next()
      if (typeof moved !== 'boolean') return moved
      if (this.#place(moved)) return undefined
    }
  }

  #place(moved: boolean): boolean {
    const tree = this.#tree
    const { winner } = tree
    if (moved) tree.place(winner, false)
    else tree.end(winner)
    tree.replay(winner)
    return this.#answers()
  }

  #answers(): boolean {
    const tree = this.#tree
    this.#current = undefined
    if (tree.live === 0) return true
    const { winner } = tree
    const filter = this.#filter
    const cursor = this.#cursors[winner]!
    const { seq } = cursor
    if (!filter.admits(tree.codes[winner] === 0, seq)) return false
    if (filter.mayDrop && cursor.isTombstone && filter.dropsTombstone(cursor, seq)) return false
    this.#current = cursor
    return true
  }

  #fail(error: unknown): Promise<never> {
    this.#closed = true
    this.#running = false
    this.#pending = undefined
    const errors = this.#closeSources()
    // As in the language's own loops, the error that stopped the merge wins over those of closing.
    if (Array.isArray(errors)) throw error
    return errors.then(() => {
      throw error
    })
  }

  /** What the sources threw; a promise of it when one of them takes its time. Nothing at the second call. */
  #closeSources(): unknown[] | Promise<unknown[]> {
    const errors: unknown[] = []
    const waiting: Promise<void>[] = []
    this.#current = undefined
    for (const cursor of this.#released ? [] : this.#cursors) {
      try {
        const closing = cursor.close()
        if (closing !== undefined) waiting.push(closing)
      } catch (error) {
        errors.push(error)
      }
    }
    this.#released = true
    if (waiting.length === 0) return errors
    return Promise.allSettled(waiting).then((settled) => {
      for (const each of settled) if (each.status === 'rejected') errors.push(each.reason)
      return errors
    })
  }

  static {
    // No polyfill: where the runtime has no such symbols, there are no such methods.
    const { prototype } = MergingCursor
    if (Symbol.dispose) {
      Object.defineProperty(prototype, Symbol.dispose, { value: prototype.close })
    }
    if (Symbol.asyncDispose) {
      Object.defineProperty(prototype, Symbol.asyncDispose, {
        async value(this: MergingCursor): Promise<void> {
          await this.close()
        },
      })
    }
  }
}

const NO_BYTES: Uint8Array = new Uint8Array(0)

function viewOfKey(cursor: MergeCursor): Uint8Array {
  return cursor.keyBytes.subarray(cursor.keyStart, cursor.keyEnd)
}

function throwIfAny(errors: readonly unknown[]): void {
  if (errors.length > 0) throw closeFailed(errors)
}
