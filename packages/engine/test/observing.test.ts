/** What the engine shows of itself: histograms, events, and the snapshots that somebody still reads at. */
import { describe, expect, test } from 'vitest'
import { Events } from '../src/events.ts'
import { Histogram } from '../src/histogram.ts'
import { SnapshotList } from '../src/snapshot-list.ts'

describe('a histogram', () => {
  test('counts by powers of two, as its documentation says', () => {
    for (let i = 1; i < 31; i++) {
      const histogram = new Histogram()
      const from = 2 ** (i - 10)
      histogram.add(from)
      histogram.add(from * 1.999)
      const { buckets } = histogram.snapshot
      expect(buckets[i]).toBe(2)
      histogram.add(from * 2)
      expect(histogram.snapshot.buckets[i]).toBe(2)
      expect(histogram.snapshot.buckets[i + 1]).toBe(1)
    }
  })

  test('puts all below in the first bucket and all above in the last', () => {
    const histogram = new Histogram()
    for (const ms of [0, -1, 1e-9, 0.0019]) histogram.add(ms)
    for (const ms of [2 ** 21, 2 ** 40, Number.POSITIVE_INFINITY]) histogram.add(ms)
    const { buckets, count, maxMs } = histogram.snapshot
    expect([buckets[0], buckets.at(-1), buckets.length]).toEqual([4, 3, 32])
    expect([count, maxMs]).toEqual([7, Number.POSITIVE_INFINITY])
  })

  test('gives a copy that later times leave alone', () => {
    const histogram = new Histogram()
    histogram.add(1)
    histogram.add(3)
    const { snapshot } = histogram
    histogram.add(100)
    expect(snapshot).toMatchObject({ count: 2, sumMs: 4, maxMs: 3 })
    expect(snapshot.buckets.reduce((sum, each) => sum + each)).toBe(2)
  })
})

describe('events', () => {
  const stall = { reason: 'memtables', kind: 'stopped', durationMs: 5 } as const

  test('reach those who listen to their name, until they stop', () => {
    const events = new Events()
    const heard: unknown[] = []
    const off = events.on('stall', (event) => heard.push(event))
    events.on('error', () => expect.unreachable())
    events.emit('stall', stall)
    off()
    off()
    events.emit('stall', stall)
    expect(heard).toEqual([stall])
  })

  test('a listener that listens anew each time hears each event once', () => {
    const events = new Events()
    let heard = 0
    const listen = (): void => {
      events.on('stall', () => {
        heard++
        if (heard < 100) listen()
      })
    }
    listen()
    events.emit('stall', stall)
    expect(heard).toBe(1)
    events.emit('stall', stall)
    expect(heard).toBe(3)
  })

  test('a listener that throws stops nobody else, and is not silent', async () => {
    const events = new Events()
    const heard: string[] = []
    const thrown = new Error('from a listener')
    events.on('stall', () => {
      throw thrown
    })
    events.on('stall', () => heard.push('second'))
    const before = process.listeners('uncaughtException')
    process.removeAllListeners('uncaughtException')
    const uncaught = new Promise<unknown>((resolve) => process.once('uncaughtException', resolve))
    try {
      events.emit('stall', stall)
      expect(heard).toEqual(['second'])
      expect(await uncaught).toBe(thrown)
    } finally {
      for (const listener of before) process.on('uncaughtException', listener)
    }
  })

  test('of another name, or a listener that is none, are misuse', () => {
    const events = new Events()
    const invalid = expect.objectContaining({ name: 'TypeError', code: 'LSM_INVALID_ARGUMENT' })
    for (const name of ['flushed', '__proto__', 'toString', 5]) {
      expect(() => events.on(name as 'flush', () => {})).toThrow(invalid)
    }
    expect(() => events.on('flush', 'f' as unknown as () => void)).toThrow(invalid)
  })
})

test('snapshots at one sequence number are one, until the last of them is gone', () => {
  const list = new SnapshotList()
  expect([list.size, list.seqs]).toEqual([0, []])
  for (const seq of [10, 9, 100, 9]) list.add(seq)
  const before = list.seqs
  expect([list.size, before]).toEqual([4, [9, 10, 100]])
  list.remove(9)
  expect([list.size, list.seqs]).toEqual([3, [9, 10, 100]])
  list.remove(9)
  list.remove(100)
  expect([list.size, list.seqs]).toEqual([1, [10]])
  list.remove(5)
  expect(list.seqs).toEqual([10])
  // One that was handed out stays as it was.
  expect(before).toEqual([9, 10, 100])
})
