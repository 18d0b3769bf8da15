import { MemoryStorage } from '@lsm/storage'
import { systemScheduler } from '@lsm/wal'
import { describe, expect, test } from 'vitest'
import { Engine, type Logger } from '../src/index.ts'
import { errorOf, HeldStorage, openMemory, TINY, text, textsOf, turns, uncaughtOf } from './api-fixtures.ts'

function listeningLogger(): { readonly logger: Logger; readonly warnings: string[] } {
  const warnings: string[] = []
  return { warnings, logger: { info: () => {}, warn: (message) => warnings.push(message) } }
}

const calls: readonly (readonly [string, (engine: Engine) => unknown])[] = [
  ['get', (engine) => engine.get('a')],
  ['has', (engine) => engine.has('a')],
  ['getSync', (engine) => engine.getSync('a')],
  ['hasSync', (engine) => engine.hasSync('a')],
  ['getMany', (engine) => engine.getMany(['a'])],
  ['scan', (engine) => textsOf(engine.keys())],
  ['values', (engine) => textsOf(engine.values())],
  ['scanSync', (engine) => [...engine.scanSync()]],
  ['cursor', (engine) => engine.cursor().next()],
  ['count', (engine) => engine.count()],
  ['approximateSize', (engine) => engine.approximateSize({})],
  ['put', (engine) => engine.put('a', '1')],
  ['delete', (engine) => engine.delete('a')],
  ['deleteRange', (engine) => engine.deleteRange({ gte: 'b', lt: 'a' })],
  ['write', (engine) => engine.write([])],
  ['snapshot', (engine) => engine.snapshot()],
  ['flush', (engine) => engine.flush()],
  ['sync', (engine) => engine.sync()],
  ['compact', (engine) => engine.compact()],
  ['verify', (engine) => engine.verify()],
  ['stats', (engine) => engine.stats()],
  ['on', (engine) => engine.on('flush', () => {})],
]

/** Wrong in themselves: that the store is closed is said all the same. */
const wrongCalls: readonly (readonly [string, (engine: Engine) => unknown])[] = [
  ['get', (engine) => engine.get(5 as unknown as string)],
  ['get with options', (engine) => engine.get('a', 5 as unknown as object)],
  ['getMany', (engine) => engine.getMany(5 as unknown as string[])],
  ['put', (engine) => engine.put(5 as unknown as string, 5 as unknown as string)],
  ['put with options', (engine) => engine.put('a', '1', 5 as unknown as object)],
  ['put with too long a key', (engine) => engine.put('k'.repeat(70_000), '1')],
  ['delete', (engine) => engine.delete(5 as unknown as string)],
  ['deleteRange', (engine) => engine.deleteRange({ foo: 1 } as object)],
  ['write', (engine) => engine.write('x' as unknown as [])],
  ['count', (engine) => engine.count({ foo: 1 } as object)],
  ['approximateSize', (engine) => engine.approximateSize(5 as unknown as object)],
  ['compact', (engine) => engine.compact({ foo: 1 } as object)],
  ['scan', (engine) => engine.scan({ limit: -1 })],
  ['scanSync', (engine) => engine.scanSync({ foo: 1 } as object)],
  ['cursor', (engine) => engine.cursor({ foo: 1 } as object)],
  ['on', (engine) => engine.on('nope' as 'flush', () => {})],
]

describe('after close', () => {
  test.each(wrongCalls)('%s with arguments that make no sense says LSM_CLOSED', async (_, call) => {
    const engine = await openMemory()
    const snapshot = engine.snapshot()
    await engine.close()
    expect(await errorOf(() => call(engine))).toMatchObject({ name: 'LsmError', code: 'LSM_CLOSED' })
    const reader = snapshot as unknown as Engine
    const isRead = /^(get|count|approximateSize|scan|cursor)/.test(_)
    if (isRead) expect(await errorOf(() => call(reader))).toMatchObject({ name: 'LsmError', code: 'LSM_CLOSED' })
  })

  test.each(calls)('%s says LSM_CLOSED', async (_, call) => {
    const engine = await openMemory()
    await engine.put('a', '1')
    await engine.close()
    expect(await errorOf(() => call(engine))).toMatchObject({ name: 'LsmError', code: 'LSM_CLOSED' })
  })

  test.each(calls)('%s that is called while it closes says LSM_CLOSED', async (_, call) => {
    const engine = await openMemory()
    const closing = engine.close()
    expect(await errorOf(() => call(engine))).toMatchObject({ name: 'LsmError', code: 'LSM_CLOSED' })
    await closing
  })

  test('close is idempotent, also while it runs, and is what await using calls', async () => {
    const engine = await openMemory()
    await Promise.all([engine.close(), engine.close()])
    await engine.close()
    if (typeof Symbol.asyncDispose === 'symbol') await engine[Symbol.asyncDispose]()
  })
})

