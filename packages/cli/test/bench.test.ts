import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { keyOf, RandomNumbers, Values } from '../src/bench/dataset.ts'
import { Meter, percentile } from '../src/bench/meter.ts'
import { WORKLOADS } from '../src/bench/workload.ts'
import { lsm, scratchFolder } from './harness.ts'

const folder = scratchFolder()
const small = ['--num', '500', '--quiet']

interface Report {
  readonly settings: { readonly num: number; readonly durability: string }
  readonly results: readonly {
    name: string
    operations: number
    bytes: number
    opsPerSecond: number
    p99Us: number
    note?: string
  }[]
}

async function bench(...args: string[]): Promise<Report> {
  const { code, out, err } = await lsm(['bench', '--json', ...small, ...args])
  expect([code, err]).toEqual([0, ''])
  return JSON.parse(out) as Report
}

describe('bench', () => {
  test('runs every workload of db_bench, and each does what its name says', async () => {
    const { results, settings } = await bench()
    expect(settings).toMatchObject({ num: 500, durability: 'os' })
    expect(results.map(({ name, operations, note }) => [name, operations, note])).toEqual([
      ['fillseq', 500, undefined],
      ['fillrandom', 500, undefined],
      ['fillbatch', 500, undefined],
      ['overwrite', 500, undefined],
      ['readrandom', 500, '500 of 500 found'],
      ['readhot', 500, '500 of 500 found'],
      ['readmissing', 500, '0 of 500 found'],
      ['readseq', 500, '500 records'],
      ['readreverse', 500, '500 records'],
      ['seekrandom', 500, '500 of 500 found'],
      ['deleterandom', 500, undefined],
    ])
    for (const { name, bytes, opsPerSecond, p99Us } of results) {
      expect(opsPerSecond, name).toBeGreaterThan(0)
      expect(p99Us, name).toBeGreaterThan(0)
      expect(bytes, name).toBe(name === 'readmissing' ? 0 : name === 'deleterandom' ? 8000 : 58_000)
    }
  })

  test('random fills leave gaps, asynchronous reads and writes in flight find the same', async () => {
    const args = ['fillrandom,readrandom', 'readseq', '--concurrency', '8']
    const [, awaited, walked] = (await bench(...args, '--reads', 'async')).results
    const [, synchronous] = (await bench(...args)).results
    const found = Number(/^(\d+) of 500/.exec(awaited!.note!)?.[1])
    expect(found).toBeGreaterThan(200)
    expect(found).toBeLessThan(450)
    expect(synchronous!.note).toBe(awaited!.note)
    expect(walked!.operations).toBeLessThan(450)
  })

  test('a table with a heading in a pipe and on a terminal', async () => {
    const piped = await lsm(['bench', 'fillseq', ...small])
    expect(piped.out).toMatch(/^workload\tops\/s\tMB\/s\tp50 µs\tp99 µs\tseconds\t\nfillseq\t\d+\t/)
    const shown = await lsm(['bench', 'fillseq', ...small], { isTerminal: true })
    expect(shown.out).toMatch(/│ fillseq +│ +[\d,]+ │/)
  })

  test('nothing of somebody else is destroyed', async () => {
    const db = join(folder, 'kept')
    await lsm(['put', '--db', db, 'precious', '1'])
    for (const args of [
      ['fillseq', '--db', db],
      ['readseq', 'fillseq', '--db', db],
    ]) {
      expect(await lsm(['bench', ...args, ...small])).toMatchObject({
        code: 2,
        err: expect.stringMatching(/pass --destroy/),
      })
    }
    expect(await lsm(['bench', 'fillseq', ...small], { env: { LSM_DB: db } })).toMatchObject({ code: 0 })
    expect(await lsm(['get', '--db', db, 'precious'])).toMatchObject({ code: 0, out: '1' })
    expect(await lsm(['bench', 'fillseq', '--db', db, '--destroy', ...small])).toMatchObject({ code: 0 })
    expect(await lsm(['count', '--db', db])).toMatchObject({ out: '500\n' })
    expect(await lsm(['bench', 'readseq', '--db', db, ...small])).toMatchObject({ code: 0 })
  })

  test('not even --destroy takes what is no store', async () => {
    const other = join(folder, 'other')
    mkdirSync(other)
    writeFileSync(join(other, 'thesis.txt'), 'words')
    const outcome = await lsm(['bench', 'fillseq', '--db', other, '--destroy', ...small])
    expect(readdirSync(other)).toEqual(['thesis.txt'])
    expect(outcome).toMatchObject({ code: 3, err: expect.stringMatching(/^lsm: LSM_NOT_A_STORE: /) })
  })

  test.each([
    [['fillfast'], /no workload "fillfast": there are fillseq,/],
    [['readseq'], /needs a store that is there/],
    [['readseq', 'fillseq'], /put a fill before it/],
    [['--num', '0'], /whole number from 1/],
    [['--batch', '0'], /whole number from 1/],
    [['--num', '5000000000'], /whole number from 1 to 4294967296/],
    [['--batch', '5000000000'], /whole number from 1 to 1000000/],
    [['--concurrency', '5000000000'], /whole number from 1 to 1000000/],
    [['--concurrency', '501', '--num', '500'], /--concurrency is at most --num, which is 500/],
    [['--value-size', '5000000000'], /whole number from 0 to 1073741824/],
  ])('%j is wrong usage', async (args, message) => {
    expect(await lsm(['bench', ...args])).toMatchObject({ code: 2, out: '', err: expect.stringMatching(message) })
  })
})

