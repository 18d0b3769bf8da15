/**
 * Random 16-byte keys, 100-byte values, one thread. `sorted-btree` is given its keys as strings, which it compares
 * faster than bytes, and keeps references where the others copy; it and the skip list keep one version of a key.
 */
import { type Case, type Contender, type Suite, suite } from '@lsm/bench'
import type { Memtable } from '@lsm/memtable'
import type SortedBTree from 'sorted-btree'
import { SkipList } from './skip-list.ts'

const VALUE: Uint8Array = new Uint8Array(100).fill(7)
const SCANNED = 10

/** Numbers as they come from a fixed seed, so that every contender and every run has the same keys. */
function randomWords(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return (mixed ^ (mixed >>> 14)) >>> 0
  }
}

function keysOf(count: number, seed: number): Uint8Array[] {
  const random = randomWords(seed)
  const digits = (): string => String(random()).padStart(10, '0')
  const encoder = new TextEncoder()
  return Array.from({ length: count }, () => encoder.encode(`${digits()}${digits()}`.slice(0, 16)))
}

function stringsOf(keys: readonly Uint8Array[]): string[] {
  const decoder = new TextDecoder('latin1')
  // Flat strings of one byte a character, as `decode` makes them.
  return keys.map((key) => decoder.decode(key))
}

function shuffled<T>(items: readonly T[]): T[] {
  const random = randomWords(99)
  const copy = [...items]
  for (let i = copy.length - 1; i > 0; i--) {
    const j = random() % (i + 1)
    ;[copy[i], copy[j]] = [copy[j]!, copy[i]!]
  }
  return copy
}

async function fillMemtable(keys: readonly Uint8Array[]): Promise<() => Memtable> {
  const { Memtable } = await import('@lsm/memtable')
  return () => {
    const table = new Memtable()
    const write = { key: keys[0]!, value: VALUE, seq: 0, timestampMs: 0 }
    for (const key of keys) {
      write.key = key
      write.seq++
      table.add(write)
    }
    return table
  }
}

function fillSkipList(keys: readonly Uint8Array[]): () => SkipList {
  return () => {
    const list = new SkipList()
    for (const key of keys) list.set(key, VALUE)
    return list
  }
}

async function fillBTree(keys: readonly string[]): Promise<() => SortedBTree.default<string, Uint8Array>> {
  // CommonJS: what the types call a property of the default export may be the default export, loader by loader.
  const { default: loaded } = await import('sorted-btree')
  const Tree = loaded.default ?? (loaded as unknown as typeof loaded.default)
  return () => {
    const tree = new Tree<string, Uint8Array>()
    for (const key of keys) tree.set(key, VALUE)
    return tree
  }
}

type Contenders = Readonly<Record<'@lsm/memtable' | 'skip list' | 'sorted-btree', Contender>>

function put(count: number): Contenders {
  return {
    '@lsm/memtable': () => fillMemtable(keysOf(count, 1)),
    'skip list': () => fillSkipList(keysOf(count, 1)),
    'sorted-btree': () => fillBTree(stringsOf(keysOf(count, 1))),
  }
}

/**
 * Calls of many reads, one after another through all keys in random order. Many, because the bench library collects
 * garbage before each call, which empties the processor's caches: 10,000 reads were measured at 2.5 times as long.
 */
function inTurns<Key>(keys: readonly Key[], read: (key: Key) => number): () => number {
  const order = shuffled(keys)
  const calls = Math.min(order.length, READS)
  let next = 0
  return () => {
    let sum = 0
    for (let i = 0; i < calls; i++) {
      if (next === order.length) next = 0
      sum += read(order[next++]!)
    }
    return sum
  }
}

const READS = 200_000

function get(count: number): Contenders {
  return {
    '@lsm/memtable': async () => {
      const keys = keysOf(count, 1)
      const reader = (await fillMemtable(keys))().reader()
      return inTurns(keys, (key) => (reader.find(key) ? reader.valueBytes[reader.valueStart]! : 0))
    },
    'skip list': () => {
      const keys = keysOf(count, 1)
      const list = fillSkipList(keys)()
      return inTurns(keys, (key) => list.firstValueByte(list.find(key)))
    },
    'sorted-btree': async () => {
      const keys = stringsOf(keysOf(count, 1))
      const tree = (await fillBTree(keys))()
      return inTurns(keys, (key) => tree.get(key)![0]!)
    },
  }
}

