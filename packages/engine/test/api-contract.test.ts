import { describe, expect, test } from 'vitest'
import type { Engine, Operation, Range, ScanOptions } from '../src/index.ts'
import { errorOf, HeldStorage, openMemory, TINY, text, textsOf, turns } from './api-fixtures.ts'

const bytes = (value: string): Uint8Array => new TextEncoder().encode(value)

/** Bytes that are handed over and spoiled as soon as the call has returned. */
function spoiling(): { give(value: string): Uint8Array; spoil(): void } {
  const given: Uint8Array[] = []
  return {
    give: (value) => {
      // A Buffer's slice() is no copy.
      const array = given.length % 2 === 0 ? Buffer.from(value) : bytes(value)
      given.push(array)
      return array
    },
    spoil: () => {
      for (const array of given) array.fill(0x7a)
    },
  }
}

describe('values and keys', () => {
  test('empty keys and values are legal, and last', async () => {
    const engine = await openMemory()
    await engine.put('', '')
    expect(await engine.get('')).toEqual(new Uint8Array(0))
    await engine.flush()
    expect(await engine.has('')).toBe(true)
    expect(engine.getSync('')).toEqual(new Uint8Array(0))
    expect(await engine.count()).toBe(1)
    await engine.delete('')
    expect(await engine.has('')).toBe(false)
    expect(engine.hasSync('')).toBe(false)
  })

  test('a string is its UTF-8, in keys, values, bounds and prefixes', async () => {
    const engine = await openMemory()
    await engine.put('ä', 'ö')
    await engine.put(bytes('ü'), bytes('ß'))
    expect(await engine.get(bytes('ä'))).toEqual(bytes('ö'))
    expect(text(await engine.get('ü'))).toBe('ß')
    expect(await textsOf(engine.keys({ gte: 'ä', lt: bytes('ü') }))).toEqual(['ä'])
    expect(await textsOf(engine.keys({ prefix: Uint8Array.of(0xc3) }))).toEqual(['ä', 'ü'])
  })

  test('order is that of the bytes, not of the text', async () => {
    const engine = await openMemory()
    for (const key of ['\u{10000}', '\uffff', 'z', 'Z', '']) await engine.put(key, key)
    expect(await textsOf(engine.keys())).toEqual(['', 'Z', 'z', '\uffff', '\u{10000}'])
  })

  test('a Buffer is bytes too, and what comes back is a Uint8Array of its own', async () => {
    const engine = await openMemory()
    await engine.put(Buffer.from('k'), Buffer.from('v'))
    const value = (await engine.get('k'))!
    expect(Object.getPrototypeOf(value)).toBe(Uint8Array.prototype)
    value.fill(0)
    expect(text(await engine.get('k'))).toBe('v')
  })

  const illFormed = '\ud800'
  const misused: readonly (readonly [string, (engine: Engine) => unknown])[] = [
    ['put, the key', (engine) => engine.put(illFormed, '')],
    ['put, the value', (engine) => engine.put('', illFormed)],
    ['delete', (engine) => engine.delete(illFormed)],
    ['deleteRange', (engine) => engine.deleteRange({ gte: illFormed })],
    ['write', (engine) => engine.write([{ type: 'put', key: illFormed, value: '' }])],
    ['get', (engine) => engine.get(illFormed)],
    ['getSync', (engine) => engine.getSync(illFormed)],
    ['has', (engine) => engine.has(illFormed)],
    ['hasSync', (engine) => engine.hasSync(illFormed)],
    ['getMany', (engine) => engine.getMany(['', illFormed])],
    ['scan', (engine) => textsOf(engine.keys({ prefix: illFormed }))],
    ['scanSync', (engine) => [...engine.scanSync({ lt: illFormed })]],
    ['cursor', (engine) => engine.cursor({ lt: illFormed })],
    ['count', (engine) => engine.count({ gt: illFormed })],
    ['approximateSize', (engine) => engine.approximateSize({ lte: illFormed })],
    ['compact', (engine) => engine.compact({ prefix: illFormed })],
  ]
  test.each(misused)('an ill-formed string is a TypeError with a code, and nothing is written: %s', async (_, call) => {
    const engine = await openMemory()
    const error = await errorOf(() => call(engine))
    expect(error).toBeInstanceOf(TypeError)
    expect(error.code).toBe('LSM_INVALID_ARGUMENT')
    expect(engine.stats().lastSeq).toBe(0)
  })

  test.each([undefined, null, 1, {}, [1], new ArrayBuffer(1), new Uint16Array(1)])(
    'what is neither text nor bytes is a TypeError with a code: %s',
    async (wrong) => {
      const engine = await openMemory()
      const key = wrong as unknown as string
      const calls = [
        () => engine.put(key, ''),
        () => engine.put('', key),
        () => engine.delete(key),
        () => engine.get(key),
        () => engine.getSync(key),
        () => engine.getMany([key]),
        () => engine.cursor().seek(key),
      ]
      for (const call of calls) {
        expect(await errorOf(call)).toMatchObject({ name: 'TypeError', code: 'LSM_INVALID_ARGUMENT' })
      }
      expect(engine.stats().lastSeq).toBe(0)
    },
  )
})

