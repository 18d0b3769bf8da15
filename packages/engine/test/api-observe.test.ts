import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { MemoryStorage } from '@lsm/storage'
import { CrashDisk } from '@lsm/storage/testing'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { Engine, type EngineEvents, type LatencyHistogram, type Stats } from '../src/index.ts'
import { errorOf, HeldStorage, makeStore, openMemory, pictureOf, TINY, turns, uncaughtOf } from './api-fixtures.ts'

/** Writes, overwrites and deletes enough for flushes and compactions of several levels. */
async function work(engine: Engine): Promise<{ readonly operations: number; readonly userBytes: number }> {
  let operations = 0
  let userBytes = 0
  for (let i = 0; i < 300; i++) {
    const key = `key${String((i * 7) % 90).padStart(3, '0')}`
    const value = `${i} `.repeat(60)
    await engine.put(key, value)
    operations++
    userBytes += key.length + value.length
    if (i % 10 === 9) {
      await engine.write([
        { type: 'delete', key },
        { type: 'put', key: 'batch', value: '1' },
      ])
      operations += 2
      userBytes += key.length + 'batch'.length + 1
    }
  }
  return { operations, userBytes }
}

/** Where a file is damaged: its beginning, and so on. */
const PLACES = 5

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0)

function expectWhole({ count, sumMs, maxMs, buckets }: LatencyHistogram): void {
  expect(sum(buckets)).toBe(count)
  expect(sumMs).toBeGreaterThanOrEqual(maxMs)
  expect(maxMs).toBeGreaterThanOrEqual(0)
  if (count === 0) expect(sumMs).toBe(0)
}

describe('stats', () => {
  test('of a new store are all at nothing', async () => {
    const stats = (await openMemory()).stats()
    expect(stats).toMatchObject({ lastSeq: 0, visibleSeq: 0, memtableBytes: 0, frozenMemtables: 0, openTables: 0 })
    expect(stats).toMatchObject({ snapshots: 0, writeAmplification: 0, spaceAmplification: 0, failure: undefined })
    expect(stats.writes).toEqual({ batches: 0, operations: 0, userBytes: 0, walBytes: expect.any(Number) })
    expect(stats.walSegments).toBe(1)
    for (const level of stats.levels) expect(level).toMatchObject({ tables: 0, sizeBytes: 0, score: 0 })
  })

  test('add up, with each other and with the events', async () => {
    const engine = await openMemory(TINY)
    const flushes: EngineEvents['flush'][] = []
    const compactions: EngineEvents['compaction'][] = []
    const stalls: EngineEvents['stall'][] = []
    engine.on('flush', (event) => flushes.push(event))
    engine.on('compaction', (event) => compactions.push(event))
    engine.on('stall', (event) => stalls.push(event))
    const { operations, userBytes } = await work(engine)
    await engine.compact()
    const stats = engine.stats()
    expect(stats.writes).toMatchObject({ batches: 330, operations, userBytes })
    expect(stats.writes.walBytes).toBeGreaterThan(userBytes)
    expect(stats.lastSeq).toBe(operations)
    expect(stats.visibleSeq).toBe(operations)
    expect(stats.memtableBytes).toBe(0)
    expect(stats.frozenMemtables).toBe(0)

    expect(flushes.length).toBeGreaterThan(3)
    expect(stats.flushes.count).toBe(flushes.length)
    expect(stats.flushes.bytesWritten).toBe(sum(flushes.map(({ bytesWritten }) => bytesWritten)))
    expect(stats.flushes.latency.count).toBe(flushes.length)
    const merges = compactions.filter(({ isMove }) => !isMove)
    expect(merges.length).toBeGreaterThan(2)
    expect(stats.compactions.count).toBe(merges.length)
    expect(stats.compactions.moves).toBe(compactions.length - merges.length)
    expect(stats.compactions.bytesRead).toBe(sum(compactions.map(({ bytesRead }) => bytesRead)))
    expect(stats.compactions.bytesWritten).toBe(sum(compactions.map(({ bytesWritten }) => bytesWritten)))
    expect(stats.compactions.recordsDropped).toBe(sum(compactions.map(({ recordsDropped }) => recordsDropped)))
    expect(stats.compactions.latency.count).toBe(compactions.length)
    expect(stats.stalls.delayed + stats.stalls.stopped).toBe(stalls.length)
    expect(stats.stalls.latency.count).toBe(stalls.length)
    for (const { latency } of [stats.flushes, stats.compactions, stats.stalls]) expectWhole(latency)

    const written = stats.writes.walBytes + stats.flushes.bytesWritten + stats.compactions.bytesWritten
    expect(stats.writeAmplification).toBeCloseTo(written / userBytes, 6)
    const sizes = stats.levels.map(({ sizeBytes }) => sizeBytes)
    const deepest = sizes.filter((size) => size > 0).at(-1)!
    expect(stats.spaceAmplification).toBeCloseTo(sum(sizes) / deepest, 6)
    const liveTables = sum(stats.levels.map(({ tables }) => tables))
    expect(stats.openTables).toBeGreaterThanOrEqual(liveTables)
    // Those that were compacted away close, and are gone.
    await vi.waitFor(() => expect(engine.stats().openTables).toBe(liveTables))
    // All is in the tables, and once: nothing but the newest version of each key is left.
    expect(sum(stats.levels.map(({ pointRecords }) => pointRecords))).toBe(await engine.count())
    expect(sum(stats.levels.map(({ tombstones }) => tombstones))).toBe(0)
    expect(sum(flushes.map(({ records }) => records))).toBe(operations)
  })

  test('reads are counted once each, wherever they end', async () => {
    const engine = await openMemory({ ...TINY, memtableSizeBytes: 1 << 20 })
    for (let i = 0; i < 100; i++) await engine.put(`k${i}`, 'v'.repeat(50))
    const gets = (): Stats['reads'] => engine.stats().reads
    await engine.get('k1')
    engine.getSync('none')
    expect(gets()).toMatchObject({ gets: 2, memtableHits: 1, blockReads: 0 })
    await engine.flush()
    const before = gets()
    await engine.get(new TextEncoder().encode('k2'))
    await engine.get('k2')
    engine.getSync('k2')
    await engine.has('k2')
    engine.hasSync('k2')
    await engine.getMany(['k2', 'k3', 'k4'])
    const after = gets()
    expect(after.gets - before.gets).toBe(8)
    expect(after.memtableHits).toBe(before.memtableHits)
    expect(after.blockReads).toBeGreaterThan(before.blockReads)
    const { cache } = engine.stats()
    expect(cache.data.hits).toBeGreaterThan(0)
    expect(cache.data.sizeBytes).toBeGreaterThan(0)
  })

  test('a copy: it stays as it was', async () => {
    const engine = await openMemory()
    const stats = engine.stats()
    const before = structuredClone(stats)
    await engine.put('a', '1')
    await engine.flush()
    expect(stats).toEqual(before)
    expect(engine.stats().lastSeq).toBe(1)
  })
})

