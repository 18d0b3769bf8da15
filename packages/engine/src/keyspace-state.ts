/** One keyspace's memtables and version. What reads see is one immutable view, replaced whole. */
import type { Memtable, MemtableView } from '@lsm/memtable'
import type { LiveVersion } from './live-version.ts'
import type { ResolvedKeyspaceOptions } from './options.ts'

/** All places where a key can be, newest first. */
export interface View {
  /** The one that takes writes, then the frozen ones. */
  readonly memtables: readonly MemtableView[]
  readonly live: LiveVersion
}

export interface KeyspaceIdentity {
  readonly id: number
  readonly name: string
  readonly options: ResolvedKeyspaceOptions
}

export class KeyspaceState {
  readonly id: number
  readonly name: string
  readonly options: ResolvedKeyspaceOptions
  /** Everything up to here is in tables. */
  flushedThroughSeq: number
  /** Where the last compaction of each level ended. */
  readonly compactionCursors: (Uint8Array | undefined)[] = []
  readonly #createMemtable: () => Memtable
  #memtable: Memtable
  /** Newest first. */
  #frozen: readonly Memtable[] = []
  #view: View

  constructor(
    identity: KeyspaceIdentity,
    parts: { readonly flushedThroughSeq: number; readonly live: LiveVersion; readonly createMemtable: () => Memtable },
  ) {
    this.id = identity.id
    this.name = identity.name
    this.options = identity.options
    this.flushedThroughSeq = parts.flushedThroughSeq
    this.#createMemtable = parts.createMemtable
    this.#memtable = parts.createMemtable()
    this.#view = { memtables: [this.#memtable], live: parts.live }
  }

  get view(): View {
    return this.#view
  }

  get memtable(): Memtable {
    return this.#memtable
  }

  get frozen(): readonly Memtable[] {
    return this.#frozen
  }

  /** The first sequence number that is in no table, or Infinity. */
  get firstUnflushedSeq(): number {
    const oldest = this.#frozen.at(-1) ?? this.#memtable
    return oldest.entryCount === 0 ? Number.POSITIVE_INFINITY : oldest.firstSeq
  }

  /** Bytes of all memtables. */
  get memtableBytes(): number {
    return this.#frozen.reduce((sum, memtable) => sum + sizeOf(memtable), sizeOf(this.#memtable))
  }

  /** Whether the memtable that takes writes has reached its size. */
  isMemtableFull(memtableSizeBytes: number): boolean {
    return sizeOf(this.#memtable) >= memtableSizeBytes
  }

  /** Ends the memtable that takes writes and begins another. Does nothing to an empty one. */
  freeze(): void {
    if (this.#memtable.entryCount === 0) return
    this.#memtable.freeze()
    this.#frozen = [this.#memtable, ...this.#frozen]
    this.#memtable = this.#createMemtable()
    this.#show(this.#view.live)
  }

  /** Replaces the version; with `flushed`, that memtable is in tables now. Lets go of the old version. */
  install(live: LiveVersion, flushed?: Memtable): void {
    const old = this.#view.live
    if (flushed !== undefined) {
      this.#frozen = this.#frozen.filter((each) => each !== flushed)
      this.flushedThroughSeq = Math.max(this.flushedThroughSeq, flushed.lastSeq)
    }
    this.#show(live)
    old.unpin()
  }

  #show(live: LiveVersion): void {
    this.#view = { memtables: [this.#memtable, ...this.#frozen], live }
  }
}

/** Of a range tombstone's objects, and of each of its fragments in a layer of `RangeTombstoneSet`; measured roughly. */
const TOMBSTONE_BYTES = 300
const FRAGMENT_BYTES = 24

/** What a memtable takes: its entries, and the layers in which its range tombstones are found, which can be far more. */
function sizeOf({ byteSize, rangeTombstoneCount: count }: Memtable): number {
  if (count === 0) return byteSize
  const layers = Math.max(1, Math.ceil(Math.log2(count)) - 2)
  return byteSize + count * (TOMBSTONE_BYTES + 2 * layers * FRAGMENT_BYTES)
}
