import { describe, expect, test } from 'vitest'
import type { Engine, Operation } from '../src/index.ts'
import { errorOf, HeldStorage, openMemory, TINY, text, textsOf, turns } from './api-fixtures.ts'

describe('visibility', () => {
  test('nothing is visible before it is acknowledged, and an os write waits behind a pending sync one', async () => {
    const storage = new HeldStorage()
    const engine = await openMemory({}, { storage })
    const settled: string[] = []
    const release = storage.holdSyncs()
    const first = engine.put('a', '1', { durability: 'sync' }).then(() => settled.push('sync'))
    await turns(3)
    const second = engine.put('b', '2', { durability: 'os' }).then(() => settled.push('os'))
    const third = engine.write([{ type: 'put', key: 'c', value: '3' }], { durability: { intervalMs: 1 } })
    await turns(10)
    await new Promise((resolve) => setTimeout(resolve, 5))
    expect(storage.syncsBegun).toBeGreaterThan(0)
    expect(settled).toEqual([])
    expect(['a', 'b', 'c'].map((key) => engine.hasSync(key))).toEqual([false, false, false])
    expect(engine.stats().visibleSeq).toBe(0)
    release()
    await Promise.all([first, second, third])
    expect(settled).toEqual(['sync', 'os'])
    expect(['a', 'b', 'c'].map((key) => engine.hasSync(key))).toEqual([true, true, true])
  })

  test('an os write waits for no sync of its own', async () => {
    const storage = new HeldStorage()
    const engine = await openMemory({ durability: 'os' }, { storage })
    const release = storage.holdSyncs()
    await engine.put('a', '1')
    expect(text(engine.getSync('a'))).toBe('1')
    const synced = engine.sync()
    await turns(3)
    release()
    await synced
  })

  test('writes that do not wait for each other are visible in their order', async () => {
    const engine = await openMemory()
    const order: number[] = []
    const writes = Array.from({ length: 20 }, (_, i) =>
      engine.put('k', String(i), { durability: i % 3 === 0 ? 'sync' : 'os' }).then(() => {
        order.push(i)
        // Its own write, or a later one that was acknowledged with it.
        expect(Number(text(engine.getSync('k')))).toBeGreaterThanOrEqual(i)
      }),
    )
    await Promise.all(writes)
    expect(order).toEqual(Array.from({ length: 20 }, (_, i) => i))
    expect(text(engine.getSync('k'))).toBe('19')
  })

  test('a batch is seen whole, its later operation counting', async () => {
    const engine = await openMemory()
    await engine.write([
      { type: 'put', key: 'a', value: '1' },
      { type: 'deleteRange', range: { gte: 'a' } },
      { type: 'put', key: 'b', value: '2' },
      { type: 'put', key: 'b', value: '3' },
      { type: 'put', key: 'c', value: '4' },
      { type: 'delete', key: 'c' },
    ])
    expect(await textsOf(engine.keys())).toEqual(['b'])
    expect(text(await engine.get('b'))).toBe('3')
    await engine.write([])
    expect(engine.stats().writes.batches).toBe(1)
  })

  test('a batch with one operation that is wrong writes none', async () => {
    const engine = await openMemory()
    const wrong: readonly unknown[] = [
      null,
      'put',
      {},
      { type: 'merge', key: 'a' },
      { type: 'put', key: 'a' },
      { type: 'deleteRange' },
      { type: 'put', key: 'a', value: '1', keyspace: {} },
    ]
    for (const operation of wrong) {
      const operations = [{ type: 'put', key: 'a', value: '1' }, operation] as Operation[]
      expect(await errorOf(() => engine.write(operations))).toHaveProperty('code')
    }
    expect(await errorOf(() => engine.write('no' as unknown as Operation[]))).toHaveProperty('name', 'TypeError')
    expect(engine.stats().lastSeq).toBe(0)
  })

  test.each(['none', 1, null, {}, { intervalMs: 0 }, { intervalMs: Number.NaN }])(
    'a durability of %j is refused, and nothing written',
    async (durability) => {
      const engine = await openMemory()
      const error = await errorOf(() => engine.put('a', '1', { durability: durability as 'os' }))
      expect(error).toHaveProperty('code', 'LSM_INVALID_ARGUMENT')
      expect(engine.stats().lastSeq).toBe(0)
    },
  )
})

