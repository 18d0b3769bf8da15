import { describe, expect, test, vi } from 'vitest'
import { BlockCache, FILTER_OFFSET, INDEX_OFFSET } from '../src/index.ts'
import { thrown } from './thrown.ts'

const bytes = (length: number): Uint8Array => new Uint8Array(length)

describe('get and put', () => {
  test('an entry comes back as the same object, from the tier of its offset', () => {
    const cache = new BlockCache()
    const [data, index, filter] = [bytes(1), bytes(2), bytes(3)]
    expect(cache.put('a', 0, data)).toBe(true)
    cache.put('a', INDEX_OFFSET, index)
    cache.put('a', FILTER_OFFSET, filter)
    expect([cache.get('a', 0), cache.get('a', -2), cache.get('a', -1)]).toEqual([data, index, filter])
    expect(cache.get('a', 0)).toBe(data)
    const stats = cache.stats()
    expect([stats.data.entries, stats.index.entries, stats.filter.entries]).toEqual([1, 1, 1])
    expect([stats.data.hits, stats.index.hits, stats.filter.hits]).toEqual([2, 1, 1])
  })

  test('the file 1 and the file "1" are two files', () => {
    const cache = new BlockCache<string>()
    cache.put(1, 0, 'number')
    cache.put('1', 0, 'string')
    expect([cache.get(1, 0), cache.get('1', 0)]).toEqual(['number', 'string'])
    cache.invalidate(1)
    expect([cache.get(1, 0), cache.get('1', 0)]).toEqual([undefined, 'string'])
  })

  test('files whose ids share a slot of the hint table are told apart', () => {
    const cache = new BlockCache<number>()
    // The same characters at the places that the hint looks at.
    const ids = ['AxxxMxxxx', 'ByyyMyxxx', 'CzzzMzxzx', 1, 1025, 2049]
    for (const [i, id] of ids.entries()) cache.put(id, 0, i)
    for (let round = 0; round < 2; round++) expect(ids.map((id) => cache.get(id, 0))).toEqual([0, 1, 2, 3, 4, 5])
  })

  test.each([
    0,
    1,
    65_535,
    65_536,
    65_537,
    2 ** 26 - 1,
    2 ** 26,
    2 ** 31 - 1,
    2 ** 31,
    2 ** 32,
    2 ** 32 + 65_536,
    2 ** 48,
    2 ** 53 - 1,
  ])('offset %d has an entry of its own', (offset) => {
    const cache = new BlockCache<number>({ dataEntries: 100 })
    const others = [0, 1, 65_535, 65_536, 2 ** 26, 2 ** 31, 2 ** 32, 2 ** 53 - 1].filter((other) => other !== offset)
    for (const other of others) cache.put('f', other, -1)
    expect(cache.get('f', offset)).toBe(undefined)
    cache.put('f', offset, 7)
    expect(cache.get('f', offset)).toBe(7)
    expect(cache.file('f').get(offset)).toBe(7)
    for (const other of others) expect(cache.get('f', other)).toBe(-1)
    expect(cache.delete('f', offset)).toBe(true)
    expect(cache.get('f', offset)).toBe(undefined)
    expect(cache.invalidate('f')).toBe(others.length)
  })

  test('-0 is offset 0', () => {
    const cache = new BlockCache<string>()
    cache.put('f', -0, 'start')
    expect(cache.get('f', 0)).toBe('start')
    expect(cache.get('f', -0)).toBe('start')
  })

  test('block numbers as offsets: thousands of entries in one page', () => {
    const cache = new BlockCache<number>({ dataEntries: 5_000 })
    for (let i = 0; i < 10_000; i++) cache.put('f', i, i)
    expect(cache.get('f', 4_999)).toBe(undefined)
    expect(cache.get('f', 5_000)).toBe(5_000)
    expect(cache.invalidate('f')).toBe(5_000)
    expect(cache.stats().data.entries).toBe(0)
  })

  test('entries of a dense page come and go one by one', () => {
    const cache = new BlockCache<number>({ dataEntries: 1_000 })
    const each = Array.from({ length: 200 }, (_, i) => i)
    for (const offset of each) cache.put('f', offset, offset)
    for (const offset of each.slice(0, 100)) cache.delete('f', offset)
    for (const offset of each.slice(0, 100)) cache.put('f', offset, -offset)
    for (const offset of each.slice(100)) cache.delete('f', offset)
    expect(each.filter((offset) => cache.has('f', offset))).toEqual(each.slice(0, 100))
  })

  test('peek and has count nothing and leave the order as it is', () => {
    const cache = new BlockCache<string>({ dataEntries: 2 })
    cache.put('f', 0, 'zero')
    cache.put('f', 1, 'one')
    expect(cache.peek('f', 0)).toBe('zero')
    expect(cache.has('f', 0)).toBe(true)
    expect(cache.has('f', 5)).toBe(false)
    expect(cache.has('nobody', 5)).toBe(false)
    cache.put('f', 2, 'two')
    expect(cache.has('f', 0)).toBe(false)
    expect(cache.stats().data).toMatchObject({ hits: 0, misses: 0 })
  })

  test('entries that are falsy are entries', () => {
    const cache = new BlockCache<unknown & NonNullable<unknown>>()
    for (const [offset, entry] of [0, '', false, Number.NaN].entries()) {
      cache.put('f', offset, entry)
      expect(cache.get('f', offset)).toBe(entry)
    }
    expect(cache.stats().data).toMatchObject({ hits: 4, misses: 0 })
  })
})

