/** Failures and waits around background work: who waited goes on, who must know is told, and nothing is left half done. */
import { MemoryStorage, type OpenOptions, type Storage, StorageError, type StorageFile } from '@lsm/storage'
import { FaultPlan, FaultStorage } from '@lsm/storage/testing'
import { expect, onTestFinished, test, vi } from 'vitest'
import { segmentFileName } from '../src/files.ts'
import { Engine, type EngineComponents, type EngineOptions, type LsmError } from '../src/index.ts'
import { PooledStorage } from '../src/pooled-storage.ts'
import { TINY, text, turns } from './api-fixtures.ts'

const QUIET: EngineOptions = { durability: 'os', compactionWorkers: 0 }
/** Writers wait at two tables in level 0. */
const NARROW: EngineOptions = {
  ...QUIET,
  keyspaceDefaults: { l0Compact: 2, l0Slow: 2, l0Stop: 2, level1SizeBytes: 4096, tableSizeBytes: 1 << 20 },
}

/** Files of `inner`, each with some methods replaced. */
function wrapped(inner: Storage, change: (file: StorageFile) => Partial<StorageFile>): Storage {
  return new Proxy(inner, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target)
      if (name !== 'open') return typeof value === 'function' ? value.bind(target) : value
      return async (...rest: Parameters<Storage['open']>) => {
        const file = await target.open(...rest)
        const changed = change(file)
        return new Proxy(file, {
          get(own, key) {
            if (Object.hasOwn(changed, key)) return Reflect.get(changed, key)
            const member: unknown = Reflect.get(own, key, own)
            return typeof member === 'function' ? member.bind(own) : member
          },
        })
      }
    },
  })
}

async function open(options: EngineOptions, storage: Storage, components: EngineComponents = {}): Promise<Engine> {
  const engine = await Engine.open('memory', options, { ...components, storage })
  onTestFinished(() => engine.close().catch(() => {}))
  return engine
}

const isTableCreated = ({ kind, name }: { kind: string; name: string }): boolean =>
  kind === 'create' && name.endsWith('.sst')

/** A store whose compaction met a full disk, which has room again: level 0 is full, and a retry is planned. */
async function afterFullDisk(): Promise<Engine> {
  const plan = new FaultPlan()
  const engine = await open(NARROW, new FaultStorage(plan))
  const failed = new Promise((resolve) => engine.on('error', resolve))
  await engine.put('a', '1')
  await engine.flush()
  const off = engine.on('flush', () => plan.add({ fault: 'ENOSPC', forever: true, when: isTableCreated }))
  await engine.put('a', '2')
  await engine.flush()
  off()
  await failed
  // Until the compaction that failed is over.
  await turns(3)
  plan.heal()
  return engine
}

test('a flush with nothing to do does not take away the retry that waiting writers need', async () => {
  const engine = await afterFullDisk()
  await engine.flush()
  await engine.put('b', '1')
  expect(text(await engine.get('b'))).toBe('1')
})

test('a flush is not failed by a compaction that has no room', async () => {
  const memory = new MemoryStorage()
  let holdSyncs: Promise<void> | undefined
  const storage = wrapped(memory, (file) => {
    let written = 0
    return {
      async append(data: Uint8Array) {
        written += data.length
        // Only what a compaction writes is as large.
        if (file.name.endsWith('.sst') && written > 30_000) throw new StorageError('STORAGE_NO_SPACE', 'no room for it')
        return file.append(data)
      },
      async datasync() {
        await holdSyncs
        return file.datasync()
      },
    }
  })
  const options: EngineOptions = { ...QUIET, keyspaceDefaults: { l0Compact: 4, l0Slow: 100, l0Stop: 100 } }
  const engine = await open(options, storage)
  const failed = new Promise((resolve) => engine.on('error', resolve))
  for (let i = 0; i < 4; i++) {
    for (let j = 0; j < 20; j++) await engine.put(`key${j}${i}`, 'x'.repeat(500))
    await engine.flush()
  }
  await failed
  await turns(3)
  let release = (): void => {}
  holdSyncs = new Promise((resolve) => {
    release = resolve
  })
  await engine.put('more', '1')
  const flushed = engine.flush()
  // A compaction that began by now would have failed by now.
  await turns(50)
  release()
  await flushed
  expect(engine.stats().levels[0]?.tables).toBe(5)
})

