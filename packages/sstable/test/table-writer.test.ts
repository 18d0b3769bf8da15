import { encodeRecord } from '@lsm/encoding'
import { MemoryStorage, type Storage } from '@lsm/storage'
import { FaultPlan, FaultStorage } from '@lsm/storage/testing'
import { describe, expect, test } from 'vitest'
import { type TableInfo, TableWriter } from '../src/index.ts'
import {
  blocksOf,
  bloomPolicy,
  build,
  bytes,
  FILE,
  ID,
  open,
  type PointRecord,
  point,
  STORE_ID,
  tableBytes,
  text,
  tombstone,
  walk,
} from './tables.ts'

const create = (storage: Storage = new MemoryStorage(), options = {}): Promise<TableWriter> =>
  TableWriter.create(storage, { id: ID, storeId: STORE_ID, ...options })

const unsorted = expect.objectContaining({ name: 'RangeError', code: 'SSTABLE_UNSORTED' })
const invalid = expect.objectContaining({ code: 'SSTABLE_INVALID_ARGUMENT' })

async function write(writer: TableWriter, points: readonly PointRecord[]): Promise<TableInfo> {
  for (const { key, seq, value } of points) await writer.add(key, seq, 0, value)
  return writer.finish()
}

describe('TableWriter', () => {
  test('says what the table holds, and the reader says the same', async () => {
    const storage = new MemoryStorage()
    const points = [point('b', 5, 'five'), tombstone('b', 3), point('c', 4, '')]
    const ranges = [{ start: bytes('a'), end: bytes('b'), seq: 9 }]
    const info = await build(storage, { points, ranges }, { keyspaceId: 12, filter: bloomPolicy() })
    expect(info).toMatchObject({
      id: '0102030405060708090a0b0c0d0e0f10',
      keyspaceId: 12,
      pointRecords: 3,
      tombstones: 1,
      rangeTombstones: 1,
      distinctKeys: 2,
      smallestSeq: 3,
      largestSeq: 9,
      smallest: bytes('a'),
      largest: { key: bytes('c'), inclusive: true },
      keyBytes: 3,
      valueBytes: 4,
      dataBlocks: 1,
      filterName: 'bloom',
      sizeBytes: await storage.size(FILE),
    })
    const reader = await open(storage, { sizeBytes: info.sizeBytes, tailChecksum: info.tailChecksum })
    expect(reader.info).toEqual(info)
    expect(storage.openFiles).toHaveLength(1)
  })

  test('the largest bound is exclusive only where the end of a range is beyond every key', async () => {
    const largest = async (end: string): Promise<unknown> => {
      const ranges = [{ start: bytes('a'), end: bytes(end), seq: 1 }]
      return (await build(new MemoryStorage(), { points: [point('m', 1)], ranges })).largest
    }
    expect(await largest('k')).toEqual({ key: bytes('m'), inclusive: true })
    expect(await largest('m')).toEqual({ key: bytes('m'), inclusive: true })
    expect(await largest('n')).toEqual({ key: bytes('n'), inclusive: false })
  })

  test('a table without a record is a table', async () => {
    const storage = new MemoryStorage()
    const info = await build(storage, { points: [] }, { filter: bloomPolicy() })
    expect(info).toMatchObject({ pointRecords: 0, dataBlocks: 0, filterName: undefined, smallestSeq: 0, largestSeq: 0 })
    expect([info.smallest, info.largest]).toEqual([bytes(''), { key: bytes(''), inclusive: false }])
    const reader = await open(storage)
    expect(await walk(reader)).toEqual([])
    expect(await reader.verify()).toMatchObject({ pointRecords: 0 })
  })

  test('empty keys and empty values are records like others', async () => {
    const storage = new MemoryStorage()
    const points = [point('', 2, ''), point('', 1, 'older'), point('\0', 3, '')]
    await build(storage, { points })
    expect(await walk(await open(storage))).toEqual(points)
  })

  test('all versions of a key stay in one block, however long that grows', async () => {
    const versions = Array.from({ length: 300 }, (_, i) => point('hot', 1000 - i))
    const data = await tableBytes({ points: [point('a', 1), ...versions, point('z', 1)] }, { blockSizeBytes: 64 })
    const sizes = blocksOf(data).map(({ size }) => size)
    expect(sizes.slice(0, 3)).toEqual([28 + 1 + 3 + 12, expect.any(Number), 28 + 1 + 3 + 12])
    expect(sizes[1]).toBeGreaterThan(300 * 31)
  })

  test('a block ends before it grows over its size, trailer included', async () => {
    const points = Array.from({ length: 500 }, (_, i) => point(String(i).padStart(6, '0'), 1))
    for (const blockSizeBytes of [64, 200, 4096]) {
      const blocks = blocksOf(await tableBytes({ points }, { blockSizeBytes })).slice(0, -2)
      expect(Math.max(...blocks.map(({ size }) => size))).toBeLessThanOrEqual(blockSizeBytes)
      expect(blocks.length).toBeLessThan(28_000 / (blockSizeBytes - 60))
    }
  })

  test('refuses what does not come after the record before, and goes on with what does', async () => {
    const storage = new MemoryStorage()
    const writer = await create(storage)
    writer.add(bytes('b'), 5, 0, bytes('1'))
    for (const [key, seq] of [
      ['a', 9],
      ['', 9],
      ['b', 5],
      ['b', 6],
    ] as const) {
      expect(() => writer.add(bytes(key), seq, 0, bytes(''))).toThrow(unsorted)
      const record = encodeRecord(bytes(key), seq, 0, bytes(''))
      expect(() => writer.addRecord(record, 0, record.length)).toThrow(unsorted)
    }
    writer.add(bytes('b'), 4, 0, bytes('2'))
    writer.add(bytes('ba'), 9, 0, bytes('3'))
    expect((await writer.finish()).pointRecords).toBe(3)
    expect((await walk(await open(storage))).map(({ value }) => text(value))).toEqual(['1', '2', '3'])
  })

  test('refuses what is no record, and goes on', async () => {
    const writer = await create()
    const key = bytes('k')
    const calls: (() => unknown)[] = [
      () => writer.add('k' as never, 1, 0, key),
      () => writer.add(key, 1, 0, null as never),
      () => writer.add(key, -1, 0, key),
      () => writer.add(key, 2 ** 53, 0, key),
      () => writer.add(key, 1.5, 0, key),
      () => writer.add(key, 1, Number.NaN, key),
      () => writer.add(key, 1, 0, key, 2),
      () => writer.add(key, 1, 0, key, 7 as never),
      () => writer.addRecord(encodeRecord(key, 1, 0, key), 0, 29),
      () => writer.addRecord(encodeRecord(key, 1, 0, key), 1, 30),
      () => writer.addRecord(encodeRecord(key, 1, 0, key), 0, 31),
      () => writer.addRecord(encodeRecord(key, 1, 0, key, 2), 0, 30),
      () => writer.addRecord(new Uint8Array(10), 0, 10),
      () => writer.addRecord(new Uint8Array(28).fill(255, 16, 24), 0, 28),
      () => writer.addRecord(new Uint8Array(28).fill(255, 9, 16), 0, 28),
      () => writer.addRangeTombstone('a' as never, key, 1, 1),
      () => writer.addRangeTombstone(key, key, -1, 1),
    ]
    for (const call of calls) expect(call).toThrow(invalid)
    expect((await writer.finish()).pointRecords).toBe(0)
  })

  test('copies encoded records as they are', async () => {
    const storage = new MemoryStorage()
    const points = [point('a', 3), point('a', 2), tombstone('b', 9), point('c', 1, 'x'.repeat(500))]
    const plain = await tableBytes({ points }, { filter: bloomPolicy() })
    await build(storage, { points }, { filter: bloomPolicy() })
    const cursor = (await open(storage)).cursor({ sync: true })
    const target = new MemoryStorage()
    const writer = await create(target, { filter: bloomPolicy() })
    while (cursor.next()) await writer.addRecord(cursor.keyBytes, cursor.recordStart, cursor.recordEnd)
    await writer.finish()
    const copy = new Uint8Array(plain.length)
    expect(await (await target.open(FILE, { mode: 'read' })).read(copy, 0)).toBe(plain.length)
    expect(copy).toEqual(plain)
  })

  test('arguments may be reused once a call has returned, a promise or not', async () => {
    const storage = new MemoryStorage()
    const writer = await create(storage, { blockSizeBytes: 64 })
    const key = new Uint8Array(4)
    const value = new Uint8Array(1000)
    const promises: unknown[] = []
    for (let i = 0; i < 1000; i++) {
      new DataView(key.buffer).setUint32(0, i)
      value.fill(i)
      const written = writer.add(key, 1, 0, value)
      key.fill(0xff)
      value.fill(0xff)
      if (written !== undefined) promises.push(await written)
    }
    // One for 256 KiB, none for a record.
    expect(promises.length).toBeGreaterThan(1)
    expect(promises.length).toBeLessThan(6)
    await writer.finish()
    const records = await walk(await open(storage))
    expect(records).toHaveLength(1000)
    for (const [i, record] of records.entries()) {
      expect(new DataView(record.key.buffer).getUint32(0)).toBe(i)
      expect(record.value.every((byte) => byte === (i & 255))).toBe(true)
    }
  })

  test('a call beside a pending one is refused', async () => {
    const writer = await create()
    const large = new Uint8Array(300_000)
    writer.add(bytes('a'), 1, 0, large)
    const pending = writer.add(bytes('b'), 1, 0, large)
    expect(pending).toBeInstanceOf(Promise)
    expect(() => writer.add(bytes('c'), 1, 0, large)).toThrow(invalid)
    await expect(writer.finish()).rejects.toEqual(invalid)
    await pending
    expect((await writer.finish()).pointRecords).toBe(2)
  })

  test('range tombstones come in any order; one that covers nothing is accepted and left out', async () => {
    const storage = new MemoryStorage()
    const ranges = [
      { start: bytes('m'), end: bytes('n'), seq: 1 },
      { start: bytes('a'), end: bytes('c'), seq: 2 },
      { start: bytes('a'), end: bytes('b'), seq: 3 },
      { start: bytes('x'), end: bytes('x'), seq: 4 },
      { start: bytes('z'), end: bytes('y'), seq: 5 },
    ]
    const info = await build(storage, { points: [], ranges })
    expect(info).toMatchObject({ rangeTombstones: 3, largestSeq: 3, smallest: bytes('a') })
    const reader = await open(storage)
    expect([...reader.rangeTombstones].map(({ start, seq }) => [text(start), seq])).toEqual([
      ['a', 3],
      ['a', 2],
      ['m', 1],
    ])
    await reader.verify()
  })

  test('takes nothing more once it is finished or abandoned', async () => {
    const storage = new MemoryStorage()
    const finished = await create(storage)
    await finished.finish()
    await finished.abandon()
    expect(await storage.list()).toEqual([FILE])
    await storage.remove(FILE)
    const abandoned = await create(storage)
    await abandoned.abandon()
    await abandoned.abandon()
    expect(await storage.list()).toEqual([])
    for (const writer of [finished, abandoned]) {
      const closed = expect.objectContaining({ code: 'SSTABLE_CLOSED', file: FILE })
      expect(() => writer.add(bytes('a'), 1, 0, bytes(''))).toThrow(closed)
      expect(() => writer.addRangeTombstone(bytes('a'), bytes('b'), 1, 0)).toThrow(closed)
      await expect(writer.finish()).rejects.toEqual(closed)
    }
    expect(storage.openFiles).toEqual([])
  })

  test('an id that is taken is refused and the file left alone', async () => {
    const storage = new MemoryStorage()
    await build(storage, { points: [point('a', 1)] })
    await expect(create(storage)).rejects.toMatchObject({ code: 'STORAGE_EXISTS' })
    expect(await walk(await open(storage))).toHaveLength(1)
  })

  test('wrong options are refused before there is a file', async () => {
    const storage = new MemoryStorage()
    const wrong: object[] = [
      { id: new Uint8Array(15) },
      { storeId: 'store' },
      { keyspaceId: 2 ** 32 },
      { blockSizeBytes: 63 },
      { blockSizeBytes: 2 ** 31 },
      { compression: { id: 3, name: 'x', compress: () => 0, decompress: () => 0 } },
      { compression: { id: 128 } },
      { filter: { name: '' } },
      { filter: { ...bloomPolicy(), name: 'x'.repeat(256) } },
    ]
    for (const options of wrong) await expect(create(storage, options)).rejects.toEqual(invalid)
    await expect(TableWriter.create(storage, undefined as never)).rejects.toEqual(invalid)
    expect(await storage.list()).toEqual([])
  })

  test('whatever write fails, the error comes out, the table is refused and its file can go', async () => {
    const points = Array.from({ length: 60 }, (_, i) => point(String(i).padStart(3, '0'), 1, 'v'.repeat(10_000)))
    const failed = new Set<string>()
    for (const fault of ['EIO', 'ENOSPC', 'short'] as const) {
      for (let at = 1; ; at++) {
        let kind = ''
        const plan = new FaultPlan({
          onOperation: (operation) => {
            if (operation.index === at) kind = operation.kind
          },
        })
        const storage = new FaultStorage(plan.add({ fault, at }))
        const writer = await create(storage).catch(() => undefined)
        if (writer === undefined) continue
        const done = await write(writer, points).catch((error: unknown) => error)
        if (!(done instanceof Error)) {
          const { failures } = plan
          plan.heal()
          await (await open(storage)).verify()
          if (failures === 0) break
          expect(fault).toBe('short')
          continue
        }
        failed.add(kind)
        expect(done).toMatchObject({ name: 'StorageError' })
        const refused = expect.objectContaining({ code: 'SSTABLE_FAILED', file: FILE, cause: done })
        expect(() => writer.add(bytes('zzz'), 1, 0, bytes(''))).toThrow(refused)
        await expect(writer.finish()).rejects.toEqual(refused)
        await writer.abandon()
        expect([await storage.list(), storage.openFiles, plan.openDescriptors]).toEqual([[], [], 0])
      }
    }
    expect([...failed].sort()).toEqual(['close', 'datasync', 'write'])
  })

  test('a filter that fails fails the table', async () => {
    const failing = {
      ...bloomPolicy(),
      createBuilder: () => ({
        add: () => {
          throw new Error('no')
        },
        finish: () => bytes(''),
      }),
    }
    const writer = await create(new MemoryStorage(), { filter: failing })
    expect(() => writer.add(bytes('a'), 1, 0, bytes(''))).toThrow('no')
    await expect(writer.finish()).rejects.toMatchObject({ code: 'SSTABLE_FAILED' })
  })
})
