/** A sorted run of records in one array of bytes: the smallest thing that needs the primitives that write bytes. */
import { BloomFilter } from '@lsm/bloom'
import { encodedRecordSize, encodeRecordInto, RECORD_KIND } from '@lsm/encoding'
import { SparseIndex } from '@lsm/sparse-index'

export interface Write {
  readonly key: Uint8Array
  readonly seq: number
  /** `null` deletes the key. */
  readonly value: Uint8Array | null
}

/** Blocks, index and filter as bytes, as they would lie in a file. */
export interface RunFile {
  readonly blocks: Uint8Array
  readonly index: Uint8Array
  readonly filter: Uint8Array
}

const BLOCK_SIZE_BYTES = 4096

/** Writes records that are sorted by key. */
export function writeRun(writes: readonly Write[], timestampMs: number): RunFile {
  const empty = new Uint8Array(0)
  const size = writes.reduce((sum, { key, value }) => sum + encodedRecordSize(key.length, value?.length ?? 0), 0)
  const blocks = new Uint8Array(size)
  const index = new SparseIndex()
  const filter = new BloomFilter({ expectedItems: writes.length, falsePositiveRate: 0.01, scheme: 1 })
  let at = 0
  let blockEnd = 0
  for (const { key, seq, value } of writes) {
    if (at >= blockEnd) {
      index.add(key, at)
      blockEnd = at + BLOCK_SIZE_BYTES
    }
    const kind = value === null ? RECORD_KIND.tombstone : RECORD_KIND.value
    at = encodeRecordInto(blocks, at, key, seq, timestampMs, value ?? empty, kind)
    filter.add(key)
  }
  return { blocks, index: index.toBytes(), filter: filter.toBytes() }
}
