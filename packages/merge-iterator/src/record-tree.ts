/**
 * The sources' current records in a tree of losers: one class for each kind of key, chosen by the first record.
 */
import { invalidRecord, unsortedSource } from './errors.ts'
import { mismatchBytes, orderAt, wordOfBytes } from './key-words.ts'
import { LoserTree } from './loser-tree.ts'
import type { MergeOptions, MergeRecord } from './options.ts'
import { VersionFilter } from './version-filter.ts'

/** In place of a record: the source has no more. */
export const ENDED: unique symbol = Symbol('ended')

/** A tree of the sources' first records, ready for its first winner. `undefined` when no source has any. */
export function buildRecordTree<Record extends MergeRecord>(
  first: ReadonlyArray<Record | typeof ENDED>,
  options: MergeOptions<Record>,
): RecordTree<Record> | undefined {
  const live = first.findIndex((record) => record !== ENDED)
  if (live < 0) return undefined
  const tree = createTree(first.length, options, live, first[live] as Record)
  for (const [source, record] of first.entries()) tree.place(source, record)
  tree.build()
  return tree
}

function createTree<Record extends MergeRecord>(
  size: number,
  options: MergeOptions<Record>,
  source: number,
  record: Record,
): RecordTree<Record> {
  if (options.compare !== undefined) return new ComparedTree(size, options, undefined, options.compare)
  const key: unknown = record?.key
  const type = typeof key
  if (type === 'number') return new NumberTree(size, options, true)
  if (type === 'string') return new ComparedTree(size, options, type, compareStrings)
  if (type === 'bigint') return new ComparedTree(size, options, type, compareBigints)
  if (key instanceof Uint8Array) return new ByteTree(size, options)
  throw invalidRecord(source, `a key of type ${type}, which has no order of its own: give \`compare\``)
}

export abstract class RecordTree<Record extends MergeRecord> extends LoserTree {
  readonly records: Array<Record | undefined>
  readonly #filter: VersionFilter<Record['key'], Record>
  readonly #isTombstone: ((record: Record) => boolean) | undefined

  constructor(size: number, options: MergeOptions<Record>, absolute = false) {
    super(size, options.reverse ?? false, absolute)
    this.records = new Array<Record | undefined>(size).fill(undefined)
    this.#filter = new VersionFilter(options, (record) => record.key)
    this.#isTombstone = options.isTombstone
  }

  /** Takes the next record of a source, in place of its last one. Throws when it is none or out of order. */
  place(source: number, record: Record | typeof ENDED): void {
    if (record === ENDED) {
      this.records[source] = undefined
      this.end(source)
      return
    }
    const seq: unknown = record?.seq
    // biome-ignore lint/suspicious/noSelfCompare: the quickest test for NaN, once a record
    if (typeof seq !== 'number' || seq !== seq) {
      throw invalidRecord(source, 'something that is no record: it must be an object whose seq is a number')
    }
    const { seqs, records } = this
    const before = records[source]
    const seqBefore = seqs[source]!
    records[source] = record
    seqs[source] = seq
    this.code(source, record.key, before, seqBefore)
  }

  /** Whether the winner's record comes out. To be asked once for each winner. */
  admitsWinner(): boolean {
    const { winner } = this
    const filter = this.#filter
    const record = this.records[winner]!
    const { seq } = record
    if (!filter.admits(this.codes[winner] === this.repeated, seq)) return false
    if (!filter.mayDrop) return true
    const tombstone = this.#isTombstone === undefined ? record.value === null : this.#isTombstone(record)
    return !(tombstone && filter.dropsTombstone(record, seq))
  }

  /** Codes the key of the record just placed, which follows `before` in its source. */
  protected abstract code(source: number, key: Record['key'], before: Record | undefined, seqBefore: number): void

  protected wrongKey(source: number, expected: string): Error {
    return invalidRecord(source, `a key that is not ${expected} as the first one was; to mix types, give \`compare\``)
  }
}

