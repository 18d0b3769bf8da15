/**
 * Writes merged records as tables: what a flush and a compaction have in common. It drops what nobody can read any
 * more, starts a new table where one is large enough, and cuts range tombstones at the tables' bounds.
 */
import { compareBytes } from '@lsm/encoding'
import type { RangeTombstone, TableInfo, TableWriter } from '@lsm/sstable'
import { boundaryBetween, type KeyRange, mayHold } from './key-bound.ts'

/** A record where it lies: the part of the tables' and the memtable's cursors that is needed here. */
export interface OutputRecord {
  readonly keyBytes: Uint8Array
  readonly keyStart: number
  readonly keyEnd: number
  readonly seq: number
}

export interface TableOutputOptions<R extends OutputRecord> {
  readonly createWriter: () => Promise<TableWriter>
  /** Copies the record to the table. */
  readonly write: (writer: TableWriter, record: R) => undefined | Promise<void>
  readonly tableSizeBytes: number
  /** All range tombstones of the inputs. */
  readonly rangeTombstones: readonly RangeTombstone[]
  /** The newest range tombstone over a key up to a sequence number, or -1. */
  readonly coveringSeq: (key: Uint8Array, visibleSeq: number) => number
  /** Where somebody still reads, ascending. */
  readonly snapshots: readonly number[]
  /** Where data older than the inputs may lie. */
  readonly olderRanges: readonly KeyRange[]
}

export interface TableOutputResult {
  readonly tables: readonly TableInfo[]
  readonly recordsDropped: number
}

/** Takes records by ascending key, newest first, and makes tables of them. */
export class TableOutput<R extends OutputRecord> {
  readonly #options: TableOutputOptions<R>
  readonly #tombstones: readonly RangeTombstone[]
  readonly #tables: TableInfo[] = []
  #writer: TableWriter | undefined
  /** Where the open table begins: range tombstones are cut here. `undefined`: at the first key. */
  #from: Uint8Array | undefined
  #lastKey: Uint8Array | undefined
  #dropped = 0

  constructor(options: TableOutputOptions<R>) {
    this.#options = options
    const { rangeTombstones } = options
    this.#tombstones = rangeTombstones.filter((each) => !this.#isSpent(each))
    this.#dropped += rangeTombstones.length - this.#tombstones.length
  }

  /** Takes the next record. A promise is to be awaited before the next call. */
  add(record: R): undefined | Promise<void> {
    const { rangeTombstones } = this.#options
    if (rangeTombstones.length > 0 && this.#isCovered(record)) {
      this.#dropped++
      return undefined
    }
    const writer = this.#writer
    if (writer !== undefined && writer.sizeBytes < this.#options.tableSizeBytes) {
      // A table that was full may have room again: compressing a block makes it smaller.
      this.#lastKey = undefined
      return this.#options.write(writer, record)
    }
    return this.#addSlowly(record)
  }

  async #addSlowly(record: R): Promise<void> {
    const key = record.keyBytes.slice(record.keyStart, record.keyEnd)
    // All versions of a key stay in one table, and so do keys that a manifest's bounds could not tell apart.
    const boundary = this.#lastKey && boundaryBetween(this.#lastKey, key)
    if (this.#writer !== undefined && boundary !== undefined) {
      await this.#finishTable(boundary)
      this.#lastKey = undefined
    } else if (this.#writer !== undefined) this.#lastKey = key
    this.#writer ??= await this.#options.createWriter()
    await this.#options.write(this.#writer, record)
  }

  /** Finishes the last table and says what was written. */
  async finish(): Promise<TableOutputResult> {
    if (this.#writer === undefined && this.#tombstones.some((each) => this.#cut(each, undefined))) {
      this.#writer = await this.#options.createWriter()
    }
    if (this.#writer !== undefined) await this.#finishTable(undefined)
    return { tables: this.#tables, recordsDropped: this.#dropped }
  }

  /** Removes the table that is being written; those that are finished are the caller's to remove. */
  async abandon(): Promise<readonly TableInfo[]> {
    await this.#writer?.abandon()
    return this.#tables
  }

  /** `boundary`: exclusive, and where the next table begins. */
  async #finishTable(boundary: Uint8Array | undefined): Promise<void> {
    const writer = this.#writer!
    for (const each of this.#tombstones) {
      const piece = this.#cut(each, boundary)
      if (piece) writer.addRangeTombstone(piece.start, piece.end, each.seq, each.timestampMs)
    }
    this.#tables.push(await writer.finish())
    this.#writer = undefined
    this.#from = boundary
  }

  /** The part of a range tombstone that lies in the open table, which ends before `to`. */
  #cut({ start, end }: RangeTombstone, to: Uint8Array | undefined): { start: Uint8Array; end: Uint8Array } | undefined {
    const from = this.#from !== undefined && compareBytes(start, this.#from) < 0 ? this.#from : start
    const until = to !== undefined && compareBytes(to, end) < 0 ? to : end
    return compareBytes(from, until) < 0 ? { start: from, end: until } : undefined
  }

  /** Whether a range tombstone hides the record from everybody who could still read it. */
  #isCovered({ keyBytes, keyStart, keyEnd, seq }: R): boolean {
    const key = keyBytes.subarray(keyStart, keyEnd)
    const reader = this.#options.snapshots.find((snapshot) => snapshot >= seq) ?? Number.POSITIVE_INFINITY
    return this.#options.coveringSeq(key, reader) > seq
  }

  /** Whether a range tombstone hides nothing any more: what it covers is gone from the inputs and is nowhere else. */
  #isSpent({ start, end, seq }: RangeTombstone): boolean {
    const { snapshots, olderRanges } = this.#options
    if (snapshots.length > 0 && snapshots[0]! < seq) return false
    return !olderRanges.some(
      (older) =>
        compareBytes(older.smallest, end) < 0 && (mayHold(older, start) || compareBytes(older.smallest, start) >= 0),
    )
  }
}
