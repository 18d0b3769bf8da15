import { MemoryStorage } from '@lsm/storage'
import { expect, test, vi } from 'vitest'
import { Engine } from '../src/index.ts'

test('blocks of a table that is gone leave the cache', async () => {
  const engine = await Engine.open('memory', { durability: 'os' }, { storage: new MemoryStorage() })
  const keys = Array.from({ length: 2000 }, (_, i) => `key${String(i).padStart(6, '0')}`)
  for (let round = 0; round < 2; round++) {
    await Promise.all(keys.map((key) => engine.put(key, `${key} of round ${round}`.padEnd(100))))
    await engine.flush()
    for (const key of keys) await engine.get(key)
  }
  const before = engine.stats().cache
  expect(before.index.entries).toBe(2)
  await engine.compact()
  // The compaction reads past the cache, so what is left could only be of the two tables that it replaced. They go when
  // their files are closed, which is not waited for.
  await vi.waitFor(() => expect(engine.stats().cache.data.entries).toBe(0))
  expect(engine.stats().cache.index.entries).toBeLessThan(before.index.entries)
  await engine.close()
})

test('blocks have all of the cache that indexes and filters leave, and no more', async () => {
  const cacheSizeBytes = 400_000
  const engine = await Engine.open('memory', { cacheSizeBytes }, { storage: new MemoryStorage() })
  const keys = Array.from({ length: 2000 }, (_, i) => `key${String(i).padStart(6, '0')}`)
  await Promise.all(keys.map((key) => engine.put(key, key.padEnd(100))))
  await engine.flush()
  for (const key of keys) await engine.get(key)
  const { data, index, filter } = engine.stats().cache
  // More than any share that could be set aside for the others would leave.
  expect(data.sizeBytes).toBeGreaterThan(0.75 * cacheSizeBytes)
  for (const key of keys) await engine.get(key)
  expect(engine.stats().cache.data.misses).toBe(data.misses)

  await Promise.all(keys.map((key) => engine.put(`more-${key}`, key.padEnd(100))))
  await engine.flush()
  for (const key of keys) await engine.get(`more-${key}`)
  const full = engine.stats().cache
  expect([full.index.entries, full.filter.entries]).toEqual([index.entries + 1, filter.entries + 1])
  expect(full.data.sizeBytes + full.index.sizeBytes + full.filter.sizeBytes).toBeLessThanOrEqual(cacheSizeBytes)
  await engine.close()
})
