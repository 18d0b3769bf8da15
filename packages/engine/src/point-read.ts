/**
 * The way of a point read: memtables, level 0 from the newest table on, one table of each deeper level. Synchronous as
 * long as all is in memory; a promise only where a block must be read.
 */
import { BloomFilter } from '@lsm/bloom'
import { RECORD_KIND } from '@lsm/encoding'
import type { PointReader } from '@lsm/memtable'
import { type FindOptions, TableLookup } from '@lsm/sstable'
import type { Counters } from './counters.ts'
import type { View } from './keyspace-state.ts'
import type { LiveTable, LiveVersion } from './live-version.ts'

export interface PointReadOptions {
  readonly fillCache: boolean
  /** Reads at once: no promise. */
  readonly sync: boolean
}

/** One lookup after another; its fields show what the last one found. Not to be used again while one is pending. */
export class PointLookup {
  /** Whether there is a value. */
  found = false
  bytes: Uint8Array = new Uint8Array(0)
  valueStart = 0
  valueEnd = 0
  readonly #counters: Counters
  readonly #table = new TableLookup()
  readonly #hash = new Int32Array(2)
  readonly #filling: FindOptions
  readonly #passing: FindOptions
  /** The key of a lookup that may wait. */
  #ownKey = new Uint8Array(0)
  /** Readers of memtables are kept while they are the same ones. */
  readonly #readers = new WeakMap<object, PointReader>()

  constructor(counters: Counters) {
    this.#counters = counters
    this.#filling = { keyHash: this.#hash, fillCache: true, tally: counters }
    this.#passing = { keyHash: this.#hash, fillCache: false, tally: counters }
  }

  /** Looks for `key` as it was at `seq`. `key` is borrowed until this returns. */
  find(view: View, key: Uint8Array, seq: number, options: PointReadOptions): undefined | Promise<void> {
    this.found = false
    this.#counters.gets++
    for (const memtable of view.memtables) {
      if (memtable.entryCount === 0) continue
      let reader = this.#readers.get(memtable)
      if (reader === undefined) {
        reader = memtable.reader()
        this.#readers.set(memtable, reader)
      }
      if (!reader.find(key, seq)) continue
      this.#counters.memtableHits++
      if (reader.kind === RECORD_KIND.value) this.#show(reader.valueBytes, reader.valueStart, reader.valueEnd)
      return undefined
    }
    const { live } = view
    if (live.lastLevel < 0) return undefined
    BloomFilter.hash(key, this.#hash)
    return this.#findInTables(live, options.sync ? key : this.#own(key), seq, options, 0)
  }

  /** The caller may change the key while a block is read. One buffer is kept: a new one for each lookup is 270 ns. */
  #own(key: Uint8Array): Uint8Array {
    const { length } = key
    if (this.#ownKey.length !== length) this.#ownKey = new Uint8Array(length)
    const own = this.#ownKey
    if (length > 64) own.set(key)
    else for (let i = 0; i < length; i++) own[i] = key[i]!
    return own
  }

  /** Tables are numbered: those of level 0, then the levels from 1 on with one each. */
  #findInTables(
    live: LiveVersion,
    key: Uint8Array,
    seq: number,
    options: PointReadOptions,
    from: number,
  ): undefined | Promise<void> {
    const level0 = live.levels[0]!.length
    for (let i = from; i < level0 + live.lastLevel; i++) {
      const table = i < level0 ? live.tableInLevel0(i, key) : live.tableFor(i - level0 + 1, key)
      if (table === undefined) continue
      const { reader } = table
      const findOptions = options.fillCache ? this.#filling : this.#passing
      const found = options.sync
        ? reader.findSync(key, seq, this.#table, findOptions)
        : reader.find(key, seq, this.#table, findOptions)
      if (typeof found !== 'boolean') {
        return found.then((late) =>
          this.#isDecided(table, key, seq, late) ? undefined : this.#findInTables(live, key, seq, options, i + 1),
        )
      }
      if (this.#isDecided(table, key, seq, found)) return undefined
    }
    return undefined
  }

  /** Whether what a table says of the key is the last word: older tables need not be asked. */
  #isDecided({ reader }: LiveTable, key: Uint8Array, seq: number, found: boolean): boolean {
    const covering = reader.rangeTombstones.count === 0 ? -1 : reader.coveringSeq(key, seq)
    if (!found) return covering >= 0
    const { kind, bytes, valueStart, valueEnd } = this.#table
    if (kind === RECORD_KIND.value && covering < this.#table.seq) this.#show(bytes, valueStart, valueEnd)
    return true
  }

  #show(bytes: Uint8Array, start: number, end: number): void {
    this.found = true
    this.bytes = bytes
    this.valueStart = start
    this.valueEnd = end
  }
}