describe('close waits', () => {
  test('for writes that are in the log: they are acknowledged, and there again', async () => {
    const storage = new HeldStorage()
    const engine = await openMemory({ durability: 'sync' }, { storage })
    const release = storage.holdSyncs()
    const settled: string[] = []
    const writes = ['a', 'b'].map((key) => engine.put(key, key).then(() => settled.push(key)))
    await turns(3)
    const closed = engine.close().then(() => settled.push('closed'))
    await turns(5)
    expect(settled).toEqual([])
    release()
    await Promise.all([...writes, closed])
    expect(settled).toEqual(['a', 'b', 'closed'])
    const again = await openMemory({}, { storage: (storage.inner as MemoryStorage).reopen() })
    expect(await textsOf(again.keys())).toEqual(['a', 'b'])
  })

  test('for reads that wait for a block', async () => {
    const storage = new HeldStorage()
    const engine = await openMemory({ ...TINY, cacheSizeBytes: 0 }, { storage })
    for (let i = 0; i < 40; i++) await engine.put(`k${i}`, `v${i}`.repeat(50))
    await engine.compact()
    const release = storage.holdReads()
    const reads = [engine.get('k1', { fillCache: false }), engine.getMany(['k2', 'k3']).then(([value]) => value)]
    const counted = engine.count()
    counted.catch(() => {})
    let isClosed = false
    const closing = engine.close().then(() => {
      isClosed = true
    })
    await turns(5)
    expect(isClosed).toBe(false)
    release()
    await closing
    expect(text(await reads[0])).toBe('v1'.repeat(50))
    // A read of several steps has its answer, or knows why not.
    const rest = await Promise.allSettled([reads[1], counted])
    for (const result of rest) {
      if (result.status === 'rejected') expect(result.reason).toHaveProperty('code', 'LSM_CLOSED')
    }
    const { status } = rest[0]!
    expect(status).toBe('fulfilled')
  })

  test.each(['flush', 'compact', 'verify'] as const)('for a %s, which ends or says LSM_CLOSED', async (what) => {
    const storage = new MemoryStorage()
    const engine = await openMemory(TINY, { storage })
    for (let i = 0; i < 200; i++) await engine.put(`k${i % 50}`, `v${i}`.repeat(30))
    const running = engine[what]().then(
      () => undefined,
      (error: unknown) => error,
    )
    await engine.close()
    const error = await running
    if (error !== undefined) expect(error).toMatchObject({ name: 'LsmError', code: 'LSM_CLOSED' })
    expect(storage.openFiles).toEqual([])
    const again = await openMemory(TINY, { storage: storage.reopen() as MemoryStorage })
    expect(await again.count()).toBe(50)
    await again.verify()
  })

  test('writers that wait for their turn are sent away with LSM_CLOSED, all others are there again', async () => {
    const storage = new MemoryStorage()
    const engine = await openMemory(TINY, { storage })
    const outcomes = Array.from({ length: 200 }, (_, i) =>
      engine.put(`k${i}`, 'v'.repeat(500)).then(
        () => `k${i}`,
        (error: { code?: string }) => {
          expect(error.code).toBe('LSM_CLOSED')
          return undefined
        },
      ),
    )
    await turns(2)
    await engine.close()
    const acknowledged = (await Promise.all(outcomes)).filter((key) => key !== undefined)
    const again = await openMemory(TINY, { storage: storage.reopen() as MemoryStorage })
    expect((await textsOf(again.keys())).sort()).toEqual(acknowledged.sort())
  })
})

