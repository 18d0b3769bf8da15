import { fuzz } from '@lsm/fuzz'
import fc from 'fast-check'
import { expect } from 'vitest'
import { Memtable, openShared } from '../src/index.ts'
import { drain, Model, reversedKeys, show, showCursor } from './model.ts'

// Few and similar keys, so that they collide, nest and share prefixes; a few long and zero-padded ones.
const arbKey = fc
  .oneof(
    { weight: 6, arbitrary: fc.uint8Array({ maxLength: 2, max: 3 }) },
    {
      weight: 3,
      arbitrary: fc
        .tuple(fc.constantFrom('user:', 'user:0000', 'u'), fc.nat(30))
        .map(([a, b]) => Buffer.from(a + b) as Uint8Array),
    },
    { weight: 1, arbitrary: fc.nat(12).map((length) => new Uint8Array(length)) },
    { weight: 1, arbitrary: fc.uint8Array({ minLength: 6, maxLength: 12 }) },
  )
  .map((key) => Uint8Array.from(key))
const arbValue = fc.uint8Array({ maxLength: 40 })

type Operation =
  | {
      readonly type: 'write'
      readonly kind: 0 | 1 | 2
      readonly key: Uint8Array
      readonly value: Uint8Array
      readonly gap: number
    }
  | { readonly type: 'get'; readonly key: Uint8Array; readonly back: number }
  | {
      readonly type: 'cursor'
      readonly seek: Uint8Array | null
      readonly back: number
      readonly all: boolean
      readonly reverse: boolean
    }
  | { readonly type: 'step'; readonly budget: number }

const arbOperation: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      type: fc.constant('write' as const),
      kind: fc.constantFrom(0 as const, 0 as const, 1 as const),
      key: arbKey,
      value: arbValue,
      gap: fc.nat(3),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant('write' as const),
      kind: fc.constant(2 as const),
      key: arbKey,
      value: arbKey,
      gap: fc.nat(3),
    }),
  },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('get' as const), key: arbKey, back: fc.nat(60) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant('cursor' as const),
      seek: fc.option(arbKey),
      back: fc.nat(60),
      all: fc.boolean(),
      reverse: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('step' as const), budget: fc.constantFrom(1, 7, 100, 5000) }) },
)

const arbOperations = fc.array(arbOperation, { maxLength: 120, size: 'max' })

fuzz(
  import.meta.url,
  'answers are those of a list of all writes, at every sequence number, while cursors stay open',
  fc.property(arbOperations, fc.boolean(), (operations, sharedMemory) => {
    const table = new Memtable({ hashSeed: [1, 2], sharedMemory })
    const model = new Model()
    const open: { check: () => void }[] = []
    let cost = 0
    for (const operation of operations) {
      const back =
        'back' in operation && !(operation.type === 'cursor' && operation.back % 3 === 0) ? operation.back : 0
      const visibleSeq = Math.max(0, model.lastSeq - back)
      if (operation.type === 'write') {
        const { kind, key, value } = operation
        const write = { key, value, kind, seq: model.lastSeq + 1 + operation.gap, timestampMs: model.writes.length }
        const before = table.byteSize
        table.add(write)
        expect(table.byteSize - before).toBeLessThanOrEqual(table.costOf(key.length, value.length))
        cost += table.byteSize - before
        model.writes.push(write)
      } else if (operation.type === 'get') {
        const expected = model.get(operation.key, visibleSeq)
        const entry = table.get(operation.key, visibleSeq)
        expect(entry && show({ ...expected!, ...entry })).toEqual(expected && show(expected))
        expect(table.coveringSeq(operation.key, visibleSeq)).toBe(model.coveringSeq(operation.key, visibleSeq))
      } else if (operation.type === 'cursor') {
        const { seek, all, reverse } = operation
        // Without a bound it sees what is there now, and that is a bound too.
        const bound = operation.back % 3 === 0 ? {} : { visibleSeq: visibleSeq === model.lastSeq ? 1e15 : visibleSeq }
        const cursor = table.cursor({ ...bound, versions: all ? 'all' : 'newest', reverse })
        const found = seek === null ? cursor.seekToFirst() : cursor.seek(seek)
        const entries = all ? model.versions(visibleSeq) : model.newest(visibleSeq, false)
        const isPast = (key: Uint8Array): boolean =>
          seek === null || Buffer.compare(key, seek) * (reverse ? -1 : 1) >= 0
        const expected = (reverse ? reversedKeys(entries) : entries).filter((each) => isPast(each.key)).map(show)
        // Drained at the end only, after every later write: it must not see one of them.
        open.push({ check: () => expect(drain(cursor, found, 'next')).toEqual(expected) })
      } else {
        table.step(operation.budget)
      }
    }
    for (const each of open) each.check()
    expect(table.byteSize).toBe(cost)
    expect(table.entryCount).toBe(model.writes.length)
    expect(table.lastSeq).toBe(model.lastSeq)
    expect(table.firstSeq).toBe(model.writes[0]?.seq ?? -1)
    expect(table.keyCount).toBe(model.newest(Number.POSITIVE_INFINITY, false).length)
    expect(table.rangeTombstoneCount).toBe(model.rangeTombstones(Number.POSITIVE_INFINITY).length)

    const seqs = [...new Set([0, ...model.writes.map((each) => each.seq)])].slice(-10)
    for (const view of [table, share(table)]) {
      for (const visibleSeq of seqs) {
        const versions = model.versions(visibleSeq)
        const all = view.cursor({ visibleSeq, versions: 'all' })
        expect(drain(all, all.seekToFirst(), 'next')).toEqual(versions.map(show))
        expect(drain(all, all.seekToLast(), 'prev')).toEqual(versions.map(show).reverse())
        const live = view.cursor({ visibleSeq, skipDeleted: true })
        expect(drain(live, live.seekToFirst(), 'next')).toEqual(model.newest(visibleSeq, true).map(show))
        const ranges = view.rangeTombstones({ visibleSeq })
        expect(drain(ranges, ranges.seekToFirst(), 'next')).toEqual(model.rangeTombstones(visibleSeq).map(show))
        for (const { key } of model.writes.slice(-20)) {
          const expected = model.get(key, visibleSeq)
          const entry = view.get(key, visibleSeq)
          expect(entry && show({ ...expected!, ...entry })).toEqual(expected && show(expected))
          expect(view.coveringSeq(key, visibleSeq)).toBe(model.coveringSeq(key, visibleSeq))
        }
      }
    }
  }),
  { runs: 80, capMs: 4000 },
)

