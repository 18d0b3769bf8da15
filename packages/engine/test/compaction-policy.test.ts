import { describe, expect, test } from 'vitest'
import { pickCompaction, pickRange, scoreOf, targetSizeOf } from '../src/compaction-policy.ts'
import { LEVEL_COUNT, Version } from '../src/version.ts'
import { bytes, hexId, table } from './manifests.ts'

const options = { l0Compact: 2, level1SizeBytes: 2000, levelMultiplier: 10 }
const idsOf = (tables: readonly { id: string }[] = []): string[] => tables.map(({ id }) => id)
const range = (smallest: string, largest: string) => ({
  smallest: bytes(smallest),
  largest: { key: bytes(largest), inclusive: true },
})
const level = (number: number) => ({ level: number })

describe('what is picked', () => {
  test('nothing, while every level is within its target', () => {
    const version = Version.of([table(1, ['a', 'b']), table(2, ['a', 'z'], { level: 1, sizeBytes: 1999 })])
    expect(pickCompaction(version, options)).toBeUndefined()
    expect(pickCompaction(Version.of([]), options)).toBeUndefined()
    expect([0, 1, 2].map((each) => scoreOf(version, each, options))).toEqual([0.5, 1999 / 2000, 0])
    expect([1, 2, 3].map((each) => targetSizeOf(each, options))).toEqual([2000, 20_000, 200_000])
  })

  test('of level 0 the oldest table with all that overlap it through others, and what lies below', () => {
    const version = Version.of([
      table(1, ['a', 'c']),
      table(2, ['c', 'f']),
      table(3, ['f', 'h']),
      table(4, ['x', 'z']),
      table(5, ['g', 'k'], level(1)),
      table(6, ['l', 'm'], level(1)),
    ])
    const task = pickCompaction(version, options)
    expect(task).toMatchObject({ level: 0, outputLevel: 1, isMove: false, range: range('a', 'k') })
    expect([idsOf(task?.inputs), idsOf(task?.overlapping)]).toEqual([[3, 2, 1].map(hexId), [hexId(5)]])
  })

  test('the level that is furthest over its target, and of it the table behind the last one', () => {
    const tables = ['a', 'b', 'c', 'd'].map((key, i) => table(i + 1, [key, key], level(1)))
    const version = Version.of([...tables, table(8, ['a', 'a']), table(9, ['a', 'z'])])
    expect(idsOf(pickCompaction(version, options)?.inputs)).toEqual([hexId(1)])
    const after = (key: string) => pickCompaction(version, options, [undefined, bytes(key)])
    expect(idsOf(after('a')?.inputs)).toEqual([hexId(2)])
    expect(idsOf(after('bb')?.inputs)).toEqual([hexId(3)])
    // Behind the last one it begins again.
    expect(idsOf(after('d')?.inputs)).toEqual([hexId(1)])
  })

  test('a move, where nothing lies below and the tables can stand side by side', () => {
    const disjoint = Version.of([table(1, ['a', 'b']), table(2, ['c', 'd'])])
    expect(pickCompaction(disjoint, options)).toMatchObject({ isMove: true, overlapping: [] })
    const alike = Version.of([table(1, ['a', 'b']), table(2, ['b', 'd'])])
    expect(pickCompaction(alike, options)).toMatchObject({ isMove: false })
  })

  test('never the last level, however large it is', () => {
    const last = Version.of([table(1, ['a', 'b'], { level: LEVEL_COUNT - 1, sizeBytes: 2 ** 50 })])
    expect(pickCompaction(last, options)).toBeUndefined()
    expect(pickRange(last, LEVEL_COUNT - 1, undefined)).toBeUndefined()
  })
})

describe('a compaction by hand', () => {
  const version = Version.of([
    table(1, ['a', 'c']),
    table(2, ['c', 'f']),
    table(3, ['p', 'q']),
    table(4, ['a', 'b'], level(1)),
    table(5, ['c', 'd'], level(1)),
    table(6, ['e', 'f'], level(1)),
  ])

  test('takes what the range touches, and of level 0 all that overlaps that', () => {
    expect(idsOf(pickRange(version, 0, range('e', 'e'))?.inputs)).toEqual([2, 1].map(hexId))
    expect(idsOf(pickRange(version, 0, undefined)?.inputs)).toEqual([3, 2, 1].map(hexId))
    expect(idsOf(pickRange(version, 1, range('b', 'c'))?.inputs)).toEqual([4, 5].map(hexId))
    expect(idsOf(pickRange(version, 1, undefined)?.inputs)).toEqual([4, 5, 6].map(hexId))
  })

  test('finds nothing where nothing is', () => {
    expect(pickRange(version, 0, range('x', 'z'))).toBeUndefined()
    expect(pickRange(version, 2, undefined)).toBeUndefined()
  })
})