describe('events', () => {
  test('a listener hears nothing once it has left, and hears twice when it is there twice', async () => {
    const engine = await openMemory()
    let heard = 0
    const leave = engine.on('flush', () => heard++)
    await engine.put('a', '1')
    await engine.flush()
    expect(heard).toBe(1)
    leave()
    leave()
    await engine.put('b', '1')
    await engine.flush()
    expect(heard).toBe(1)
  })

  test('a listener that throws leaves the flush, the lock and the other listeners as they are', async () => {
    const storage = new MemoryStorage()
    const engine = await openMemory(TINY, { storage })
    let heard = 0
    engine.on('flush', () => {
      throw new Error('from a listener')
    })
    engine.on('flush', () => heard++)
    const thrown = await uncaughtOf(2, async () => {
      for (const key of ['a', 'b']) {
        await engine.put(key, '1')
        await engine.flush()
      }
      await engine.close()
    })
    expect(thrown.map(({ message }) => message)).toEqual(['from a listener', 'from a listener'])
    expect(heard).toBe(2)
    const again = await openMemory(TINY, { storage: storage.reopen() as MemoryStorage })
    expect(await again.count()).toBe(2)
  })

  test.each(['flushed', 'toString', '__proto__', 1, undefined])('%s is no event', async (name) => {
    const engine = await openMemory()
    const error = await errorOf(() => engine.on(name as 'flush', () => {}))
    expect(error).toMatchObject({ name: 'TypeError', code: 'LSM_INVALID_ARGUMENT' })
    expect(await errorOf(() => engine.on('flush', 1 as unknown as () => void))).toHaveProperty('name', 'TypeError')
  })

  test('what a flush and a compaction say of themselves', async () => {
    const engine = await openMemory(TINY)
    const flushes: EngineEvents['flush'][] = []
    const compactions: EngineEvents['compaction'][] = []
    engine.on('flush', (event) => flushes.push(event))
    engine.on('compaction', (event) => compactions.push(event))
    await engine.put('a', '1')
    await engine.put('a', '2')
    await engine.put('b', '1')
    await engine.flush()
    expect(flushes).toEqual([
      { keyspace: '', records: 3, bytesWritten: expect.any(Number), durationMs: expect.any(Number) },
    ])
    await engine.compact()
    expect(compactions[0]).toMatchObject({ keyspace: '', level: 0, outputLevel: 1, isMove: true, bytesWritten: 0 })
    await engine.put('a', '3')
    await engine.compact()
    expect(compactions.at(-1)).toMatchObject({ isMove: false, recordsDropped: 1, inWorker: false })
    expect(compactions.at(-1)!.bytesRead).toBeGreaterThan(0)
  })
})

