/**
 * `coveringSeq` against the two usual ways: a list that is looked through from the newest tombstone on, and fragments
 * that do not overlap, each with the list of all sequence numbers over it, newest first. Half of the reads are at the
 * newest sequence number, half at older ones. Random ranges are as wide as makes about four of them cover a key, half
 * of them ten times as narrow; nested ones lie inside each other, where lists in fragments take n² memory.
 */
import { type Case, suite } from '@lsm/bench'
import { compareBytes } from '@lsm/encoding'
import type { RangeTombstone } from '@lsm/range-tombstones'

const SPACE = 2 ** 31
const READS = 64

interface Read {
  readonly key: Uint8Array
  readonly visibleSeq: number
}

interface Tombstones {
  coveringSeq(key: Uint8Array, visibleSeq: number): number
}

type Build = (tombstones: readonly RangeTombstone[]) => Tombstones | Promise<Tombstones>

function keyOf(i: number): Uint8Array {
  return new TextEncoder().encode(`user:${String(i).padStart(11, '0')}`)
}

/** Numbers in [0, SPACE) in no order; the same for every contender. */
function randomNumbers(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return (mixed ^ (mixed >>> 14)) >>> 1
  }
}

function randomRanges(count: number): RangeTombstone[] {
  const random = randomNumbers(1)
  const widest = (SPACE / count) * 8
  return Array.from({ length: count }, (_, seq) => {
    const start = random()
    const width = Math.ceil(seq % 2 === 0 ? widest : widest / 10)
    return { start: keyOf(start), end: keyOf(start + width), seq }
  })
}

function nestedRanges(count: number): RangeTombstone[] {
  const step = SPACE / 2 / count
  return Array.from({ length: count }, (_, seq) => {
    return { start: keyOf(Math.floor(seq * step)), end: keyOf(SPACE - Math.floor(seq * step)), seq }
  })
}

function makeReads(count: number): Read[] {
  const random = randomNumbers(2)
  return Array.from({ length: 16_384 }, (_, i) => ({
    key: keyOf(random()),
    visibleSeq: i % 2 === 0 ? count : random() % count,
  }))
}

const grown: Build = async (tombstones) => {
  const { RangeTombstoneSet } = await import('@lsm/range-tombstones')
  const set = new RangeTombstoneSet()
  for (const each of tombstones) set.add(each)
  return set
}

const fromList: Build = async (tombstones) => {
  const { RangeTombstoneSet } = await import('@lsm/range-tombstones')
  return RangeTombstoneSet.from(tombstones)
}

const list: Build = (tombstones) => ({
  coveringSeq(key, visibleSeq) {
    for (let i = tombstones.length - 1; i >= 0; i--) {
      const { start, end, seq } = tombstones[i]!
      if (seq <= visibleSeq && compareBytes(start, key) <= 0 && compareBytes(key, end) < 0) return seq
    }
    return -1
  },
})

/** One sweep over the bounds: the tombstones that are open at a bound, newest first, are the list of its fragment. */
const lists: Build = (tombstones) => {
  const events = tombstones
    .flatMap(({ start, end, seq }) => [
      { key: start, seq, opens: true },
      { key: end, seq, opens: false },
    ])
    .sort((a, b) => compareBytes(a.key, b.key))
  const bounds: Uint8Array[] = []
  const seqs: number[][] = []
  let open: number[] = []
  for (const [i, { key, seq, opens }] of events.entries()) {
    const at = countOver(open, seq)
    open = opens ? open.toSpliced(at, 0, seq) : open.toSpliced(at, 1)
    const next = events[i + 1]
    if (next !== undefined && compareBytes(next.key, key) === 0) continue
    bounds.push(key)
    seqs.push(open)
  }
  return {
    coveringSeq(key, visibleSeq) {
      let low = 0
      let high = bounds.length
      while (low < high) {
        const middle = (low + high) >>> 1
        if (compareBytes(bounds[middle]!, key) <= 0) low = middle + 1
        else high = middle
      }
      if (low === 0) return -1
      const covering = seqs[low - 1]!
      return covering[countOver(covering, visibleSeq)] ?? -1
    },
  }
}

/** How many of the descending `seqs` are greater than `seq`. */
function countOver(seqs: readonly number[], seq: number): number {
  let low = 0
  let high = seqs.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (seqs[middle]! > seq) low = middle + 1
    else high = middle
  }
  return low
}

function timed(build: Build, tombstones: readonly RangeTombstone[]): () => Promise<() => number> {
  return async () => {
    const set = await build(tombstones)
    const reads = makeReads(tombstones.length)
    let next = 0
    return () => {
      let sum = 0
      for (let i = 0; i < READS; i++) {
        const { key, visibleSeq } = reads[next++ & 16_383]!
        sum += set.coveringSeq(key, visibleSeq)
      }
      return sum
    }
  }
}

function readCase(name: string, tombstones: () => RangeTombstone[]): Case {
  const of = (build: Build) => () => timed(build, tombstones())()
  return {
    name,
    operations: READS,
    contenders: {
      '@lsm/range-tombstones': of(fromList),
      '@lsm/range-tombstones, grown': of(grown),
      'list, newest first': of(list),
      'fragments with lists': of(lists),
    },
    reference: ['@lsm/range-tombstones, grown'],
  }
}

function buildCase(name: string, tombstones: () => RangeTombstone[], count: number): Case {
  const of = (build: Build) => () => {
    const all = tombstones()
    return () => build(all)
  }
  return {
    name,
    operations: count,
    contenders: {
      '@lsm/range-tombstones': of(fromList),
      '@lsm/range-tombstones, grown': of(grown),
      'fragments with lists': of(lists),
    },
    reference: ['@lsm/range-tombstones, grown'],
  }
}

export default suite('range-tombstones', [
  readCase('coveringSeq, 10 random ranges', () => randomRanges(10)),
  readCase('coveringSeq, 1,000 random ranges', () => randomRanges(1000)),
  readCase('coveringSeq, 100,000 random ranges', () => randomRanges(100_000)),
  readCase('coveringSeq, 2,000 nested ranges', () => nestedRanges(2000)),
  buildCase('build from 10,000 random ranges', () => randomRanges(10_000), 10_000),
  buildCase('build from 2,000 nested ranges', () => nestedRanges(2000), 2000),
])