test('writers that wait for level 0 go on when it was a call of compact that emptied it', async () => {
  let release: (() => void) | undefined
  let isHolding = false
  const inner = new MemoryStorage()
  const storage = new Proxy<Storage>(inner, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target)
      if (name !== 'open') return typeof value === 'function' ? value.bind(target) : value
      return async (file: string, options: OpenOptions) => {
        if (isHolding && options.mode === 'create' && file.endsWith('.sst')) {
          isHolding = false
          await new Promise<void>((resolve) => {
            release = resolve
          })
        }
        return inner.open(file, options)
      }
    },
  })
  const engine = await open(NARROW, storage)
  const tables = (level: number): number => engine.stats().levels[level]?.tables ?? 0
  const fill = async (): Promise<void> => {
    for (let i = 0; i < 40; i++) await engine.put(`a${i}`, 'x'.repeat(500))
    await engine.flush()
    await engine.put('z', '1')
    await engine.flush()
  }
  await fill()
  await vi.waitFor(() => expect([tables(1), tables(2)]).toEqual([0, 1]), { timeout: 60_000 })
  // What comes into level 1 now is too much for it and is merged with level 2, and that is held.
  engine.on('compaction', ({ level }) => {
    if (level === 0 && engine.stats().levels[1]!.sizeBytes > 4096) isHolding = true
  })
  await fill()
  await vi.waitFor(() => expect(release).toBeDefined(), { timeout: 60_000 })
  for (let i = 0; tables(0) < 2; i++) {
    await engine.put(`c${i}`, '1')
    await engine.flush()
  }
  const waiting = engine.put('late', '1')
  const compacted = engine.compact()
  release!()
  await compacted
  await waiting
  expect(engine.stats().stalls.stopped).toBeGreaterThan(0)
})

test.each([
  ['its directory could not be synced', 'syncDirectory'],
  ['its name was taken and the answer lost', 'link'],
] as const)('a manifest that may be there although the disk was full: %s', async (_, kind) => {
  const acknowledged: string[] = []
  const others: Promise<unknown>[] = []
  let isArmed = false
  const plan: FaultPlan = new FaultPlan({
    onOperation: (operation) => {
      if (!isArmed || operation.kind !== 'link') return
      isArmed = false
      // Writers at work while the log waits for the manifest that names its next segment.
      for (const key of ['late0', 'late1', 'late2']) {
        others.push(
          engine.put(key, 'v').then(
            () => acknowledged.push(key),
            () => {},
          ),
        )
      }
      if (kind === 'syncDirectory') plan.add({ fault: 'ENOSPC', when: (each) => each.kind === kind })
    },
  })
  const storage = new FaultStorage(plan)
  const options: EngineOptions = { durability: 'sync', compactionWorkers: 0, memtableSizeBytes: 256 * 1024 }
  const engine = await open(options, storage)
  for (let i = 0; i < 10; i++) await engine.put(`key${i}`, 'x'.repeat(10_000))
  isArmed = true
  if (kind === 'link') plan.add({ fault: 'ENOSPC', afterEffect: true, when: (each) => each.kind === kind })
  await expect(engine.flush()).rejects.toMatchObject({ code: 'LSM_IO' })
  await Promise.all(others)
  plan.heal()
  await expect(engine.put('more', '1')).rejects.toMatchObject({ code: 'LSM_FAILED' })
  await engine.close().catch(() => {})
  const again = await open(options, new FaultStorage(new FaultPlan(), storage.disk))
  for (let i = 0; i < 10; i++) expect(await again.has(`key${i}`)).toBe(true)
  for (const key of acknowledged) expect(await again.has(key), key).toBe(true)
})

test('a log that cannot go on in its next segment raises one error event', async () => {
  const plan = new FaultPlan()
  const engine = await open({ ...QUIET, memtableSizeBytes: 80_000 }, new FaultStorage(plan))
  const errors: string[] = []
  engine.on('error', (error) => errors.push((error as LsmError).code))
  // The segment that ends is synced.
  const segment = segmentFileName(1)
  plan.add({ fault: 'EIO', when: ({ kind, name }) => kind === 'datasync' && name === segment })
  for (let i = 0; i < 10; i++) await engine.put(`key${i}`, 'x'.repeat(10_000)).catch(() => {})
  await vi.waitFor(() => expect(errors).not.toEqual([]), { timeout: 60_000 })
  await turns(5)
  expect(errors).toEqual(['LSM_FAILED'])
})

test('a write that cannot be encoded is refused, and the next one is not', async () => {
  const engine = await open(QUIET, new MemoryStorage())
  const value = new Uint8Array(10)
  structuredClone(value, { transfer: [value.buffer] })
  await expect((async () => engine.put('a', value))()).rejects.toThrow()
  await expect((async () => engine.write([{ type: 'put', key: 'a', value }]))()).rejects.toThrow()
  await engine.put('b', '1')
  await engine.write([{ type: 'put', key: 'c', value: '1' }])
  expect(await engine.count()).toBe(2)
})

test('a write that memory cannot take ends writing, and nothing behind it is seen', async () => {
  const storage = new MemoryStorage()
  const engine = await open(QUIET, storage)
  const errors: string[] = []
  engine.on('error', (error) => errors.push((error as LsmError).code))
  await engine.put('key', 'old')
  // As when there is no memory for the next piece of the arena.
  const { Memtable } = await import('@lsm/memtable')
  const add = vi.spyOn(Memtable.prototype, 'add').mockImplementationOnce(() => {
    throw new Error('no memory')
  })
  const writes = await Promise.allSettled([engine.put('key', 'new'), engine.put('other', '1')])
  add.mockRestore()
  for (const write of writes) {
    expect(write).toMatchObject({ status: 'rejected', reason: { code: 'LSM_FAILED', outcome: 'unknown' } })
  }
  expect(errors).toEqual(['LSM_FAILED'])
  await expect(engine.put('key', 'newer')).rejects.toMatchObject({ code: 'LSM_FAILED' })
  expect([text(await engine.get('key')), await engine.has('other')]).toEqual(['old', false])
  await engine.close().catch(() => {})
  // The log has both.
  const again = await open(QUIET, storage.reopen())
  expect([text(await again.get('key')), text(await again.get('other'))]).toEqual(['new', '1'])
})

