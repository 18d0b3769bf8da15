/**
 * The merge of records from async iterables.
 */
import { closeFailed, invalidArgument, invalidRecord } from './errors.ts'
import { checkOptions, listSources, type MergeOptions, type MergeRecord } from './options.ts'
import { buildRecordTree, ENDED, type RecordTree } from './record-tree.ts'

type MaybePromise<T> = T | PromiseLike<T>

/** An iterator whose `next` may answer at once: a synchronous one, or an async one that has its record ready. */
interface SomeIterator<Record> {
  next(): MaybePromise<IteratorResult<Record>>
  return?(): MaybePromise<unknown>
}

/**
 * As `KWayMergeIterator`, over async iterables, plain ones, or both. The first records of all sources are asked for at
 * once; from then on a source is read when its record has come out, one `next()` at a time.
 *
 * It waits only for what is not there: a source whose `next()` returns a result and not a promise of one (any
 * synchronous iterable; an async one that is written so) costs no tick. Calls made before the last has settled are
 * taken in turn, as an async generator's are. To give up waiting, abort what the sources wait for: `return()` comes
 * after the read that is under way, since a source is never closed in the middle of one.
 */
export class AsyncKWayMergeIterator<Record extends MergeRecord> implements AsyncIterableIterator<Record, undefined> {
  /** The same as `return()`. Absent where the runtime has no `Symbol.asyncDispose`. */
  declare readonly [Symbol.asyncDispose]: () => Promise<void>
  readonly #options: MergeOptions<Record>
  readonly #iterators: Array<SomeIterator<Record>> = []
  /** Whether an iterator is ours to close: false once it has ended, thrown or been closed, and while it runs. */
  readonly #open: boolean[] = []
  /** Calls that wait for the one that runs. */
  readonly #queue: Array<() => void> = []
  #tree: RecordTree<Record> | undefined
  #started = false
  #done = false
  #running = false
  #draining = false

  constructor(
    sources: ReadonlyArray<AsyncIterable<Record> | Iterable<Record>>,
    options: MergeOptions<NoInfer<Record>> = {},
  ) {
    checkOptions(options)
    this.#options = options
    try {
      for (const [index, source] of listSources(sources).entries()) {
        this.#iterators.push(openSource(index, source))
        this.#open.push(true)
      }
    } catch (error) {
      // A constructor cannot wait for the sources it closes; the error that it throws says more than theirs.
      void this.#close()
      throw error
    }
  }

  /** The next record, or `{ done: true }`. Once a call has been rejected, all that follow are `{ done: true }`. */
  next(): Promise<IteratorResult<Record, undefined>> {
    if (this.#running) return this.#inTurn(() => this.next())
    if (this.#done) return Promise.resolve({ done: true, value: undefined })
    this.#running = true
    if (!this.#started) return this.#start()
    try {
      const asked = this.#ask(this.#tree!.winner)
      const answer = isPromise(asked) ? asked : this.#proceed(asked)
      if (isPromise(answer)) return this.#later(answer)
      this.#leave()
      return Promise.resolve(answer)
    } catch (error) {
      return this.#fail(error)
    }
  }

  /** Closes all sources that are still open. If any of them throws: `MERGE_CLOSE_FAILED`, the first as its cause. */
  async return(): Promise<IteratorResult<Record, undefined>> {
    if (this.#running) return this.#inTurn(() => this.return())
    this.#running = true
    try {
      const errors = await this.#close()
      if (errors.length > 0) throw closeFailed(errors)
      return { done: true, value: undefined }
    } finally {
      this.#leave()
    }
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  #inTurn<Result>(call: () => Promise<Result>): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#queue.push(() => call().then(resolve, reject))
    })
  }

  #leave(): void {
    this.#running = false
    // A call that is answered at once comes back here: the loop takes the next one, not a deeper call.
    if (this.#draining) return
    this.#draining = true
    while (!this.#running && this.#queue.length > 0) this.#queue.shift()!()
    this.#draining = false
  }

  /** Reads the first record of each source, all at once, and answers the first `next()`. */
  async #start(): Promise<IteratorResult<Record, undefined>> {
    this.#started = true
    let answer: IteratorResult<Record, undefined> | undefined
    try {
      // All are waited for, failed or not: none may be closed while it is being read.
      const asked = await Promise.allSettled(this.#iterators.map(async (_, source) => this.#ask(source)))
      const failures: unknown[] = []
      const first = asked.map((each, source) => {
        try {
          if (each.status === 'rejected') throw each.reason
          return this.#take(source, each.value)
        } catch (error) {
          failures.push(error)
          return ENDED
        }
      })
      if (failures.length > 0) throw failures[0]
      this.#tree = buildRecordTree(first, this.#options)
      answer = this.#answer()
    } catch (error) {
      return this.#fail(error)
    }
    if (answer === undefined) return this.#later(undefined)
    this.#leave()
    return answer
  }

  #ask(source: number): MaybePromise<IteratorResult<Record>> {
    this.#open[source] = false
    return this.#iterators[source]!.next()
  }

  #take(source: number, result: IteratorResult<Record>): Record | typeof ENDED {
    if (typeof result !== 'object' || result === null)
      throw invalidRecord(source, 'an iterator result that is no object')
    if (result.done) return ENDED
    const { value } = result
    this.#open[source] = true
    return value
  }

  /** What `next` answers from the records that are there; `undefined` when the winner's source must be read first. */
  #answer(): IteratorResult<Record, undefined> | undefined {
    const tree = this.#tree
    if (tree !== undefined && tree.live > 0) {
      return tree.admitsWinner() ? { done: false, value: tree.records[tree.winner]! } : undefined
    }
    this.#done = true
    return { done: true, value: undefined }
  }