describe('limits', () => {
  const limits = { maxKeySizeBytes: 8, maxValueSizeBytes: 16, maxBatchSizeBytes: 64 }

  test('what is at its limit is taken, what is over it is a RangeError that names both', async () => {
    const engine = await openMemory(limits)
    await engine.put('k'.repeat(8), 'v'.repeat(16))
    const over: (() => Promise<void>)[] = [
      () => engine.put('k'.repeat(9), ''),
      () => engine.put('', 'v'.repeat(17)),
      () => engine.delete('k'.repeat(9)),
      () => engine.deleteRange({ gte: 'k'.repeat(10) }),
      () => engine.deleteRange({ lt: 'k'.repeat(10) }),
      () => engine.write([{ type: 'put', key: 'k'.repeat(9), value: '' }]),
    ]
    for (const call of over) {
      const error = await errorOf(call)
      expect(error).toMatchObject({ name: 'RangeError', code: 'LSM_INVALID_ARGUMENT' })
      expect(error.message).toMatch(/\d+ bytes.* at most \d+/)
    }
    expect(await engine.count()).toBe(1)
    expect(engine.stats().writes.batches).toBe(1)
  })

  test('a batch over the byte budget is a RangeError at once, however little else there is to do', async () => {
    const engine = await openMemory(limits)
    const operation: Operation = { type: 'put', key: '12345678', value: '12345678' }
    await engine.write(Array<Operation>(4).fill(operation))
    const error = await errorOf(() => engine.write(Array<Operation>(5).fill(operation)))
    expect(error).toMatchObject({ name: 'RangeError', code: 'LSM_INVALID_ARGUMENT' })
    expect(error.message).toMatch(/maxBatchSizeBytes, 64, at operations\[4\]/)
    expect(engine.stats().writes.operations).toBe(4)
  })

  test('a range without an end deletes the largest key there can be, in a record of bounded size', async () => {
    const engine = await openMemory({ maxKeySizeBytes: 1024 })
    const largest = new Uint8Array(1024).fill(0xff)
    await engine.put(largest, 'v')
    await engine.deleteRange({})
    expect(await engine.has(largest)).toBe(false)
    const before = engine.stats().writes.walBytes
    await engine.deleteRange({ gte: 'a' })
    expect(engine.stats().writes.walBytes - before).toBeLessThan(1200)
  })

  test.each([-1, 1.5, Number.NaN, '1', null])('a limit of %s is a RangeError', async (limit) => {
    const engine = await openMemory()
    const error = await errorOf(() => textsOf(engine.keys({ limit: limit as number })))
    expect(error).toMatchObject({ name: 'RangeError', code: 'LSM_INVALID_ARGUMENT' })
  })
})

describe('ranges', () => {
  const wrong: readonly (readonly [string, unknown])[] = [
    ['two lower bounds', { gt: 'a', gte: 'a' }],
    ['two upper bounds', { lt: 'a', lte: 'a' }],
    ['a bound beside a prefix', { prefix: 'a', lt: 'b' }],
    ['a bound of null', { gte: null }],
  ]
  test.each(wrong)('%s: refused by every method that takes a range', async (_, given) => {
    const engine = await openMemory()
    await engine.put('a', '1')
    const range = given as Range
    const calls: (() => unknown)[] = [
      () => engine.deleteRange(range),
      () => engine.write([{ type: 'deleteRange', range }]),
      () => textsOf(engine.keys(range)),
      () => [...engine.scanSync(range)],
      () => engine.cursor(range),
      () => engine.count(range),
      () => engine.approximateSize(range),
      () => engine.compact(range),
    ]
    for (const call of calls) expect(await errorOf(call)).toHaveProperty('code', 'LSM_INVALID_ARGUMENT')
    expect(await engine.count()).toBe(1)
  })

  test('a misspelt bound does not become "everything"', async () => {
    const engine = await openMemory()
    await engine.put('a', '1')
    const range = { gteq: 'b' } as Range
    for (const call of [
      () => engine.deleteRange(range),
      () => engine.write([{ type: 'deleteRange', range }]),
      () => engine.compact(range),
      () => engine.approximateSize(range),
    ]) {
      const error = await errorOf(call)
      expect(error).toHaveProperty('code', 'LSM_INVALID_ARGUMENT')
      expect(error.message).toMatch(/gteq/)
    }
    expect(await engine.count()).toBe(1)
  })

  test.each([null, 'a', 1])('%s is no range', async (range) => {
    const engine = await openMemory()
    for (const call of [
      () => engine.deleteRange(range as unknown as Range),
      () => engine.count(range as unknown as Range),
      () => engine.compact(range as unknown as Range),
      () => textsOf(engine.keys(range as unknown as ScanOptions)),
      () => engine.cursor(range as unknown as ScanOptions),
    ]) {
      expect(await errorOf(call)).toMatchObject({ name: 'TypeError', code: 'LSM_INVALID_ARGUMENT' })
    }
  })

  test('an empty or inverted range holds nothing and deletes nothing', async () => {
    const engine = await openMemory()
    await engine.put('b', '1')
    for (const range of [
      { gt: 'b', lt: 'b' },
      { gte: 'c', lt: 'a' },
      { gt: 'b', lte: 'b' },
    ]) {
      expect(await engine.count(range)).toBe(0)
      expect([...engine.scanSync({ ...range, reverse: true })]).toEqual([])
      await engine.deleteRange(range)
    }
    expect(engine.stats().lastSeq).toBe(1)
  })
})

