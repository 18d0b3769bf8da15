import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BlockCache } from '@lsm/block-cache'
import { BloomFilter } from '@lsm/bloom'
import { MemoryStorage } from '@lsm/storage'
import { NodeStorage } from '@lsm/storage/node'
import { describe, expect, onTestFinished, test } from 'vitest'
import { sizeOfTableBlock, type TableBlock, TableLookup, TableReader } from '../src/index.ts'
import {
  blocksOf,
  bloomPolicy,
  build,
  bytes,
  FILE,
  ID,
  open,
  point,
  STORE_ID,
  tableBytes,
  text,
  tombstone,
  WatchedStorage,
  walk,
} from './tables.ts'

const MAX = Number.MAX_SAFE_INTEGER
const key = (i: number): Uint8Array => bytes(`key${String(i).padStart(6, '0')}`)
const POINTS = Array.from({ length: 1000 }, (_, i) => ({ ...point('', i + 1, `value ${i}`), key: key(i * 2) }))

function largeCache(): BlockCache<TableBlock> {
  return new BlockCache<TableBlock>({ dataBytes: 2 ** 24, indexBytes: 2 ** 24, filterBytes: 2 ** 24 })
}

async function watched(options = {}): Promise<{ storage: WatchedStorage; reader: TableReader }> {
  const storage = new WatchedStorage()
  await build(storage, { points: POINTS }, { filter: bloomPolicy() })
  const reader = await open(storage, options)
  storage.reads = []
  return { storage, reader }
}

