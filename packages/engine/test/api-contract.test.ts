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
