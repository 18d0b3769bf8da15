import { describe, expect, test, vi } from 'vitest'
import { BlockCache, type BlockCacheOptions, FILTER_OFFSET, INDEX_OFFSET } from '../src/index.ts'
import { thrown } from './thrown.ts'

const bytes = (length: number): Uint8Array => new Uint8Array(length)

const OFFSETS = { data: 0, index: INDEX_OFFSET, filter: FILTER_OFFSET }

/** A cache whose entries are named by tier and letter: `data a` is the entry at offset 0 of file `a`. */
function named(options: BlockCacheOptions<Uint8Array>) {
  const left: string[] = []
  const nameOf = (fileId: unknown, offset: number): string => {
    return `${offset === INDEX_OFFSET ? 'index' : offset === FILTER_OFFSET ? 'filter' : 'data'} ${fileId}`
  }
  const cache = new BlockCache({
    ...options,
    onEvict: (_, fileId, offset, reason) => left.push(`${nameOf(fileId, offset)} ${reason}`),
  })
  const where = (name: string): [fileId: string, offset: number] => {
    const [tier, fileId] = name.split(' ') as [keyof typeof OFFSETS, string]
    return [fileId, OFFSETS[tier]]
  }
  return {
    cache,
    put: (name: string, size: number): boolean => cache.put(...where(name), bytes(size)),
    get: (name: string): boolean => cache.get(...where(name)) !== undefined,
    has: (name: string): boolean => cache.has(...where(name)),
    /** What left since the last call. */
    left: (): string[] => left.splice(0),
    sum: (): number => {
      const { data, index, filter } = cache.stats()
      return data.bytes + index.bytes + filter.bytes
    },
  }
}

