import { fuzz } from '@lsm/fuzz'
import fc from 'fast-check'
import { expect } from 'vitest'
import {
  AsyncKWayMergeIterator,
  KWayMergeIterator,
  type MergeOptions,
  MergingCursor,
  type VersionOptions,
} from '../src/index.ts'
import {
  BlockCursor,
  compareAny,
  mergeModel,
  newWatch,
  SourceFailure,
  sortSource,
  type TestRecord,
  type Watch,
  watchedAsyncIterable,
  watchedIterable,
} from './model.ts'

/** Plain data, so that a counterexample can be kept. `droppable` stands for `canDropTombstone`. */
interface Plan {
  readonly reverse: boolean
  readonly deduplicate: boolean
  readonly skipTombstones: boolean
  readonly visibleSeq: number | null
  readonly seqCutoff: number | null
  readonly snapshots: readonly number[]
  readonly droppable: number | null
}

const MAX_SEQ = 12
const seq = fc.integer({ min: 0, max: MAX_SEQ })
const maybeSeq = fc.option(seq)
const plan: fc.Arbitrary<Plan> = fc.record({
  reverse: fc.boolean(),
  deduplicate: fc.oneof({ weight: 3, arbitrary: fc.constant(true) }, { weight: 1, arbitrary: fc.constant(false) }),
  skipTombstones: fc.boolean(),
  visibleSeq: maybeSeq,
  seqCutoff: maybeSeq,
  snapshots: fc.array(seq, { maxLength: 3 }).map((all) => all.sort((a, b) => a - b)),
  droppable: maybeSeq,
})

/** Few keys, many of them equal, prefixes of each other, or the same for several words. */
const byteKey: fc.Arbitrary<Uint8Array> = fc.oneof(
  fc.array(fc.constantFrom(0, 1, 255), { maxLength: 4 }).map((bytes) => Uint8Array.from(bytes)),
  fc
    .tuple(fc.integer({ min: 0, max: 14 }), fc.array(fc.constantFrom(0, 7, 128), { maxLength: 6 }))
    .map(([prefix, rest]) => Uint8Array.from([...new Array<number>(prefix).fill(9), ...rest])),
)
const stringKey = fc.oneof(
  fc.string({ unit: fc.constantFrom('', 'a', 'b', '\u0000', '\ud83d', '\uffff'), maxLength: 3 }),
  fc.constantFrom('user:0001', 'user:0002', 'user:00010'),
)
const numberKey = fc.oneof(
  fc.constantFrom(0, -0, 1, -1, 0.5, -3, Infinity, -Infinity, Number.MAX_VALUE),
  fc.integer({ min: -4, max: 4 }),
)
const bigintKey = fc.bigInt({ min: -3n, max: 3n })

function sourcesOf<Key>(key: fc.Arbitrary<Key>): fc.Arbitrary<TestRecord<Key>[][]> {
  const value = fc.oneof(fc.constant(null), fc.integer({ min: 0, max: 1_000_000 }))
  const source = fc.array(fc.record({ key, seq, value }), { maxLength: 12 })
  return fc.oneof(
    fc.array(source, { maxLength: 4 }),
    fc.array(fc.array(fc.record({ key, seq, value }), { maxLength: 4 }), { minLength: 5, maxLength: 19 }),
  )
}

function versionOptions<Key>(from: Plan): VersionOptions<Key> {
  const { reverse, deduplicate, skipTombstones, visibleSeq, seqCutoff, snapshots, droppable } = from
  return {
    reverse,
    deduplicate,
    skipTombstones,
    snapshots,
    ...(visibleSeq === null ? {} : { visibleSeq }),
    ...(seqCutoff === null ? {} : { seqCutoff }),
    ...(droppable === null ? {} : { canDropTombstone: (_: Key, at: number) => at % 5 === droppable % 5 }),
  }
}

function checkSync<Key>(sources: TestRecord<Key>[][], from: Plan, more: MergeOptions<TestRecord<Key>> = {}): void {
  const options = versionOptions<Key>(from)
  const sorted = sources.map((source) => sortSource(source, from.reverse, more.compare))
  const expected = mergeModel(sorted, options, more.compare)
  expect([...new KWayMergeIterator(sorted, { ...options, ...more })]).toStrictEqual(expected)
  const watches = sorted.map(newWatch)
  const watched = sorted.map((source, at) => watchedIterable(source, watches[at]!))
  // By identity too: on ties it must be the first source's very record.
  const merged = [...new KWayMergeIterator(watched, { ...options, ...more })]
  expect(merged.every((record, at) => record === expected[at]) && merged.length === expected.length).toBe(true)
  for (const watch of watches) expect(watch).toStrictEqual({ ...newWatch(), opened: 1, finished: true })
}

fuzz(
  import.meta.url,
  'byte keys: equals a sort and group-by of the concatenation',
  fc.property(sourcesOf(byteKey), plan, (sources, from) => checkSync(sources, from)),
  { runs: 1_500, capMs: 5_000 },
)

