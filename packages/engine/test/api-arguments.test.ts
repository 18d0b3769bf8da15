/** What is passed to a call and makes no sense: it is told with a code, before anything happens. */
import { runInNewContext } from 'node:vm'
import { MemoryStorage } from '@lsm/storage'
import { describe, expect, test } from 'vitest'
import { Engine, type EngineComponents, type EngineOptions, type Operation, type Range } from '../src/index.ts'
import { errorOf, HeldStorage, openMemory, TINY, text, textsOf, turns } from './api-fixtures.ts'

const INVALID = { code: 'LSM_INVALID_ARGUMENT' }

function argumentsOf(): unknown {
  // biome-ignore lint/complexity/noArguments: it is the mistake
  return arguments
}

/** None of them has a bound among its own names. */
const noRanges: readonly (readonly [string, unknown])[] = [
  ['an array', []],
  ['a buffer', new ArrayBuffer(3)],
  ['a view of one', new DataView(new ArrayBuffer(1))],
  ['empty bytes', new Uint8Array(0)],
  ['a Map with a bound in it', new Map([['gte', 'a']])],
  ['a date', new Date()],
  ['a regular expression', /a/],
  ['a promise of a range', Promise.resolve({ gte: 'a' })],
  ['an empty text object', Object('')],
  [
    'a range of a class',
    new (class {
      readonly #gte = 'a'
      get gte(): string {
        return this.#gte
      }
    })(),
  ],
  ['an object over a range', Object.create({ gte: 'a' })],
  ['a namespace', JSON],
  ['arguments', argumentsOf()],
  ['an array of another realm', runInNewContext('[]')],
  ['a Map of another realm', runInNewContext('new Map()')],
  ['a function', () => ({ gte: 'a' })],
]

/** What a read takes for a range without that bound. */
const unsetRanges: readonly (readonly [string, unknown])[] = [
  ['a prefix that was never set', { prefix: undefined }],
  ['two bounds that were never set', { gte: undefined, lt: undefined }],
  ['one of two bounds that was never set', { gte: 'a', lt: undefined }],
]

/** So that an array among them is not taken for the arguments of the test. */
const rows = (values: readonly unknown[]): [unknown][] => values.map((value) => [value])

describe('a range to delete', () => {
  test.each([...noRanges, ...unsetRanges])('%s deletes nothing', async (_, given) => {
    const engine = await openMemory()
    await engine.put('k1', '1')
    await engine.put('k2', '2')
    const range = given as Range
    for (const call of [
      () => engine.deleteRange(range),
      () => engine.write([{ type: 'deleteRange', range }]),
      () =>
        engine.write([
          { type: 'put', key: 'k3', value: '3' },
          { type: 'deleteRange', range },
        ]),
    ]) {
      expect(await errorOf(call)).toMatchObject({ name: 'TypeError', ...INVALID })
    }
    expect(await engine.count()).toBe(2)
    expect(engine.stats().lastSeq).toBe(2)
  })

  test('of no bounds is everything, and a plain object of any realm is a range', async () => {
    const engine = await openMemory()
    for (const range of [{}, Object.create(null), runInNewContext('({})')] as Range[]) {
      await engine.put('a', '1')
      await engine.deleteRange(range)
      expect(await engine.count()).toBe(0)
    }
    for (const key of ['a', 'b', 'c']) await engine.put(key, key)
    await engine.deleteRange(runInNewContext("({ gt: 'b' })") as Range)
    await engine.deleteRange(Object.assign(Object.create(null), { lt: 'b' }) as Range)
    expect(await textsOf(engine.keys())).toEqual(['b'])
  })
})

describe('a range to read', () => {
  test.each(noRanges)('is not %s', async (_, given) => {
    const engine = await openMemory()
    const range = given as Range
    for (const call of [
      () => engine.scan(range),
      () => engine.keys(range),
      () => engine.values(range),
      () => engine.scanSync(range),
      () => engine.cursor(range),
      () => engine.count(range),
      () => engine.approximateSize(range),
      () => engine.compact(range),
    ]) {
      expect(await errorOf(call)).toMatchObject({ name: 'TypeError', ...INVALID })
    }
  })

  test.each(unsetRanges)('may have %s: it is left out', async (_, given) => {
    const engine = await openMemory()
    for (const key of ['a', 'b']) await engine.put(key, key)
    expect(await textsOf(engine.keys(given as Range))).toEqual(['a', 'b'])
    expect(await engine.count(given as Range)).toBe(2)
  })
})

test('a signal that is null is none, as fetch has it', async () => {
  const engine = await openMemory()
  const none = { signal: null } as unknown as { signal?: AbortSignal }
  await engine.put('a', '1', none)
  expect(text(await engine.get('a', none))).toBe('1')
  expect(await textsOf(engine.keys(none))).toEqual(['a'])
})

