import { BlockCache } from '@lsm/block-cache'
import { describe, expect, test } from 'vitest'
import type { TableBlock, TableCursor, TableReader } from '../src/index.ts'
import { build, bytes, open, point, text, tombstone, WatchedStorage } from './tables.ts'

const POINTS = [point('a', 3), point('c', 9), tombstone('c', 8), point('c', 1), point('e', 4), point('g', 7)]

async function reader(points = POINTS, blockSizeBytes = 64): Promise<{ table: TableReader; storage: WatchedStorage }> {
  const storage = new WatchedStorage()
  await build(storage, { points }, { blockSizeBytes })
  const cache = new BlockCache<TableBlock>({ dataBytes: 2 ** 26, indexEntries: 4, filterEntries: 4 })
  const table = await open(storage, { cache })
  storage.reads = []
  return { table, storage }
}

const place = (cursor: TableCursor): string => (cursor.valid ? `${text(cursor.key)}${cursor.seq}` : 'none')

async function rest(cursor: TableCursor): Promise<string[]> {
  const places: string[] = []
  while (await cursor.next()) places.push(place(cursor))
  return places
}

describe('TableCursor', () => {
  test('walks forward, and in reverse with the newest version of a key first', async () => {
    const { table } = await reader()
    for (const sync of [true, false]) {
      expect(await rest(table.cursor({ sync }))).toEqual(['a3', 'c9', 'c8', 'c1', 'e4', 'g7'])
      expect(await rest(table.cursor({ sync, reverse: true }))).toEqual(['g7', 'e4', 'c9', 'c8', 'c1', 'a3'])
    }
  })

  test('seeks to where a key is or would be, in both directions, and goes on from there', async () => {
    const { table } = await reader()
    const forward = table.cursor()
    const reverse = table.cursor({ reverse: true })
    const expected = [
      ['', 'a3', 'none'],
      ['a', 'a3', 'a3'],
      ['b', 'c9', 'a3'],
      ['c', 'c9', 'c9'],
      ['d', 'e4', 'c9'],
      ['g', 'g7', 'g7'],
      ['h', 'none', 'g7'],
    ] as const
    for (const [key, up, down] of expected) {
      expect(await forward.seek(bytes(key))).toBe(up !== 'none')
      expect(place(forward)).toBe(up)
      expect(await reverse.seek(bytes(key))).toBe(down !== 'none')
      expect(place(reverse)).toBe(down)
    }
    await forward.seek(bytes('d'))
    expect(await rest(forward)).toEqual(['g7'])
    await reverse.seek(bytes('d'))
    expect(await rest(reverse)).toEqual(['c8', 'c1', 'a3'])
  })

  test('goes to the first and to the last record in its own order', async () => {
    const { table } = await reader()
    const forward = table.cursor()
    const reverse = table.cursor({ reverse: true })
    await forward.seekToLast()
    await reverse.seekToFirst()
    expect([place(forward), place(reverse)]).toEqual(['g7', 'g7'])
    await forward.seekToFirst()
    await reverse.seekToLast()
    expect([place(forward), place(reverse)]).toEqual(['a3', 'a3'])
    const versions = await reader([point('x', 5), point('x', 4), point('x', 3)])
    for (const each of [false, true]) {
      const cursor = versions.table.cursor({ reverse: each })
      await cursor.seekToLast()
      expect(place(cursor)).toBe('x3')
      await cursor.seekToFirst()
      expect(place(cursor)).toBe('x5')
    }
  })

  test('says false past the last record, and ever after, until it is told where to go', async () => {
    const { table } = await reader()
    for (const reverse of [false, true]) {
      const cursor = table.cursor({ reverse })
      await rest(cursor)
      for (let i = 0; i < 3; i++) {
        expect(await cursor.next()).toBe(false)
        expect(cursor.valid).toBe(false)
      }
      expect(await cursor.seekToFirst()).toBe(true)
    }
    const cursor = table.cursor()
    expect(await cursor.seek(bytes('z'))).toBe(false)
    expect(await cursor.next()).toBe(false)
  })

  test('is what a zero-copy merge asks of a source', async () => {
    const { table } = await reader()
    const source: {
      readonly valid: boolean
      readonly keyBytes: Uint8Array
      readonly keyStart: number
      readonly keyEnd: number
      readonly seq: number
      readonly isTombstone: boolean
      next(): boolean | Promise<boolean>
      close(): void | Promise<void>
    } = table.cursor()
    expect([source.valid, await source.next(), source.valid, source.seq]).toEqual([false, true, true, 3])
    await source.close()
    expect(source.valid).toBe(false)
  })

  test('shows every field of a record where it lies', async () => {
    const { table } = await reader([
      { ...point('key', 2 ** 53 - 1, 'value'), timestampMs: 2 ** 53 - 1 },
      tombstone('l', 1),
    ])
    const cursor = table.cursor({ sync: true })
    expect(cursor.next()).toBe(true)
    const { keyBytes, keyStart, keyEnd, valueBytes, valueStart, valueEnd } = cursor
    expect(text(keyBytes.subarray(keyStart, keyEnd))).toBe('key')
    expect(text(valueBytes.subarray(valueStart, valueEnd))).toBe('value')
    expect([text(cursor.key), text(cursor.value)]).toEqual(['key', 'value'])
    expect([cursor.seq, cursor.timestampMs, cursor.kind, cursor.isTombstone]).toEqual([
      2 ** 53 - 1,
      2 ** 53 - 1,
      0,
      false,
    ])
    expect(cursor.recordEnd - cursor.recordStart).toBe(28 + 8)
    expect(cursor.next()).toBe(true)
    expect([cursor.kind, cursor.isTombstone]).toEqual([1, true])
  })

  test('a promise comes only where something is read, and never from a synchronous cursor', async () => {
    const { table } = await reader()
    const cursor = table.cursor()
    expect(cursor.next()).toBeInstanceOf(Promise)
    await Promise.resolve()
    await new Promise((resolve) => setTimeout(resolve, 0))
    await rest(cursor)
    expect(table.cursor().next()).toBe(true)
    const { table: cold } = await reader()
    const sync = cold.cursor({ sync: true })
    expect([sync.next(), sync.seek(bytes('e')), sync.seekToLast(), sync.seekToFirst()]).toEqual([
      true,
      true,
      true,
      true,
    ])
  })

  test('a walk reads ahead: 64 KiB, then twice as much, up to its limit', async () => {
    const points = Array.from({ length: 6000 }, (_, i) => point(String(i).padStart(6, '0'), 1, 'v'.repeat(100)))
    for (const reverse of [false, true]) {
      for (const sync of [true, false]) {
        for (const fillCache of [true, false]) {
          const { table, storage } = await reader(points, 4096)
          const cursor = table.cursor({ reverse, sync, fillCache })
          expect(await rest(cursor)).toHaveLength(6000)
          const [, ...data] = storage.reads
          const sizes = data.map(({ size }) => size)
          expect(sizes.length).toBeLessThan(10)
          expect(sizes[1]).toBeLessThanOrEqual(4096)
          for (const [i, limit] of [65_536, 131_072, 262_144, 262_144].entries()) {
            expect(sizes[i + 2]).toBeLessThanOrEqual(limit)
            if (i < 3) expect(sizes[i + 2]).toBeGreaterThan(limit - 4096)
          }
          // Every byte once.
          expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(
            data.reduce((end, at) => Math.max(end, at.offset + at.size), 0),
          )
          storage.reads = []
          expect(await rest(table.cursor({ sync }))).toHaveLength(6000)
          expect(storage.reads.length).toBe(fillCache ? 0 : sizes.length)
        }
      }
    }
  })

  test('a seek reads one block, and so does a walk without read-ahead', async () => {
    const points = Array.from({ length: 1000 }, (_, i) => point(String(i).padStart(6, '0'), 1, 'v'.repeat(100)))
    const { table, storage } = await reader(points, 4096)
    const cursor = table.cursor({ sync: true })
    for (const i of [500, 900, 100, 300, 700]) cursor.seek(bytes(String(i).padStart(6, '0')))
    expect(storage.reads.slice(1).every(({ size }) => size <= 4096)).toBe(true)
    const { table: other, storage: otherStorage } = await reader(points, 4096)
    expect(await rest(other.cursor({ readAheadBytes: 0 }))).toHaveLength(1000)
    expect(otherStorage.reads).toHaveLength(other.info.dataBlocks + 1)
  })

  test('a call beside a pending one is refused', async () => {
    const { table } = await reader()
    const cursor = table.cursor()
    const pending = cursor.next()
    const refused = expect.objectContaining({ code: 'SSTABLE_INVALID_ARGUMENT' })
    expect(() => cursor.next()).toThrow(refused)
    expect(() => cursor.seek(bytes('a'))).toThrow(refused)
    expect(await pending).toBe(true)
    expect(place(cursor)).toBe('a3')
  })

  test('an error comes again until the cursor is told where to go', async () => {
    for (const sync of [true, false]) {
      const { table, storage } = await reader()
      const cursor = table.cursor({ sync })
      await cursor.next()
      storage.limitReads(0)
      const step = async (): Promise<boolean> => cursor.next()
      await expect(step()).rejects.toThrow('a read of')
      await expect(step()).rejects.toThrow('a read of')
      expect(cursor.valid).toBe(false)
      storage.limitReads(1e6)
      await expect(step()).rejects.toThrow('a read of')
      expect(await cursor.seek(bytes('c'))).toBe(true)
      expect(await rest(cursor)).toEqual(['c8', 'c1', 'e4', 'g7'])
    }
  })

  test('is closed for good, and closed by its reader where it must read', async () => {
    const { table } = await reader()
    const closed = expect.objectContaining({ code: 'SSTABLE_CLOSED' })
    const cursor = table.cursor({ sync: true })
    cursor.next()
    cursor.close()
    cursor.close()
    expect(cursor.valid).toBe(false)
    expect(() => cursor.next()).toThrow(closed)
    expect(() => cursor.seekToFirst()).toThrow(closed)
    const pending = table.cursor()
    const moving = pending.seekToLast()
    pending.close()
    await expect(moving).rejects.toEqual(closed)
    const last = table.cursor({ sync: true })
    last.next()
    await table.close()
    expect(() => {
      while (last.next());
    }).toThrow(closed)
    if (typeof Symbol.dispose === 'symbol') expect(last[Symbol.dispose]).toBe(last.close)
  })

  test('wrong options and keys are refused', async () => {
    const { table } = await reader()
    const invalid = expect.objectContaining({ code: 'SSTABLE_INVALID_ARGUMENT' })
    for (const options of [{ reverse: 1 }, { sync: 'yes' }, { fillCache: null }, { readAheadBytes: -1 }, null]) {
      expect(() => table.cursor(options as never)).toThrow(invalid)
    }
    expect(() => table.cursor().seek('a' as never)).toThrow(invalid)
  })
})
