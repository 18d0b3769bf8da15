import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { AsyncKWayMergeIterator, KWayMergeIterator, MergeError, type MergeRecord, MergingCursor } from '../src/index.ts'
import {
  BlockCursor,
  newWatch,
  SourceFailure,
  type TestRecord,
  watchedAsyncIterable,
  watchedIterable,
} from './model.ts'

type VectorRecord = [key: string, seq: number, timestampMs: number, value: string | null]
interface VectorCase {
  readonly sources: VectorRecord[][]
  readonly seqCutoff: number
  readonly skipTombstones: boolean
  readonly merged: VectorRecord[]
}

const vectors = JSON.parse(readFileSync(new URL('./vectors/merge.json', import.meta.url), 'utf8')) as {
  cases: VectorCase[]
}

function fromVector([key, seq, , value]: VectorRecord): TestRecord<Uint8Array> {
  return { key: Uint8Array.from(Buffer.from(key, 'hex')), seq, value }
}

const record = <Key>(key: Key, seq: number, value: unknown = `${key}@${seq}`): TestRecord<Key> => ({ key, seq, value })
const names = (records: Iterable<MergeRecord>): string[] => [...records].map(({ key, seq }) => `${key}@${seq}`)
const code = (expected: string, more: object = {}) => expect.objectContaining({ code: expected, ...more })

describe('conformance', () => {
  test('every vector, over arrays, iterators, async iterables and cursors', async () => {
    expect(vectors.cases).toHaveLength(60)
    for (const { sources, merged, seqCutoff, skipTombstones } of vectors.cases) {
      const options = { seqCutoff, skipTombstones }
      const input = sources.map((source) => source.map(fromVector))
      const expected = merged.map(fromVector)
      expect([...new KWayMergeIterator(input, options)]).toStrictEqual(expected)
      const iterables = input.map((source) => watchedIterable(source, newWatch()))
      expect([...new KWayMergeIterator(iterables, options)]).toStrictEqual(expected)
      const out: unknown[] = []
      const delayed = input.map((source) => watchedAsyncIterable(source, newWatch(), [1, 0]))
      for await (const each of new AsyncKWayMergeIterator(delayed, options)) out.push(each)
      expect(out).toStrictEqual(expected)
      const cursor = new MergingCursor(
        input.map((source) => new BlockCursor(source)),
        options,
      )
      const shown: unknown[] = []
      while (cursor.next()) shown.push(cursor.current!.record)
      cursor.close()
      expect(shown).toStrictEqual(expected)
    }
  })

  test('every vector in reverse', () => {
    for (const { sources, merged, seqCutoff, skipTombstones } of vectors.cases) {
      const input = sources.map((source) => source.map(fromVector).reverse())
      const reversed = [...new KWayMergeIterator(input, { seqCutoff, skipTombstones, reverse: true })]
      expect(reversed).toStrictEqual(merged.map(fromVector).reverse())
    }
  })
})