describe('a byte budget over all tiers', () => {
  test('data uses all that indexes and filters leave', () => {
    const { put, left, sum } = named({ totalBytes: 100, indexBytes: 20, filterBytes: 20 })
    for (const file of ['a', 'b', 'c', 'd', 'e']) expect(put(`data ${file}`, 20)).toBe(true)
    expect([left(), sum()]).toEqual([[], 100])
    put('data f', 20)
    expect([left(), sum()]).toEqual([['data a capacity'], 100])
  })

  test('an index or a filter takes the place of the least recently used data', () => {
    const { cache, put, get, left, sum } = named({ totalBytes: 100 })
    for (const file of ['a', 'b', 'c', 'd']) put(`data ${file}`, 25)
    get('data a')
    put('index a', 10)
    expect([left(), sum()]).toEqual([['data b capacity'], 85])
    put('filter a', 41)
    expect([left(), sum()]).toEqual([['data c capacity', 'data d capacity'], 76])
    expect(cache.stats()).toMatchObject({
      data: { entries: 1, evictions: 3 },
      index: { entries: 1, evictions: 0 },
      filter: { entries: 1, evictions: 0 },
    })
  })

  test('data drives out no index and no filter, however old they are and however much data comes', () => {
    const { put, has, left } = named({ totalBytes: 100 })
    put('index a', 30)
    put('filter a', 30)
    for (let i = 0; i < 50; i++) put(`data ${i}`, 20)
    expect([has('index a'), has('filter a'), has('data 48'), has('data 49')]).toEqual([true, true, true, true])
    expect(left()).toHaveLength(48)
  })

  test('data that does not fit beside the indexes and filters is not cached, and drives nothing out', () => {
    const { put, has, left, sum } = named({ totalBytes: 100 })
    put('index a', 30)
    put('filter a', 30)
    put('data a', 15)
    put('data b', 15)
    expect(put('data c', 41)).toBe(false)
    expect([left(), sum()]).toEqual([[], 90])
    // As with an entry larger than its tier, what was in its place goes: it is not what was put last.
    expect(put('data a', 41)).toBe(false)
    expect([left(), has('data a'), has('data b')]).toEqual([['data a removed'], false, true])
    expect(put('data c', 40)).toBe(true)
    expect([left(), sum()]).toEqual([['data b capacity'], 100])
  })

  test('no data is cached while indexes and filters fill the budget, not even what costs the least', () => {
    const { cache, put, sum } = named({ totalBytes: 100 })
    put('index a', 50)
    put('filter a', 50)
    expect([put('data a', 0), sum()]).toEqual([false, 100])
    expect(cache.load('b', 0, () => bytes(7))).toHaveLength(7)
    cache.delete('a', FILTER_OFFSET)
    expect([put('data a', 50), sum()]).toEqual([true, 100])
  })

  test('without data the indexes go, then the filters, but never what was just put', () => {
    const { cache, put, get, left, sum } = named({ totalBytes: 100 })
    for (const name of ['index a', 'index b', 'filter a', 'filter b']) put(name, 20)
    put('data a', 20)
    get('index a')
    put('filter c', 60)
    expect([left(), sum()]).toEqual([['data a capacity', 'index b capacity', 'index a capacity'], 100])
    put('index c', 40)
    expect([left(), sum()]).toEqual([['filter a capacity', 'filter b capacity'], 100])
    put('index d', 70)
    // The index tier has no budget of its own, so it may hold 100 bytes: 40 and 70 are too many in itself.
    expect([left(), sum()]).toEqual([['index c capacity', 'filter c capacity'], 70])
    expect(cache.stats()).toMatchObject({
      data: { evictions: 1 },
      index: { evictions: 3, entries: 1 },
      filter: { evictions: 3, entries: 0 },
    })
  })

  test('an entry enters under the budgets of its tier first', () => {
    const { put, left, sum } = named({ totalBytes: 100, indexBytes: 20, filterEntries: 1, dataEntries: 2 })
    put('data a', 30)
    put('data b', 30)
    put('index a', 20)
    put('filter a', 20)
    // Full to the last byte, and what makes room is of the same tier.
    put('index b', 15)
    put('filter b', 20)
    expect([left(), sum()]).toEqual([['index a capacity', 'filter a capacity'], 95])
    expect(put('index c', 21)).toBe(false)
    put('data c', 10)
    expect([left(), sum()]).toEqual([['data a capacity'], 75])
  })

  test('a tier with a budget beyond the total is held to the total', () => {
    const { put, left, sum } = named({ totalBytes: 50, dataBytes: 100, indexBytes: 100 })
    expect([put('data a', 51), put('index a', 51), put('filter a', 51)]).toEqual([false, false, false])
    put('index a', 30)
    expect(put('index b', 50)).toBe(true)
    expect([left(), sum()]).toEqual([['index a capacity'], 50])
  })

  test('an entry in the place of another counts once', () => {
    const { put, left, sum } = named({ totalBytes: 100 })
    put('index a', 40)
    put('data a', 60)
    put('data a', 50)
    put('index a', 50)
    expect([left(), sum()]).toEqual([['data a replaced', 'index a replaced'], 100])
    put('index a', 51)
    expect([left(), sum()]).toEqual([['index a replaced', 'data a capacity'], 51])
  })

  test('no tier has a default number of entries, and each may have one of its own', () => {
    const { cache } = named({ totalBytes: 100_000, indexEntries: 10 })
    for (let file = 0; file < 300; file++) {
      for (const offset of [0, INDEX_OFFSET, FILTER_OFFSET]) cache.put(file, offset, bytes(1))
    }
    const { data, index, filter } = cache.stats()
    expect([data.entries, index.entries, filter.entries]).toEqual([300, 10, 300])
    expect([data.bytes, index.bytes, filter.bytes]).toEqual([300, 10, 300])
  })

  test('sizeOf is asked in every tier', () => {
    const sizeOf = vi.fn((entry: string) => entry.length)
    const cache = new BlockCache<string>({ totalBytes: 10, filterEntries: 5, sizeOf })
    cache.put('f', 0, 'four')
    cache.put('f', INDEX_OFFSET, 'two')
    cache.put('f', FILTER_OFFSET, 'x')
    expect(sizeOf.mock.calls).toEqual([
      ['four', 'data'],
      ['two', 'index'],
      ['x', 'filter'],
    ])
    expect(thrown(() => new BlockCache<string>({ totalBytes: 10 }).put('f', -1, 'no byteLength'))).toMatchObject({
      code: 'BLOCK_CACHE_INVALID_ARGUMENT',
    })
  })

  test('what a load brings is held to it as well', async () => {
    const { cache, left, sum } = named({ totalBytes: 100 })
    await cache.load('a', 0, async () => bytes(60))
    await cache.load('a', INDEX_OFFSET, async () => bytes(60))
    expect([left(), sum()]).toEqual([['data a capacity'], 60])
    expect(await cache.load('a', 0, async () => bytes(60))).toHaveLength(60)
    expect([left(), sum(), cache.has('a', 0)]).toEqual([[], 60, false])
  })

  test('0 caches nothing', () => {
    for (const others of [{}, { dataBytes: 10, indexEntries: 10, filterBytes: 10 }]) {
      const { put, sum } = named({ totalBytes: 0, ...others })
      expect([put('data a', 1), put('index a', 0), put('filter a', 1), sum()]).toEqual([false, false, false, 0])
    }
  })
})

test('totalBytes is a number of bytes, and there is no totalEntries', () => {
  const coded = { code: 'BLOCK_CACHE_INVALID_ARGUMENT' }
  for (const totalBytes of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, '64', null, 5n]) {
    const error = thrown(() => new BlockCache({ totalBytes: totalBytes as number }))
    expect(error).toMatchObject({ ...coded, message: expect.stringContaining('totalBytes is an integer') })
    expect(error).toBeInstanceOf(typeof totalBytes === 'number' ? RangeError : TypeError)
  }
  for (const options of [{ totalEntries: 5 }, { total: 5 }, { totalBytesEntries: 5 }]) {
    expect(thrown(() => new BlockCache(options as object))).toMatchObject(coded)
  }
  const cache = new BlockCache({ totalBytes: Number.MAX_SAFE_INTEGER })
  expect(cache.put('f', 0, bytes(1))).toBe(true)
})
