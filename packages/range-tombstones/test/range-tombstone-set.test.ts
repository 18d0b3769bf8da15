import { createContext, runInContext } from 'node:vm'
import { describe, expect, test } from 'vitest'
import { type RangeTombstone, RangeTombstoneError, RangeTombstoneSet } from '../src/index.ts'
import { keyOf } from './model.ts'

const bytes = (text: string): Uint8Array => Uint8Array.from(text, (letter) => letter.charCodeAt(0))
const range = (start: string, end: string, seq: number): RangeTombstone => ({
  start: bytes(start),
  end: bytes(end),
  seq,
})

/** The three of the drawing in `layer.ts`. */
const DRAWN = [range('c', 'm', 1), range('a', 'e', 2), range('b', 'k', 3)]

function grown(tombstones: readonly RangeTombstone[]): RangeTombstoneSet {
  const set = new RangeTombstoneSet()
  for (const each of tombstones) set.add(each)
  return set
}

const KEYS = 'Zabcdeijklmn'

/** The covering sequence number of each of the keys, `-` for none. */
function ask(set: RangeTombstoneSet, visibleSeq?: number): string {
  return [...KEYS].map((key) => String(set.coveringSeq(bytes(key), visibleSeq)).replace('-1', '-')).join('')
}

describe.each([
  ['grown', grown],
  ['made of a list', (tombstones: readonly RangeTombstone[]) => RangeTombstoneSet.from(tombstones)],
])('a set %s', (_, make) => {
  test('answers as drawn, at each sequence number', () => {
    const set = make(DRAWN)
    expect(ask(set)).toBe('-233333311--')
    expect(ask(set, 3)).toBe('-233333311--')
    expect(ask(set, 2.5)).toBe('-222211111--')
    expect(ask(set, 2)).toBe('-222211111--')
    expect(ask(set, 1)).toBe('---1111111--')
    expect(ask(set, 0)).toBe('------------')
  })

  test('that is empty covers nothing', () => {
    const set = make([])
    expect(set.find(bytes('a'))).toBeUndefined()
    expect(set.coveringSeq(bytes(''), 5)).toBe(-1)
    expect([set.size, set.fragmentCount, [...set].length]).toEqual([0, 0, 0])
  })

  test('keeps a tombstone whose start is not before its end, which covers nothing', () => {
    const set = make([range('b', 'd', 1), range('c', 'c', 2), range('d', 'a', 3), range('', '', 4)])
    expect(set.size).toBe(4)
    expect(['', 'a', 'b', 'c', 'd'].map((key) => set.coveringSeq(bytes(key)))).toEqual([-1, -1, 1, 1, -1])
  })

  test('gives the later one of two with equal bounds, and of two with equal sequence numbers', () => {
    const named = [
      { ...range('a', 'c', 1), name: 'first' },
      { ...range('a', 'c', 2), name: 'second' },
      { ...range('b', 'd', 2), name: 'third' },
    ]
    const set = make(named)
    expect(set.find(bytes('a'))).toHaveProperty('name', 'second')
    expect(set.find(bytes('b'))).toHaveProperty('name', 'third')
    expect(set.find(bytes('b'), 1)).toHaveProperty('name', 'first')
    expect(set.find(bytes('d'), 1)).toBeUndefined()
  })

  test('takes the empty key as a start, keys that are prefixes of others, and the greatest sequence number', () => {
    const set = make([range('', 'a', 0), range('a', 'a\0', Number.MAX_SAFE_INTEGER)])
    expect(set.coveringSeq(bytes(''))).toBe(0)
    expect(set.coveringSeq(bytes('Z'))).toBe(0)
    expect(set.coveringSeq(bytes('a'))).toBe(Number.MAX_SAFE_INTEGER)
    expect(set.coveringSeq(bytes('a'), Number.MAX_SAFE_INTEGER - 1)).toBe(-1)
    expect(set.coveringSeq(bytes('a\0'))).toBe(-1)
  })

  test('gives back the objects that were put in, and copies none of their bytes', () => {
    const tombstones = DRAWN.map((each) => ({ ...each, reason: `reason ${each.seq}` }))
    const set = make(tombstones)
    expect(set.find(bytes('k'))).toBe(tombstones[0])
    for (const [i, each] of [...set].entries()) expect(each).toBe(tombstones[i])
  })
})

describe('memory', () => {
  test('is counted in fragments, neighbours with the same newest tombstone being one', () => {
    // a–b, b–k, k–m, and nothing from m on.
    expect(RangeTombstoneSet.from(DRAWN).fragmentCount).toBe(4)
    // A layer over the first two, a–e, e–m, m on, and one over the third.
    expect(grown(DRAWN).fragmentCount).toBe(3 + 2)
  })

  test('grows as n log n for nested ranges, where lists of sequence numbers would take n²', () => {
    const nested = (n: number): RangeTombstone[] =>
      Array.from({ length: n }, (_, i) => ({ start: keyOf(i), end: keyOf(20_000 - i), seq: i }))
    // Nested ranges are the worst case: all bounds differ, and every layer has two for each tombstone.
    expect(RangeTombstoneSet.from(nested(4096)).fragmentCount).toBe(2 * 4096 * (12 - 2))
    expect(grown(nested(4096)).fragmentCount).toBe(2 * 4096 * (12 - 2))
  })
})