describe('the folder of a benchmark', () => {
  afterEach(() => {
    vi.unstubAllEnvs()
  })

  test('that cannot be made is wrong usage', async () => {
    vi.stubEnv('TMPDIR', join(folder, 'nowhere'))
    expect(await lsm(['bench', 'fillseq', ...small])).toMatchObject({
      code: 2,
      err: expect.stringMatching(
        /^lsm: CLI_USAGE: no folder can be made in .*nowhere: ENOENT.*; set TMPDIR or give --db\n$/,
      ),
    })
  })

  test('goes also when the benchmark fails', async () => {
    const temporary = join(folder, 'temporary')
    mkdirSync(temporary)
    vi.stubEnv('TMPDIR', temporary)
    const outcome = await lsm(['bench', 'fillseq', ...small, '--value-size', '100', '-o', 'maxValueSizeBytes=99'])
    expect(outcome).toMatchObject({ code: 2, err: expect.stringMatching(/^lsm: LSM_INVALID_ARGUMENT: /) })
    expect(readdirSync(temporary)).toEqual([])
  })
})

describe('the data of a benchmark', () => {
  test('keys are sixteen digits in the order of their numbers', () => {
    expect(Buffer.from(keyOf(0)).toString()).toBe('0000000000000000')
    expect(Buffer.from(keyOf(9_007_199_254_740_991)).toString()).toBe('9007199254740991')
    expect(Buffer.compare(keyOf(99), keyOf(100))).toBe(-1)
  })

  test('random numbers stay below their limit and reach all of it', () => {
    const random = new RandomNumbers(0)
    const seen = new Set(Array.from({ length: 2000 }, () => random.below(10)))
    expect([...seen].sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  })

  test('values have their size, also beyond the row that they are cut from', () => {
    expect(new Values(0, new RandomNumbers(1)).next()).toHaveLength(0)
    expect(new Values(3_000_000, new RandomNumbers(1)).next()).toHaveLength(3_000_000)
    const values = new Values(100, new RandomNumbers(1))
    for (let i = 0; i < 11_000; i++) expect(values.next()).toHaveLength(100)
  })

  test('percentiles are samples', () => {
    expect(percentile([], 0.5)).toBe(0)
    expect(percentile([1], 0.99)).toBe(1)
    expect(percentile([1, 2, 3, 4], 0.5)).toBe(2)
    expect(
      percentile(
        Array.from({ length: 100 }, (_, i) => i + 1),
        0.99,
      ),
    ).toBe(99)
  })

  test('few operations are all timed, many only now and then', () => {
    expect(new Meter({ operations: 1000, minStride: 1 }).stride).toBe(1)
    expect(new Meter({ operations: 1000, minStride: 8 }).stride).toBe(8)
    expect(new Meter({ operations: 10_000_000, minStride: 1 }).stride).toBe(100)
  })

  test('workloads have names of their own', () => {
    expect(new Set(WORKLOADS.map(({ name }) => name)).size).toBe(WORKLOADS.length)
  })
})