describe('TableReader', () => {
  test('counts what the filter spared, and the blocks that were read', async () => {
    const { reader } = await watched({ cache: largeCache() })
    const result = new TableLookup()
    const tally = { filterSkips: 0, blockReads: 0 }
    expect(await reader.find(key(0), MAX, result, { tally })).toBe(true)
    expect(tally).toEqual({ filterSkips: 0, blockReads: 1 })
    expect(reader.findSync(key(2), MAX, result, { tally })).toBe(true)
    expect(tally).toEqual({ filterSkips: 0, blockReads: 1 })
    expect(reader.findSync(key(1998), MAX, result, { tally })).toBe(true)
    expect(tally).toEqual({ filterSkips: 0, blockReads: 2 })
    let missed = 0
    for (let i = 1; i < 400; i += 2) if (!reader.findSync(key(i), MAX, result, { tally })) missed++
    expect(missed).toBe(200)
    expect(tally.filterSkips).toBeGreaterThan(180)
    expect(tally.filterSkips).toBeLessThanOrEqual(200)
    await reader.close()
  })

  test('finds the newest visible version, tombstones included, and nothing else', async () => {
    const storage = new MemoryStorage()
    const points = [point('a', 9, 'new'), tombstone('a', 7), point('a', 3, 'old'), point('b', 5, '')]
    await build(storage, { points })
    const reader = await open(storage)
    const result = new TableLookup()
    const at = (name: string, seq: number): unknown =>
      reader.findSync(bytes(name), seq, result) && [result.seq, result.kind, result.isTombstone, text(result.value)]
    expect(at('a', MAX)).toEqual([9, 0, false, 'new'])
    expect(at('a', Number.POSITIVE_INFINITY)).toEqual([9, 0, false, 'new'])
    expect(at('a', 8)).toEqual([7, 1, true, ''])
    expect(at('a', 6)).toEqual([3, 0, false, 'old'])
    expect(at('a', 2)).toBe(false)
    expect(at('b', 5)).toEqual([5, 0, false, ''])
    expect(at('b', 4)).toBe(false)
    for (const name of ['', 'A', 'aa', 'b\0', 'c']) expect(at(name, MAX)).toBe(false)
    expect(result.timestampMs).toBe(1005)
  })

  test('the result of a find that misses stays as it was', async () => {
    const { reader } = await watched()
    const result = new TableLookup()
    expect(await reader.find(key(10), MAX, result)).toBe(true)
    const before = { ...result }
    expect(await reader.find(key(11), MAX, result)).toBe(false)
    expect({ ...result }).toEqual(before)
  })

  test('a promise comes only where something is read; what was read is cached', async () => {
    const { storage, reader } = await watched({ cache: largeCache() })
    const result = new TableLookup()
    expect(reader.find(key(0), MAX, result)).toBeInstanceOf(Promise)
    expect(await reader.find(key(0), MAX, result)).toBe(true)
    // Filter, index and block, once each though two asked at once.
    expect(storage.reads).toHaveLength(3)
    expect(reader.find(key(2), MAX, result)).toBe(true)
    expect(reader.find(key(3), MAX, result)).toBe(false)
    expect(reader.findSync(key(2), MAX, result)).toBe(true)
    expect(storage.reads).toHaveLength(3)
  })

  test('each miss counts once, in whichever way it is read', async () => {
    for (const sync of [false, true]) {
      const cache = largeCache()
      const { reader } = await watched({ cache })
      const result = new TableLookup()
      for (let i = 0; i < 3; i++) await (sync ? reader.findSync(key(0), MAX, result) : reader.find(key(0), MAX, result))
      for (const tier of ['data', 'index', 'filter'] as const) {
        expect(cache.stats()[tier]).toMatchObject({ hits: 2, misses: 1, entries: 1 })
      }
    }
  })

  test('sorted keys read every block once, even with a cache of one block', async () => {
    const cache = new BlockCache<TableBlock>({ dataEntries: 1, indexEntries: 1, filterEntries: 1 })
    const { storage, reader } = await watched({ cache })
    const result = new TableLookup()
    for (const { key } of POINTS) expect(await reader.find(key, MAX, result)).toBe(true)
    expect(storage.reads).toHaveLength(reader.info.dataBlocks + 2)
  })

  test('a missing key mostly costs no block', async () => {
    const { storage, reader } = await watched({ cache: largeCache() })
    const result = new TableLookup()
    reader.findSync(key(1), MAX, result)
    storage.reads = []
    const cache = new BlockCache<TableBlock>({ dataBytes: 0, indexBytes: 2 ** 20, filterBytes: 2 ** 20 })
    const uncached = await open(storage, { cache })
    storage.reads = []
    for (let i = 0; i < 1000; i++) expect(uncached.findSync(key(i * 2 + 1), MAX, result)).toBe(false)
    expect(storage.reads.length).toBeLessThan(2 + 40)
  })

  test('reads right with caches that hold nothing, with fillCache off, and shared with another table', async () => {
    const storage = new MemoryStorage()
    const other = new Uint8Array(16).fill(3)
    await build(storage, { points: POINTS }, { filter: bloomPolicy() })
    await build(storage, { points: POINTS.map((each) => ({ ...each, value: bytes('other') })) }, { id: other })
    const none = new BlockCache<TableBlock>({ dataBytes: 0, indexBytes: 0, filterBytes: 0 })
    const result = new TableLookup()
    for (const cache of [none, largeCache(), undefined]) {
      for (const fillCache of [true, false]) {
        const first = await open(storage, { cache })
        const second = await open(storage, { id: other, cache })
        for (let i = 0; i < 1000; i += 37) {
          expect(await first.find(key(i * 2), MAX, result, { fillCache })).toBe(true)
          expect(text(result.value)).toBe(`value ${i}`)
          expect(second.findSync(key(i * 2), MAX, result, { fillCache })).toBe(true)
          expect(text(result.value)).toBe('other')
        }
        await first.close()
        await second.close()
      }
    }
    expect(none.stats().data.entries).toBe(0)
  })

  test('fillCache: false leaves the cache without the block', async () => {
    const cache = largeCache()
    const { reader } = await watched({ cache })
    const result = new TableLookup()
    await reader.find(key(0), MAX, result, { fillCache: false })
    reader.findSync(key(0), MAX, result, { fillCache: false })
    expect(cache.stats().data.entries).toBe(0)
    await reader.find(key(0), MAX, result)
    expect(cache.stats().data.entries).toBe(1)
  })

  test('blocks say what they take in memory', async () => {
    const cache = new BlockCache<TableBlock>({
      dataBytes: 2 ** 24,
      indexBytes: 2 ** 24,
      filterBytes: 2 ** 24,
      sizeOf: sizeOfTableBlock,
    })
    const { reader, storage } = await watched({ cache })
    const cursor = reader.cursor({ sync: true })
    while (cursor.next());
    reader.findSync(key(0), MAX, new TableLookup())
    const { data, index, filter } = cache.stats()
    const fileSize = await storage.size(FILE)
    expect(data.entries).toBe(reader.info.dataBlocks)
    expect(data.bytes).toBeGreaterThan(fileSize * 0.9)
    expect(data.bytes).toBeLessThan(fileSize * 2)
    expect(index.bytes).toBeGreaterThan(reader.info.dataBlocks * 20)
    expect(filter.bytes).toBeGreaterThan(1000)
  })

  test('a key hashed once serves the filter', async () => {
    const { reader, storage } = await watched({ cache: largeCache() })
    const result = new TableLookup()
    const keyHash = new Int32Array(2)
    for (let i = 0; i < 200; i++) {
      BloomFilter.hash(key(i), keyHash)
      expect(reader.findSync(key(i), MAX, result, { keyHash })).toBe(i % 2 === 0)
    }
    storage.reads = []
    // The hash of another key is believed: the filter answers for that one.
    BloomFilter.hash(bytes('certainly not there'), keyHash)
    expect(reader.findSync(key(0), MAX, result, { keyHash })).toBe(false)
  })

  test('a filter that nobody understands is left alone', async () => {
    const { storage } = await watched()
    for (const filterPolicies of [undefined, [], [{ ...bloomPolicy(), name: 'cuckoo' }]]) {
      const reader = await open(storage, { filterPolicies })
      expect(await reader.find(key(4), MAX, new TableLookup())).toBe(true)
      expect(await reader.verify()).toMatchObject({ filterChecked: false, pointRecords: 1000 })
    }
  })

  test('a filter that denies a key it should have is found by verify', async () => {
    const storage = new MemoryStorage()
    const forgetful = {
      ...bloomPolicy(),
      createBuilder: () => {
        const inner = bloomPolicy().createBuilder()
        let seen = 0
        return {
          add: (data: Uint8Array, start: number, end: number) => void (seen++ > 0 && inner.add(data, start, end)),
          finish: () => inner.finish(),
        }
      },
    }
    await build(storage, { points: POINTS }, { filter: forgetful })
    await expect((await open(storage)).verify()).rejects.toMatchObject({ code: 'SSTABLE_CORRUPT', offset: 0 })
  })

  test('tells where in the file a key is, to the block', async () => {
    const { storage, reader } = await watched()
    const dataSize = blocksOf(await tableBytes({ points: POINTS })).reduce(
      (end, { offset, size, handleAt }) => (handleAt < 0 ? offset + size : end),
      0,
    )
    expect(reader.offsetOf(key(0))).toBeInstanceOf(Promise)
    expect(await reader.offsetOf(bytes(''))).toBe(0)
    expect(await reader.offsetOf(bytes('zzz'))).toBe(dataSize)
    const middle = await reader.offsetOf(key(1000))
    expect(Math.abs(middle - dataSize / 2)).toBeLessThan(4096)
    expect(storage.reads.length).toBeLessThanOrEqual(2)
    expect(await (await open(storage)).offsetOf(key(1998))).toBeGreaterThan(dataSize - 4096)
  })

  test('opens at once where the size is known', async () => {
    const { storage, reader } = await watched()
    const { sizeBytes, tailChecksum } = reader.info
    const options = { id: ID, storeId: STORE_ID, sizeBytes, tailChecksum, filterPolicies: [bloomPolicy()] }
    const other = TableReader.openSync(storage, options)
    expect(other.info).toEqual(reader.info)
    expect(other.findSync(key(8), MAX, new TableLookup())).toBe(true)
    expect(() => TableReader.openSync(storage, { id: ID, storeId: STORE_ID })).toThrow(RangeError)
    await other.close()
    await reader.close()
    expect(storage.openFiles).toEqual([])
  })

  test('a file that is not there is SSTABLE_NOT_FOUND', async () => {
    const storage = new MemoryStorage()
    const missing = {
      code: 'SSTABLE_NOT_FOUND',
      file: FILE,
      cause: expect.objectContaining({ code: 'STORAGE_NOT_FOUND' }),
    }
    await expect(open(storage)).rejects.toMatchObject(missing)
    const options = { id: ID, storeId: STORE_ID, sizeBytes: 200 }
    expect(() => TableReader.openSync(storage, options)).toThrow(expect.objectContaining({ code: missing.code }))
  })

  test('close waits for what is read and is final', async () => {
    const { storage, reader } = await watched()
    const result = new TableLookup()
    const pending = [reader.find(key(2), MAX, result), reader.verify(), reader.cursor().seekToLast()]
    const closed = [reader.close(), reader.close()]
    expect(await Promise.all(pending)).toEqual([true, expect.anything(), true])
    await Promise.all(closed)
    expect(storage.openFiles).toEqual([])
    const refused = expect.objectContaining({ code: 'SSTABLE_CLOSED', file: FILE })
    expect(() => reader.find(key(2), MAX, result)).toThrow(refused)
    expect(() => reader.findSync(key(2), MAX, result)).toThrow(refused)
    expect(() => reader.cursor()).toThrow(refused)
    await expect(reader.verify()).rejects.toEqual(refused)
  })

  test('works on files, also through a second storage that was opened from plain data, as a worker does', async () => {
    const path = await mkdtemp(join(tmpdir(), 'lsm-sstable-'))
    onTestFinished(() => rm(path, { recursive: true, force: true }))
    const writing = await NodeStorage.open(path)
    const { sizeBytes, tailChecksum } = await build(writing, { points: POINTS }, { filter: bloomPolicy() })
    const reading = await NodeStorage.attach(writing.describe()!)
    const reader = await open(reading, { sizeBytes, tailChecksum })
    expect(await walk(reader)).toEqual(POINTS)
    expect(await walk(reader, true, true)).toEqual([...POINTS].reverse())
    const result = new TableLookup()
    expect(await reader.find(key(84), MAX, result)).toBe(true)
    expect(text(result.value)).toBe('value 42')
    await reader.verify()
    await reader.close()
    expect([...reading.openFiles, ...writing.openFiles]).toEqual([])
    await reading.close()
    await writing.close()
  })

  test('what is disposed of is closed', async () => {
    if (typeof Symbol.asyncDispose !== 'symbol') return
    const { storage, reader } = await watched()
    await reader[Symbol.asyncDispose]()
    expect(storage.openFiles).toEqual([])
  })

  test('values stay as they are, whatever the reader does next', async () => {
    const cache = new BlockCache<TableBlock>({ dataEntries: 1 })
    const { reader } = await watched({ cache })
    const result = new TableLookup()
    const values = POINTS.map(({ key }) => reader.findSync(key, MAX, result) && result.value)
    const cursor = reader.cursor({ fillCache: false })
    const walked: Uint8Array[] = []
    while (await cursor.next()) walked.push(cursor.value)
    await reader.close()
    expect(values.map((value) => text(value as Uint8Array))).toEqual(POINTS.map((_, i) => `value ${i}`))
    expect(walked.map(text)).toEqual(POINTS.map((_, i) => `value ${i}`))
  })

  test('wrong arguments are refused', async () => {
    const { storage, reader } = await watched()
    const result = new TableLookup()
    const invalid = expect.objectContaining({ code: 'SSTABLE_INVALID_ARGUMENT' })
    expect(() => reader.find('key' as never, 1, result)).toThrow(invalid)
    expect(() => reader.find(key(0), -1, result)).toThrow(invalid)
    expect(() => reader.find(key(0), Number.NaN, result)).toThrow(invalid)
    expect(() => reader.coveringSeq(1 as never, 1)).not.toThrow()
    for (const options of [
      { id: bytes('x') },
      { storeId: 3 },
      { sizeBytes: -1 },
      { tailChecksum: 2 ** 32 },
      { codecs: [{}] },
    ]) {
      await expect(open(storage, options as never)).rejects.toEqual(invalid)
    }
    await expect(TableReader.open(storage, null as never)).rejects.toEqual(invalid)
  })

  test('unknown properties are ignored, unless they must be known', async () => {
    const { encodeProperties, decodeProperties } = await import('../src/properties.ts')
    const info = (await watched()).reader.info
    const encoded = encodeProperties(info)
    const withTag = (tag: number): Uint8Array => {
      const grown = new Uint8Array(encoded.length + 9)
      grown.set(encoded)
      grown[1] = encoded[1]! + 1
      grown.set([tag >> 8, tag & 255, 0, 0, 0, 3, 1, 2, 3], encoded.length)
      return grown
    }
    expect(decodeProperties(withTag(0x7fff), FILE, 0)).toEqual(decodeProperties(encoded, FILE, 0))
    expect(() => decodeProperties(withTag(5), FILE, 0)).toThrow('tags do not ascend')
    expect(() => decodeProperties(withTag(0x8000), FILE, 5)).toThrow(
      expect.objectContaining({ code: 'SSTABLE_UNSUPPORTED_FORMAT', file: FILE }),
    )
  })

  test('a newer version and unknown features are refused as such', async () => {
    const data = await tableBytes({ points: POINTS })
    const { reseal, storageWith } = await import('./tables.ts')
    for (const [at, value] of [
      [107, 2],
      [111, 1],
    ] as const) {
      const newer = data.slice()
      newer[data.length - 128 + at] = value
      reseal(newer, blocksOf(data), data.length - 128)
      await expect(open(await storageWith(newer))).rejects.toMatchObject({
        code: 'SSTABLE_UNSUPPORTED_FORMAT',
        file: FILE,
      })
    }
  })
})