describe('work', () => {
  /** How often a read of `key` at `visibleSeq` looks at the key's bytes or length: a few times for each comparison. */
  function looksAt(key: Uint8Array, ask: (key: Uint8Array) => number): { looks: number; answer: number } {
    let looks = 0
    const watched = new Proxy(key, {
      get(target, name) {
        looks++
        return Reflect.get(target, name, target)
      },
    })
    return { answer: ask(watched), looks }
  }

  const COUNT = 4096
  const LOG = Math.log2(COUNT)

  test.each([
    ['grown', grown],
    ['made of a list', (tombstones: readonly RangeTombstone[]) => RangeTombstoneSet.from(tombstones)],
  ])('in a set %s grows as the square of a logarithm, at any sequence number', (_, make) => {
    // The oldest and the newest cover the key that is asked for, and all between them cover others: a read at a
    // sequence number in the middle has to find out that nothing between hides it.
    const asked = keyOf(9000)
    const set = make(
      Array.from({ length: COUNT }, (__, seq) => {
        const covers = seq < 3 || seq >= COUNT - 3
        return covers
          ? { start: keyOf(8000 - (seq & 7)), end: keyOf(10_000), seq }
          : { start: keyOf(seq), end: keyOf(seq + 1), seq }
      }),
    )
    let most = 0
    for (let visibleSeq = 0; visibleSeq <= COUNT; visibleSeq += 5) {
      const { looks, answer } = looksAt(asked, (key) => set.coveringSeq(key, visibleSeq))
      expect(answer).toBe(visibleSeq >= COUNT - 3 ? Math.min(visibleSeq, COUNT - 1) : Math.min(visibleSeq, 2))
      most = Math.max(most, looks)
    }
    expect(most).toBeLessThan(4 * LOG * LOG)
  })
})

describe('refusals', () => {
  const key = bytes('a')

  test('of a tombstone with a smaller sequence number than the last leave the set as it was', () => {
    const set = grown(DRAWN)
    const add = (): void => set.add(range('a', 'z', 2))
    expect(add).toThrow(RangeTombstoneError)
    expect(add).toThrow(expect.objectContaining({ code: 'RANGE_TOMBSTONES_SEQ_DESCENDING' }))
    expect(add).toThrow('seq 2 comes after 3')
    expect([set.size, set.coveringSeq(bytes('y'))]).toEqual([3, -1])
    set.add(range('a', 'z', 3))
    expect(set.coveringSeq(bytes('y'))).toBe(3)
  })

  test('of one in a list name no list: any order is right there', () => {
    expect([...RangeTombstoneSet.from(DRAWN.toReversed())].map(({ seq }) => seq)).toEqual([1, 2, 3])
  })

  test.each<[string, ErrorConstructor, (set: RangeTombstoneSet) => unknown]>([
    ['tombstones must be an iterable', TypeError, () => RangeTombstoneSet.from(5 as never)],
    ['tombstones must be an iterable', TypeError, () => RangeTombstoneSet.from(undefined as never)],
    ['a tombstone must be an object', TypeError, () => RangeTombstoneSet.from([null] as never)],
    ['a tombstone must be an object', TypeError, (set) => set.add('a' as never)],
    ['start must be a Uint8Array', TypeError, (set) => set.add({ start: 'a', end: key, seq: 9 } as never)],
    ['end must be a Uint8Array', TypeError, (set) => set.add({ start: key, seq: 9 } as never)],
    ['seq must be an integer from 0', RangeError, (set) => set.add({ start: key, end: key, seq: 9.5 })],
    ['seq must be an integer from 0', RangeError, (set) => set.add({ start: key, end: key, seq: -1 })],
    ['seq must be an integer from 0', RangeError, (set) => set.add({ start: key, end: key, seq: 2 ** 53 })],
    ['seq must be an integer from 0', RangeError, (set) => set.add({ start: key, end: key, seq: 9n } as never)],
    ['key must be a Uint8Array', TypeError, (set) => set.find('a' as never)],
    ['key must be a Uint8Array', TypeError, (set) => set.coveringSeq(new Uint16Array(1) as never)],
    ['visibleSeq must be a number from 0 up', RangeError, (set) => set.find(key, -1)],
    ['visibleSeq must be a number from 0 up', RangeError, (set) => set.coveringSeq(key, Number.NaN)],
  ])('%s', (message, Type, call) => {
    for (const set of [new RangeTombstoneSet(), grown(DRAWN)]) {
      const { size } = set
      expect(() => call(set)).toThrow(Type)
      expect(() => call(set)).toThrow(message)
      expect(() => call(set)).toThrow(expect.objectContaining({ code: 'RANGE_TOMBSTONES_INVALID_ARGUMENT' }))
      expect(set.size).toBe(size)
    }
  })

  test('are not for bytes made in another realm, or over shared memory', () => {
    const foreign = runInContext('Uint8Array.of(98)', createContext()) as Uint8Array
    expect(foreign).not.toBeInstanceOf(Uint8Array)
    expect(grown(DRAWN).coveringSeq(foreign)).toBe(3)
    const shared = new Uint8Array(new SharedArrayBuffer(1))
    shared[0] = 100
    const set = RangeTombstoneSet.from([{ start: foreign, end: shared, seq: 1 }])
    expect([bytes('b'), bytes('c'), shared].map((each) => set.coveringSeq(each))).toEqual([1, 1, -1])
  })
})