describe('budgets', () => {
  test('64 data, 64 index and 256 filter entries by default, the least recently used go', () => {
    const cache = new BlockCache<number>()
    for (let i = 0; i < 300; i++) {
      cache.put('f', i, i)
      cache.put(`f${i}`, -2, i)
      cache.put(`f${i}`, -1, i)
    }
    const stats = cache.stats()
    expect([stats.data.entries, stats.index.entries, stats.filter.entries]).toEqual([64, 64, 256])
    expect([stats.data.evictions, stats.index.evictions, stats.filter.evictions]).toEqual([236, 236, 44])
    expect([cache.has('f', 235), cache.has('f', 236)]).toEqual([false, true])
    expect([cache.has('f43', -1), cache.has('f44', -1)]).toEqual([false, true])
  })

  test('a hit makes an entry the most recently used, through a file as well', () => {
    const cache = new BlockCache<number>({ dataEntries: 3 })
    for (let i = 0; i < 3; i++) cache.put('f', i, i)
    cache.get('f', 0)
    cache.file('f').get(1)
    cache.put('f', 3, 3)
    expect([0, 1, 2, 3].filter((offset) => cache.has('f', offset))).toEqual([0, 1, 3])
  })

  test('a byte budget is never exceeded, and the entries that fit stay', () => {
    const cache = new BlockCache({ dataBytes: 100 })
    for (let i = 0; i < 30; i++) {
      cache.put('f', i, bytes(i))
      expect(cache.stats().data.bytes).toBeLessThanOrEqual(100)
    }
    expect(cache.stats().data).toMatchObject({ entries: 3, bytes: 84 })
  })

  test('an entry larger than its tier is not cached and drives nothing out but what was in its place', () => {
    const cache = new BlockCache({ dataBytes: 100 })
    cache.put('f', 0, bytes(50))
    cache.put('f', 1, bytes(50))
    expect(cache.put('f', 2, bytes(101))).toBe(false)
    expect(cache.stats().data).toMatchObject({ entries: 2, bytes: 100 })
    expect(cache.put('f', 1, bytes(101))).toBe(false)
    expect([cache.has('f', 0), cache.has('f', 1)]).toEqual([true, false])
    expect(cache.put('f', 1, bytes(100))).toBe(true)
    expect(cache.stats().data).toMatchObject({ entries: 1, bytes: 100 })
  })

  test('an entry of no size costs one byte', () => {
    const cache = new BlockCache({ dataBytes: 3 })
    for (let i = 0; i < 10; i++) cache.put('f', i, bytes(0))
    expect(cache.stats().data).toMatchObject({ entries: 3, bytes: 3 })
  })

  test('entries and bytes together: both hold', () => {
    const cache = new BlockCache({ dataEntries: 2, dataBytes: 100 })
    for (let i = 0; i < 5; i++) cache.put('f', i, bytes(10))
    expect(cache.stats().data).toMatchObject({ entries: 2, bytes: 20 })
    cache.put('f', 9, bytes(95))
    expect(cache.stats().data).toMatchObject({ entries: 1, bytes: 95 })
  })

  test('replacing an entry by a larger one makes room, and not by itself', () => {
    const cache = new BlockCache({ indexBytes: 100 })
    cache.put('a', -2, bytes(40))
    cache.put('b', -2, bytes(40))
    cache.put('a', -2, bytes(70))
    expect([cache.get('a', -2)?.length, cache.get('b', -2)]).toEqual([70, undefined])
    expect(cache.stats().index.bytes).toBe(70)
  })

  test('sizeOf is asked with the tier, and only where there is a byte budget', () => {
    const sizeOf = vi.fn((entry: string) => entry.length)
    const cache = new BlockCache<string>({ dataBytes: 10, sizeOf })
    cache.put('f', 0, 'four')
    cache.put('f', -1, 'none')
    expect(sizeOf.mock.calls).toEqual([['four', 'data']])
    expect(cache.stats().data.bytes).toBe(4)
  })

  test('a budget of 0 turns a tier off', () => {
    const cache = new BlockCache({ dataEntries: 0, indexBytes: 0 })
    expect([cache.put('f', 0, bytes(1)), cache.put('f', -2, bytes(0)), cache.put('f', -1, bytes(1))]).toEqual([
      false,
      false,
      true,
    ])
    expect(cache.get('f', 0)).toBe(undefined)
    expect(cache.load('f', 0, () => bytes(9))).toHaveLength(9)
    expect(cache.stats().data).toMatchObject({ entries: 0, misses: 2, loads: 1 })
  })
})

