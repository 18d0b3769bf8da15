/**
 * The merge of records from iterables.
 */
import { busy, closeFailed, invalidArgument, invalidRecord } from './errors.ts'
import { checkOptions, listSources, type MergeOptions, type MergeRecord } from './options.ts'
import { buildRecordTree, ENDED, type RecordTree } from './record-tree.ts'

/**
 * Iterates over the records of all `sources` in key order, the versions of a key newest first, ties in the order of
 * the sources; by default only the newest version of each key.
 *
 * Each source must be sorted the same way: by key in the merge's direction and, for equal keys, by falling `seq`, in
 * reverse too. One that is not is found out (`MERGE_UNSORTED_SOURCE`) at no cost beyond what deduplication takes.
 *
 * Sources are opened by the constructor, read one record ahead from the first `next()` on, and each is closed once:
 * when it ends or throws, as iterators are, by itself; otherwise by its `return()` when the consumer stops, another
 * source throws, or a record is refused. What a source throws is passed on as it is. Arrays are read in place.
 *
 * A record costs O(log sources) comparisons of numbers and one comparison of keys with its predecessor's.
 */
export class KWayMergeIterator<Record extends MergeRecord> implements IterableIterator<Record, undefined> {
  /** The same as `return()`. Absent where the runtime has no `Symbol.dispose`. */
  declare readonly [Symbol.dispose]: () => void
  readonly #options: MergeOptions<Record>
  #tree: RecordTree<Record> | undefined
  /** A source is one of the two: an array and the place in it, or an iterator. */
  readonly #arrays: Array<readonly Record[] | undefined> = []
  readonly #positions: number[] = []
  readonly #iterators: Array<Iterator<Record> | undefined> = []
  /** Whether an iterator is ours to close: false once it has ended, thrown or been closed, and while it runs. */
  readonly #open: boolean[] = []
  #state: 'new' | 'idle' | 'running' | 'done' = 'new'

  constructor(sources: ReadonlyArray<Iterable<Record>>, options: MergeOptions<NoInfer<Record>> = {}) {
    checkOptions(options)
    const list = listSources(sources)
    this.#options = options
    try {
      for (const [index, source] of list.entries()) this.#openSource(index, source)
    } catch (error) {
      this.#close()
      throw error
    }
  }

  /** The next record, or `{ done: true }`. Once a call has thrown, all that follow are `{ done: true }`. */
  next(): IteratorResult<Record, undefined> {
    const state = this.#state
    if (state === 'done') return { done: true, value: undefined }
    if (state === 'running') throw busy()
    this.#state = 'running'
    try {
      const tree = state === 'new' ? this.#start() : this.#advance()
      while (tree !== undefined && tree.live > 0) {
        if (tree.admitsWinner()) {
          this.#state = 'idle'
          return { done: false, value: tree.records[tree.winner]! }
        }
        this.#advance()
      }
    } catch (error) {
      // As in the language's own loops, the error that stopped the merge wins over those of closing.
      this.#close()
      throw error
    }
    this.#state = 'done'
    return { done: true, value: undefined }
  }

  /** Closes all sources that are still open. If any of them throws: `MERGE_CLOSE_FAILED`, the first as its cause. */
  return(): IteratorResult<Record, undefined> {
    if (this.#state === 'running') throw busy()
    const errors = this.#close()
    if (errors.length > 0) throw closeFailed(errors)
    return { done: true, value: undefined }
  }

  [Symbol.iterator](): this {
    return this
  }

  #openSource(index: number, source: Iterable<Record>): void {
    const isArray = Array.isArray(source) && source[Symbol.iterator] === Array.prototype[Symbol.iterator]
    this.#arrays.push(isArray ? source : undefined)
    this.#positions.push(0)
    const iterator = isArray ? undefined : source?.[Symbol.iterator]?.()
    if (!isArray && typeof iterator?.next !== 'function') throw invalidArgument(`source ${index} is not iterable`)
    this.#iterators.push(iterator)
    this.#open.push(!isArray)
  }

  #start(): RecordTree<Record> | undefined {
    const first = this.#arrays.map((_, source) => this.#read(source))
    this.#tree = buildRecordTree(first, this.#options)
    return this.#tree
  }

  #advance(): RecordTree<Record> {
    const tree = this.#tree!
    const { winner } = tree
    tree.place(winner, this.#read(winner))
    tree.replay(winner)
    return tree
  }

  #read(source: number): Record | typeof ENDED {
    const array = this.#arrays[source]
    if (array !== undefined) {
      const at = this.#positions[source]!++
      return at < array.length ? array[at]! : ENDED
    }
    this.#open[source] = false
    const result = this.#iterators[source]!.next()
    if (typeof result !== 'object' || result === null)
      throw invalidRecord(source, 'an iterator result that is no object')
    if (result.done) return ENDED
    const { value } = result
    this.#open[source] = true
    return value
  }

  /** Closes what is open, each once, whatever the others do. Returns what they threw. */
  #close(): unknown[] {
    const errors: unknown[] = []
    this.#state = 'done'
    for (const [source, iterator] of this.#iterators.entries()) {
      if (!this.#open[source]) continue
      this.#open[source] = false
      try {
        iterator!.return?.()
      } catch (error) {
        errors.push(error)
      }
    }
    return errors
  }

  static {
    // No polyfill: where the runtime has no such symbol, there is no such method.
    if (Symbol.dispose) {
      Object.defineProperty(KWayMergeIterator.prototype, Symbol.dispose, {
        value(this: KWayMergeIterator<MergeRecord>): void {
          this.return()
        },
      })
    }
  }
}
