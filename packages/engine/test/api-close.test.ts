import { MemoryStorage } from '@lsm/storage'
import { describe, expect, test } from 'vitest'
import { Engine, type Logger } from '../src/index.ts'
import { errorOf, HeldStorage, openMemory, TINY, text, textsOf, turns } from './api-fixtures.ts'

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

describe('after close', () => {
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
    expect(await errorOf(() => iterator.next())).toHaveProperty('code', 'LSM_CLOSED')
    expect(await errorOf(() => cursor.next())).toHaveProperty('code', 'LSM_CLOSED')
    expect(await errorOf(() => over.next())).toHaveProperty('code', 'LSM_CLOSED')
    expect(await errorOf(() => snapshot.get('k1'))).toHaveProperty('code', 'LSM_CLOSED')
    snapshot.close()
    cursor.close()
    await iterator.return?.()
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