describe('removing', () => {
  test('invalidate takes a file from all tiers, and no other file', () => {
    const cache = new BlockCache<string>({ dataEntries: 100 })
    for (const id of ['a', 'b']) for (const offset of [-2, -1, 0, 4096, 2 ** 40]) cache.put(id, offset, id)
    expect(cache.invalidate('a')).toBe(5)
    expect([-2, -1, 0, 4096, 2 ** 40].map((offset) => cache.get('a', offset))).toEqual(Array(5).fill(undefined))
    expect([-2, -1, 0, 4096, 2 ** 40].map((offset) => cache.get('b', offset))).toEqual(Array(5).fill('b'))
    expect(cache.invalidate('a')).toBe(0)
    expect(cache.invalidate('never seen')).toBe(0)
  })

  test('a file may come back after it is gone, and a view of it sees that', () => {
    const cache = new BlockCache<string>()
    const view = cache.file('a')
    expect(view.get(0)).toBe(undefined)
    view.put(0, 'first')
    expect(view.get(0)).toBe('first')
    view.invalidate()
    // Takes the number and the page that the file had.
    cache.put('b', 0, 'of another')
    expect(view.get(0)).toBe(undefined)
    cache.put('a', 0, 'second')
    expect([view.get(0), view.get(0), cache.get('b', 0)]).toEqual(['second', 'second', 'of another'])
    expect(cache.stats().data).toMatchObject({ hits: 4, misses: 2 })
  })

  test('delete removes one entry', () => {
    const cache = new BlockCache<string>()
    cache.put('a', 0, 'x')
    cache.put('a', -1, 'y')
    expect([cache.delete('a', 0), cache.delete('a', 0), cache.delete('b', 0)]).toEqual([true, false, false])
    expect([cache.has('a', 0), cache.has('a', -1)]).toEqual([false, true])
  })

  test('clear removes everything; counts go on', () => {
    const cache = new BlockCache({ dataBytes: 1000 })
    for (let i = 0; i < 10; i++) cache.put(`f${i}`, i, bytes(i))
    cache.get('f1', 1)
    cache.clear()
    const stats = cache.stats()
    expect(stats.data).toEqual({ hits: 1, misses: 0, loads: 0, evictions: 0, entries: 0, bytes: 0 })
    cache.put('f1', 1, bytes(4))
    expect(cache.get('f1', 1)).toHaveLength(4)
  })
})

describe('onEvict', () => {
  test('names entry, file, offset and reason, in order', () => {
    const onEvict = vi.fn()
    const cache = new BlockCache<string>({ dataEntries: 2, onEvict })
    cache.put('a', 70_000, 'first')
    cache.put('a', 2 ** 40, 'far')
    cache.put(5, 0, 'third')
    cache.put(5, 0, 'replaced')
    cache.put('a', -1, 'filter')
    cache.put('a', -2, 'index')
    cache.delete(5, 0)
    cache.invalidate('a')
    expect(onEvict.mock.calls).toEqual([
      ['first', 'a', 70_000, 'capacity'],
      ['third', 5, 0, 'replaced'],
      ['replaced', 5, 0, 'removed'],
      ['far', 'a', 2 ** 40, 'removed'],
      ['index', 'a', -2, 'removed'],
      ['filter', 'a', -1, 'removed'],
    ])
  })

  test('may use the cache, which is consistent then', () => {
    const kept = new BlockCache<string>({ dataEntries: 10 })
    const cache: BlockCache<string> = new BlockCache<string>({
      dataEntries: 1,
      onEvict: (entry, fileId, offset) => {
        kept.put(fileId, offset, entry)
        if (entry === 'a') cache.put('again', 9, 'c')
      },
    })
    cache.put('f', 0, 'a')
    cache.put('f', 1, 'b')
    expect([cache.get('f', 1), cache.get('again', 9)]).toEqual([undefined, 'c'])
    expect([kept.get('f', 0), kept.get('f', 1)]).toEqual(['a', 'b'])
  })

  test('what it throws comes out of the call, after all entries were reported', () => {
    const seen: string[] = []
    const cache = new BlockCache<string>({
      onEvict: (entry) => {
        seen.push(entry)
        throw new Error(`no ${entry}`)
      },
    })
    for (const [offset, entry] of ['a', 'b', 'c'].entries()) cache.put('f', offset, entry)
    expect(() => cache.invalidate('f')).toThrow('no a')
    expect(seen).toEqual(['a', 'b', 'c'])
    expect(cache.stats().data.entries).toBe(0)
  })
})