describe('inputs are copied before the call returns', () => {
  test('by writes, whether they go at once or must wait', async () => {
    const storage = new HeldStorage()
    const engine = await openMemory({ ...TINY, maxFrozenMemtables: 1 }, { storage })
    const { give, spoil } = spoiling()
    const writes: Promise<void>[] = []
    const release = storage.holdPublishing()
    // Flushes cannot end, so that writers have to wait from somewhere on.
    for (let i = 0; i < 30; i++) {
      writes.push(engine.put(give(`put${i}`), give('v'.repeat(600))))
      writes.push(engine.write([{ type: 'put', key: give(`batch${i}`), value: give('w'.repeat(300)) }]))
      await turns(2)
    }
    writes.push(engine.put('d', '1'), engine.put('r1', '1'), engine.put('r2', '1'))
    writes.push(engine.delete(give('d')), engine.deleteRange({ gte: give('r1'), lt: give('r3') }))
    spoil()
    await turns(5)
    release()
    await Promise.all(writes)
    expect(engine.stats().stalls.stopped).toBeGreaterThan(0)
    expect(await engine.count({ prefix: 'put' })).toBe(30)
    expect(await engine.count({ prefix: 'batch' })).toBe(30)
    expect(await engine.count()).toBe(60)
    expect(text(await engine.get('put29'))).toBe('v'.repeat(600))
    expect(text(await engine.get('batch29'))).toBe('w'.repeat(300))
  })

  test('by point reads that wait for a block', async () => {
    const storage = new HeldStorage()
    // Without a filter, so that keys that are not there need a block too.
    const keyspaceDefaults = { ...TINY.keyspaceDefaults, filterFalsePositiveRate: false as const }
    const engine = await openMemory({ ...TINY, cacheSizeBytes: 0, keyspaceDefaults }, { storage })
    await engine.put('a', '1')
    await engine.put('zzzz', 'wrong')
    await engine.flush()
    for (const fillCache of [true, false]) {
      const { give, spoil } = spoiling()
      const release = storage.holdReads()
      const reads = [
        engine.get(give('a'), { fillCache }),
        engine.has(give('none'), { fillCache }).then((has) => bytes(has ? 'has' : 'has not')),
        engine.getMany([give('a'), give('b')], { fillCache }).then(([first]) => first),
      ]
      // As long as the keys that are there, so that a spoilt one would find another's value.
      const other = engine.get(give('bbbb'), { fillCache })
      spoil()
      release()
      expect((await Promise.all(reads)).map(text)).toEqual(['1', 'has not', '1'])
      expect(await other).toBeUndefined()
    }
  })

  test('by scans, cursors, counts and sizes', async () => {
    const engine = await openMemory()
    for (const key of ['a', 'b', 'c', 'z']) await engine.put(key, key)
    const { give, spoil } = spoiling()
    const options = { gte: give('b'), lt: give('c'), reverse: false }
    const keys = engine.keys(options)
    const scan = engine.scanSync({ lte: give('b') })
    const cursor = engine.cursor()
    cursor.seek(give('b'))
    const count = engine.count({ gt: give('a') })
    options.reverse = true
    spoil()
    expect(await textsOf(keys)).toEqual(['b'])
    expect([...scan].map(([key]) => text(key))).toEqual(['a', 'b'])
    expect(await cursor.next()).toBe(true)
    expect(text(cursor.key)).toBe('b')
    expect(await count).toBe(3)
    cursor.close()
  })
})

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