describe('versions', () => {
  const sources = [
    [record('a', 9, null), record('a', 4), record('b', 2)],
    [record('a', 7), record('a', 1), record('b', 8)],
  ]

  test('by default the newest of each key, tombstones included', () => {
    expect(names(new KWayMergeIterator(sources))).toStrictEqual(['a@9', 'b@8'])
  })

  test('all of them, newest first, with deduplicate: false', () => {
    const all = new KWayMergeIterator(sources, { deduplicate: false })
    expect(names(all)).toStrictEqual(['a@9', 'a@7', 'a@4', 'a@1', 'b@8', 'b@2'])
  })

  test('a dropped tombstone hides what is older, deduplicated or not', () => {
    for (const deduplicate of [true, false]) {
      for (const drop of [{ skipTombstones: true }, { seqCutoff: 10 }, { canDropTombstone: () => true }]) {
        const merge = new KWayMergeIterator(sources, { deduplicate, ...drop })
        expect(names(merge)).toStrictEqual(deduplicate ? ['b@8'] : ['b@8', 'b@2'])
      }
    }
  })

  test('a tombstone at seqCutoff stays, one below it goes', () => {
    expect(names(new KWayMergeIterator(sources, { seqCutoff: 9 }))).toStrictEqual(['a@9', 'b@8'])
    expect(names(new KWayMergeIterator(sources, { seqCutoff: 9.5 }))).toStrictEqual(['b@8'])
  })

  test('visibleSeq is applied before deduplication', () => {
    expect(names(new KWayMergeIterator(sources, { visibleSeq: 7 }))).toStrictEqual(['a@7', 'b@2'])
    expect(names(new KWayMergeIterator(sources, { visibleSeq: 0 }))).toStrictEqual([])
  })

  test('the newest version in each stripe between snapshots is kept', () => {
    const versions = [[95, 80, 70, 60, 42, 40, 7].map((seq) => record('k', seq))]
    const kept = new KWayMergeIterator(versions, { snapshots: [40, 75] })
    expect(names(kept)).toStrictEqual(['k@95', 'k@70', 'k@40'])
  })

  test('a tombstone above a snapshot is never dropped, and the engine is not asked about it', () => {
    const asked: unknown[] = []
    const canDropTombstone = (key: string, seq: number): boolean => asked.push([key, seq]) > 0
    const versions = [[record('k', 9, null), record('k', 5), record('m', 5, null), record('m', 3)]]
    const kept = new KWayMergeIterator(versions, { snapshots: [5], canDropTombstone, seqCutoff: 100 })
    expect(names(kept)).toStrictEqual(['k@9', 'k@5'])
    expect(asked).toStrictEqual([])
    expect(names(new KWayMergeIterator(versions, { snapshots: [5], canDropTombstone }))).toStrictEqual(['k@9', 'k@5'])
    expect(asked).toStrictEqual([['m', 5]])
  })

  test('isTombstone takes the place of a null value: a stored null is data', () => {
    const rows = [
      [
        { key: 1, seq: 1, value: null, deleted: false },
        { key: 2, seq: 1, value: 'x', deleted: true },
      ],
    ]
    const merge = new KWayMergeIterator(rows, { skipTombstones: true, isTombstone: ({ deleted }) => deleted })
    expect(names(merge)).toStrictEqual(['1@1'])
  })

  test('on ties the first source wins, and with all versions they come in the order of the sources', () => {
    const tied = ['x', 'y', 'z'].map((value) => [record('k', 1, value)])
    expect([...new KWayMergeIterator(tied)].map(({ value }) => value)).toStrictEqual(['x'])
    const all = new KWayMergeIterator(tied, { deduplicate: false })
    expect([...all].map(({ value }) => value)).toStrictEqual(['x', 'y', 'z'])
  })

  test('in reverse keys descend and versions still come newest first', () => {
    const reversed = [
      [record('b', 8), record('a', 7), record('a', 1)],
      [record('b', 2), record('a', 9)],
    ]
    const merge = new KWayMergeIterator(reversed, { reverse: true, deduplicate: false })
    expect(names(merge)).toStrictEqual(['b@8', 'b@2', 'a@9', 'a@7', 'a@1'])
    expect(names(new KWayMergeIterator(reversed, { reverse: true, visibleSeq: 7 }))).toStrictEqual(['b@2', 'a@7'])
  })
})