describe('bad arguments', () => {
  const hostile: unknown[] = [
    ...[undefined, null, true, {}, [], Symbol('s'), 5n, () => 1, Object.create(null), Number.NaN],
    ...[Number.POSITIVE_INFINITY, 1.5, -1.5, -3, 2 ** 53],
  ]
  const coded = { code: 'BLOCK_CACHE_INVALID_ARGUMENT' }

  test.each(hostile)('offset %s', (offset) => {
    const cache = new BlockCache<string>()
    cache.put('f', 0, 'there')
    cache.put('f', 1, 'there')
    const view = cache.file('f')
    view.get(0)
    const wrong = offset as number
    const calls = [
      () => cache.get('f', wrong),
      () => cache.get('nobody', wrong),
      () => view.get(wrong),
      () => cache.peek('f', wrong),
      () => cache.has('f', wrong),
      () => cache.put('f', wrong, 'x'),
      () => cache.delete('f', wrong),
      () => cache.load('f', wrong, () => 'x'),
    ]
    for (const call of calls) {
      const error = thrown(call)
      expect(error).toMatchObject(coded)
      expect(error).toBeInstanceOf(typeof offset === 'number' ? RangeError : TypeError)
    }
    expect(cache.stats().data).toMatchObject({ entries: 2, misses: 0, loads: 0 })
  })

  test.each(hostile.filter((value) => value !== -3))('file id %s', (id) => {
    const cache = new BlockCache<string>()
    const wrong = id as string
    const calls = [
      () => cache.get(wrong, 0),
      () => cache.peek(wrong, -1),
      () => cache.has(wrong, 0),
      () => cache.put(wrong, 0, 'x'),
      () => cache.delete(wrong, 0),
      () => cache.invalidate(wrong),
      () => cache.file(wrong),
      () => cache.load(wrong, 0, () => 'x'),
    ]
    for (const call of calls) expect(thrown(call)).toMatchObject(coded)
  })

  test('entries, loaders and sizes', () => {
    const cache = new BlockCache<unknown & NonNullable<unknown>>({ dataBytes: 100 })
    const put = (entry: unknown) => () => cache.put('f', 0, entry as string)
    for (const entry of [undefined, null, 'no byteLength', {}, { byteLength: -1 }, { byteLength: 0.5 }]) {
      expect(thrown(put(entry))).toMatchObject(coded)
    }
    expect(thrown(() => cache.load('f', 0, 'block' as unknown as () => string))).toMatchObject(coded)
    expect(cache.stats().data).toMatchObject({ entries: 0, misses: 0 })
  })

  test('options', () => {
    for (const options of [null, 5, 'x', { dataEntry: 5 }, { sizeOf: 5 }, { onEvict: 'x' }, { toString: 1 }]) {
      expect(thrown(() => new BlockCache(options as object))).toMatchObject(coded)
    }
    for (const value of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 60, '64', null, 5n]) {
      for (const name of ['dataEntries', 'indexBytes', 'filterEntries']) {
        expect(thrown(() => new BlockCache({ [name]: value as number }))).toMatchObject(coded)
      }
    }
    expect(thrown(() => new BlockCache({ dataEntries: 2 ** 23 + 1 }))).toMatchObject({
      name: 'RangeError',
      message: expect.stringContaining('dataEntries'),
    })
  })
})

test('a lookup works while somebody listens to the diagnostics channel of lru-cache', async () => {
  const { channel } = await import('node:diagnostics_channel')
  const seen: unknown[] = []
  const listen = (message: unknown): void => {
    seen.push(message)
  }
  const cache = new BlockCache<string>()
  cache.put('f', 0, 'x')
  const metrics = channel('lru-cache:metrics')
  metrics.subscribe(listen)
  try {
    expect([cache.get('f', 0), cache.get('f', 1)]).toEqual(['x', undefined])
  } finally {
    metrics.unsubscribe(listen)
  }
  expect(seen).toMatchObject([
    { op: 'get', get: 'hit', value: 'x' },
    { op: 'get', get: 'miss' },
  ])
  expect(seen[1]).not.toHaveProperty('value')
  expect(cache.get('f', 0)).toBe('x')
  expect(seen).toHaveLength(2)
})