  /** Goes on with what the last winner's source gave, to an answer or to the next thing that must be waited for. */
  #proceed(result: IteratorResult<Record>): MaybePromise<IteratorResult<Record>> {
    const tree = this.#tree!
    for (;;) {
      const { winner } = tree
      tree.place(winner, this.#take(winner, result))
      tree.replay(winner)
      const answer = this.#answer()
      if (answer !== undefined) return answer
      const asked = this.#ask(tree.winner)
      if (isPromise(asked)) return asked
      result = asked
    }
  }

  /** Waits for what the winner's source was asked for, or else is asked for now, until there is an answer. */
  async #later(asked: MaybePromise<IteratorResult<Record>> | undefined): Promise<IteratorResult<Record, undefined>> {
    try {
      for (;;) {
        const answer = this.#proceed(await (asked ?? this.#ask(this.#tree!.winner)))
        if (!isPromise(answer)) {
          this.#leave()
          return answer
        }
        asked = answer
      }
    } catch (error) {
      return this.#fail(error)
    }
  }

  async #fail(error: unknown): Promise<never> {
    // As in the language's own loops, the error that stopped the merge wins over those of closing.
    await this.#close()
    this.#leave()
    throw error
  }

  /** Closes what is open, each once, whatever the others do. Resolves to what they threw. */
  async #close(): Promise<unknown[]> {
    this.#done = true
    this.#tree = undefined
    const closing = this.#iterators.map(async (iterator, source) => {
      if (!this.#open[source]) return
      this.#open[source] = false
      await iterator.return?.()
    })
    const settled = await Promise.allSettled(closing)
    return settled.flatMap((each) => (each.status === 'rejected' ? [each.reason] : []))
  }

  static {
    // No polyfill: where the runtime has no such symbol, there is no such method.
    if (Symbol.asyncDispose) {
      Object.defineProperty(AsyncKWayMergeIterator.prototype, Symbol.asyncDispose, {
        async value(this: AsyncKWayMergeIterator<MergeRecord>): Promise<void> {
          await this.return()
        },
      })
    }
  }
}

function openSource<Record>(index: number, source: AsyncIterable<Record> | Iterable<Record>): SomeIterator<Record> {
  const { [Symbol.asyncIterator]: open } = (source ?? {}) as Partial<AsyncIterable<Record>>
  const iterator: SomeIterator<Record> | undefined =
    open === undefined ? (source as Partial<Iterable<Record>>)?.[Symbol.iterator]?.() : open.call(source)
  if (typeof iterator?.next !== 'function') throw invalidArgument(`source ${index} is not iterable`)
  return iterator
}

function isPromise<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return typeof (value as Partial<PromiseLike<T>> | undefined)?.then === 'function'
}