describe('options', () => {
  const wrongToAll: readonly unknown[] = [null, 5, 'os', [], new Map(), { foo: 1 }, { signal: 5 }]
  const wrongToReads = [...wrongToAll, { fillCache: 'x' }, { fillCache: null }, { durability: 'os' }, { signal: {} }]
  const wrongToWrites = [...wrongToAll, { durabilty: 'os' }, { durability: null }, { fillCache: true }, { signal: {} }]
  const wrongToScans = [...wrongToReads, { prefx: 'a' }, { start: 'a', end: 'b' }, { reverse: 1 }, { limit: '2' }]

  test.each(rows(wrongToReads))('of a read are not %j', async (given) => {
    const engine = await openMemory()
    const options = given as object
    for (const call of [
      () => engine.get('a', options),
      () => engine.has('a', options),
      () => engine.getSync('a', options),
      () => engine.hasSync('a', options),
      () => engine.getMany(['a'], options),
    ]) {
      expect(await errorOf(call)).toMatchObject(INVALID)
    }
  })

  test.each(rows(wrongToScans))('of a scan are not %j', async (given) => {
    const engine = await openMemory()
    const options = given as object
    for (const call of [
      () => engine.scan(options),
      () => engine.keys(options),
      () => engine.values(options),
      () => engine.scanSync(options),
      () => engine.cursor(options),
    ]) {
      expect(await errorOf(call)).toMatchObject(INVALID)
    }
  })

  test.each(rows(wrongToWrites))('of a write are not %j, whether it must wait or not', async (given) => {
    const storage = new HeldStorage()
    const engine = await openMemory({ ...TINY, maxFrozenMemtables: 1 }, { storage })
    const options = given as object
    const calls = [
      () => engine.put('a', '1', options),
      () => engine.delete('a', options),
      () => engine.deleteRange({}, options),
      () => engine.deleteRange({ gt: 'b', lt: 'a' }, options),
      () => engine.write([{ type: 'delete', key: 'a' }], options),
      () => engine.write([], options),
    ]
    for (const call of calls) expect(await errorOf(call)).toMatchObject(INVALID)
    expect(engine.stats().lastSeq).toBe(0)
    const release = storage.holdPublishing()
    const waiting: Promise<void>[] = []
    for (let i = 0; i < 20; i++) {
      waiting.push(engine.put(`k${i}`, 'v'.repeat(1000)))
      await turns(2)
    }
    for (const call of calls) expect(await errorOf(call)).toMatchObject(INVALID)
    release()
    await Promise.all(waiting)
    expect(await engine.count()).toBe(20)
  })

  test('that are undefined are left out', async () => {
    const engine = await openMemory()
    const none = { snapshot: undefined, fillCache: undefined, signal: undefined } as object
    await engine.put('a', '1', { durability: undefined, signal: undefined } as object)
    expect(await engine.has('a', none)).toBe(true)
    expect(await textsOf(engine.keys({ ...none, reverse: undefined, limit: undefined } as object))).toEqual(['a'])
  })

  test('a signal that is made by hand is one', async () => {
    const engine = await openMemory()
    const signal = { aborted: true, reason: 'mine', addEventListener() {}, removeEventListener() {} }
    const options = { signal: signal as unknown as AbortSignal }
    for (const call of [() => engine.put('a', '1', options), () => engine.get('a', options)]) {
      expect(await errorOf(call)).toMatchObject({ code: 'LSM_ABORTED', cause: 'mine' })
    }
  })

  test('a durability is shown as it is', async () => {
    const engine = await openMemory()
    for (const durability of [{ intervalMs: -1 }, { intervalMs: 5, sync: true }]) {
      const error = await errorOf(() => engine.put('a', '1', { durability }))
      expect(error).toMatchObject({ name: 'RangeError', ...INVALID })
      expect(error.message).toContain(JSON.stringify(durability))
    }
  })

  test.each(noRanges)('of the engine are not %s', async (_, options) => {
    const error = await errorOf(() => Engine.open('nowhere', options as EngineOptions))
    expect(error).toMatchObject({ name: 'TypeError', code: 'LSM_INVALID_OPTIONS' })
  })
})

describe('operations', () => {
  const wrong: readonly (readonly [string, object])[] = [
    ['ttl', { type: 'put', key: 'a', value: '1', ttl: 5 }],
    ['durability', { type: 'put', key: 'a', value: '1', durability: 'os' }],
    ['value', { type: 'delete', key: 'a', value: '1' }],
    ['prefix', { type: 'deleteRange', range: { gte: 'a' }, prefix: 'a' }],
    ['key', { type: 'deleteRange', range: { gte: 'a' }, key: 'a' }],
  ]
  test.each(wrong)('do not say %s where it means nothing, and none of the batch is written', async (name, given) => {
    const engine = await openMemory()
    const operations = [{ type: 'put', key: 'b', value: '1' }, given] as Operation[]
    const error = await errorOf(() => engine.write(operations))
    expect(error).toMatchObject({ name: 'TypeError', ...INVALID })
    expect(error.message).toContain(`operations[1].${name} `)
    expect(engine.stats().lastSeq).toBe(0)
  })

  test('may leave the keyspace undefined', async () => {
    const engine = await openMemory()
    await engine.write([{ type: 'put', key: 'a', value: '1', keyspace: undefined } as unknown as Operation])
    expect(await engine.has('a')).toBe(true)
  })
})

