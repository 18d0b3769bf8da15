import { MemoryStorage } from '@lsm/storage'
import { expect, test } from 'vitest'
import { Engine } from '../src/index.ts'

test('tombstones that outlive the last level: what a snapshot held goes with the next compaction', async () => {
  const options = { durability: 'os', keyspaceDefaults: { tableSizeBytes: 4096, blockSizeBytes: 512 } } as const
  const engine = await Engine.open('memory', options, { storage: new MemoryStorage() })
  const keys = Array.from({ length: 600 }, (_, i) => `key${String(i).padStart(4, '0')}`)
  await Promise.all(keys.map((key) => engine.put(key, 'first')))
  const snapshot = engine.snapshot()
  await engine.put('key0100', 'second')
  await engine.delete('key0101')
  await engine.deleteRange({ gte: 'key0200', lt: 'key0300' })
  await engine.compact()
  const records = (): number => engine.stats().levels.reduce((sum, level) => sum + level.pointRecords, 0)
  const tombstones = (): number =>
    engine.stats().levels.reduce((sum, level) => sum + level.tombstones + level.rangeTombstones, 0)
  expect(await snapshot.count()).toBe(600)
  expect(records()).toBe(602)
  expect(tombstones()).toBeGreaterThan(0)

  snapshot.close()
  await engine.compact()
  expect(records()).toBe(499)
  expect(tombstones()).toBe(0)
  expect(await engine.count()).toBe(499)
  await engine.verify()
  // Nothing is left to drop, so nothing is written again.
  const { count } = engine.stats().compactions
  await engine.compact()
  expect(engine.stats().compactions.count).toBe(count)
  await engine.close()
})
