import { MemoryStorage } from '@lsm/storage'
import { describe, expect, it } from 'vitest'
import { Engine } from '../src/index.ts'

const KEYS = 2000
const keyOf = (i: number): string => `key-${String(i).padStart(6, '0')}`

async function filled(): Promise<Engine> {
  const engine = await Engine.open('memory', { cacheSizeBytes: 8 * 1024 * 1024 }, { storage: new MemoryStorage() })
  for (let i = 0; i < KEYS; i++) await engine.put(keyOf(i), String(i).padEnd(100, '-'))
  await engine.compact()
  return engine
}

describe('statistics of reads', () => {
  it('count blocks that gets read, once each, and keys that filters know to be absent', async () => {
    const engine = await filled()
    expect(engine.stats().reads).toEqual({ gets: 0, memtableHits: 0, filterSkips: 0, blockReads: 0 })
    await engine.get(keyOf(0))
    expect(engine.stats().reads).toEqual({ gets: 1, memtableHits: 0, filterSkips: 0, blockReads: 1 })
    engine.getSync(keyOf(1))
    await engine.get(keyOf(2))
    expect(engine.stats().reads.blockReads).toBe(1)
    await engine.getMany(Array.from({ length: KEYS }, (_, i) => keyOf(i)))
    const { blockReads, gets } = engine.stats().reads
    expect(gets).toBe(3 + KEYS)
    expect(blockReads).toBe((await engine.verify()).blocks)
    for (let i = 0; i < 100; i++) expect(await engine.has(`${keyOf(i)}x`)).toBe(false)
    for (let i = 0; i < 100; i++) expect(engine.hasSync(`${keyOf(i)}y`)).toBe(false)
    const { filterSkips } = engine.stats().reads
    expect(filterSkips).toBeGreaterThan(180)
    expect(filterSkips).toBeLessThanOrEqual(200)
    await engine.put('new', 'value')
    await engine.get('new')
    expect(engine.stats().reads).toMatchObject({ memtableHits: 1, filterSkips, blockReads })
    await engine.close()
  })
})

describe('approximateSize', () => {
  it('is what the files of a range take, to a block at each end', async () => {
    const engine = await filled()
    const { sizeBytes } = engine.stats().levels.find(({ tables }) => tables > 0)!
    const block = 2 * 4096
    expect(await engine.approximateSize({})).toBe(sizeBytes)
    const quarter = await engine.approximateSize({ gte: keyOf(500), lt: keyOf(1000) })
    expect(Math.abs(quarter - sizeBytes / 4)).toBeLessThan(2 * block)
    const rest =
      (await engine.approximateSize({ lt: keyOf(500) })) + (await engine.approximateSize({ gte: keyOf(1000) }))
    expect(Math.abs(quarter + rest - sizeBytes)).toBeLessThan(3 * block)
    const one = await engine.approximateSize({ gte: keyOf(700), lte: keyOf(700) })
    expect(one).toBeGreaterThan(0)
    expect(one).toBeLessThan(block)
    expect(await engine.approximateSize({ lt: 'a' })).toBe(0)
    expect(await engine.approximateSize({ gt: 'z' })).toBe(0)
    // Of the files alone.
    await engine.put('z', 'value')
    expect(await engine.approximateSize({ gte: 'z' })).toBe(0)
    await engine.flush()
    expect(await engine.approximateSize({ gte: 'z' })).toBeGreaterThan(0)
    await engine.close()
  })
})
