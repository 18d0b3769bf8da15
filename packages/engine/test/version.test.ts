import type { TableReader } from '@lsm/sstable'
import type { ReaderHandle } from '@lsm/sstable-registry'
import { describe, expect, test } from 'vitest'
import { LiveVersion } from '../src/live-version.ts'
import { LEVEL_COUNT, Version } from '../src/version.ts'
import { bytes, hexId, table } from './manifests.ts'

const idsOf = (tables: readonly { id: string }[]): string[] => tables.map(({ id }) => id)
const range = (smallest: string, largest: string) => ({
  smallest: bytes(smallest),
  largest: { key: bytes(largest), inclusive: true },
})

describe('a version', () => {
  test('has level 0 newest first, and deeper levels by key', () => {
    const version = Version.of([
      table(1, ['a', 'z']),
      table(3, ['a', 'b']),
      table(2, ['c', 'z']),
      table(9, ['n', 'z'], { level: 2 }),
      table(8, ['a', 'm'], { level: 2 }),
    ])
    expect(version.levels.map(idsOf)).toEqual([[3, 2, 1].map(hexId), [], [8, 9].map(hexId), [], [], [], []])
    expect(idsOf(version.tables)).toEqual([3, 2, 1, 8, 9].map(hexId))
    expect(version.sizeOfLevel(0)).toBe(3000)
    expect(version.sizeOfLevel(1)).toBe(0)
  })

  test('of tables that cannot stand side by side is damage', () => {
    const corrupt = expect.objectContaining({ code: 'LSM_CORRUPTION' })
    expect(() => Version.of([table(1, ['a', 'b'], { level: LEVEL_COUNT })])).toThrow(corrupt)
    for (const level of [1, LEVEL_COUNT - 1]) {
      expect(() => Version.of([table(1, ['a', 'm'], { level }), table(2, ['m', 'z'], { level })])).toThrow(corrupt)
      expect(() => Version.of([table(1, ['a', 'z'], { level }), table(2, ['b', 'c'], { level })])).toThrow(corrupt)
    }
    const until = table(1, ['a', 'm'], { level: 1, largest: { key: bytes('m'), inclusive: false } })
    expect(Version.of([until, table(2, ['m', 'z'], { level: 1 })]).levels[1]).toHaveLength(2)
  })

  test('that is open finds the one table of a level that could hold a key', () => {
    const version = Version.of([
      table(1, ['b', 'd'], { level: 1 }),
      table(2, ['f', 'h'], { level: 1, largest: { key: bytes('h'), inclusive: false } }),
      table(3, ['h', 'h'], { level: 1 }),
      table(4, ['x', 'z'], { level: 1 }),
    ])
    const handles = version.tables.map(({ id }) => ({ fileId: id, reader: {}, release: () => {} }))
    const live = new LiveVersion(version, handles as unknown as readonly ReaderHandle<TableReader>[])
    const found = (key: string): string | undefined => live.tableFor(1, bytes(key))?.entry.id
    // The first one that does not end before the key: where it begins, its own index tells.
    const expected: Record<string, number | undefined> = {
      '': 1,
      a: 1,
      b: 1,
      cc: 1,
      d: 1,
      da: 2,
      f: 2,
      gz: 2,
      h: 3,
      ha: 4,
      x: 4,
      z: 4,
      za: undefined,
    }
    for (const [key, id] of Object.entries(expected)) expect([key, found(key)]).toEqual([key, id && hexId(id)])
    expect(live.tableFor(2, bytes('b'))).toBeUndefined()
  })

  test('knows what touches a range', () => {
    const version = Version.of([
      table(1, ['a', 'c'], { level: 1 }),
      table(2, ['e', 'g'], { level: 1 }),
      table(3, ['i', 'k'], { level: 3 }),
    ])
    expect(idsOf(version.overlapping(1, range('c', 'e')))).toEqual([1, 2].map(hexId))
    expect(version.overlapping(1, range('d', 'd'))).toEqual([])
    expect(version.overlapping(LEVEL_COUNT, range('a', 'z'))).toEqual([])
  })
})
