import { compareBytes } from '@lsm/encoding'
import { MemoryStorage, type Storage } from '@lsm/storage'
import { expect, onTestFinished, test } from 'vitest'
import { Engine, type EngineOptions } from '../src/index.ts'
import { KeyCeiling } from '../src/key-ceiling.ts'

const row = (length: number, ...rest: number[]): Uint8Array => Uint8Array.from([...Array(length).fill(0xff), ...rest])

test('the bound is behind every key, and short', () => {
  const ceiling = new KeyCeiling()
  expect(ceiling.bound).toEqual(row(1))
  for (const key of [row(0), row(0, 1, 0xff), row(2), row(64, 1), row(3, 0xfe)]) {
    ceiling.include(key)
    expect(compareBytes(key, ceiling.bound)).toBeLessThan(0)
  }
  expect(ceiling.bound).toEqual(row(65))
})

test('the bound of an earlier deletion makes it no longer', () => {
  const ceiling = new KeyCeiling()
  ceiling.includeBefore({ key: row(3), inclusive: false })
  expect(ceiling.bound).toEqual(row(3))
  ceiling.includeBefore({ key: row(3), inclusive: true })
  expect(ceiling.bound).toEqual(row(4))
  ceiling.includeBefore({ key: row(63, 1), inclusive: false })
  expect(ceiling.bound).toEqual(row(64))
})

async function open(storage: Storage, options: EngineOptions = {}): Promise<Engine> {
  const engine = await Engine.open('memory', { durability: 'os', compactionWorkers: 0, ...options }, { storage })
  onTestFinished(() => engine.close().catch(() => {}))
  return engine
}

test('a range deletion without an end takes no more room than one with an end', async () => {
  const engine = await open(new MemoryStorage())
  const before = engine.stats().writes.walBytes
  for (let i = 0; i < 100; i++) await engine.deleteRange({ gte: `key${i}` })
  expect(engine.stats().writes.walBytes - before).toBeLessThan(10_000)
})

test.each([
  ['in the log', false],
  ['in a table', true],
])('it reaches the last key of an earlier opening with longer keys, %s', async (_, isFlushed) => {
  const storage = new MemoryStorage()
  const first = await open(storage)
  const keys = [row(0, 1), row(1), row(63, 0, 0, 0), row(64, 5), row(3000)]
  for (const key of keys) await first.put(key, '')
  if (isFlushed) await first.flush()
  await first.close()
  const second = await open(storage.reopen(), { maxKeySizeBytes: 1024 })
  await second.deleteRange({ gt: row(0, 1) })
  expect(await second.count()).toBe(1)
  await second.compact()
  expect((await second.verify()).records).toBe(1)
})

test('it reaches writes that are still on their way, and none behind it', async () => {
  const engine = await open(new MemoryStorage())
  const writes = [
    engine.put(row(70), 'before'),
    engine.deleteRange({}),
    engine.put(row(71), 'behind'),
    engine.write([
      { type: 'put', key: row(90), value: 'before' },
      { type: 'deleteRange', range: { gte: row(80) } },
      { type: 'put', key: row(91), value: 'behind' },
    ]),
  ]
  await Promise.all(writes)
  const left: number[] = []
  for await (const key of engine.keys()) left.push(key.length)
  expect(left).toEqual([71, 91])
})
