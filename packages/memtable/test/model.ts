/** The same table, as simply as it can be said: a list of writes, searched and sorted for every question. */
import { compareBytes } from '@lsm/encoding'
import type { MemtableView } from '../src/index.ts'

export interface ModelWrite {
  readonly key: Uint8Array
  readonly value: Uint8Array
  readonly seq: number
  readonly kind: 0 | 1 | 2
  readonly timestampMs: number
}

export interface Shown {
  readonly key: string
  readonly seq: number
  readonly kind: number
  readonly value: string
  readonly timestampMs: number
}

export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

export function show(write: ModelWrite): Shown {
  const { key, seq, kind, value, timestampMs } = write
  return { key: hex(key), seq, kind, value: hex(value), timestampMs }
}

export class Model {
  readonly writes: ModelWrite[] = []

  get lastSeq(): number {
    return this.writes.at(-1)?.seq ?? -1
  }

  #covering(key: Uint8Array, visibleSeq: number): ModelWrite | undefined {
    return this.writes.findLast(
      (each) =>
        each.kind === 2 &&
        each.seq <= visibleSeq &&
        compareBytes(each.key, key) <= 0 &&
        compareBytes(key, each.value) < 0,
    )
  }

  coveringSeq(key: Uint8Array, visibleSeq: number): number {
    return this.#covering(key, visibleSeq)?.seq ?? -1
  }

  get(key: Uint8Array, visibleSeq: number): ModelWrite | undefined {
    const version = this.writes.findLast(
      (each) => each.kind !== 2 && each.seq <= visibleSeq && compareBytes(each.key, key) === 0,
    )
    const hider = this.#covering(key, visibleSeq)
    return hider !== undefined && hider.seq > (version?.seq ?? -1) ? hider : version
  }

  /** Versions in the order of a table file: keys ascend, sequence numbers of one key descend. */
  versions(visibleSeq: number): ModelWrite[] {
    return this.#ordered((each) => each.kind !== 2 && each.seq <= visibleSeq)
  }

  rangeTombstones(visibleSeq: number): ModelWrite[] {
    return this.#ordered((each) => each.kind === 2 && each.seq <= visibleSeq)
  }

  newest(visibleSeq: number, skipDeleted: boolean): ModelWrite[] {
    const all = this.versions(visibleSeq)
    const newest = all.filter((each, i) => i === 0 || compareBytes(all[i - 1]!.key, each.key) !== 0)
    return skipDeleted ? newest.filter((each) => this.get(each.key, visibleSeq)?.kind === 0) : newest
  }

  #ordered(matches: (write: ModelWrite) => boolean): ModelWrite[] {
    return this.writes.filter(matches).sort((a, b) => compareBytes(a.key, b.key) || b.seq - a.seq)
  }
}

/** Turns the order of keys round and leaves that of each key's versions. */
export function reversedKeys(writes: readonly ModelWrite[]): ModelWrite[] {
  return [...writes].sort((a, b) => compareBytes(b.key, a.key) || b.seq - a.seq)
}

type Cursor = ReturnType<MemtableView['cursor']>

export function showCursor(cursor: Cursor): Shown {
  const { key, seq, kind, value, timestampMs } = cursor
  return { key: hex(key), seq, kind, value: hex(value), timestampMs }
}

/** What the cursor shows from where `found` says it is to its end, by `next` or `prev`. */
export function drain(cursor: Cursor, found: boolean, move: 'next' | 'prev'): Shown[] {
  const shown: Shown[] = []
  for (let on = found; on; on = cursor[move]()) shown.push(showCursor(cursor))
  return shown
}