describe('what is left open', () => {
  test('is named, ends, and does not keep the store from closing', async () => {
    const { logger, warnings } = listeningLogger()
    const engine = await openMemory(TINY, { logger })
    for (let i = 0; i < 40; i++) await engine.put(`k${i}`, 'v'.repeat(200))
    await engine.compact()
    const iterator = engine.scan()[Symbol.asyncIterator]()
    await iterator.next()
    const cursor = engine.cursor()
    await cursor.next()
    const snapshot = engine.snapshot()
    const over = snapshot.scanSync()[Symbol.iterator]()
    over.next()
    await engine.close()
    expect(warnings.join('\n')).toMatch(/1 snapshot/)
    expect(warnings.join('\n')).toMatch(/3 iterators or cursors/)
    expect(warnings).toHaveLength(2)
    expect(await errorOf(() => iterator.next())).toHaveProperty('code', 'LSM_CLOSED')
    expect(await errorOf(() => cursor.next())).toHaveProperty('code', 'LSM_CLOSED')
    expect(await errorOf(() => over.next())).toHaveProperty('code', 'LSM_CLOSED')
    expect(await errorOf(() => snapshot.get('k1'))).toHaveProperty('code', 'LSM_CLOSED')
    snapshot.close()
    cursor.close()
    await iterator.return?.()
  })

  test('is told by what it is, where it reads and for how long', async () => {
    const { logger, warnings } = listeningLogger()
    let now = 0
    const engine = await openMemory(TINY, { logger, scheduler: { ...systemScheduler, now: () => now } })
    for (const key of ['a', 'b', 'c', '\u00e9', 'x'.repeat(40)]) await engine.put(key, '1')
    await engine.flush()
    engine.snapshot()
    now = 1500
    for (const iterator of [
      engine.keys({ gte: 'a', lt: 'c' })[Symbol.asyncIterator](),
      engine.values({ prefix: '\u00e9', reverse: true })[Symbol.asyncIterator](),
      engine.scan({ gt: 'b' })[Symbol.asyncIterator](),
    ]) {
      expect((await iterator.next()).done).toBe(false)
    }
    engine.scanSync({ lte: 'a' })[Symbol.iterator]().next()
    engine.cursor({ gte: 'x'.repeat(40) })
    now = 1520
    engine.cursor()
    // Nothing was read of it: nothing is held.
    engine.scan()[Symbol.asyncIterator]()
    await engine.close()
    expect(warnings).toEqual([
      'closed with 1 snapshot open: snapshot() at sequence number 5, open for 1.520 s',
      [
        'closed with 6 iterators or cursors open: keys() over the keys from "a" before "c", open for 0.020 s',
        'values() over the keys from "\\xc3\\xa9" before "\\xc3\\xaa", in reverse, open for 0.020 s',
        'scan() over the keys from "b\\x00", open for 0.020 s',
        'scanSync() over the keys before "a\\x00", open for 0.020 s',
        `cursor() over the keys from "${'x'.repeat(32)}…", open for 0.020 s`,
        'cursor() over all keys, open for 0.000 s',
      ].join('; '),
    ])
  })

  test('is told in one line, however much it is', async () => {
    const { logger, warnings } = listeningLogger()
    const engine = await openMemory(TINY, { logger })
    for (let i = 0; i < 1000; i++) engine.cursor()
    for (let i = 0; i < 12; i++) engine.snapshot()
    await engine.close()
    expect(warnings).toHaveLength(2)
    expect(warnings[0]).toMatch(/^closed with 12 snapshots open: (snapshot\(\) [^;]*; ){10}and 2 more$/)
    expect(warnings[1]).toMatch(/^closed with 1000 iterators or cursors open: (cursor\(\) [^;]*; ){10}and 990 more$/)
  })

  test('does not keep the lock where the logger throws, which is not silent either', async () => {
    const storage = new MemoryStorage()
    const fail = (message: string): never => {
      throw new Error(`from the logger: ${message}`)
    }
    const engine = await openMemory(TINY, { storage, logger: { info: fail, warn: fail } })
    await engine.put('a', '1')
    engine.snapshot()
    engine.cursor()
    const thrown = await uncaughtOf(2, () => engine.close())
    expect(thrown.map((error) => error.message)).toEqual([
      expect.stringMatching(/^from the logger: closed with 1 snapshot/),
      expect.stringMatching(/^from the logger: closed with 1 iterators/),
    ])
    const again = await openMemory(TINY, { storage: storage.reopen() as MemoryStorage })
    expect(await textsOf(again.keys())).toEqual(['a'])
  })

  test('is nothing when all was closed', async () => {
    const { logger, warnings } = listeningLogger()
    const storage = new MemoryStorage()
    const engine = await openMemory(TINY, { logger, storage })
    for (let i = 0; i < 40; i++) await engine.put(`k${i}`, 'v'.repeat(200))
    await textsOf(engine.keys())
    for (const _ of engine.scanSync()) break
    engine.snapshot().close()
    await engine.close()
    expect(warnings).toEqual([])
    expect(storage.openFiles).toEqual([])
  })
})

test('a store that was closed and opened again is the same, over and over', async () => {
  const storage = new MemoryStorage()
  let held = storage
  for (let round = 0; round < 5; round++) {
    const engine = await Engine.open('memory', TINY, { storage: held })
    expect(await engine.count()).toBe(round * 10)
    expect(engine.stats().lastSeq).toBe(round * 10)
    for (let i = 0; i < 10; i++) await engine.put(`${round}${i}`, 'v'.repeat(300))
    await engine.close()
    held = storage.reopen() as MemoryStorage
  }
})
