/** Mistakes that other engines of this kind made: each one in a test that is named after it. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { AsyncRWLock } from '@lsm/rwlock'
import { MemoryStorage } from '@lsm/storage'
import { CrashDisk, CrashStorage, FaultPlan, FaultStorage } from '@lsm/storage/testing'
import { afterEach, expect, test } from 'vitest'
import { Engine, type EngineOptions } from '../src/index.ts'
import { simComponents } from './crash-sim.ts'

const tiny: EngineOptions = {
  memtableSizeBytes: 4096,
  maxWalSizeBytes: 65_536,
  keyspaceDefaults: {
    tableSizeBytes: 4096,
    blockSizeBytes: 256,
    l0Compact: 2,
    level1SizeBytes: 4096,
    levelMultiplier: 2,
  },
}
const decoder = new TextDecoder()
const open: Engine[] = []

async function openOn(
  storage: CrashStorage | FaultStorage | MemoryStorage,
  options: EngineOptions = {},
): Promise<Engine> {
  const engine = await Engine.open('sim', options, { ...simComponents(5), storage })
  open.push(engine)
  return engine
}

const text = async (engine: Engine, key: string): Promise<string | undefined> => {
  const value = await engine.get(key)
  return value && decoder.decode(value)
}

afterEach(async () => {
  for (const engine of open.splice(0)) await engine.close().catch(() => {})
})

test('an empty value accepted by the log and refused by the table, so that the store never opens again', async () => {
  const { disk } = new CrashStorage()
  const engine = await openOn(disk.storage(), tiny)
  await engine.put('empty', '')
  await engine.put('', 'the empty key')
  await engine.close()
  const again = await openOn(disk.restart().storage(), tiny)
  await again.compact()
  expect(await again.get('empty')).toEqual(new Uint8Array(0))
  expect(await text(again, '')).toBe('the empty key')
  await again.verify()
})

test('a torn log tail that stops recovery', async () => {
  const { disk } = new CrashStorage()
  const engine = await openOn(disk.storage())
  await engine.put('whole', '1')
  await engine.put('torn', '2'.repeat(500), { durability: 'os' })
  const log = disk.names().find((name) => name.endsWith('.wal'))!
  const size = disk.stat(log)
  for (let cut = 1; cut < 500; cut += 7) {
    const left = disk.restart()
    left.open(log).truncate(size - cut)
    const again = await openOn(left.storage())
    expect(await text(again, 'whole')).toBe('1')
    expect(await again.has('torn')).toBe(false)
    await again.close()
  }
})

test('parallel flushes that commit out of order and lose writes after a crash', async () => {
  let disk = new CrashDisk({ keepTrace: false })
  let acknowledged = 0
  let check: { readonly disk: CrashDisk; readonly least: number }[] = []
  disk = new CrashDisk({
    keepTrace: false,
    onOperation: ({ kind, name }, now) => {
      // Where a flush commits, and where what it makes obsolete goes.
      const isCommit = (kind === 'link' && name.startsWith('manifest')) || (kind === 'unlink' && name.endsWith('.wal'))
      if (isCommit) check.push({ disk: now.crash({ seed: 1, style: 'everything' }), least: acknowledged })
    },
  })
  const engine = await openOn(disk.storage(), { ...tiny, maxFrozenMemtables: 4 })
  const write = async (i: number): Promise<void> => {
    await engine.put(`key${String(i).padStart(3, '0')}`, String(i).repeat(700))
    acknowledged = Math.max(acknowledged, i + 1)
  }
  for (let i = 0; i < 60; i += 6) await Promise.all(Array.from({ length: 6 }, (_, j) => write(i + j)))
  await engine.flush()
  expect(engine.stats().flushes.count).toBeGreaterThan(3)
  expect(check.length).toBeGreaterThan(5)
  for (const { disk: left, least } of check) {
    const again = await openOn(left.storage(), tiny)
    const keys: string[] = []
    for await (const key of again.keys()) keys.push(decoder.decode(key))
    expect(keys.length).toBeGreaterThanOrEqual(least)
    // No hole.
    expect(keys).toEqual(keys.map((_, i) => `key${String(i).padStart(3, '0')}`))
    await again.close()
  }
  check = []
})

test('a table that fails to open once, dropped and its files deleted', async () => {
  const disk = new CrashDisk()
  const first = await openOn(disk.storage(), tiny)
  for (let i = 0; i < 40; i++) await first.put(`key${i}`, 'v'.repeat(300))
  await first.flush()
  await first.close()
  const tables = disk.names().filter((name) => name.endsWith('.sst'))
  expect(tables.length).toBeGreaterThan(0)
  for (const table of tables) {
    for (const fault of ['EMFILE', 'EIO'] as const) {
      const plan = new FaultPlan().add({ fault, when: ({ kind, name }) => kind === 'open' && name === table })
      const left = disk.restart()
      await expect(openOn(new FaultStorage(plan, left), tiny)).rejects.toMatchObject({ code: 'LSM_IO', file: table })
      expect(left.names()).toEqual(expect.arrayContaining(tables))
      const again = await openOn(left.storage(), tiny)
      for (let i = 0; i < 40; i++) expect(await again.has(`key${i}`)).toBe(true)
      await again.close()
    }
  }
})

test('a value equal to the tombstone read as deleted', async () => {
  const engine = await openOn(new MemoryStorage())
  const values = [
    '',
    '\0',
    '__TOMBSTONE__',
    'TOMBSTONE',
    '\0TOMBSTONE\0',
    'null',
    'undefined',
    '\u{ffff}',
    '\xff\xff\xff\xff',
  ]
  for (const [i, value] of values.entries()) await engine.put(`key${i}`, value)
  for (const step of ['memtable', 'table', 'compacted']) {
    for (const [i, value] of values.entries()) expect(await text(engine, `key${i}`), step).toBe(value)
    expect(await engine.count(), step).toBe(values.length)
    await (step === 'memtable' ? engine.flush() : engine.compact())
  }
})

test('two processes in one directory', async () => {
  const path = mkdtempSync(join(tmpdir(), 'lsm-two-'))
  try {
    const engine = await Engine.open(path)
    await expect(Engine.open(path)).rejects.toMatchObject({ code: 'LSM_LOCKED' })
    await engine.put('a', '1')
    await engine.close()
    const again = await Engine.open(path)
    expect(await text(again, 'a')).toBe('1')
    await again.close()
  } finally {
    rmSync(path, { recursive: true, force: true })
  }
})

test('no directory fsync anywhere', async () => {
  const disk = new CrashDisk()
  const engine = await openOn(disk.storage(), tiny)
  // A power cut that takes every name that the directory was not synced for.
  for (let i = 0; i < 30; i++) {
    await engine.put(`key${i}`, 'v'.repeat(400))
    const again = await openOn(disk.crash({ seed: i, style: 'everything' }).storage(), tiny)
    expect(await again.count()).toBe(i + 1)
    await again.close()
  }
  await engine.flush()
  expect(disk.trace.filter(({ kind }) => kind === 'syncDirectory').length).toBeGreaterThan(3)
  const after = await openOn(disk.crash({ seed: 1, style: 'everything' }).storage(), tiny)
  expect(await after.count()).toBe(30)
})

test('a reader that took its file list before a compaction committed and answers "not found" for a live key', async () => {
  const engine = await openOn(new MemoryStorage(), { ...tiny, cacheSizeBytes: 0 })
  for (let i = 0; i < 100; i++) await engine.put(`key${i}`, 'v'.repeat(200), { durability: 'os' })
  await engine.flush()
  let isDone = false
  let reads = 0
  const work = (async () => {
    for (let round = 0; round < 5 || reads < 30; round++) {
      for (let i = 0; i < 40; i++) await engine.put(`other${i}`, `${round}`.repeat(150), { durability: 'os' })
      await engine.compact()
    }
    isDone = true
  })()
  const slow = engine.scan({ prefix: 'key' })[Symbol.asyncIterator]()
  let scanned = 0
  while (!isDone) {
    for (let i = 0; i < 10; i++) {
      const key = `key${reads++ % 100}`
      const found = await Promise.all([engine.get(key), engine.has(key), engine.getMany([key, 'key0'])])
      expect(found[0]?.length, key).toBe(200)
      expect(found[1], key).toBe(true)
      expect(found[2].every((value) => value?.length === 200)).toBe(true)
    }
    if (!(await slow.next()).done) scanned++
    // Else the work in the background would never have its turn.
    await new Promise((resolve) => setImmediate(resolve))
  }
  while (!(await slow.next()).done) scanned++
  await work
  expect(scanned).toBe(100)
  expect(reads).toBeGreaterThan(20)
})

test('a delete of a key in the memtable that vanishes', async () => {
  const { disk } = new CrashStorage()
  const engine = await openOn(disk.storage(), tiny)
  await engine.put('key', 'old')
  await engine.flush()
  await engine.put('key', 'new')
  await engine.delete('key')
  expect(await engine.has('key')).toBe(false)
  const again = await openOn(disk.crash({ seed: 1, style: 'everything' }).storage(), tiny)
  expect(await again.has('key')).toBe(false)
  await again.flush()
  expect(await again.has('key')).toBe(false)
  await again.compact()
  expect(await again.has('key')).toBe(false)
  expect(await again.count()).toBe(0)
})

test('a put that never yields to the event loop', async () => {
  const engine = await Engine.open('memory', {}, { storage: new MemoryStorage() })
  open.push(engine)
  let turns = 0
  let isDone = false
  const tick = (): void => {
    turns++
    if (!isDone) setImmediate(tick)
  }
  setImmediate(tick)
  // Puts that never yield would keep the count where it is however many there are.
  for (let puts = 0; turns <= 3 && puts < 1_000_000; puts++) await engine.put('key', 'value', { durability: 'os' })
  isDone = true
  expect(turns).toBeGreaterThan(3)
})

test('a cancelled waiting writer that blocks all readers', async () => {
  const lock = new AsyncRWLock()
  const reading = await lock.read()
  const controller = new AbortController()
  const writer = lock.write({ signal: controller.signal })
  controller.abort()
  await expect(writer).rejects.toThrow()
  const second = await lock.read()
  second.release()
  reading.release()
  // The same for a write of the engine that is called off.
  const engine = await openOn(new MemoryStorage())
  await expect(engine.put('a', '1', { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'LSM_ABORTED' })
  await engine.put('b', '2')
  expect(await engine.has('a')).toBe(false)
  expect(await text(engine, 'b')).toBe('2')
})

test('a full disk answered by thousands of retries a second', async () => {
  const plan = new FaultPlan()
  const components = simComponents(3)
  const engine = await Engine.open('sim', tiny, { ...components, storage: new FaultStorage(plan) })
  open.push(engine)
  await engine.put('before', '1')
  plan.add({
    fault: 'ENOSPC',
    forever: true,
    when: ({ kind, name }) => (kind === 'create' || kind === 'write') && name.endsWith('.sst'),
  })
  let refused = 0
  const write = (): Promise<void> =>
    engine.put('key', 'v'.repeat(1000)).catch((error: unknown) => {
      expect(error).toMatchObject({ code: 'LSM_NO_SPACE' })
      refused++
    })
  while (refused === 0) await write()
  const { operations } = plan
  const started = components.scheduler.time
  while (components.scheduler.time - started < 60_000) {
    await write()
    await new Promise<void>((resolve) => components.scheduler.delay(resolve, 100))
  }
  // A minute of tries: they come less and less often.
  expect(plan.operations - operations).toBeLessThan(200)
  expect(await text(engine, 'before')).toBe('1')
  plan.heal()
  await engine.flush()
  await engine.put('after', '2')
  expect(await text(engine, 'after')).toBe('2')
})

test('tombstones that outlive the last level', async () => {
  const engine = await openOn(new MemoryStorage(), tiny)
  for (let i = 0; i < 60; i++) await engine.put(`key${i}`, 'v'.repeat(200))
  await engine.compact()
  for (let i = 0; i < 30; i++) await engine.delete(`key${i}`)
  await engine.deleteRange({ gte: 'key3', lt: 'key9' })
  await engine.compact()
  await engine.compact()
  const left = await engine.count()
  const { records } = await engine.verify()
  expect(records).toBe(left)
  await engine.deleteRange({ gte: '' })
  await engine.compact()
  expect(await engine.verify()).toMatchObject({ tables: 0, records: 0 })
})

test('one hot key overwritten for ever without a flush, its log growing without bound', async () => {
  const disk = new CrashDisk({ keepTrace: false })
  const engine = await openOn(disk.storage(), { maxWalSizeBytes: 65_536 })
  let largest = 0
  for (let i = 0; i < 800; i++) {
    await engine.put('hot', 'v'.repeat(2000), { durability: 'os' })
    const logs = disk.names().filter((name) => name.endsWith('.wal'))
    largest = Math.max(
      largest,
      logs.reduce((sum, name) => sum + disk.stat(name), 0),
    )
  }
  // A million and a half bytes went through it.
  expect(largest).toBeLessThan(6 * 65_536)
  expect((await engine.get('hot'))?.length).toBe(2000)
})

test('statistics that replay the log on every call', async () => {
  const plan = new FaultPlan()
  const engine = await openOn(new FaultStorage(plan), tiny)
  for (let i = 0; i < 50; i++) await engine.put(`key${i}`, 'v'.repeat(100))
  await engine.flush()
  await new Promise((resolve) => setTimeout(resolve, 20))
  const { operations } = plan
  for (let i = 0; i < 100; i++) engine.stats()
  expect(plan.operations).toBe(operations)
})

test('a truncated index read as a short one', async () => {
  const disk = new CrashDisk({ keepTrace: false })
  const engine = await openOn(disk.storage(), tiny)
  for (let i = 0; i < 20; i++) await engine.put(`key${i}`, 'v'.repeat(100))
  await engine.flush()
  await engine.close()
  const table = disk.names().find((name) => name.endsWith('.sst'))!
  const size = disk.stat(table)
  for (let length = 0; length < size; length += 1 + Math.floor(size / 200)) {
    const damaged = disk.restart()
    damaged.open(table).truncate(length)
    await expect(openOn(damaged.storage(), tiny), `cut to ${length}`).rejects.toMatchObject({
      code: 'LSM_CORRUPTION',
      file: table,
    })
    expect(damaged.has(table)).toBe(true)
  }
})