describe('snapshots', () => {
  test('read the same through their own methods and as an option, whatever happens meanwhile', async () => {
    const engine = await openMemory(TINY)
    for (let i = 0; i < 50; i++) await engine.put(`k${i}`, `old ${i}`.repeat(20))
    const snapshot = engine.snapshot()
    for (let i = 0; i < 50; i++) await engine.put(`k${i}`, 'new')
    await engine.deleteRange({ prefix: 'k1' })
    await engine.compact()
    expect(await snapshot.count()).toBe(50)
    expect(text(await snapshot.get('k1'))).toBe('old 1'.repeat(20))
    expect(text(await engine.get('k1', { snapshot }))).toBe('old 1'.repeat(20))
    expect(text(engine.getSync('k10', { snapshot }))).toBe('old 10'.repeat(20))
    expect(await engine.has('k1')).toBe(false)
    expect((await textsOf(engine.values({ snapshot, prefix: 'k1' }))).length).toBe(11)
    expect(engine.stats().snapshots).toBe(1)
    snapshot.close()
    snapshot.close()
    expect(engine.stats().snapshots).toBe(0)
  })

  test('a closed one, one of another engine and what is none are refused', async () => {
    const engine = await openMemory()
    const other = await openMemory()
    const foreign = other.snapshot()
    const closed = engine.snapshot()
    closed.close()
    for (const call of [
      () => closed.get('a'),
      () => closed.getSync('a'),
      () => closed.count(),
      () => textsOf(closed.keys()),
      () => closed.approximateSize({}),
      () => engine.get('a', { snapshot: closed }),
    ]) {
      expect(await errorOf(call)).toMatchObject({ name: 'LsmError', code: 'LSM_CLOSED' })
    }
    expect(await errorOf(() => engine.get('a', { snapshot: foreign }))).toMatchObject({
      name: 'RangeError',
      code: 'LSM_INVALID_ARGUMENT',
    })
    const wrong = {} as unknown as typeof foreign
    expect(await errorOf(() => engine.get('a', { snapshot: wrong }))).toMatchObject({ name: 'TypeError' })
  })

  test('an iterator over a snapshot ends with it', async () => {
    const engine = await openMemory()
    for (const key of ['a', 'b', 'c']) await engine.put(key, key)
    const snapshot = engine.snapshot()
    const iterator = snapshot.scan()[Symbol.asyncIterator]()
    await iterator.next()
    snapshot.close()
    expect(await errorOf(() => iterator.next())).toHaveProperty('code', 'LSM_CLOSED')
    expect(await iterator.next()).toEqual({ done: true, value: undefined })
  })
})

describe('iterators and cursors', () => {
  test('pairs stay valid for ever, and one iterable can be gone through twice', async () => {
    const engine = await openMemory(TINY)
    for (let i = 0; i < 60; i++) await engine.put(`k${String(i).padStart(2, '0')}`, `value ${i}`.repeat(9))
    await engine.flush()
    const iterable = engine.scan({ prefix: 'k' })
    const pairs: [Uint8Array, Uint8Array][] = []
    for await (const pair of iterable) pairs.push(pair)
    for (let i = 0; i < 60; i++) await engine.put(`k${String(i).padStart(2, '0')}`, 'x')
    await engine.compact()
    pairs.forEach(([key, value], i) => {
      expect(text(key)).toBe(`k${String(i).padStart(2, '0')}`)
      expect(text(value)).toBe(`value ${i}`.repeat(9))
    })
    let again = 0
    for await (const [, value] of iterable) {
      expect(text(value)).toBe('x')
      again++
    }
    expect(again).toBe(60)
  })

  test('calls of next that do not wait for each other answer in order', async () => {
    const engine = await openMemory({ ...TINY, cacheSizeBytes: 0 })
    for (let i = 0; i < 30; i++) await engine.put(`k${i + 10}`, 'v'.repeat(100))
    await engine.flush()
    const iterator = engine.keys()[Symbol.asyncIterator]()
    const results = await Promise.all(Array.from({ length: 32 }, () => iterator.next()))
    expect(results.map(({ value }) => text(value))).toEqual([
      ...Array.from({ length: 30 }, (_, i) => `k${i + 10}`),
      undefined,
      undefined,
    ])
  })

  test('leaving a loop early lets go of the tables', async () => {
    const engine = await openMemory(TINY)
    for (let i = 0; i < 60; i++) await engine.put(`k${i}`, 'v'.repeat(100))
    await engine.compact()
    for await (const _ of engine.scan()) break
    for (const _ of engine.scanSync()) break
    await expect(
      (async () => {
        for await (const _ of engine.scan()) throw new Error('mine')
      })(),
    ).rejects.toThrow('mine')
    const cursor = engine.cursor()
    await cursor.next()
    cursor.close()
    cursor.close()
    expect(await cursor.next()).toBe(false)
    const before = engine.stats().openTables
    for (let i = 0; i < 60; i++) await engine.put(`k${i}`, 'w'.repeat(100))
    await engine.compact()
    await turns(3)
    // The old ones are closed: none is held by an iterator that was left.
    expect(engine.stats().openTables).toBeLessThanOrEqual(before + 2)
  })

  test('a cursor seeks to and fro, and its limit counts all pairs that it gave', async () => {
    const engine = await openMemory()
    for (const key of ['a', 'b', 'c', 'd']) await engine.put(key, key)
    const cursor = engine.cursor({ gte: 'b', limit: 4 })
    expect(cursor.key.length).toBe(0)
    cursor.seek('c')
    expect([await cursor.next(), text(cursor.key)]).toEqual([true, 'c'])
    cursor.seek('a')
    expect([await cursor.next(), text(cursor.key)]).toEqual([true, 'b'])
    cursor.seek('z')
    expect(await cursor.next()).toBe(false)
    cursor.seek('b')
    expect([await cursor.next(), text(cursor.value)]).toEqual([true, 'b'])
    expect([await cursor.next(), text(cursor.value)]).toEqual([true, 'c'])
    expect(await cursor.next()).toBe(false)
    const back = engine.cursor({ reverse: true, lt: 'd' })
    back.seek('bb')
    expect([await back.next(), text(back.key)]).toEqual([true, 'b'])
    back.seek('z')
    expect([await back.next(), text(back.key)]).toEqual([true, 'c'])
    back.close()
  })

  test('reads of a store in memory wait for nothing: a cursor answers at once', async () => {
    const engine = await openMemory()
    await engine.put('a', '1')
    const cursor = engine.cursor()
    expect(cursor.next()).toBe(true)
    expect(cursor.next()).toBe(false)
    cursor.close()
  })
})