describe('verify', () => {
  test('counts what it read', async () => {
    const path = await makeStore()
    const engine = await Engine.open(path, { readOnly: true })
    onTestFinished(() => engine.close())
    const report = await engine.verify()
    const { levels } = engine.stats()
    expect(report.tables).toBe(sum(levels.map(({ tables }) => tables)))
    expect(report.records).toBe(sum(levels.map(({ pointRecords }) => pointRecords)))
    expect(report.blocks).toBeGreaterThan(report.tables)
    expect(report.walSegments).toBeGreaterThan(0)
    const tableBytes = sum(levels.map(({ sizeBytes }) => sizeBytes))
    expect(report.bytes).toBeGreaterThan(tableBytes)
  })

  test('every kind of file: a flipped bit is LSM_CORRUPTION with its name, when opened or when verified', async () => {
    const path = await makeStore()
    const names = (await readdir(path)).filter((name) => name !== 'LOCK')
    const bases = names.filter((name) => name.startsWith('manifest-')).length - 1
    let checked = 0
    for (const name of names) {
      const whole = await readFile(join(path, name))
      for (let i = 0; i < PLACES; i++) {
        const at = Math.floor((whole.length * i) / PLACES)
        const damaged = Buffer.from(whole)
        damaged[at]! ^= 0x10
        await writeFile(join(path, name), damaged)
        const before = await pictureOf(path)
        const outcome = await errorOf(async () => {
          const engine = await Engine.open(path, { readOnly: true })
          try {
            await engine.verify()
          } finally {
            await engine.close()
          }
        }).catch((error: unknown) => error as Error)
        expect(await pictureOf(path)).toEqual(before)
        const where = `byte ${at} of ${whole.length} of ${name}`
        // An old full manifest that nothing builds on any more is not read.
        const isSpare = name.startsWith('manifest-') && bases > 0 && outcome.message === 'there was no error'
        if (isSpare) continue
        expect(['LSM_CORRUPTION', 'LSM_UNSUPPORTED_FORMAT'], `${where}: ${outcome.message}`).toContain(
          (outcome as { code?: string }).code,
        )
        expect(outcome, where).toHaveProperty('file')
        checked++
      }
      await writeFile(join(path, name), whole)
    }
    expect(checked).toBeGreaterThan(3 * PLACES)
    const engine = await Engine.open(path)
    await engine.verify()
    await engine.close()
  })

  test('the log segment that is being written is read as far as it is written', async () => {
    const disk = new CrashDisk()
    const engine = await openMemory({ durability: 'os' }, { storage: disk.storage() })
    await engine.put('a', 'v'.repeat(100))
    await engine.put('b', 'v'.repeat(100), { durability: 'sync' })
    await engine.put('c', 'v'.repeat(100))
    const before = await engine.verify()
    expect(before.walSegments).toBe(engine.stats().walSegments)
    expect(before.bytes).toBeGreaterThan(300)
    await engine.put('d', 'v'.repeat(100))
    expect((await engine.verify()).bytes).toBeGreaterThan(before.bytes + 100)
    const segment = disk.names().find((name) => name.endsWith('.wal'))!
    const file = disk.open(segment)
    for (const at of [100, file.stat() - 10]) {
      const byte = new Uint8Array(1)
      file.read(byte, 0, 1, at)
      file.write(Uint8Array.of(byte[0]! ^ 1), at)
      expect(await errorOf(() => engine.verify())).toMatchObject({ code: 'LSM_CORRUPTION', file: segment })
      file.write(byte, at)
    }
    await engine.verify()
  })

  test('a log segment that a flush has made needless meanwhile is no damage', async () => {
    const storage = new HeldStorage()
    // So large that nothing is flushed but by the call below.
    const engine = await openMemory({ ...TINY, memtableSizeBytes: 1 << 20, maxWalSizeBytes: 1 << 24 }, { storage })
    for (let i = 0; i < 20; i++) await engine.put(`k${i}`, 'v'.repeat(5000))
    const open = storage.open.bind(storage)
    const asked: string[] = []
    storage.open = async (name, options) => {
      if (name.endsWith('.wal') && options.mode === 'read') {
        asked.push(name)
        await engine.flush()
      }
      return open(name, options)
    }
    expect(await engine.verify()).toMatchObject({ walSegments: 0 })
    expect(asked).toHaveLength(1)
    expect(await storage.list()).not.toContain(asked[0])
  })

  test('beside writers, flushes and compactions it finds nothing wrong', async () => {
    const engine = await openMemory(TINY)
    // The writers go on for as long as it takes, so that no machine is too fast or too slow for this.
    let isVerifying = true
    const working = (async () => {
      while (isVerifying) await work(engine)
    })()
    try {
      const { flushes, compactions } = engine.stats()
      const before = [flushes.count, compactions.count]
      const isBeside = (): boolean => {
        const { flushes, compactions } = engine.stats()
        return flushes.count > before[0]! + 5 && compactions.count > before[1]! + 5
      }
      for (let verified = 0; verified < 5 || !isBeside(); verified++) {
        await engine.verify()
        await turns(1)
      }
    } finally {
      isVerifying = false
      await working
    }
    await engine.compact()
    await engine.verify()
  })
})