describe('keys', () => {
  test('bytes compare unsigned, a prefix before what it begins, however far keys agree', () => {
    const shared = new Uint8Array(1_300_000).fill(7)
    const longer = (...rest: number[]): Uint8Array => Uint8Array.from([...shared, ...rest])
    const keys = [Uint8Array.of(), Uint8Array.of(0), Uint8Array.of(0, 0), Uint8Array.of(1, 0), Uint8Array.of(1, 128)]
    const ascending = [...keys, shared, longer(0), longer(0, 5), longer(200), Uint8Array.of(255)]
    for (const reverse of [false, true]) {
      const order = reverse ? [...ascending].reverse() : ascending
      const sources = [0, 1, 2].map((rest) => order.filter((_, at) => at % 3 === rest).map((key) => record(key, 1, 0)))
      const merged = [...new KWayMergeIterator(sources, { reverse })].map(({ key }) => key)
      expect(merged.every((key, at) => key === order[at]) && merged.length === order.length).toBe(true)
    }
  })

  test('numbers go by size, infinities and negative ones too', () => {
    const sources = [[-Infinity, -2, 0, Infinity], [-3, -2, 5, Infinity], []]
    const merged = new KWayMergeIterator(sources.map((keys) => keys.map((key) => record(key, 1))))
    expect([...merged].map(({ key }) => key)).toStrictEqual([-Infinity, -3, -2, 0, 5, Infinity])
  })

  test('dates and other objects need `compare`', () => {
    const days = [[record(new Date(1), 1)], [record(new Date(0), 1)]]
    expect(() => [...new KWayMergeIterator(days)]).toThrow(code('MERGE_INVALID_RECORD', { source: 0 }))
    const merge = new KWayMergeIterator(days, { compare: (a, b) => a.getTime() - b.getTime() })
    expect([...merge].map(({ key }) => key.getTime())).toStrictEqual([0, 1])
  })

  test.each<[string, unknown[][]]>([
    ['mixed types', [[record('a', 1)], [record(1, 1)]]],
    ['a number among strings of one source', [[record('a', 1), record(2, 1)]]],
    ['a string among bytes', [[record(Uint8Array.of(1), 1), record('b', 1)]]],
    ['a string among numbers', [[record(1, 1)], [record('b', 1)]]],
    ['NaN as a key', [[record(Number.NaN, 1)]]],
    ['no key', [[{ seq: 1 }]]],
    ['NaN as a seq', [[record('a', Number.NaN)]]],
    ['a bigint as a seq', [[{ key: 'a', seq: 1n }]]],
    ['null as a record', [[null]]],
    ['undefined as a record', [[record('a', 1), undefined]]],
  ])('%s: MERGE_INVALID_RECORD', (_, sources) => {
    const run = (): unknown => [...new KWayMergeIterator(sources as MergeRecord[][])]
    expect(run).toThrow(MergeError)
    expect(run).toThrow(code('MERGE_INVALID_RECORD', { source: sources.length - 1 }))
  })
})

