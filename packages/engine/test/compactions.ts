/** A model of what a compaction does to a version, for the tests of the policy. */
import { compareBytes } from '@lsm/encoding'
import type { CompactionTask } from '../src/compaction-policy.ts'
import type { TableEntry } from '../src/manifest.ts'
import { Version } from '../src/version.ts'
import { hexId } from './manifests.ts'

/** Keys of tables here are single bytes, so that what lies in a table can be listed. */
export interface ModelRecord {
  readonly key: number
  readonly seq: number
}

/** A version together with what its tables hold. */
export class Model {
  readonly contents: ReadonlyMap<string, readonly ModelRecord[]>
  readonly version: Version
  readonly #nextId: number

  constructor(tables: readonly TableEntry[], contents: ReadonlyMap<string, readonly ModelRecord[]>, nextId: number) {
    this.version = Version.of(tables)
    this.contents = contents
    this.#nextId = nextId
  }

  static empty(): Model {
    return new Model([], new Map(), 1)
  }

  /** A flush: one table more in level 0. */
  withTable(level: number, records: readonly ModelRecord[]): Model {
    const sorted = records.toSorted((a, b) => a.key - b.key || b.seq - a.seq)
    const entry = entryOf(this.#nextId, level, sorted)
    return new Model([...this.version.tables, entry], new Map(this.contents).set(entry.id, sorted), this.#nextId + 1)
  }

  /** What the engine does with a task: the tables move, or are merged and split anew. */
  apply(task: CompactionTask, recordsPerTable: number): Model {
    const gone = new Set([...task.inputs, ...task.overlapping].map(({ id }) => id))
    const kept = this.version.tables.filter(({ id }) => !gone.has(id))
    if (task.isMove) {
      const moved = task.inputs.map((each) => ({ ...each, level: task.outputLevel }))
      return new Model([...kept, ...moved], this.contents, this.#nextId)
    }
    const newest = new Map<number, ModelRecord>()
    for (const id of gone) {
      for (const record of this.contents.get(id)!) {
        if ((newest.get(record.key)?.seq ?? -1) < record.seq) newest.set(record.key, record)
      }
    }
    const merged = [...newest.values()].sort((a, b) => a.key - b.key)
    const contents = new Map(this.contents)
    for (const id of gone) contents.delete(id)
    const tables = [...kept]
    let nextId = this.#nextId
    for (let at = 0; at < merged.length; at += recordsPerTable) {
      const records = merged.slice(at, at + recordsPerTable)
      const entry = entryOf(nextId++, task.outputLevel, records)
      contents.set(entry.id, records)
      tables.push(entry)
    }
    return new Model(tables, contents, nextId)
  }

  /** The sequence numbers of a key in the order in which a reader meets them: level by level, newest table first. */
  seqsOf(key: number): number[] {
    return this.version.tables.flatMap(({ id }) =>
      this.contents
        .get(id)!
        .filter((record) => record.key === key)
        .map(({ seq }) => seq),
    )
  }

  /** The newest sequence number of every key. */
  answers(): Map<number, number> {
    const answers = new Map<number, number>()
    for (const records of this.contents.values()) {
      for (const { key, seq } of records) answers.set(key, Math.max(seq, answers.get(key) ?? -1))
    }
    return new Map([...answers].sort(([a], [b]) => a - b))
  }
}

function entryOf(id: number, level: number, records: readonly ModelRecord[]): TableEntry {
  const seqs = records.map(({ seq }) => seq)
  const keys = records.map(({ key }) => Uint8Array.of(key)).sort(compareBytes)
  return {
    id: hexId(id),
    keyspaceId: 0,
    level,
    sizeBytes: records.length * 100,
    tailChecksum: 0,
    pointRecords: records.length,
    tombstones: 0,
    rangeTombstones: 0,
    smallestSeq: Math.min(...seqs),
    largestSeq: Math.max(...seqs),
    smallest: keys[0]!,
    largest: { key: keys.at(-1)!, inclusive: true },
  }
}
