/**
 * The job: go once over the newest version of each key, deletions left out, of sources that are sorted arrays. The
 * contenders on a heap are what one writes around a priority queue: a generator, as the result is to be an iterable,
 * the top replaced where the queue can do that. Keys are 16 bytes that begin alike; one key in ten is in two sources.
 */
import { type Contender, suite } from '@lsm/bench'

interface Item<Key> {
  readonly key: Key
  readonly seq: number
  readonly value: number | null
}

interface Entry<Key> {
  item: Item<Key>
  readonly source: ReadonlyArray<Item<Key>>
  readonly rank: number
  at: number
}

type Compare<Key> = (a: Key, b: Key) => number
type Merge<Key> = (sources: Item<Key>[][], compare: Compare<Key>) => Iterable<Item<Key>>

function random(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

function makeSources<Key>(count: number, total: number, keyOf: (n: number) => Key): Item<Key>[][] {
  const next = random(count)
  const sources: Item<Key>[][] = Array.from({ length: count }, () => [])
  let n = 0
  let last = 0
  let repeats = true
  for (let at = 0; at < total; at++) {
    repeats = !repeats && next() < 0.1
    if (!repeats) n += 1 + Math.floor(next() * 1_000)
    last = repeats ? (last + 1) % count : Math.floor(next() * count)
    sources[last]!.push({ key: keyOf(n), seq: Math.floor(next() * 1e9), value: next() < 0.1 ? null : at })
  }
  return sources
}

const encoder = new TextEncoder()
const byteKey = (n: number): Uint8Array => encoder.encode(`user:${String(n).padStart(11, '0')}`)

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length)
  for (let at = 0; at < length; at++) {
    const difference = a[at]! - b[at]!
    if (difference !== 0) return difference
  }
  return a.length - b.length
}

function* newest<Key>(items: Iterable<Item<Key>>, compare: Compare<Key>): Generator<Item<Key>> {
  let last: Item<Key> | undefined
  for (const item of items) {
    const repeated = last !== undefined && compare(last.key, item.key) === 0
    last = item
    if (!repeated && item.value !== null) yield item
  }
}

function entriesOf<Key>(sources: Item<Key>[][]): Entry<Key>[] {
  return sources.flatMap((source, rank) => (source.length > 0 ? [{ item: source[0]!, source, rank, at: 0 }] : []))
}

const entryOrder =
  <Key>(compare: Compare<Key>) =>
  (a: Entry<Key>, b: Entry<Key>): number =>
    compare(a.item.key, b.item.key) || b.item.seq - a.item.seq || a.rank - b.rank

async function withHeapJs<Key>(): Promise<Merge<Key>> {
  const { Heap } = await import('heap-js')
  return function* (sources, compare) {
    const heap = new Heap<Entry<Key>>(entryOrder(compare))
    heap.init(entriesOf(sources))
    let last: Key | undefined
    while (heap.length > 0) {
      const entry = heap.peek()!
      const { item } = entry
      if (last === undefined || compare(last, item.key) !== 0) {
        last = item.key
        if (item.value !== null) yield item
      }
      if (++entry.at < entry.source.length) {
        entry.item = entry.source[entry.at]!
        heap.replace(entry)
      } else heap.pop()
    }
  }
}

async function withTinyQueue<Key>(): Promise<Merge<Key>> {
  const { default: TinyQueue } = await import('tinyqueue')
  return function* (sources, compare) {
    const queue = new TinyQueue<Entry<Key>>(entriesOf(sources), entryOrder(compare))
    let last: Key | undefined
    while (queue.length > 0) {
      const entry = queue.pop()!
      const { item } = entry
      if (last === undefined || compare(last, item.key) !== 0) {
        last = item.key
        if (item.value !== null) yield item
      }
      if (++entry.at < entry.source.length) {
        entry.item = entry.source[entry.at]!
        queue.push(entry)
      }
    }
  }
}

function withSort<Key>(): Merge<Key> {
  return (sources, compare) => {
    const all = sources.flat().sort((a, b) => compare(a.key, b.key) || b.seq - a.seq)
    return newest(all, compare)
  }
}

function withScan<Key>(): Merge<Key> {
  return function* (sources, compare) {
    const places = sources.map(() => 0)
    let last: Key | undefined
    for (;;) {
      let best = -1
      let item: Item<Key> | undefined
      for (let source = 0; source < sources.length; source++) {
        const head = sources[source]![places[source]!]
        if (head === undefined) continue
        const order = item === undefined ? -1 : compare(head.key, item.key) || item.seq - head.seq
        if (order < 0) {
          best = source
          item = head
        }
      }
      if (item === undefined) return
      places[best]!++
      if (last !== undefined && compare(last, item.key) === 0) continue
      last = item.key
      if (item.value !== null) yield item
    }
  }
}

async function ours<Key>(): Promise<Merge<Key>> {
  const { KWayMergeIterator } = await import('@lsm/merge-iterator')
  return (sources) => new KWayMergeIterator(sources, { skipTombstones: true })
}

function contender<Key>(
  merge: () => Merge<Key> | Promise<Merge<Key>>,
  sources: () => Item<Key>[][],
  compare: Compare<Key>,
): Contender {
  return async () => {
    const run = await merge()
    const input = sources()
    return () => {
      let sum = 0
      for (const item of run(input, compare)) sum += item.seq
      return sum
    }
  }
}

function arrays<Key>(name: string, count: number, total: number, keyOf: (n: number) => Key, compare: Compare<Key>) {
  const sources = () => makeSources(count, total, keyOf)
  return {
    name,
    operations: total,
    contenders: {
      '@lsm/merge-iterator': contender<Key>(ours, sources, compare),
      'heap-js': contender<Key>(withHeapJs, sources, compare),
      tinyqueue: contender<Key>(withTinyQueue, sources, compare),
      'concat and sort': contender<Key>(withSort, sources, compare),
      // With 64 sources a scan takes ten times as long as anything else.
      ...(count > 8 ? {} : { 'linear scan': contender<Key>(withScan, sources, compare) }),
    },
  }
}

