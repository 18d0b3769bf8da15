import { describe, expect, test, vi } from 'vitest'
import { Memtable } from '../src/index.ts'

const VALUE = new Uint8Array(8)

/** The key number `i` of a sequence that jumps about, as 8 bytes behind a stem. */
function keyOf(i: number): Uint8Array {
  const key = new Uint8Array(12)
  key.set([0x6b, 0x65, 0x79, 0x3a])
  new DataView(key.buffer).setUint32(4, Math.imul(i, 0x9e3779b1) >>> 0)
  new DataView(key.buffer).setUint32(8, i)
  return key
}

function fill(table: Memtable, from: number, to: number, then?: (i: number) => void): void {
  for (let i = from; i < to; i++) {
    table.add({ key: keyOf(i), value: VALUE, seq: i + 1, timestampMs: 0 })
    then?.(i)
  }
}

function countInOrder(table: Memtable): number {
  const cursor = table.cursor()
  let count = 0
  let last = new Uint8Array(0)
  for (let on = cursor.next(); on; on = cursor.next()) {
    const key = cursor.key.slice()
    if (Buffer.compare(last, key) > 0) throw new Error(`key ${count} is out of order`)
    last = key
    count++
  }
  return count
}

describe('order without a pause', () => {
  test.each([
    ['no scan', () => false],
    ['a scan after every write up to 3,000', (i: number) => i < 3000],
    ['a scan now and then', (i: number) => i % 777 === 0],
    ['a scan at sizes that leave runs of all sizes', (i: number) => (i & (i - 1)) === 0 || i % 1023 === 0],
  ])('no call sorts or merges more than 4,096 keys: %s', (_, isScan) => {
    const sorts = [
      vi.spyOn(Float64Array.prototype, 'sort'),
      vi.spyOn(Uint32Array.prototype, 'sort'),
      vi.spyOn(Array.prototype, 'sort'),
    ]
    const table = new Memtable({ hashSeed: [1, 2] })
    const count = 120_000
    fill(table, 0, count, (i) => {
      if (isScan(i)) table.cursor().seek(keyOf(i))
      const { tailKeys, runs } = table.stats
      if (tailKeys > 1024) throw new Error(`a tail of ${tailKeys} keys`)
      // Few enough to merge as they are read: geometric, even with merges under way.
      if (runs > 2 * Math.log2(i + 2)) throw new Error(`${runs} runs for ${i} keys`)
    })
    table.freeze()
    expect(countInOrder(table)).toBe(count)
    while (table.step()) expect(table.stats.runs).toBeGreaterThan(1)
    expect(table.stats.largestSliceKeys).toBeLessThanOrEqual(4096)
    expect(table.stats.largestSliceKeys).toBeGreaterThan(1024)
    expect(countInOrder(table)).toBe(count)
    // The stat is the table's own word; the platform's sorts are seen from outside.
    const lengths = sorts.flatMap((spy) => spy.mock.contexts.map((each) => (each as { length: number }).length))
    expect(Math.max(...lengths)).toBeLessThanOrEqual(1024)
    expect(lengths.length).toBeGreaterThan(100)
    for (const spy of sorts) spy.mockRestore()
  })

  test('a freeze does nothing but mark the table', () => {
    const table = new Memtable({ hashSeed: [1, 2] })
    fill(table, 0, 5000)
    const before = table.stats
    expect(before.tailKeys).toBeGreaterThan(0)
    table.freeze()
    expect(table.stats).toEqual(before)
  })

  test.each([1, 10, 1000, 4096, 1e9])('steps of %i keys come to an end and leave the order as it was', (budget) => {
    const table = new Memtable({ hashSeed: [1, 2] })
    fill(table, 0, 9000)
    table.freeze()
    let steps = 0
    while (table.step(budget)) if (++steps > 100_000) throw new Error('steps never end')
    expect(table.stats.tailKeys).toBe(0)
    expect(table.step(budget)).toBe(false)
    expect(table.stats.largestSliceKeys).toBeLessThanOrEqual(4096)
    expect(countInOrder(table)).toBe(9000)
  })

  test('an open cursor is not disturbed by writes, scans and merges', () => {
    const table = new Memtable({ hashSeed: [1, 2] })
    fill(table, 0, 10_000)
    const cursor = table.cursor()
    const seen: string[] = []
    for (let on = cursor.next(), i = 10_000; on; on = cursor.next(), i++) {
      seen.push(Buffer.from(cursor.key).toString('hex'))
      fill(table, i, i + 1)
      if (i % 100 === 0) table.cursor().next()
      table.step(10)
    }
    const expected = Array.from({ length: 10_000 }, (_, i) => Buffer.from(keyOf(i)).toString('hex')).sort()
    expect(seen).toEqual(expected)
  })

  test('keys that come in order, and in reverse order, are as well sorted', () => {
    for (const sign of [1, -1]) {
      const table = new Memtable({ hashSeed: [1, 2] })
      for (let i = 0; i < 20_000; i++) {
        const key = new Uint8Array(4)
        new DataView(key.buffer).setUint32(0, 100_000 + sign * i)
        table.add({ key, seq: i + 1, timestampMs: 0 })
      }
      expect(countInOrder(table)).toBe(20_000)
    }
  })
})