fuzz(
  import.meta.url,
  'string keys: equals a sort and group-by of the concatenation',
  fc.property(sourcesOf(stringKey), plan, (sources, from) => checkSync(sources, from)),
  { runs: 500, capMs: 3_000 },
)

fuzz(
  import.meta.url,
  'number and bigint keys: equals a sort and group-by of the concatenation',
  fc.property(sourcesOf<number | bigint>(numberKey), sourcesOf<number | bigint>(bigintKey), plan, (a, b, from) => {
    checkSync(a, from)
    checkSync(b, from)
  }),
  { runs: 500, capMs: 3_000 },
)

fuzz(
  import.meta.url,
  'keys in an order of the caller: equals a sort and group-by of the concatenation',
  fc.property(sourcesOf(fc.integer({ min: 0, max: 20 })), plan, (sources, from) => {
    checkSync(sources, from, { compare: (a, b) => (a % 7) - (b % 7) })
  }),
  { runs: 500, capMs: 3_000 },
)

const delays = fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 4 })

async function drainCursor(cursor: MergingCursor<BlockCursor>, limit = Infinity): Promise<TestRecord<Uint8Array>[]> {
  const out: TestRecord<Uint8Array>[] = []
  while (out.length < limit) {
    const moved = cursor.next()
    if (!(typeof moved === 'boolean' ? moved : await moved)) break
    expect(cursor.valid).toBe(true)
    const { record } = cursor.current!
    expect(cursor.key).toStrictEqual(record.key)
    expect([cursor.seq, cursor.isTombstone]).toStrictEqual([record.seq, record.value === null])
    out.push(record)
  }
  return out
}

fuzz(
  import.meta.url,
  'async iterables and cursors give what the model gives, whatever must be waited for',
  fc.asyncProperty(sourcesOf(byteKey), plan, fc.array(delays, { minLength: 1 }), async (sources, from, waits) => {
    const options = versionOptions<Uint8Array>(from)
    const sorted = sources.map((source) => sortSource(source, from.reverse))
    const expected = mergeModel(sorted, options)
    const waitOf = (at: number): readonly number[] => waits[at % waits.length]!

    const watches = sorted.map(newWatch)
    const iterables = sorted.map((source, at) => watchedAsyncIterable(source, watches[at]!, waitOf(at)))
    const merged: TestRecord<Uint8Array>[] = []
    for await (const record of new AsyncKWayMergeIterator(iterables, options)) merged.push(record)
    expect(merged).toStrictEqual(expected)
    for (const watch of watches) expect(watch).toStrictEqual({ ...newWatch(), opened: 1, finished: true })

    const cursorWatches = sorted.map(newWatch)
    const cursors = sorted.map((source, at) => new BlockCursor(source, cursorWatches[at]!, { delays: waitOf(at) }))
    const cursor = new MergingCursor(cursors, options)
    expect(await drainCursor(cursor)).toStrictEqual(expected)
    expect([cursor.valid, cursor.next(), cursor.current]).toStrictEqual([false, false, undefined])
    await cursor.close()
    for (const watch of cursorWatches) expect(watch).toStrictEqual({ ...newWatch(), closed: 1 })
  }),
  { runs: 600, capMs: 5_000 },
)

fuzz(
  import.meta.url,
  'a merging cursor over positioned cursors, begun anew and nested, gives what the model gives',
  fc.property(
    sourcesOf(byteKey),
    plan,
    fc.array(fc.nat(13), { minLength: 20, maxLength: 20 }),
    (sources, from, starts) => {
      const options = versionOptions<Uint8Array>(from)
      const sorted = sources.map((source) => sortSource(source, from.reverse))
      const cursors = sorted.map((source) => new BlockCursor(source))
      const drain = (cursor: MergingCursor<BlockCursor>, started: boolean): unknown[] => {
        const out: unknown[] = []
        for (let valid = started ? cursor.valid : cursor.next(); valid; valid = cursor.next()) {
          out.push(cursor.current!.record)
        }
        return out
      }
      const cursor = new MergingCursor(cursors, options)
      const all = mergeModel(sorted, options)
      expect(drain(cursor, false)).toStrictEqual(all)
      for (const [at, each] of cursors.entries()) each.seek(starts[at]!)
      expect(cursor.restart()).toBe(cursor.valid)
      const rest = sorted.map((source, at) => source.slice(starts[at]))
      expect(drain(cursor, true)).toStrictEqual(mergeModel(rest, options))

      // A merge of merges that keep every version equals the one merge.
      const keepAll: VersionOptions<Uint8Array> = { reverse: from.reverse, deduplicate: false }
      const half = sorted.length >> 1
      const inner = [sorted.slice(0, half), sorted.slice(half)].map(
        (part) =>
          new MergingCursor(
            part.map((source) => new BlockCursor(source)),
            keepAll,
          ),
      )
      const outer = new MergingCursor(inner, options)
      const nested: unknown[] = []
      while (outer.next()) nested.push(outer.current!.current!.record)
      expect(nested).toStrictEqual(all)
    },
  ),
  { runs: 500, capMs: 4_000 },
)

