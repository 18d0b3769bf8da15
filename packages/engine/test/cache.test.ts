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