/** A cursor over keys that lie one after the other in a buffer, as in a block. */
class PackedCursor {
  readonly keyBytes: Uint8Array
  readonly #items: ReadonlyArray<Item<Uint8Array>>
  #at = -1
  valid = false
  keyStart = 0
  keyEnd = 0
  seq = 0
  isTombstone = false

  constructor(items: ReadonlyArray<Item<Uint8Array>>, bytes: Uint8Array) {
    this.#items = items
    this.keyBytes = bytes
  }

  next(): boolean {
    const item = this.#items[++this.#at]
    this.valid = item !== undefined
    if (item === undefined) return false
    this.keyStart = this.#at * 16
    this.keyEnd = this.keyStart + 16
    this.seq = item.seq
    this.isTombstone = item.value === null
    return true
  }

  close(): void {}
}

function compareCursors(a: PackedCursor, b: PackedCursor): number {
  const { keyBytes: x, keyStart: from } = a
  const { keyBytes: y, keyStart: to } = b
  for (let at = 0; at < 16; at++) {
    const difference = x[from + at]! - y[to + at]!
    if (difference !== 0) return difference
  }
  return b.seq - a.seq
}

/** The keys' bytes are laid out once; cursors over them are made for each run. */
function packedSources(count: number, total: number): () => PackedCursor[] {
  const packed = makeSources(count, total, byteKey).map((items) => {
    const bytes = new Uint8Array(16 * items.length)
    for (const [at, { key }] of items.entries()) bytes.set(key, 16 * at)
    return { items, bytes }
  })
  return () => packed.map(({ items, bytes }) => new PackedCursor(items, bytes))
}

function cursors(count: number, total: number) {
  return {
    name: `${count} cursors, ${total.toLocaleString('en')} records`,
    operations: total,
    contenders: {
      '@lsm/merge-iterator': async () => {
        const { MergingCursor } = await import('@lsm/merge-iterator')
        const open = packedSources(count, total)
        return () => {
          const merge = new MergingCursor(open(), { skipTombstones: true })
          let sum = 0
          while (merge.next()) sum += merge.seq
          merge.close()
          return sum
        }
      },
      'heap-js': async () => {
        const { Heap } = await import('heap-js')
        const open = packedSources(count, total)
        const last = new Uint8Array(16)
        const isLast = ({ keyBytes, keyStart }: PackedCursor): boolean => {
          for (let at = 0; at < 16; at++) if (last[at] !== keyBytes[keyStart + at]) return false
          return true
        }
        return () => {
          const heap = new Heap<PackedCursor>(compareCursors)
          heap.init(open().filter((cursor) => cursor.next()))
          let sum = 0
          last.fill(0)
          while (heap.length > 0) {
            const cursor = heap.peek()!
            if (!isLast(cursor)) {
              for (let at = 0; at < 16; at++) last[at] = cursor.keyBytes[cursor.keyStart + at]!
              if (!cursor.isTombstone) sum += cursor.seq
            }
            if (cursor.next()) heap.replace(cursor)
            else heap.pop()
          }
          return sum
        }
      },
    },
  }
}

async function* slowly<Value>(values: readonly Value[]): AsyncGenerator<Value> {
  for (const value of values) yield value
}

function asyncSources(count: number, total: number) {
  const sources = () => makeSources(count, total, byteKey)
  return {
    name: `${count} async generators, ${total.toLocaleString('en')} records`,
    operations: total,
    contenders: {
      '@lsm/merge-iterator': async () => {
        const { AsyncKWayMergeIterator } = await import('@lsm/merge-iterator')
        const input = sources()
        return async () => {
          let sum = 0
          const merge = new AsyncKWayMergeIterator(input.map(slowly), { skipTombstones: true })
          for await (const item of merge) sum += item.seq
          return sum
        }
      },
      'heap-js': async () => {
        const { Heap } = await import('heap-js')
        const input = sources()
        type Head = { item: Item<Uint8Array>; readonly source: AsyncGenerator<Item<Uint8Array>> }
        async function* merge(): AsyncGenerator<Item<Uint8Array>> {
          const heap = new Heap<Head>((a, b) => compareBytes(a.item.key, b.item.key) || b.item.seq - a.item.seq)
          for (const source of input.map(slowly)) {
            const first = await source.next()
            if (!first.done) heap.push({ item: first.value, source })
          }
          let last: Uint8Array | undefined
          while (heap.length > 0) {
            const head = heap.peek()!
            const { item } = head
            if (last === undefined || compareBytes(last, item.key) !== 0) {
              last = item.key
              if (item.value !== null) yield item
            }
            const next = await head.source.next()
            if (next.done) heap.pop()
            else {
              head.item = next.value
              heap.replace(head)
            }
          }
        }
        return async () => {
          let sum = 0
          for await (const item of merge()) sum += item.seq
          return sum
        }
      },
    },
  }
}

const numberOrder = (a: number, b: number): number => a - b

export default suite('merge-iterator', [
  arrays('2 arrays, 10,000 records', 2, 10_000, byteKey, compareBytes),
  arrays('8 arrays, 10,000 records', 8, 10_000, byteKey, compareBytes),
  arrays('64 arrays, 20,000 records', 64, 20_000, byteKey, compareBytes),
  arrays('8 arrays, 10,000 records, keys are numbers', 8, 10_000, (n) => n, numberOrder),
  cursors(8, 10_000),
  cursors(64, 20_000),
  asyncSources(8, 10_000),
])