interface Ending {
  /** Records that the consumer takes before it stops. */
  readonly take: number
  /** The source that fails, counted round, and the record in whose place it does. */
  readonly failing: number | null
  readonly failAt: number
  readonly closingFails: boolean
}

const ending: fc.Arbitrary<Ending> = fc.record({
  take: fc.nat(20),
  failing: fc.option(fc.nat(18)),
  failAt: fc.nat(6),
  closingFails: fc.boolean(),
})

/** A source ends by itself or is closed, once, and is not touched after; a failing one is never closed. */
function expectEndedOnce(watches: readonly Watch[]): void {
  for (const watch of watches) {
    expect(watch.misused).toBe(false)
    expect(watch.opened).toBe(1)
    expect((watch.finished ? 1 : 0) + watch.closed).toBe(1)
  }
}

function expectedError(error: unknown): void {
  const { code, cause } = error as { code?: string; cause?: unknown }
  if (code === 'MERGE_CLOSE_FAILED') expect(cause).toBeInstanceOf(SourceFailure)
  else expect(error).toBeInstanceOf(SourceFailure)
}

fuzz(
  import.meta.url,
  'sources are closed exactly once, whenever the consumer stops or a source throws',
  fc.asyncProperty(
    sourcesOf(byteKey).filter((sources) => sources.length > 0),
    plan,
    ending,
    fc.array(delays, { minLength: 1 }),
    async (sources, from, { take, failing, failAt, closingFails }, waits) => {
      const options = versionOptions<Uint8Array>(from)
      const sorted = sources.map((source) => sortSource(source, from.reverse))
      const expected = mergeModel(sorted, options)
      const failAtOf = (at: number): number =>
        failing !== null && at === failing % sorted.length ? failAt : Number.POSITIVE_INFINITY
      const isPrefix = (merged: readonly unknown[]): void => {
        expect(merged).toStrictEqual(expected.slice(0, merged.length))
      }

      const watches = sorted.map(newWatch)
      const merge = new KWayMergeIterator(
        sorted.map((source, at) => watchedIterable(source, watches[at]!, failAtOf(at), closingFails)),
        options,
      )
      const merged: unknown[] = []
      try {
        for (let step = merge.next(); !step.done && merged.push(step.value) < take; ) step = merge.next()
        merge.return()
      } catch (error) {
        expectedError(error)
      }
      isPrefix(merged)
      expect(merge.next()).toStrictEqual({ done: true, value: undefined })
      merge.return()
      expectEndedOnce(watches)

      const asyncWatches = sorted.map(newWatch)
      const asyncMerge = new AsyncKWayMergeIterator(
        sorted.map((source, at) =>
          watchedAsyncIterable(source, asyncWatches[at]!, waits[at % waits.length]!, failAtOf(at), closingFails),
        ),
        options,
      )
      const asyncMerged: unknown[] = []
      try {
        for (let step = await asyncMerge.next(); !step.done && asyncMerged.push(step.value) < take; ) {
          step = await asyncMerge.next()
        }
        await asyncMerge.return()
      } catch (error) {
        expectedError(error)
      }
      isPrefix(asyncMerged)
      expect(await asyncMerge.next()).toStrictEqual({ done: true, value: undefined })
      await asyncMerge.return()
      expectEndedOnce(asyncWatches)

      const cursorWatches = sorted.map(newWatch)
      const cursor = new MergingCursor(
        sorted.map(
          (source, at) =>
            new BlockCursor(source, cursorWatches[at]!, {
              delays: waits[at % waits.length]!,
              failAt: failAtOf(at),
              failsToClose: closingFails,
            }),
        ),
        options,
      )
      const cursorMerged: unknown[] = []
      try {
        while (cursorMerged.length < take && (await cursor.next())) cursorMerged.push(cursor.current!.record)
        await cursor.close()
      } catch (error) {
        expectedError(error)
      }
      isPrefix(cursorMerged)
      expect(cursor.next()).toBe(false)
      await Promise.resolve(cursor.close()).catch(expectedError)
      for (const watch of cursorWatches) expect([watch.closed, watch.misused]).toStrictEqual([1, false])
    },
  ),
  { runs: 800, capMs: 6_000 },
)

fuzz(
  import.meta.url,
  'a source out of order is refused or, where nobody looked, changes nothing that came before',
  fc.property(sourcesOf(byteKey), fc.boolean(), (sources, reverse) => {
    const inOrder = (source: readonly TestRecord<Uint8Array>[]): boolean => {
      const order = sortSource(source, reverse)
      return source.every(({ key, seq: at }, i) => compareAny(key, order[i]!.key) === 0 && at === order[i]!.seq)
    }
    const run = (): unknown[] => [...new KWayMergeIterator(sources, { reverse })]
    if (sources.every(inOrder)) expect(run()).toStrictEqual(mergeModel(sources, { reverse }))
    else expect(run).toThrow(expect.objectContaining({ code: 'MERGE_UNSORTED_SOURCE' }))
  }),
  { runs: 500, capMs: 3_000 },
)
