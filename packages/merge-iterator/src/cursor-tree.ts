/**
 * The sources' cursors in a tree of losers: keys are compared where they lie.
 */
import { invalidRecord, unsortedSource } from './errors.ts'
import { mismatchBytes, orderAt, wordOfBytes } from './key-words.ts'
import { LoserTree } from './loser-tree.ts'
import type { MergeCursor } from './merge-cursor.ts'

/** Longer keys are rare and make it grow. */
const FIRST_CAPACITY_BYTES = 64

export class CursorTree<Cursor extends MergeCursor> extends LoserTree {
  readonly #cursors: readonly Cursor[]
  /** The last winner's key: its own bytes may be gone once its cursor has moved. */
  #last: Uint8Array = new Uint8Array(FIRST_CAPACITY_BYTES)
  #lastLength = 0

  constructor(cursors: readonly Cursor[], reverse: boolean) {
    super(cursors.length, reverse)
    this.#cursors = cursors
  }

  /** Remembers the winner's key, before its cursor moves. */
  hold(): void {
    const { keyBytes, keyStart, keyEnd } = this.#cursors[this.winner]!
    const length = keyEnd - keyStart
    if (length > this.#last.length) this.#last = new Uint8Array(2 * length)
    const last = this.#last
    // A loop: `set` would need a view, and keys are short.
    for (let at = 0; at < length; at++) last[at] = keyBytes[keyStart + at]!
    this.#lastLength = length
  }

  /** Takes the record that a source's cursor is on: the `first` of it, or the one after the key that is held. */
  place(source: number, first: boolean): void {
    const { keyBytes, keyStart, keyEnd, seq } = this.#cursors[source]!
    const length = keyEnd - keyStart
    if (!(keyBytes instanceof Uint8Array && keyStart >= 0 && length >= 0 && keyEnd <= keyBytes.length)) {
      throw invalidRecord(source, 'a key that does not lie within its bytes')
    }
    // biome-ignore lint/suspicious/noSelfCompare: the quickest test for NaN, once a record
    if (typeof seq !== 'number' || seq !== seq) throw invalidRecord(source, 'a seq that is not a number')
    const seqBefore = this.seqs[source]!
    this.seqs[source] = seq
    if (first) {
      this.encode(source, 0, wordOfBytes(keyBytes, keyStart, keyEnd), length)
      return
    }
    const last = this.#last
    const lastLength = this.#lastLength
    const at = mismatchBytes(last, 0, lastLength, keyBytes, keyStart, keyEnd, 0)
    if (at < 0) {
      this.repeat(source, seqBefore)
      return
    }
    if (!this.isBefore(orderAt(last, at, lastLength, keyBytes, keyStart + at, keyEnd))) throw unsortedSource(source)
    const word = at & ~3
    this.encode(source, at >> 2, wordOfBytes(keyBytes, keyStart + word, keyEnd), Math.max(0, length - word))
  }

  protected untie(a: number, b: number): number {
    const { keyBytes: bytesA, keyStart: startA, keyEnd: endA } = this.#cursors[a]!
    const { keyBytes: bytesB, keyStart: startB, keyEnd: endB } = this.#cursors[b]!
    const at = mismatchBytes(bytesA, startA, endA, bytesB, startB, endB, this.firstUnsettledWord(a) * 4)
    if (at < 0) return 0
    const word = at & ~3
    if (this.isBefore(orderAt(bytesA, startA + at, endA, bytesB, startB + at, endB))) {
      this.encode(b, at >> 2, wordOfBytes(bytesB, startB + word, endB), Math.max(0, endB - startB - word))
      return -1
    }
    this.encode(a, at >> 2, wordOfBytes(bytesA, startA + word, endA), Math.max(0, endA - startA - word))
    return 1
  }
}
