/** Tables for the tests: built, opened, damaged and sealed again. */
import { BloomFilter, type BloomScheme } from '@lsm/bloom'
import { compute } from '@lsm/crc'
import { MemoryStorage, type Storage, type StorageFile } from '@lsm/storage'
import { BlockChecksum } from '../src/block-trailer.ts'
import { readUint32, readUint64, writeUint32 } from '../src/bytes.ts'
import {
  type CompressionCodec,
  type FilterPolicy,
  type TableInfo,
  TableReader,
  type TableReaderOptions,
  TableWriter,
  type TableWriterOptions,
  tableFileName,
} from '../src/index.ts'

export const ID: Uint8Array = Uint8Array.from({ length: 16 }, (_, i) => i + 1)
export const STORE_ID: Uint8Array = Uint8Array.from({ length: 16 }, (_, i) => 200 + i)
export const FILE: string = tableFileName(ID)

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
export const text = (data: Uint8Array): string => new TextDecoder().decode(data)

/** The adapter that whoever wires table and filter writes. */
export function bloomPolicy(scheme: BloomScheme = 1): FilterPolicy {
  return {
    name: 'bloom',
    createBuilder() {
      const keys: Uint8Array[] = []
      return {
        add: (data, start, end) => void keys.push(data.slice(start, end)),
        finish() {
          const filter = new BloomFilter({ expectedItems: keys.length, falsePositiveRate: 0.01, scheme })
          for (const key of keys) filter.add(key)
          return filter.toBytes()
        },
      }
    },
    read: (data) => BloomFilter.fromBytes(data),
  }
}

/** A codec of the user's own: a run of zeros becomes a zero and its length. */
export function ownCodec(isAsync: boolean, id = 200): CompressionCodec {
  const give = (data: Uint8Array): Uint8Array | Promise<Uint8Array> => (isAsync ? Promise.resolve(data) : data)
  return {
    id,
    name: 'own',
    compress(data) {
      const packed: number[] = []
      for (let i = 0; i < data.length; i++) {
        packed.push(data[i]!)
        if (data[i] !== 0) continue
        const start = i
        while (data[i + 1] === 0 && i - start < 200) i++
        packed.push(i - start + 1)
      }
      return give(Uint8Array.from(packed))
    },
    decompress(data, sizeBytes) {
      const whole: number[] = []
      for (let i = 0; i < data.length && whole.length <= sizeBytes; i++) {
        if (data[i] !== 0) whole.push(data[i]!)
        else for (let zeros = data[++i]!; zeros > 0; zeros--) whole.push(0)
      }
      return give(Uint8Array.from(whole))
    },
  }
}

export interface PointRecord {
  readonly key: Uint8Array
  readonly seq: number
  readonly timestampMs: number
  readonly value: Uint8Array
  readonly kind: 0 | 1
}

export interface Range {
  readonly start: Uint8Array
  readonly end: Uint8Array
  readonly seq: number
}

export interface Contents {
  readonly points: readonly PointRecord[]
  readonly ranges?: readonly Range[]
}

export function point(key: string, seq: number, value: string | undefined = `${key}@${seq}`): PointRecord {
  return { key: bytes(key), seq, timestampMs: 1000 + (seq % 1000), value: bytes(value), kind: 0 }
}

export function tombstone(key: string, seq: number): PointRecord {
  return { key: bytes(key), seq, timestampMs: 1000 + (seq % 1000), value: bytes(''), kind: 1 }
}

export type BuildOptions = Partial<TableWriterOptions>

export async function build(storage: Storage, contents: Contents, options: BuildOptions = {}): Promise<TableInfo> {
  const writer = await TableWriter.create(storage, { id: ID, storeId: STORE_ID, ...options })
  for (const { key, seq, timestampMs, value, kind } of contents.points) {
    await writer.add(key, seq, timestampMs, value, kind)
  }
  for (const { start, end, seq } of contents.ranges ?? []) writer.addRangeTombstone(start, end, seq, 7)
  return writer.finish()
}

export type OpenOptions = Partial<TableReaderOptions>

export function open(storage: Storage, options: OpenOptions = {}): Promise<TableReader> {
  return TableReader.open(storage, { id: ID, storeId: STORE_ID, filterPolicies: [bloomPolicy()], ...options })
}

/** The bytes of a table with these contents. */
export async function tableBytes(contents: Contents, options: BuildOptions = {}): Promise<Uint8Array> {
  const storage = new MemoryStorage()
  const { sizeBytes } = await build(storage, contents, options)
  const file = await storage.open(tableFileName(options.id ?? ID), { mode: 'read' })
  const data = new Uint8Array(sizeBytes + 1)
  const size = await file.read(data, 0)
  await file.close()
  return data.slice(0, size)
}