describe('sources', () => {
  test('none, and only empty ones, give nothing', async () => {
    for (const sources of [[], [[], []]]) {
      expect([...new KWayMergeIterator<MergeRecord>(sources)]).toStrictEqual([])
      expect(await new AsyncKWayMergeIterator<MergeRecord>(sources).next()).toStrictEqual({
        done: true,
        value: undefined,
      })
    }
    const cursor = new MergingCursor([])
    expect([cursor.next(), cursor.restart(), cursor.valid, cursor.keyEnd, cursor.seq]).toStrictEqual([
      false,
      false,
      false,
      0,
      Number.NaN,
    ])
  })

  test('a loop that breaks closes what is open and leaves alone what has ended', () => {
    const watches = [newWatch(), newWatch()]
    const sources = [[record('a', 1)], [record('b', 1), record('c', 1), record('d', 1)]]
    const watched = sources.map((source, at) => watchedIterable(source, watches[at]!))
    for (const { key } of new KWayMergeIterator(watched)) if (key === 'c') break
    expect(watches).toMatchObject([
      { finished: true, closed: 0 },
      { finished: false, closed: 1 },
    ])
  })

  test('a merge that is never begun can be closed, and so can its sources', () => {
    const watch = newWatch()
    const merge = new KWayMergeIterator([watchedIterable([record('a', 1)], watch)])
    merge[Symbol.dispose]?.()
    merge.return()
    expect(watch.closed).toBe(1)
    expect(merge.next().done).toBe(true)
  })

  test('one that cannot be opened closes those before it', async () => {
    const watch = newWatch()
    const sources = [watchedIterable([record('a', 1)], watch), 5 as unknown as Iterable<TestRecord<string>>]
    expect(() => new KWayMergeIterator(sources)).toThrow(code('MERGE_INVALID_ARGUMENT'))
    expect(() => new AsyncKWayMergeIterator(sources)).toThrow(code('MERGE_INVALID_ARGUMENT'))
    expect(watch).toMatchObject({ opened: 2, closed: 2 })
  })

  test('its error is passed on as it is, even when others fail to close', () => {
    const failing = watchedIterable([record('a', 1)], newWatch(), 1)
    const merge = new KWayMergeIterator([failing, watchedIterable([record('b', 1)], newWatch(), Infinity, true)])
    merge.next()
    expect(() => merge.next()).toThrow(SourceFailure)
    expect(merge.next().done).toBe(true)
  })

  test('several that fail to close: MERGE_CLOSE_FAILED, with all errors and the first as its cause', async () => {
    const open = () => [0, 1].map(() => watchedIterable([record('a', 1)], newWatch(), Infinity, true))
    const failed = code('MERGE_CLOSE_FAILED', {
      cause: expect.any(SourceFailure),
      errors: [expect.any(SourceFailure), expect.any(SourceFailure)],
    })
    expect(() => new KWayMergeIterator(open()).return()).toThrow(failed)
    await expect(new AsyncKWayMergeIterator(open()).return()).rejects.toThrow(failed)
    const key = Uint8Array.of(1)
    const cursors = [0, 1].map(() => new BlockCursor([record(key, 1)], newWatch(), { failsToClose: true }))
    expect(() => new MergingCursor(cursors).close()).toThrow(failed)
    const slow = [0, 1].map(() => new BlockCursor([record(key, 1)], newWatch(), { failsToClose: true, delays: [1] }))
    await expect(new MergingCursor(slow).close()).rejects.toThrow(failed)
  })

  test.each<[string, TestRecord<string>[], boolean]>([
    ['descending keys', [record('b', 1), record('a', 1)], false],
    ['ascending keys in reverse', [record('a', 1), record('b', 1)], true],
    ['a rising seq', [record('a', 1), record('a', 2)], false],
    ['a rising seq in reverse, as of a plainly reversed run', [record('a', 1), record('a', 2)], true],
  ])('out of order by %s: MERGE_UNSORTED_SOURCE, and all are closed', (_, records, reverse) => {
    const watch = newWatch()
    const merge = new KWayMergeIterator([[record('a', 9)], watchedIterable(records, watch)], { reverse })
    expect(() => [...merge]).toThrow(code('MERGE_UNSORTED_SOURCE', { source: 1 }))
    expect(watch.closed).toBe(1)
  })

  test('an iterator that answers with no object is refused', () => {
    const broken = { [Symbol.iterator]: () => ({ next: () => 7 }) } as unknown as Iterable<MergeRecord>
    expect(() => [...new KWayMergeIterator([broken])]).toThrow(code('MERGE_INVALID_RECORD'))
  })

  test('one that calls the merge back is refused', () => {
    let merge: KWayMergeIterator<TestRecord<string>> | undefined
    const nosy = (function* () {
      merge!.next()
      yield record('a', 1)
    })()
    merge = new KWayMergeIterator([nosy])
    expect(() => merge.next()).toThrow(code('MERGE_BUSY'))
  })
})

test.each<[string, unknown]>([
  ['null', null],
  ['visibleSeq', { visibleSeq: Number.NaN }],
  ['seqCutoff', { seqCutoff: '5' }],
  ['reverse', { reverse: 1 }],
  ['compare', { compare: true }],
  ['snapshots that descend', { snapshots: [5, 3] }],
  ['snapshots that are no numbers', { snapshots: ['1'] }],
  ['snapshots with NaN', { snapshots: [Number.NaN] }],
])('a wrong option is a coded TypeError: %s', (_, options) => {
  const makers = [
    () => new KWayMergeIterator<MergeRecord>([], options as object),
    () => new AsyncKWayMergeIterator<MergeRecord>([], options as object),
    () => new MergingCursor([], options as object),
  ]
  for (const make of makers) {
    expect(make).toThrow(TypeError)
    expect(make).toThrow(code('MERGE_INVALID_ARGUMENT'))
  }
  expect(() => new KWayMergeIterator(7 as unknown as [])).toThrow(code('MERGE_INVALID_ARGUMENT'))
  expect(() => new MergingCursor([{} as BlockCursor])).toThrow(code('MERGE_INVALID_ARGUMENT'))
})

