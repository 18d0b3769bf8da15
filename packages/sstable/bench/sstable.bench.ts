/**
 * A table of 200,000 records, 16-byte keys and 100-byte values in blocks of 4 KiB, all of it cached: point lookups,
 * scans and building. Beside it the classic way over the same blocks (find the block, decode its records one by one),
 * and for orientation what JavaScript itself offers to who needs no file.
 */
import { type Case, suite } from '@lsm/bench'
import { BlockCache } from '@lsm/block-cache'
import { BloomFilter } from '@lsm/bloom'
import { decodeFrom, encodeRecord } from '@lsm/encoding'
import { SparseIndex } from '@lsm/sparse-index'
import { type FilterPolicy, type TableBlock, TableLookup, TableReader, TableWriter } from '@lsm/sstable'
import { MemoryStorage } from '@lsm/storage'

const RECORDS = 200_000
const LOOKUPS = 100_000
const RECORD_BYTES = 144
const ID = new Uint8Array(16).fill(1)
const STORE_ID = new Uint8Array(16).fill(2)

const encoder = new TextEncoder()
/** Keys with even numbers are in the table, odd ones are missing. */
const keyOf = (number: number): Uint8Array => encoder.encode(String(number * 2).padStart(16, '0'))
const missingKeyOf = (number: number): Uint8Array => encoder.encode(String(number * 2 + 1).padStart(16, '0'))
const value = new Uint8Array(100).fill(7)

const bloom: FilterPolicy = {
  name: 'bloom',
  createBuilder() {
    let hashes = new Int32Array(1024)
    let used = 0
    return {
      add(bytes, start, end) {
        if (used === hashes.length) {
          const grown = new Int32Array(used * 2)
          grown.set(hashes)
          hashes = grown
        }
        BloomFilter.hash(bytes, hashes, used, start, end)
        used += 2
      },
      finish() {
        const filter = new BloomFilter({ expectedItems: used / 2, falsePositiveRate: 0.01, scheme: 1 })
        for (let i = 0; i < used; i += 2) filter.addHash(hashes, i)
        return filter.toBytes()
      },
    }
  },
  read: (bytes) => BloomFilter.fromBytes(bytes),
}

async function buildTable(storage: MemoryStorage): Promise<number> {
  const writer = await TableWriter.create(storage, { id: ID, storeId: STORE_ID, filter: bloom })
  for (let i = 0; i < RECORDS; i++) {
    const written = writer.add(keys[i] as Uint8Array, i + 1, 0, value)
    if (written !== undefined) await written
  }
  return (await writer.finish()).sizeBytes
}

let keys: Uint8Array[] = []
function makeKeys(): void {
  keys = Array.from({ length: RECORDS }, (_, i) => keyOf(i))
}

async function openTable(): Promise<TableReader> {
  makeKeys()
  const storage = new MemoryStorage()
  await buildTable(storage)
  const budget = 2 ** 27
  const cache = new BlockCache<TableBlock>({ dataBytes: budget, indexBytes: budget, filterBytes: budget })
  const reader = await TableReader.open(storage, { id: ID, storeId: STORE_ID, cache, filterPolicies: [bloom] })
  const cursor = reader.cursor({ sync: true })
  while (cursor.next()) if (!cursor.valid) throw new Error('unreachable')
  return reader
}

/** Numbers in no order, the same for every contender. */
function numbers(limit: number): number[] {
  let state = 12_345
  return Array.from({ length: LOOKUPS }, () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    return Math.floor((state / 2 ** 32) * limit)
  })
}

/** The classic table in memory: blocks of records, and the first key of each. */
class ClassicTable {
  readonly index = new SparseIndex()
  readonly blocks = new Map<number, Uint8Array>()

  constructor() {
    makeKeys()
    const perBlock = 28
    for (let first = 0; first < RECORDS; first += perBlock) {
      const records = keys.slice(first, first + perBlock).map((key, i) => encodeRecord(key, first + i + 1, 0, value))
      const block = new Uint8Array(records.length * RECORD_BYTES)
      for (const [i, record] of records.entries()) block.set(record, i * RECORD_BYTES)
      this.index.add(keys[first] as Uint8Array, first)
      this.blocks.set(first, block)
    }
  }

  get(key: Uint8Array): Uint8Array | undefined {
    const offset = this.index.floorOffset(key)
    const block = offset === undefined ? undefined : this.blocks.get(offset)
    if (block === undefined) return undefined
    for (let at = 0; at < block.length; ) {
      const record = decodeFrom(block, at)
      const order = Buffer.compare(record.key, key)
      if (order === 0) return record.value
      if (order > 0) return undefined
      at = record.nextOffset
    }
    return undefined
  }
}