test('a sync in the background that fails raises the error event and shows in the statistics', async () => {
  const plan = new FaultPlan()
  const engine = await open({ ...QUIET, durability: { intervalMs: 5 } }, new FaultStorage(plan))
  const failed = new Promise<Error>((resolve) => engine.on('error', resolve))
  plan.add({ fault: 'EIO', when: ({ kind }) => kind === 'datasync' })
  await engine.put('a', '1')
  expect(await failed).toMatchObject({ code: 'LSM_FAILED' })
  expect(engine.stats().failure).toMatchObject({ code: 'LSM_FAILED' })
  expect(text(await engine.get('a'))).toBe('1')
})

test.each(['EMFILE', 'ENOSPC'] as const)('a flush that meets %s is tried again', async (fault) => {
  const plan = new FaultPlan()
  const engine = await open(QUIET, new FaultStorage(plan))
  await engine.put('a', '1')
  plan.add({ fault, when: isTableCreated })
  await expect(engine.flush()).rejects.toMatchObject({ code: fault === 'EMFILE' ? 'LSM_IO' : 'LSM_NO_SPACE' })
  await engine.put('b', '1')
  await vi.waitFor(() => expect(engine.stats().levels[0]?.tables).toBe(1), { timeout: 60_000 })
})

test('a flush covers what was written before it, awaited or not', async () => {
  const engine = await open(QUIET, new MemoryStorage())
  const writing = engine.put('a', '1')
  await engine.flush()
  await writing
  expect(engine.stats().levels[0]?.tables).toBe(1)
})

test('range tombstones count with what they take in memory', async () => {
  const engine = await open({ ...QUIET, memtableSizeBytes: 4 << 20 }, new MemoryStorage())
  const ranges = Array.from({ length: 6000 }, (_, i) => {
    return { type: 'deleteRange' as const, range: { gte: `k${10_000 + i}`, lt: `k${20_000 + i}` } }
  })
  await engine.write(ranges)
  // Their keys alone are a tenth of it.
  await vi.waitFor(() => expect(engine.stats().flushes.count).toBe(1), { timeout: 60_000 })
})

test('a verification beside flushes that take log segments away finds nothing wrong', async () => {
  const disk = new MemoryStorage()
  for (let i = 0; i < 3; i++) {
    const engine = await open(QUIET, disk.reopen())
    await engine.put(`key${i}`, new Uint8Array(100_000))
    await engine.close()
  }
  let flush = (): Promise<void> => Promise.resolve()
  const storage = new Proxy<Storage>(disk.reopen(), {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target)
      if (name !== 'open') return typeof value === 'function' ? value.bind(target) : value
      return async (file: string, options: OpenOptions) => {
        // The moment between the list of segments and the first look at one.
        if (options.mode === 'read' && file.endsWith('.wal')) await flush()
        return target.open(file, options)
      }
    },
  })
  const engine = await open(QUIET, storage)
  flush = () => engine.flush()
  await expect(engine.verify()).resolves.toMatchObject({ walSegments: 1 })
})

test('a read that waits for a descriptor gets one, although a synchronous one has gone over the limit', async () => {
  const inner = new MemoryStorage()
  for (const name of ['a', 'b', 'c']) {
    const file = await inner.open(name, { mode: 'create' })
    await file.append(new Uint8Array(8))
    await file.close()
  }
  const pool = new PooledStorage(inner, 1)
  const files = await Promise.all(['a', 'b', 'c'].map((name) => pool.open(name, { mode: 'read' })))
  const byte = new Uint8Array(1)
  await files[0]!.read(byte, 0)
  files[1]!.readSync(byte, 0)
  expect(await files[2]!.read(byte, 0)).toBe(1)
  await Promise.all(files.map((file) => file.close()))
})

test('reads one by one and at once get along with few descriptors', async () => {
  const storage = new MemoryStorage()
  const engine = await open(
    { ...TINY, cacheSizeBytes: 0, maxOpenFiles: 16, keyspaceDefaults: { l0Compact: 100, l0Slow: 100, l0Stop: 100 } },
    storage,
  )
  const keys = Array.from({ length: 40 }, (_, i) => `key${i}`)
  for (const key of keys) {
    await engine.put(key, key)
    await engine.flush()
  }
  for (let round = 0; round < 5; round++) {
    for (const key of keys) expect(text(await engine.get(key))).toBe(key)
    expect([engine.getSync('key0'), engine.getSync('key1')].map(text)).toEqual(['key0', 'key1'])
    expect(text(await engine.get('key2'))).toBe('key2')
  }
})