describe('abort signals', () => {
  const aborted = AbortSignal.abort(new Error('enough'))
  const calls: readonly (readonly [string, (engine: Engine) => unknown])[] = [
    ['get', (engine) => engine.get('a', { signal: aborted })],
    ['has', (engine) => engine.has('a', { signal: aborted })],
    ['getSync', (engine) => engine.getSync('a', { signal: aborted })],
    ['getMany', (engine) => engine.getMany(['a'], { signal: aborted })],
    ['scan', (engine) => textsOf(engine.keys({ signal: aborted }))],
    ['scanSync', (engine) => [...engine.scanSync({ signal: aborted })]],
    ['put', (engine) => engine.put('b', '1', { signal: aborted })],
    ['delete', (engine) => engine.delete('a', { signal: aborted })],
    ['deleteRange', (engine) => engine.deleteRange({}, { signal: aborted })],
    ['write', (engine) => engine.write([{ type: 'delete', key: 'a' }], { signal: aborted })],
  ]
  test.each(calls)('%s with a signal that was aborted before', async (_, call) => {
    const engine = await openMemory()
    await engine.put('a', '1')
    const error = await errorOf(() => call(engine))
    expect(error).toMatchObject({ name: 'LsmError', code: 'LSM_ABORTED', cause: aborted.reason })
    expect(await textsOf(engine.keys())).toEqual(['a'])
  })

  test('a scan ends where it is aborted, and lets go of what it held', async () => {
    const engine = await openMemory()
    for (const key of ['a', 'b', 'c']) await engine.put(key, key)
    const controller = new AbortController()
    const seen: string[] = []
    const error = await errorOf(async () => {
      for await (const key of engine.keys({ signal: controller.signal })) {
        seen.push(text(key)!)
        if (seen.length === 2) controller.abort()
      }
    })
    expect(error).toHaveProperty('code', 'LSM_ABORTED')
    expect(seen).toEqual(['a', 'b'])
  })

  test('a write that waits for its turn leaves the line; one that is in the log cannot be called back', async () => {
    const storage = new HeldStorage()
    const engine = await openMemory({ ...TINY, maxFrozenMemtables: 1 }, { storage })
    const release = storage.holdPublishing()
    const before: Promise<void>[] = []
    for (let i = 0; i < 20; i++) {
      before.push(engine.put(`k${i}`, 'v'.repeat(1000)))
      await turns(2)
    }
    const controller = new AbortController()
    const waiting = engine.put('waiting', '1', { signal: controller.signal })
    await turns(2)
    controller.abort()
    expect(await errorOf(() => waiting)).toHaveProperty('code', 'LSM_ABORTED')
    release()
    await Promise.all(before)
    expect(await engine.has('waiting')).toBe(false)
    expect(await engine.count()).toBe(20)
    // Nobody waits any more.
    await engine.compact()
    const late = new AbortController()
    const written = engine.put('late', '1', { signal: late.signal })
    late.abort()
    await written
    expect(await engine.has('late')).toBe(true)
  })
})
