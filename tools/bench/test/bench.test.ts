import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import type { SuiteResult } from '../src/measure.ts'
import { fillReadme, renderTable } from '../src/report.ts'
import { suite } from '../src/suite.ts'

const folder = mkdtempSync(join(tmpdir(), 'bench-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const measured = { minNs: 1, maxNs: 3, bytesPerOperation: 0 }
const result: SuiteResult = {
  suite: 'sample',
  command: 'npm run bench -- --package sample',
  date: '2026-01-01',
  rounds: 3,
  machine: { cpu: 'a processor', cores: 2, memoryGiB: 8, os: 'linux 6', node: 'v20.0.0' },
  cases: [
    {
      name: 'small',
      operations: 1,
      ours: 'us',
      best: 'them',
      ratio: 2,
      reference: [],
      contenders: { us: { nsPerOperation: 10, ...measured }, them: { nsPerOperation: 20, ...measured } },
    },
  ],
}

test('a suite that compares nothing is refused', () => {
  const work = () => () => 1
  expect(() => suite('empty', [])).toThrow(RangeError)
  expect(() => suite('alone', [{ name: 'a', contenders: { us: work } }])).toThrow(/compares nothing/)
  expect(() => suite('typo', [{ name: 'a', contenders: { us: work, b: work }, reference: ['c'] }])).toThrow(/"c"/)
})

test('the table shows both figures and the ratio', () => {
  expect(renderTable(result)).toContain('| small | 10 ns | 20 ns (them) | 2.00× |')
})

test('the README keeps all that is outside the markers', () => {
  const readme = join(folder, 'README.md')
  writeFileSync(readme, 'before\n<!-- bench:start -->\nold\n<!-- bench:end -->\nafter\n')
  expect(fillReadme(readme, result)).toBe(true)
  expect(fillReadme(readme, result)).toBe(true)
  const text = readFileSync(readme, 'utf8')
  expect(text).toMatch(/^before\n<!-- bench:start -->\n\| case/)
  expect(text).toMatch(/<!-- bench:end -->\nafter\n$/)
  expect(text).not.toContain('old')
  expect(fillReadme(join(folder, 'none.md'), result)).toBe(false)
})