describe('maxBatchSizeBytes', () => {
  const limits = { maxKeySizeBytes: 16, maxValueSizeBytes: 100, maxBatchSizeBytes: 20 }

  test('holds for a write alone as for the same one in a batch', async () => {
    const engine = await openMemory(limits)
    const key = 'k'.repeat(11)
    await engine.put('k', 'v'.repeat(19))
    await engine.write([{ type: 'put', key: 'k', value: 'v'.repeat(19) }])
    await engine.deleteRange({ gte: key, lt: 'l'.repeat(9) })
    const range = { gte: key, lt: 'l'.repeat(10) }
    for (const call of [
      () => engine.put('k', 'v'.repeat(20)),
      () => engine.write([{ type: 'put', key: 'k', value: 'v'.repeat(20) }]),
      () => engine.deleteRange(range),
      () => engine.write([{ type: 'deleteRange', range }]),
    ]) {
      const error = await errorOf(call)
      expect(error).toMatchObject({ name: 'RangeError', ...INVALID })
      expect(error.message).toMatch(/maxBatchSizeBytes, 20/)
    }
    const tight = await openMemory({ ...limits, maxBatchSizeBytes: 5 })
    expect(await errorOf(() => tight.delete('k'.repeat(6)))).toMatchObject({ name: 'RangeError', ...INVALID })
    expect(tight.stats().lastSeq).toBe(0)
  })

  test('counts the bounds that were given, and none for a range without an end', async () => {
    const engine = await openMemory({ ...limits, maxKeySizeBytes: 1000 })
    for (const key of ['a', 'b', 'c']) await engine.put(key, '1')
    await engine.deleteRange({ gte: 'c' })
    await engine.write([{ type: 'deleteRange', range: { gte: 'b' } }])
    expect(await textsOf(engine.keys())).toEqual(['a'])
  })
})

test('a hole in the keys of getMany is a key that is none', async () => {
  const engine = await openMemory()
  // biome-ignore lint/suspicious/noSparseArray: it is the mistake
  const error = await errorOf(() => engine.getMany([, 'a'] as string[]))
  expect(error).toMatchObject({ name: 'TypeError', ...INVALID })
  expect(error.message).toMatch(/^keys\[0\] /)
})

describe('components', () => {
  const wrong: readonly (readonly [unknown, RegExp])[] = [
    [null, /^components /],
    [5, /^components /],
    ['x', /^components /],
    [[], /^components .* Array$/],
    [{ storge: 1 }, /^storge /],
    [{ storage: {} }, /^storage lacks open\(\), .* foreignNames\(\)/],
    [{ storage: null }, /^storage lacks/],
    [{ clock: 5 }, /^clock lacks now\(\)$/],
    [{ random: {} }, /^random lacks bytes\(\)$/],
    [{ scheduler: { now: () => 0, delay: () => {} } }, /^scheduler lacks microtask\(\), macrotask\(\)$/],
    [{ logger: {} }, /^logger lacks info\(\), warn\(\)$/],
    [{ logger: { info: () => {}, warn: 'x' } }, /^logger lacks warn\(\)$/],
  ]
  test.each(wrong)('%j are refused before anything is opened', async (given, problem) => {
    const touched: string[] = []
    const storage = new Proxy(new MemoryStorage(), {
      get(target, name) {
        const value: unknown = Reflect.get(target, name, target)
        return typeof value !== 'function'
          ? value
          : (...args: unknown[]) => {
              touched.push(String(name))
              return value.apply(target, args)
            }
      },
    })
    const isObject = typeof given === 'object' && given !== null && !Array.isArray(given)
    const components = isObject ? { storage, ...given } : given
    const error = await errorOf(() => Engine.open('memory', {}, components as EngineComponents))
    expect(error).toMatchObject({ name: 'TypeError', code: 'LSM_INVALID_OPTIONS' })
    expect(error.problems).toEqual([expect.stringMatching(problem)])
    expect(touched).toEqual([])
  })

  test('are told all at once, and may be functions that have what is asked', async () => {
    const given = { clock: 5, logger: {}, strage: 1 } as unknown as EngineComponents
    const error = await errorOf(() => Engine.open('memory', {}, given))
    expect(error.problems).toHaveLength(3)
    const engine = await openMemory({}, { clock: Date, logger: console })
    await engine.put('a', '1')
  })
})

test('a path with a NUL in it is none', async () => {
  for (const call of [() => Engine.open('a\0b'), () => Engine.destroy('a\0b')]) {
    expect(await errorOf(call)).toMatchObject({ name: 'TypeError', ...INVALID })
  }
})