function share(table: Memtable): ReturnType<typeof openShared> {
  table.freeze()
  return openShared(structuredClone(table.share()))
}

fuzz(
  import.meta.url,
  'a cursor that goes to and fro is where an index into the sorted entries is',
  fc.property(
    fc.array(fc.tuple(arbKey, fc.nat(2)), { maxLength: 60 }),
    fc.array(fc.oneof({ weight: 12, arbitrary: fc.constantFrom('next' as const, 'prev' as const) }, arbKey), {
      maxLength: 80,
    }),
    fc.record({ all: fc.boolean(), reverse: fc.boolean() }),
    (writes, moves, { all, reverse }) => {
      const table = new Memtable({ hashSeed: [3, 4] })
      const model = new Model()
      for (const [i, [key, scan]] of writes.entries()) {
        const write = { key, value: key, kind: 0 as const, seq: i + 1, timestampMs: 0 }
        table.add(write)
        model.writes.push(write)
        // A scan in between leaves runs of all sizes.
        if (scan === 0) table.cursor().seekToFirst()
      }
      const entries = all ? model.versions(1e9) : model.newest(1e9, false)
      const sorted = reverse ? reversedKeys(entries) : entries
      const cursor = table.cursor({ versions: all ? 'all' : 'newest', reverse })
      let at = cursor.seekToFirst() ? 0 : -1
      for (const move of moves) {
        let found: boolean
        if (typeof move === 'string') {
          found = cursor[move]()
          if (at >= 0) at += move === 'next' ? 1 : -1
          if (at >= sorted.length) at = -1
        } else {
          found = cursor.seek(move)
          at = sorted.findIndex((each) => Buffer.compare(each.key, move) * (reverse ? -1 : 1) >= 0)
        }
        expect(found).toBe(at >= 0)
        expect(cursor.valid).toBe(at >= 0)
        if (at >= 0) expect(showCursor(cursor)).toEqual(show(sorted[at]!))
      }
    },
  ),
  { runs: 200, capMs: 3000 },
)

fuzz(
  import.meta.url,
  'rangeSize counts the keys of a range',
  fc.property(fc.array(arbKey, { maxLength: 60 }), fc.option(arbKey), fc.option(arbKey), (keys, start, end) => {
    const table = new Memtable({ hashSeed: [5, 6] })
    for (const [seq, key] of keys.entries()) {
      table.add({ key, seq, timestampMs: 0 })
      if (seq % 7 === 0) table.cursor()
    }
    const inside = new Set(
      keys
        .filter((key) => (!start || Buffer.compare(start, key) <= 0) && (!end || Buffer.compare(key, end) < 0))
        .map((key) => Buffer.from(key).toString('hex')),
    )
    const size = table.rangeSize({ ...(start && { start }), ...(end && { end }) })
    expect(size.keys).toBe(inside.size)
    expect(size.bytes).toBeLessThanOrEqual(table.byteSize)
    if (inside.size === table.keyCount) expect(size.bytes).toBe(table.byteSize)
  }),
  { runs: 200, capMs: 3000 },
)
