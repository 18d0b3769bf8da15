/** Reads of many keys, sizes of ranges, and what one object of the API promises of another. */
import { MemoryStorage } from '@lsm/storage'
import { describe, expect, test } from 'vitest'
import type { Engine, Reader } from '../src/index.ts'
import { errorOf, HeldStorage, openMemory, TINY, text, textsOf } from './api-fixtures.ts'

const key = (i: number): string => `key${String(i).padStart(3, '0')}`

async function filled(engine: Engine, count = 100): Promise<Engine> {
  for (let i = 0; i < count; i++) await engine.put(key(i), `${i}:`.padEnd(100, '.'))
  await engine.compact()
  return engine
}

describe('getMany', () => {
  test('answers in the order of the keys, twice for one that is there twice', async () => {
    const engine = await filled(await openMemory(TINY))
    await engine.put('later', 'in the memtable')
    await engine.delete(key(3))
    const values = await engine.getMany([key(50), 'none', key(3), 'later', key(1), key(50)])
    expect(values.map((value) => text(value)?.split(':')[0])).toEqual([
      '50',
      undefined,
      undefined,
      'in the memtable',
      '1',
      '50',
    ])
    expect(await engine.getMany([])).toEqual([])
    expect(await errorOf(() => engine.getMany('key' as unknown as string[]))).toHaveProperty('name', 'TypeError')
  })

  test('reads a block once, whatever the order of its keys, and without a cache too', async () => {
    const storage = new HeldStorage()
    // One table of one block.
    const engine = await openMemory({ cacheSizeBytes: 1 << 20 }, { storage })
    for (let i = 0; i < 20; i++) await engine.put(key(i), 'v')
    await engine.flush()
    const before = storage.readsBegun
    const keys = Array.from({ length: 20 }, (_, i) => key((i * 7) % 20))
    expect((await engine.getMany(keys)).every((value) => text(value) === 'v')).toBe(true)
    // At most the index, the filter and the block.
    expect(storage.readsBegun - before).toBeLessThanOrEqual(3)
  })
})

describe('approximateSize', () => {
  test('is about what the range takes in files, and nothing of what is in memory', async () => {
    const engine = await openMemory({ ...TINY, memtableSizeBytes: 1 << 20 })
    for (let i = 0; i < 100; i++) await engine.put(key(i), 'v'.repeat(500))
    expect(await engine.approximateSize({})).toBe(0)
    // Out of one table of level 0, and out of several below.
    for (let round = 0; round < 2; round++) {
      await (round === 0 ? engine.flush() : engine.compact())
      const whole = await engine.approximateSize({})
      expect(whole).toBe(engine.stats().levels.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0))
      const half = await engine.approximateSize({ lt: key(50) })
      expect(half).toBeGreaterThan(whole * 0.4)
      expect(half).toBeLessThan(whole * 0.6)
      const one = await engine.approximateSize({ gte: key(50), lte: key(50) })
      expect(one).toBeGreaterThanOrEqual(500)
      expect(one).toBeLessThan(whole * 0.2)
      expect(await engine.approximateSize({ gte: 'z' })).toBe(0)
      // Something else for the second round to merge with.
      await engine.put(key(0), 'v'.repeat(500))
    }
  })
})

describe('what a read does not depend on', () => {
  test('every way of reading gives the same, from memtable, level 0 and below, with or without filling the cache', async () => {
    const engine = await filled(await openMemory(TINY))
    for (let i = 0; i < 100; i += 3) await engine.put(key(i), 'second')
    await engine.flush()
    for (let i = 0; i < 100; i += 5) await engine.delete(key(i))
    const snapshot = engine.snapshot()
    const expected = Array.from({ length: 100 }, (_, i) => i).filter((i) => i % 5 !== 0)
    const value = (i: number): string => (i % 3 === 0 ? 'second' : `${i}:`.padEnd(100, '.'))
    for (const reader of [engine, snapshot] satisfies Reader[]) {
      for (const fillCache of [false, true]) {
        const options = { fillCache }
        for (let i = 0; i < 100; i++) {
          const wanted = i % 5 === 0 ? undefined : value(i)
          expect(text(await reader.get(key(i), options))).toBe(wanted)
          expect(text(reader.getSync(key(i), options))).toBe(wanted)
          expect(await reader.has(key(i), options)).toBe(wanted !== undefined)
        }
        expect(await textsOf(reader.keys(options))).toEqual(expected.map(key))
        expect(await textsOf(reader.values({ ...options, reverse: true }))).toEqual(expected.toReversed().map(value))
        expect([...reader.scanSync({ ...options, limit: 3, reverse: true })].map(([k]) => text(k))).toEqual([
          key(99),
          key(98),
          key(97),
        ])
      }
    }
    snapshot.close()
  })

  test('fillCache: false leaves the cache as it was', async () => {
    const storage = new MemoryStorage()
    await (await filled(await openMemory(TINY, { storage }))).close()
    const engine = await openMemory(TINY, { storage: storage.reopen() as MemoryStorage })
    const dataBlocks = (): number => engine.stats().cache.data.entries
    await textsOf(engine.keys({ fillCache: false }))
    await engine.get(key(1), { fillCache: false })
    await engine.count()
    expect(dataBlocks()).toBe(0)
    await engine.get(key(1))
    expect(dataBlocks()).toBe(1)
  })

  test('a value that is handed out belongs to the caller: changing it changes nothing else', async () => {
    const engine = await filled(await openMemory(TINY))
    await engine.put('m', 'memtable')
    for (const name of [key(5), 'm']) {
      const before = text(await engine.get(name))
      for (const given of [await engine.get(name), engine.getSync(name), (await engine.getMany([name]))[0]])
        given!.fill(0)
      for await (const [scannedKey, value] of engine.scan({ prefix: name })) {
        scannedKey.fill(0)
        value.fill(0)
      }
      expect(text(await engine.get(name))).toBe(before)
      expect(await textsOf(engine.keys({ prefix: name }))).toEqual([name])
    }
  })
})