/** A storage that holds these bytes as the table's file. */
export async function storageWith(data: Uint8Array, name: string = FILE): Promise<MemoryStorage> {
  const storage = new MemoryStorage()
  await storage.publish(name, data)
  return storage
}

/** What a cursor gives from its first record to its last. */
export async function walk(reader: TableReader, reverse = false, sync = false): Promise<PointRecord[]> {
  const cursor = reader.cursor({ reverse, sync })
  const records: PointRecord[] = []
  while (await cursor.next()) {
    const { key, seq, timestampMs, value, kind } = cursor
    records.push({ key: key.slice(), seq, timestampMs, value: value.slice(), kind: kind as 0 | 1 })
  }
  cursor.close()
  return records
}

/** A block of a table: `handleAt` is where the footer repeats its checksum, -1 for a data block. */
export interface BlockPlace {
  readonly offset: number
  readonly size: number
  readonly handleAt: number
}

/** Where the blocks of a sound table lie, by its footer and index. */
export function blocksOf(data: Uint8Array): BlockPlace[] {
  const footer = data.length - 128
  const dataSize = readUint64(data, footer + 64)
  const parts = [0, 1, 2, 3]
    .map((i) => footer + i * 16)
    .map((at) => ({ offset: readUint64(data, at), size: readUint32(data, at + 8), handleAt: at }))
    .filter(({ size }) => size > 0)
  const index = parts.find(({ handleAt }) => handleAt === footer + 32)!
  const starts: number[] = []
  for (let at = index.offset; at < index.offset + index.size - 16; at += 12 + readUint32(data, at)) {
    starts.push(readUint64(data, at + 4))
  }
  const blocks = starts.map((offset, i) => ({ offset, size: (starts[i + 1] ?? dataSize) - offset, handleAt: -1 }))
  return [...blocks, ...parts]
}

/** Makes every checksum around the byte at `position` match again; `places` are those of the sound table. */
export function reseal(data: Uint8Array, places: readonly BlockPlace[], position: number): void {
  const footer = data.length - 128
  const place = places.find(({ offset, size }) => position >= offset && position < offset + size)
  if (place !== undefined) {
    const { offset, size, handleAt } = place
    const trailer = offset + size - 12
    const type = data[trailer + 1]
    const ownChecksumAt = trailer - 4
    // Filter and index have a checksum of their own inside.
    if ((type === 3 || type === 4) && position < ownChecksumAt) {
      writeUint32(data, ownChecksumAt, compute(data, offset, ownChecksumAt))
    }
    if ((type === 1 || type === 2) && data[trailer] === 0) resealRecord(data, offset, trailer, position)
    const crc = new BlockChecksum(ID).of(data, offset, trailer + 8, offset)
    writeUint32(data, trailer + 8, crc)
    if (handleAt >= 0) writeUint32(data, handleAt + 12, crc)
  }
  writeUint32(data, footer + 116, compute(data, footer, footer + 116))
}

function resealRecord(data: Uint8Array, start: number, end: number, position: number): void {
  for (let at = start; at + 28 <= end; ) {
    const next = at + readUint32(data, at) + readUint32(data, at + 4) + 28
    if (next > end) return
    if (position >= at && position < next) writeUint32(data, next - 4, compute(data, at, next - 4))
    at = next
  }
}

/** A storage whose files report every read, and that never gives a buffer larger than `limit` its bytes. */
export class WatchedStorage extends MemoryStorage {
  reads: { offset: number; size: number }[] = []
  #limit = Number.POSITIVE_INFINITY

  limitReads(bytesAtOnce: number): void {
    this.#limit = bytesAtOnce
  }

  override async open(...args: Parameters<MemoryStorage['open']>): Promise<StorageFile> {
    return this.#watch(await super.open(...args))
  }

  override openSync(name: string): StorageFile {
    return this.#watch(super.openSync(name))
  }

  #watch(file: StorageFile): StorageFile {
    const see = (offset: number, size: number): void => {
      if (size > this.#limit) throw new Error(`a read of ${size} bytes, more than ${this.#limit}`)
      this.reads.push({ offset, size })
    }
    const { read, readSync } = file
    file.read = (buffer, position) => {
      see(position, buffer.length)
      return read.call(file, buffer, position)
    }
    file.readSync = (buffer, position) => {
      see(position, buffer.length)
      return readSync.call(file, buffer, position)
    }
    return file
  }
}
