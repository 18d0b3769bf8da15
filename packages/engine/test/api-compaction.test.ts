/** Compactions that are asked for, and what may never happen to the tables that they make. */
import { MemoryStorage } from '@lsm/storage'
import { describe, expect, test } from 'vitest'
import type { Engine, Snapshot } from '../src/index.ts'
import { errorOf, HeldStorage, openMemory, TINY, text, textsOf, turns } from './api-fixtures.ts'

const key = (i: number): string => `key${String(i).padStart(3, '0')}`

async function fill(engine: Engine, value: string, count = 60): Promise<void> {
  for (let i = 0; i < count; i++) await engine.put(key(i), value.repeat(20))
}

describe('compact', () => {
  test('called many times at once takes turns: no two take the same tables', async () => {
    const storage = new MemoryStorage()
    const engine = await openMemory(TINY, { storage })
    for (const value of ['a', 'b', 'c']) {
      await fill(engine, value)
      await Promise.all([engine.compact(), engine.compact({ gte: key(20) }), engine.flush(), engine.compact()])
    }
    expect(await engine.count()).toBe(60)
    await engine.close()
    const again = await openMemory(TINY, { storage: storage.reopen() as MemoryStorage })
    expect(text(await again.get(key(7)))).toBe('c'.repeat(20))
    await again.verify()
  })

  test('of a range leaves what lies outside where it is', async () => {
    const engine = await openMemory({
      ...TINY,
      keyspaceDefaults: { ...TINY.keyspaceDefaults, l0Compact: 100, l0Slow: 100, l0Stop: 100 },
    })
    await engine.put('a', '1')
    await engine.flush()
    await engine.put('z', '1')
    await engine.flush()
    await engine.compact({ prefix: 'a' })
    expect(
      engine
        .stats()
        .levels.slice(0, 2)
        .map(({ tables }) => tables),
    ).toEqual([1, 1])
    expect(await textsOf(engine.keys())).toEqual(['a', 'z'])
  })

  test('leaves neither tombstones nor what they hid, once nobody reads below them', async () => {
    const engine = await openMemory(TINY)
    await fill(engine, 'v')
    await engine.compact()
    const snapshot = engine.snapshot()
    for (let i = 0; i < 30; i++) await engine.delete(key(i))
    await engine.deleteRange({ gte: key(30) })
    await engine.compact()
    expect(await snapshot.count()).toBe(60)
    expect(await engine.count()).toBe(0)
    snapshot.close()
    // What the snapshot needed is written again with what comes down to it.
    await fill(engine, 'w')
    await engine.deleteRange({})
    await engine.compact()
    const { levels } = engine.stats()
    expect(levels.map(({ tables, tombstones, rangeTombstones }) => [tables, tombstones, rangeTombstones])).toEqual(
      levels.map(() => [0, 0, 0]),
    )
  })

  test('that is under way when the store closes is given up: LSM_CLOSED, and nothing of it is committed later', async () => {
    const storage = new HeldStorage()
    const engine = await openMemory(TINY, { storage })
    await fill(engine, 'v')
    const release = storage.holdPublishing()
    const compacting = errorOf(() => engine.compact())
    const second = errorOf(() => engine.compact())
    await turns(5)
    const closing = engine.close()
    await turns(5)
    release()
    await closing
    expect(await compacting).toMatchObject({ name: 'LsmError', code: 'LSM_CLOSED' })
    expect(await second).toMatchObject({ name: 'LsmError', code: 'LSM_CLOSED' })
    const again = await openMemory(TINY, { storage: (storage.inner as MemoryStorage).reopen() })
    expect(await again.count()).toBe(60)
    await again.verify()
  })
})

describe('tables are split', () => {
  // Compression makes room again in a table that was full.
  test.each(['none', 'deflate'] as const)(
    'only between keys that bounds of 64 bytes tell apart: %s',
    async (compression) => {
      const storage = new MemoryStorage()
      const keyspaceDefaults = { ...TINY.keyspaceDefaults, blockSizeBytes: 3000, compression }
      const engine = await openMemory({ ...TINY, keyspaceDefaults }, { storage })
      // Groups of thirty that share more than their first 64 bytes.
      const long = (i: number): string => `${String(Math.floor(i / 30)).repeat(70)}${key(i)}`
      for (let round = 0; round < 3; round++) {
        for (let i = 0; i < 240; i++) await engine.put(long(i), `${round}`.repeat(150))
        await fill(engine, 'v')
        await engine.deleteRange({ gte: long(10), lt: long(50) })
        await engine.compact()
      }
      expect(engine.stats().openTables).toBeGreaterThan(1)
      expect(await engine.count({ lt: 'key' })).toBe(200)
      await engine.close()
      const again = await openMemory(TINY, { storage: storage.reopen() as MemoryStorage })
      expect(await again.count()).toBe(260)
      expect(text(await again.get(long(59)))).toBe('2'.repeat(150))
    },
  )

  test('never between the versions of a key', async () => {
    const keyspaceDefaults = { ...TINY.keyspaceDefaults, blockSizeBytes: 16_384, compression: 'deflate' as const }
    const engine = await openMemory({ ...TINY, memtableSizeBytes: 1 << 20, keyspaceDefaults })
    const snapshots: Snapshot[] = []
    for (let version = 0; version < 12; version++) {
      for (let i = 0; i < 30; i++) await engine.put(key(i), `${version} `.repeat(200))
      snapshots.push(engine.snapshot())
      if (version % 3 === 2) await engine.compact()
    }
    for (const [version, snapshot] of snapshots.entries()) {
      for (let i = 0; i < 30; i++) expect(text(snapshot.getSync(key(i)))).toBe(`${version} `.repeat(200))
      expect(await snapshot.count()).toBe(30)
      snapshot.close()
    }
  })
})
