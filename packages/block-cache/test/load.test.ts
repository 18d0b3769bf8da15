import { describe, expect, test, vi } from 'vitest'
import { BlockCache } from '../src/index.ts'
import { thrown } from './thrown.ts'

const bytes = (length: number): Uint8Array => new Uint8Array(length)

/** A promise with its ends in hand. */
function deferred<V>(): { promise: Promise<V>; resolve: (value: V) => void; reject: (error: unknown) => void } {
  let resolve!: (value: V) => void
  let reject!: (error: unknown) => void
  const promise = new Promise<V>((yes, no) => {
    resolve = yes
    reject = no
  })
  return { promise, resolve, reject }
}

describe('load', () => {
  test('one load for everyone who asks meanwhile, cached afterwards', async () => {
    const cache = new BlockCache<string>()
    const block = deferred<string>()
    const loader = vi.fn(() => block.promise)
    const waiting = [cache.load('f', 0, loader), cache.load('f', 0, loader), cache.file('f').load(0, loader)]
    const other = cache.load('f', 1, async () => 'one')
    block.resolve('zero')
    expect(await Promise.all(waiting)).toEqual(['zero', 'zero', 'zero'])
    expect(await other).toBe('one')
    expect(loader).toHaveBeenCalledTimes(1)
    expect(cache.load('f', 0, loader)).toBe('zero')
    expect(cache.stats().data).toMatchObject({ hits: 1, misses: 4, loads: 2, entries: 2 })
  })

  test('a synchronous loader answers at once', () => {
    const cache = new BlockCache<string>()
    expect(cache.load('f', 0, () => 'now')).toBe('now')
    expect(cache.get('f', 0)).toBe('now')
  })

  test('a failure goes to all who wait, and is not cached', async () => {
    const cache = new BlockCache<string>()
    const error = new Error('EIO')
    const block = deferred<string>()
    const waiting = [cache.load('f', 0, () => block.promise), cache.load('f', 0, () => block.promise)]
    block.reject(error)
    for (const each of await Promise.allSettled(waiting)) expect(each).toEqual({ status: 'rejected', reason: error })
    expect(await cache.load('f', 0, async () => 'now it works')).toBe('now it works')
    const fail = (): string => {
      throw error
    }
    expect(thrown(() => cache.load('f', 1, fail))).toBe(error)
    expect(cache.load('f', 1, () => 'works as well')).toBe('works as well')
  })

  test.each([
    ['invalidate', (cache: BlockCache<string>) => cache.invalidate('f')],
    ['delete', (cache: BlockCache<string>) => cache.delete('f', 0)],
    ['clear', (cache: BlockCache<string>) => cache.clear()],
  ])('%s during a load: its waiters get the result, nobody else does', async (_, remove) => {
    const cache = new BlockCache<string>()
    const [old, young] = [deferred<string>(), deferred<string>()]
    const before = cache.load('f', 0, () => old.promise)
    remove(cache)
    const after = cache.load('f', 0, () => young.promise)
    const joined = cache.load('f', 0, () => 'never called')
    old.resolve('old')
    expect(await before).toBe('old')
    expect(cache.has('f', 0)).toBe(false)
    young.resolve('young')
    expect([await after, await joined]).toEqual(['young', 'young'])
    expect(cache.get('f', 0)).toBe('young')
  })

  test('the file may be gone and another have its number when the result comes', async () => {
    const cache = new BlockCache<string>()
    const block = deferred<string>()
    const waiting = cache.load('a', 0, () => block.promise)
    cache.invalidate('a')
    cache.put('b', 0, 'b')
    block.resolve('a')
    expect(await waiting).toBe('a')
    expect([cache.get('a', 0), cache.get('b', 0)]).toEqual([undefined, 'b'])
  })

  test('what is put during a load stays', async () => {
    const cache = new BlockCache<string>()
    const block = deferred<string>()
    const waiting = cache.load('f', 0, () => block.promise)
    cache.put('f', 0, 'put')
    block.resolve('loaded')
    expect(await waiting).toBe('loaded')
    expect(cache.get('f', 0)).toBe('put')
  })

  test('invalidate inside the synchronous part of a loader counts', () => {
    const cache = new BlockCache<string>()
    const load = (): string => {
      cache.invalidate('f')
      return 'stale'
    }
    expect(cache.load('f', 0, load)).toBe('stale')
    expect(cache.has('f', 0)).toBe(false)
  })

  test('an oversized block is returned and not cached', async () => {
    const cache = new BlockCache({ dataBytes: 10 })
    expect(await cache.load('f', 0, async () => bytes(11))).toHaveLength(11)
    expect(cache.has('f', 0)).toBe(false)
  })

  test('a loader that returns no entry is an error, and the block can be loaded again', async () => {
    const cache = new BlockCache<string>()
    const nothing = undefined as unknown as string
    expect(thrown(() => cache.load('f', 0, () => nothing))).toMatchObject({ code: 'BLOCK_CACHE_INVALID_ARGUMENT' })
    await expect(cache.load('f', 0, async () => nothing)).rejects.toMatchObject({
      code: 'BLOCK_CACHE_INVALID_ARGUMENT',
    })
    expect(cache.load('f', 0, () => 'x')).toBe('x')
  })

  test('a loader that loads its own block is an error', () => {
    const cache = new BlockCache<string>()
    const load = (): string | Promise<string> => cache.load('f', 7, load)
    expect(thrown(() => cache.load('f', 7, load))).toMatchObject({
      name: 'TypeError',
      code: 'BLOCK_CACHE_INVALID_ARGUMENT',
      message: expect.stringContaining('offset 7 of file f'),
    })
    expect(cache.load('f', 7, () => cache.load('f', 8, () => 'other'))).toBe('other')
  })
})
