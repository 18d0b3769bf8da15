/**
 * A tree of losers (Knuth, The Art of Computer Programming 3, section 5.4.1) over offset-value codes (Conner 1977;
 * Graefe and Do, "Offset-value coding in database query processing", EDBT 2023).
 *
 * Each source is a leaf; an inner node remembers who lost the match there; the root remembers the winner. When the
 * winner's source moves on, only the matches between its leaf and the root are played again: log2(sources).
 *
 * Each source's key carries a code that says how it differs from the key that came out last, so that most matches
 * compare two numbers, whatever prefix all the keys share:
 *
 *     0                                       the key that came out last, again: a further version
 *     (WORDS - word) * 2^35 + symbol          equal to it up to `word`, and there `symbol` (see key-words.ts)
 *     1                                       equal to it for longer than a code can say
 *     Infinity                                the source has ended
 *
 * The smaller code comes first: who agrees with the last key for longer is nearer to it. Among equal codes the keys
 * are compared from that word on, and the loser's code is made anew, relative to the winner. So a code is always
 * relative to the key that beat it, which is the last one out whenever the two can meet; the theorem is Conner's.
 * Two things come free with it: versions of one key are recognised (code 0) and sources are found to be unsorted.
 */
import { unsortedSource } from './errors.ts'

/** Words that a code can tell apart: keys that agree for a megabyte still merge, by comparing from there on. */
const WORDS = 2 ** 18 - 1
const SYMBOLS = 2 ** 35

export abstract class LoserTree {
  /** The source whose record comes next, unless none is live. */
  winner = 0
  /** How many sources have not ended. */
  live: number
  /** The code of a source whose key is the one that came out last. */
  repeated = 0
  readonly codes: Float64Array
  readonly seqs: Float64Array
  readonly reverse: boolean
  /** Whether codes are not relative to the last key out, but are the keys themselves. */
  readonly #absolute: boolean
  readonly #losers: Int32Array
  readonly #ended: Uint8Array
  /**
   * By one element: with a code under this, the winner wins again unplayed. Known only after it has won twice in a row.
   * An array, so that storing a double can never allocate.
   */
  readonly #limit: Float64Array = new Float64Array(1)

  constructor(size: number, reverse: boolean, absolute = false) {
    this.codes = new Float64Array(size)
    this.seqs = new Float64Array(size)
    this.#losers = new Int32Array(size)
    this.reverse = reverse
    this.live = size
    this.#absolute = absolute
    this.#ended = new Uint8Array(size)
  }

  /** Forgets which sources have ended. */
  reset(): void {
    this.live = this.codes.length
    this.#ended.fill(0)
  }

  /** Plays every match, once each source is placed or ended; O(sources). */
  build(): void {
    this.#limit[0] = Number.NEGATIVE_INFINITY
    if (this.#absolute) this.repeated = Number.NaN
    if (this.codes.length > 0) this.winner = this.#play(1)
  }

  /** Marks the source as having no more records. */
  end(source: number): void {
    if (this.#absolute) this.repeated = this.codes[source]!
    this.codes[source] = Number.POSITIVE_INFINITY
    this.#ended[source] = 1
    this.live--
  }

  /** Plays the matches of `source`, the last winner, after it was placed anew or ended; O(log sources). */
  replay(source: number): void {
    const { codes } = this
    // A run of keys from one source, as overlapping tables of unequal size give, costs one comparison each: the
    // others' codes stay true, since each of them differs from the last key earlier than the new one does.
    if (codes[source]! < this.#limit[0]!) return
    const losers = this.#losers
    let winner = source
    let code = codes[source]!
    let limit = Number.POSITIVE_INFINITY
    for (let node = (codes.length + source) >> 1; node > 0; node >>= 1) {
      const rival = losers[node]!
      const theirs = codes[rival]!
      if (theirs < code || (theirs === code && this.#wins(rival, winner))) {
        losers[node] = winner
        winner = rival
        code = theirs
      } else {
        // A tie may have given the rival a new code.
        const lost = theirs === code ? codes[rival]! : theirs
        if (lost < limit) limit = lost
      }
    }
    this.winner = winner
    this.#limit[0] = winner === source ? limit : Number.NEGATIVE_INFINITY
  }

  /** Compares two keys with equal codes: negative when `a`'s comes first, 0 when equal; recodes the later one. */
  protected abstract untie(a: number, b: number): number

  /** Where in the keys `untie` may begin: words before it are equal. */
  protected firstUnsettledWord(source: number): number {
    return WORDS - Math.floor(this.codes[source]! / SYMBOLS)
  }

  /** Whether a key that compares as `order` with another comes before it in the merge. */
  protected isBefore(order: number): boolean {
    return order < 0 !== this.reverse
  }

  /**
   * Codes a source's key by the word in which it differs from the key before it: that word's bits, and how many bytes
   * the key has from there on.
   */
  protected encode(source: number, word: number, bits: number, bytesLeft: number): void {
    const symbol = (bits >>> 0) * 8 + Math.min(bytesLeft, 4)
    this.codes[source] = word < WORDS ? (WORDS - word) * SYMBOLS + (this.reverse ? SYMBOLS - 1 - symbol : symbol) : 1
  }

  /** Codes a source's key that equals the one before it in the same source. */
  protected repeat(source: number, seqBefore: number): void {
    if (this.seqs[source]! > seqBefore) throw unsortedSource(source)
    this.codes[source] = 0
  }

  /** The match of two sources with equal codes. */
  #wins(a: number, b: number): boolean {
    const { codes, seqs } = this
    const code = codes[a]!
    if (code === Number.POSITIVE_INFINITY && (this.#ended[a] || this.#ended[b])) return !this.#ended[a]
    if (code !== 0 && !this.#absolute) {
      const order = this.untie(a, b)
      if (order !== 0) return order < 0
    }
    const wins = seqs[a] === seqs[b] ? a < b : seqs[a]! > seqs[b]!
    if (!this.#absolute) codes[wins ? b : a] = 0
    return wins
  }

  #play(node: number): number {
    const size = this.codes.length
    if (node >= size) return node - size
    const left = this.#play(2 * node)
    const right = this.#play(2 * node + 1)
    const ours = this.codes[left]!
    const theirs = this.codes[right]!
    const leftWins = ours < theirs || (ours === theirs && this.#wins(left, right))
    this.#losers[node] = leftWins ? right : left
    return leftWins ? left : right
  }
}
