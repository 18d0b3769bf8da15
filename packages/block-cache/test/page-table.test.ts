import { describe, expect, test } from 'vitest'
import { CachedFile } from '../src/cached-file.ts'
import { PageTable } from '../src/page-table.ts'

// Below and above the number of entries from which a page keeps a set.
describe.each([10, 200])('a page of %d entries', (count) => {
  const offsets = Array.from({ length: count }, (_, i) => i * 3)

  test('tells a new entry from one that it has', () => {
    const pages = new PageTable<string>()
    const file = new CachedFile<string>('f', 0)
    const claim = (offset: number): boolean => {
      pages.claim(file, offset)
      return pages.claimed
    }
    expect(offsets.map(claim)).toEqual(offsets.map(() => true))
    expect(offsets.map(claim)).toEqual(offsets.map(() => false))
    for (const offset of offsets.slice(0, count / 2)) pages.release(pages.find(file, offset))
    expect(offsets.map(claim)).toEqual(offsets.map((_, i) => i < count / 2))
    expect(pages.keys(file).sort((a, b) => a - b)).toEqual(offsets)
  })

  test('is free for another file when its last entry is released, and not before', () => {
    const pages = new PageTable<string>()
    const [one, two] = [new CachedFile<string>('one', 0), new CachedFile<string>('two', 1)]
    const keys = offsets.map((offset) => pages.claim(one, 2 ** 40 + offset))
    expect(keys.map((key) => [pages.fileOf(key), pages.offsetOf(key)])).toEqual(
      offsets.map((offset) => [one, 2 ** 40 + offset]),
    )
    for (const key of keys.slice(1)) pages.release(key)
    expect(pages.claim(two, 5)).toBeGreaterThan(65_535)
    pages.release(keys[0] as number)
    expect(pages.find(one, 2 ** 40)).toBe(-1)
    expect(pages.claim(two, 65_536)).toBe(0)
    expect([pages.fileOf(0), pages.offsetOf(0)]).toEqual([two, 65_536])
  })
})

test('keys stay small integers while few pages are in use, however many there were', () => {
  const pages = new PageTable<string>()
  const file = new CachedFile<string>('f', 0)
  for (let page = 0; page < 3_000; page++) {
    const key = pages.claim(file, page * 65_536)
    expect(key).toBe(0)
    pages.release(key)
  }
  expect(file.near.length).toBeLessThanOrEqual(1024)
})