function lookupCase(name: string, makeLookups: () => Uint8Array[], expected: number): Case {
  return {
    name,
    operations: LOOKUPS,
    contenders: {
      '@lsm/sstable': async () => {
        const reader = await openTable()
        const lookups = makeLookups()
        const result = new TableLookup()
        return () => {
          let found = 0
          for (const key of lookups) if (reader.findSync(key, Number.MAX_SAFE_INTEGER, result)) found++
          if (found !== expected) throw new Error(`found ${found}`)
          return found + result.valueEnd
        }
      },
      'block by decodeFrom': () => {
        const table = new ClassicTable()
        const lookups = makeLookups()
        return () => {
          let found = 0
          for (const key of lookups) if (table.get(key) !== undefined) found++
          if (found !== expected) throw new Error(`found ${found}`)
          return found
        }
      },
      'Map of strings': () => {
        makeKeys()
        const map = new Map(keys.map((key) => [Buffer.from(key).toString('latin1'), value]))
        const lookups = makeLookups().map((key) => Buffer.from(key))
        return () => {
          let found = 0
          for (const key of lookups) if (map.get(key.toString('latin1')) !== undefined) found++
          return found
        }
      },
    },
    reference: ['Map of strings'],
  }
}

function scanCase(name: string, reverse: boolean): Case {
  return {
    name,
    operations: RECORDS,
    bytes: RECORDS * RECORD_BYTES,
    contenders: {
      '@lsm/sstable': async () => {
        const reader = await openTable()
        return () => {
          let sum = 0
          const cursor = reader.cursor({ reverse, sync: true })
          while (cursor.next()) sum += cursor.keyBytes[cursor.keyEnd - 1]! + cursor.valueEnd - cursor.valueStart
          cursor.close()
          return sum
        }
      },
      'block by decodeFrom': () => {
        const { blocks } = new ClassicTable()
        const ordered = [...blocks.values()]
        if (reverse) ordered.reverse()
        return () => {
          let sum = 0
          for (const block of ordered) {
            const offsets: number[] = []
            for (let at = 0; at < block.length; at += RECORD_BYTES) offsets.push(at)
            if (reverse) offsets.reverse()
            for (const at of offsets) {
              const record = decodeFrom(block, at)
              sum += record.key[15]! + record.value.length
            }
          }
          return sum
        }
      },
      'sorted array': () => {
        makeKeys()
        const entries = keys.map((key) => ({ key, value }))
        if (reverse) entries.reverse()
        return () => {
          let sum = 0
          for (const entry of entries) sum += entry.key[15]! + entry.value.length
          return sum
        }
      },
    },
    reference: ['sorted array'],
  }
}

const seekCase: Case = {
  name: 'seek and next 10',
  operations: LOOKUPS,
  contenders: {
    '@lsm/sstable': async () => {
      const reader = await openTable()
      const lookups = numbers(RECORDS).map(keyOf)
      const cursor = reader.cursor({ sync: true })
      return () => {
        let sum = 0
        for (const key of lookups) {
          cursor.seek(key)
          for (let i = 0; i < 10 && cursor.next(); i++) sum += cursor.keyBytes[cursor.keyEnd - 1]!
        }
        return sum
      }
    },
    'sorted array, binary search': () => {
      makeKeys()
      const lookups = numbers(RECORDS).map(keyOf)
      return () => {
        let sum = 0
        for (const key of lookups) {
          let low = 0
          let high = keys.length
          while (low < high) {
            const middle = (low + high) >>> 1
            if (Buffer.compare(keys[middle] as Uint8Array, key) < 0) low = middle + 1
            else high = middle
          }
          for (let i = low + 1; i < low + 11 && i < keys.length; i++) sum += (keys[i] as Uint8Array)[15]!
        }
        return sum
      }
    },
  },
}

const buildCase: Case = {
  name: 'build from 200,000 ascending records',
  operations: RECORDS,
  bytes: RECORDS * RECORD_BYTES,
  contenders: {
    '@lsm/sstable': () => {
      makeKeys()
      return () => buildTable(new MemoryStorage())
    },
    '@lsm/sstable, records copied': async () => {
      const source = (await openTable()).cursor({ sync: true })
      return async () => {
        const storage = new MemoryStorage()
        const writer = await TableWriter.create(storage, { id: ID, storeId: STORE_ID, filter: bloom })
        for (let more = source.seekToFirst(); more; more = source.next()) {
          const written = writer.addRecord(source.keyBytes, source.recordStart, source.recordEnd)
          if (written !== undefined) await written
        }
        return (await writer.finish()).sizeBytes
      }
    },
    'encodeRecord, no blocks, index or filter': () => {
      makeKeys()
      return async () => {
        const file = await new MemoryStorage().open('records', { mode: 'create' })
        let chunk: Uint8Array[] = []
        for (let i = 0; i < RECORDS; i++) {
          chunk.push(encodeRecord(keys[i] as Uint8Array, i + 1, 0, value))
          if (chunk.length < 1800) continue
          await file.append(Buffer.concat(chunk))
          chunk = []
        }
        await file.append(Buffer.concat(chunk))
        return file.size()
      }
    },
  },
  reference: ['@lsm/sstable, records copied'],
}

export default suite('sstable', [
  lookupCase('get, 1% of the keys', () => numbers(RECORDS / 100).map(keyOf), LOOKUPS),
  lookupCase('get, all keys', () => numbers(RECORDS).map(keyOf), LOOKUPS),
  lookupCase('get, missing keys', () => numbers(RECORDS).map(missingKeyOf), 0),
  scanCase('scan', false),
  scanCase('scan in reverse', true),
  seekCase,
  buildCase,
])