function scan(count: number): Contenders {
  return {
    '@lsm/memtable': async () => {
      const table = (await fillMemtable(keysOf(count, 1)))()
      return () => {
        const cursor = table.cursor()
        let sum = 0
        while (cursor.next()) sum += cursor.valueBytes[cursor.valueStart]!
        return sum
      }
    },
    'skip list': () => {
      const list = fillSkipList(keysOf(count, 1))()
      return () => {
        let sum = 0
        for (let node = list.first(); node !== 0; node = list.next(node)) sum += list.firstValueByte(node)
        return sum
      }
    },
    'sorted-btree': async () => {
      const tree = (await fillBTree(stringsOf(keysOf(count, 1))))()
      return () => {
        let sum = 0
        tree.forEachPair((_, value) => {
          sum += value[0]!
        })
        return sum
      }
    },
  }
}

/** Half of the keys are there already; then 2 writes, 7 gets and a seek with 10 entries behind it, for every other key. */
function mixed(count: number): Contenders {
  return {
    '@lsm/memtable': async () => {
      const keys = keysOf(count, 1)
      const fill = await fillMemtable(keys.slice(0, count / 2))
      return () => {
        const table = fill()
        const reader = table.reader()
        let sum = 0
        for (let i = count / 2; i < count; i++) {
          table.add({ key: keys[i]!, value: VALUE, seq: i * 2 + 1, timestampMs: 0 })
          table.add({ key: keys[i - 9]!, value: VALUE, seq: i * 2 + 2, timestampMs: 0 })
          for (let j = 0; j < 7; j++)
            if (reader.find(keys[(i * 7919 + j) % i]!)) sum += reader.valueBytes[reader.valueStart]!
          const cursor = table.cursor()
          for (
            let on = cursor.seek(keys[(i * 104729) % i]!), left = SCANNED;
            on && left > 0;
            on = cursor.next(), left--
          ) {
            sum += cursor.valueBytes[cursor.valueStart]!
          }
        }
        return sum
      }
    },
    'skip list': () => {
      const keys = keysOf(count, 1)
      const fill = fillSkipList(keys.slice(0, count / 2))
      return () => {
        const list = fill()
        let sum = 0
        for (let i = count / 2; i < count; i++) {
          list.set(keys[i]!, VALUE)
          list.set(keys[i - 9]!, VALUE)
          for (let j = 0; j < 7; j++) sum += list.firstValueByte(list.find(keys[(i * 7919 + j) % i]!))
          for (let node = list.seek(keys[(i * 104729) % i]!), left = SCANNED; node !== 0 && left > 0; left--) {
            sum += list.firstValueByte(node)
            node = list.next(node)
          }
        }
        return sum
      }
    },
    'sorted-btree': async () => {
      const keys = stringsOf(keysOf(count, 1))
      const fill = await fillBTree(keys.slice(0, count / 2))
      return () => {
        const tree = fill()
        let sum = 0
        for (let i = count / 2; i < count; i++) {
          tree.set(keys[i]!, VALUE)
          tree.set(keys[i - 9]!, VALUE)
          for (let j = 0; j < 7; j++) sum += tree.get(keys[(i * 7919 + j) % i]!)![0]!
          let left = SCANNED
          const entries = tree.entries(keys[(i * 104729) % i]!)
          for (let each = entries.next(); !each.done && left > 0; each = entries.next(), left--)
            sum += each.value[1][0]!
        }
        return sum
      }
    },
  }
}

function cases(count: number, name: string): Case[] {
  return [
    { name: `put, ${name} keys`, operations: count, contenders: put(count) },
    { name: `get, ${name} keys`, operations: Math.min(count, READS), contenders: get(count) },
    { name: `scan, ${name} keys`, operations: count, contenders: scan(count) },
  ]
}

const MIXED = 20_000

const benchmark: Suite = suite('memtable', [
  ...cases(10_000, '10,000'),
  ...cases(100_000, '100,000'),
  ...cases(1_000_000, '1,000,000'),
  {
    name: 'mixed: 2 puts, 7 gets, a seek and 10 entries; 20,000 keys',
    operations: MIXED / 2,
    contenders: mixed(MIXED),
  },
])

export default benchmark
