import type { LevelStats, Stats } from '@lsm/engine'
import { expect, test } from 'vitest'
import { plain, readable } from '../src/quantity.ts'
import { formatFacts, formatTable } from '../src/table.ts'
import { drawTree } from '../src/tree-drawing.ts'

const level = (number: number, given: Partial<LevelStats> = {}): LevelStats => ({
  level: number,
  tables: 0,
  sizeBytes: 0,
  pointRecords: 0,
  tombstones: 0,
  rangeTombstones: 0,
  score: 0,
  ...given,
})
const stats = (levels: LevelStats[], memtableBytes = 0, frozenMemtables = 0): Stats =>
  ({ levels, memtableBytes, frozenMemtables }) as unknown as Stats

test('the tree is drawn from memory down to its deepest level, larger levels wider', () => {
  const tree = stats(
    [
      level(0, { tables: 2, sizeBytes: 1 << 20, pointRecords: 10, score: 0.5 }),
      level(1),
      level(2, { tables: 1, sizeBytes: 1 << 24, pointRecords: 5000, tombstones: 1, rangeTombstones: 2, score: 1.25 }),
      level(3),
    ],
    1 << 19,
    1,
  )
  expect(drawTree(tree, { columns: 100, hasColor: false })).toBe(
    [
      'memory       █████████████████████        524 kB, 1 waiting for their flush',
      'L0          ███████████████████████       1.05 MB in 2 tables, 10 records, 50% full',
      'L1                                        –',
      'L2      ████████████████████████████████  16.8 MB in 1 table, 5,000 records, 3 tombstones, 125% full',
      '',
    ].join('\n'),
  )
})

test('a level that wants a compaction is yellow where colors are wanted', () => {
  const tree = stats([level(0, { tables: 1, sizeBytes: 5, score: 1 })])
  expect(drawTree(tree, { columns: 80, hasColor: true })).toContain('\u001b[33m')
  expect(drawTree(tree, { columns: 80, hasColor: false })).not.toContain('\u001b')
})

test('an empty store is drawn as well', () => {
  expect(drawTree(stats([level(0)]), { columns: 80, hasColor: true })).toMatch(/^memory +0 B\n$/)
})

test.each([
  [171_075, 'count', '171,075'],
  [0, 'bytes', '0 B'],
  [999, 'bytes', '999 B'],
  [999_999, 'bytes', '1.00 MB'],
  [12_345_678, 'bytes', '12.3 MB'],
  [0, 'ms', '0.00 ms'],
  [0.0000421, 'ms', '42 ns'],
  [0.0042, 'ms', '4.20 µs'],
  [250, 'ms', '250 ms'],
  [12_500, 'ms', '12.5 s'],
  [0.5, 'share', '50.0%'],
  [1.234, 'ratio', '1.23'],
  [Number.NaN, 'ratio', '–'],
] as const)('%d %s is %s', (value, unit, text) => {
  expect(readable(value, unit)).toBe(text)
})

test('a program is given plain numbers between tabs', () => {
  expect(plain(1234.56789)).toBe('1234.5679')
  const columns = [
    { name: 'name', unit: 'text' },
    { name: 'size', unit: 'bytes' },
  ] as const
  expect(
    formatTable(
      columns,
      [
        ['a', 5000],
        ['b', undefined],
      ],
      { isTerminal: false },
    ),
  ).toBe('name\tsize\na\t5000\nb\t\n')
  expect(formatTable(columns, [['a', 5000]], { isTerminal: true })).toContain('5.00 kB')
  expect(formatFacts([['size', 5000, 'bytes']], { isTerminal: false })).toBe('size\t5000\n')
  expect(
    formatFacts(
      [
        ['a', 1],
        ['long', 'x'],
      ],
      { isTerminal: true },
    ),
  ).toBe('  a     1\n  long  x\n')
})