/** Numbers are codes already: the smaller one first, whatever came out last. */
class NumberTree<Record extends MergeRecord> extends RecordTree<Record> {
  protected code(source: number, key: Record['key'], before: Record | undefined, seqBefore: number): void {
    // biome-ignore lint/suspicious/noSelfCompare: the quickest test for NaN, once a record
    if (typeof key !== 'number' || key !== key) throw this.wrongKey(source, 'a number')
    const { codes } = this
    const code = this.reverse ? -key : key
    const codeBefore = codes[source]!
    if (before !== undefined && (code < codeBefore || (code === codeBefore && this.seqs[source]! > seqBefore))) {
      throw unsortedSource(source)
    }
    this.repeated = codeBefore
    codes[source] = code
  }

  protected untie(): number {
    return 0
  }
}

class ByteTree<Record extends MergeRecord> extends RecordTree<Record> {
  protected code(source: number, key: Record['key'], before: Record | undefined, seqBefore: number): void {
    if (!(key instanceof Uint8Array)) throw this.wrongKey(source, 'a Uint8Array')
    const { length } = key
    if (before === undefined) {
      this.encode(source, 0, wordOfBytes(key, 0, length), length)
      return
    }
    const last = before.key as Uint8Array
    const at = mismatchBytes(last, 0, last.length, key, 0, length, 0)
    if (at < 0) {
      this.repeat(source, seqBefore)
      return
    }
    if (!this.isBefore(orderAt(last, at, last.length, key, at, length))) throw unsortedSource(source)
    this.#encodeAt(source, key, at)
  }

  protected untie(a: number, b: number): number {
    const keyA = this.records[a]!.key as Uint8Array
    const keyB = this.records[b]!.key as Uint8Array
    const at = mismatchBytes(keyA, 0, keyA.length, keyB, 0, keyB.length, this.firstUnsettledWord(a) * 4)
    if (at < 0) return 0
    const first = this.isBefore(orderAt(keyA, at, keyA.length, keyB, at, keyB.length))
    this.#encodeAt(first ? b : a, first ? keyB : keyA, at)
    return first ? -1 : 1
  }

  #encodeAt(source: number, key: Uint8Array, at: number): void {
    const word = at & ~3
    this.encode(source, at >> 2, wordOfBytes(key, word, key.length), Math.max(0, key.length - word))
  }
}

/** Keys that can only be compared: the code says no more than whether the key is the last one again. */
class ComparedTree<Record extends MergeRecord> extends RecordTree<Record> {
  readonly #type: string | undefined
  readonly #compare: (a: Record['key'], b: Record['key']) => number

  constructor(
    size: number,
    options: MergeOptions<Record>,
    type: string | undefined,
    compare: (a: Record['key'], b: Record['key']) => number,
  ) {
    super(size, options)
    this.#type = type
    this.#compare = compare
  }

  protected code(source: number, key: Record['key'], before: Record | undefined, seqBefore: number): void {
    if (this.#type !== undefined && typeof key !== this.#type) throw this.wrongKey(source, `a ${this.#type}`)
    const order = before === undefined ? -1 : this.#order(before.key, key)
    if (order > 0) throw unsortedSource(source)
    if (order < 0) this.codes[source] = 1
    else this.repeat(source, seqBefore)
  }

  protected untie(a: number, b: number): number {
    return this.#order(this.records[a]!.key, this.records[b]!.key)
  }

  #order(a: Record['key'], b: Record['key']): number {
    const compare = this.#compare
    return this.reverse ? compare(b, a) : compare(a, b)
  }
}

// Two functions of the same text, so that each is compiled for one type.
function compareStrings(a: unknown, b: unknown): number {
  return a === b ? 0 : (a as string) < (b as string) ? -1 : 1
}

function compareBigints(a: unknown, b: unknown): number {
  return a === b ? 0 : (a as bigint) < (b as bigint) ? -1 : 1
}