describe('async', () => {
  test('calls made before the last has settled are answered in turn', async () => {
    const merge = new AsyncKWayMergeIterator([
      watchedAsyncIterable([record('a', 1), record('c', 1)], newWatch(), [3]),
      [record('b', 1)],
    ])
    const answers = await Promise.all([merge.next(), merge.next(), merge.next(), merge.next(), merge.return()])
    expect(answers.map(({ value }) => value?.key)).toStrictEqual(['a', 'b', 'c', undefined, undefined])
  })

  test('ten thousand calls at once do not exhaust the stack', async () => {
    const numbers = Array.from({ length: 10_000 }, (_, key) => record(key, 1))
    const merge = new AsyncKWayMergeIterator([watchedAsyncIterable(numbers, newWatch(), [1, 0, 0, 0, 0, 0, 0])])
    const answers = await Promise.all(numbers.map(() => merge.next()))
    expect(answers.every(({ value }, at) => value?.key === at)).toBe(true)
  })

  test('return() waits for the read that is under way, then closes', async () => {
    const watch = newWatch()
    const merge = new AsyncKWayMergeIterator([watchedAsyncIterable([record('a', 1)], watch, [5])])
    const first = merge.next()
    await merge[Symbol.asyncDispose]?.()
    expect((await first).value?.key).toBe('a')
    await merge.return()
    expect(watch).toMatchObject({ closed: 1, misused: false })
  })
})

describe('cursors', () => {
  const bytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text))

  test('a synchronous merge makes no promise, one that must wait does', async () => {
    const records = [record(bytes('a'), 1), record(bytes('b'), 1)]
    const ready = new MergingCursor([new BlockCursor(records)])
    expect([ready.next(), ready.next(), ready.next(), ready.close()]).toStrictEqual([true, true, false, undefined])
    const waiting = new MergingCursor([new BlockCursor(records, newWatch(), { delays: [2] })])
    const moved = waiting.next()
    expect(moved).toBeInstanceOf(Promise)
    expect(() => waiting.next()).toThrow(code('MERGE_BUSY'))
    expect(() => waiting.restart()).toThrow(code('MERGE_BUSY'))
    expect(await moved).toBe(true)
  })

  test('close() while a source is read waits for it, and the record is gone', async () => {
    const watch = newWatch()
    const cursor = new MergingCursor([new BlockCursor([record(bytes('a'), 1)], watch, { delays: [4] })])
    const moved = cursor.next()
    const closed = cursor.close()
    expect(watch.closed).toBe(0)
    expect(await moved).toBe(false)
    await closed
    await cursor[Symbol.asyncDispose]?.()
    expect([watch.closed, watch.misused, cursor.valid]).toStrictEqual([1, false, false])
  })

  test('canDropTombstone is given the key', () => {
    const asked: unknown[] = []
    const canDropTombstone = (key: Uint8Array, seq: number): boolean =>
      asked.push([Buffer.from(key).toString(), seq]) > 0
    const cursor = new MergingCursor([new BlockCursor([record(bytes('gone'), 3, null)])], { canDropTombstone })
    expect(cursor.next()).toBe(false)
    expect(asked).toStrictEqual([['gone', 3]])
  })

  test('a key outside its bytes, a seq that is no number, and disorder are refused, and the sources closed', () => {
    const wrong = (change: object) => () => {
      let closed = 0
      const right = { valid: true, keyBytes: bytes('a'), keyStart: 0, keyEnd: 1, seq: 1, isTombstone: false }
      const source = { ...right, next: () => false, close: () => void closed++, ...change }
      try {
        return new MergingCursor([source]).next()
      } finally {
        expect(closed).toBe(1)
      }
    }
    expect(wrong({ keyEnd: 99 })).toThrow(code('MERGE_INVALID_RECORD'))
    expect(wrong({ keyStart: -1 })).toThrow(code('MERGE_INVALID_RECORD'))
    expect(wrong({ keyBytes: [1, 2, 3] })).toThrow(code('MERGE_INVALID_RECORD'))
    expect(wrong({ seq: Number.NaN })).toThrow(code('MERGE_INVALID_RECORD'))
    const unsorted = new MergingCursor([new BlockCursor([record(bytes('b'), 1), record(bytes('a'), 1)])])
    expect(unsorted.next()).toBe(true)
    expect(() => unsorted.next()).toThrow(code('MERGE_UNSORTED_SOURCE', { source: 0 }))
  })
})
