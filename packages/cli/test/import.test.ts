import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { LsmError } from '@lsm/engine'
import { beforeEach, describe, expect, test } from 'vitest'
import { type Engines, type OpenStore, systemEngines } from '../src/engines.ts'
import { lsm, scratchFolder } from './harness.ts'

const folder = scratchFolder()
let count = 0
let db = ''
beforeEach(() => {
  db = join(folder, `store-${count++}`)
})

const done = (out = ''): object => expect.objectContaining({ code: 0, out })
const records = Array.from({ length: 2500 }, (_, i) => `{"key":"k${String(i).padStart(5, '0')}","value":"v${i}"}\n`)

function file(name: string, content: string): string {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}

/** The real engine, whose stores have other methods in the place of some. */
function changedEngines(change: (store: OpenStore) => Partial<OpenStore>): Engines {
  return {
    ...systemEngines,
    async open(path, options) {
      const store = await systemEngines.open(path, options)
      return Object.assign(store, change(store))
    },
  }
}

/** A method that gives way to `failure` from its `at`-th call on. */
function failingFrom<A extends unknown[], R>(at: number, method: (...args: A) => Promise<R>, failure: Error) {
  let calls = 0
  return (...args: A): Promise<R> => (++calls < at ? method(...args) : Promise.reject(failure))
}

describe('import', () => {
  test('what was exported imports as the same, in both formats', async () => {
    const imported = await lsm(['import', '--db', db, file('in.ndjson', records.join(''))])
    expect(imported).toEqual(done())
    expect(imported.err).toMatch(/^imported 2,500 records, .* in [\d.]+ s\n$/)
    expect((await lsm(['export', '--db', db])).out).toBe(records.join(''))
    const raw = await lsm(['export', '--db', db, '--format', 'raw', '--quiet'])
    expect(raw.err).toBe('')
    const second = `${db}-second`
    const report = await lsm(['import', '--db', second, '--format', 'raw', '--json', '-'], { stdin: raw.stdout })
    expect(JSON.parse(report.out)).toMatchObject({ records: 2500 })
    expect((await lsm(['export', '--db', second, '--prefix', 'k0000'])).out).toBe(records.slice(0, 10).join(''))
  })

  test('one record is one record', async () => {
    const { err } = await lsm(['import', '--db', db], { stdin: records[0]! })
    expect(err).toMatch(/^imported 1 record, 8 B, in /)
  })

  test('stdin is one of the sources, once', async () => {
    const first = file('first.ndjson', records[0]!)
    expect(await lsm(['import', '--db', db, first, '-'], { stdin: records[1]! })).toEqual(done())
    expect(await lsm(['count', '--db', db])).toEqual(done('2\n'))
    expect(await lsm(['import', '--db', db, '-', first, '-'])).toMatchObject({
      code: 2,
      err: 'lsm: CLI_USAGE: stdin, as - has it, can be read only once\n',
    })
  })

  test('a file that cannot be read is told before anything is written', async () => {
    const good = file('good.ndjson', records[0]!)
    mkdirSync(join(folder, 'a-folder'), { recursive: true })
    for (const bad of ['absent.ndjson', 'a-folder']) {
      const outcome = await lsm(['import', '--db', db, good, join(folder, bad)])
      expect(outcome).toMatchObject({ code: 2, err: expect.stringMatching(/^lsm: CLI_INPUT: cannot read .*\n$/) })
    }
    expect(await lsm(['count', '--db', db])).toMatchObject({ code: 3, err: expect.stringMatching(/LSM_NOT_FOUND/) })
  })

  test('that no store is named is told before stdin is read', async () => {
    async function* unread(): AsyncGenerator<Uint8Array> {
      yield* []
      throw new Error('it was read')
    }
    expect(await lsm(['import'], { stdin: unread() })).toMatchObject({
      code: 2,
      err: 'lsm: CLI_USAGE: no store named: give --db PATH or set LSM_DB\n',
    })
  })

  test('on a terminal there is a bar on stderr and still only data on stdout', async () => {
    const path = file('bar.ndjson', records.join(''))
    const imported = await lsm(['import', '--db', db, path], { isTerminal: true })
    expect(imported.err).toMatch(/import .*%/)
    expect(imported.out).toBe('')
  })
})

describe('an import that fails', () => {
  test('at a bad line names it, and what came before it', async () => {
    const stdin = `${records.slice(0, 5).join('')}\n{"key":"a"}\n${records[6]}`
    const outcome = await lsm(['import', '--db', db, '--batch', '2'], { stdin })
    expect(outcome).toMatchObject({
      code: 2,
      err: 'lsm: CLI_INPUT: stdin, line 7: it has no "value"; imported before it: 4 records, to line 4 of stdin\n',
    })
    expect(await lsm(['count', '--db', db])).toEqual(done('4\n'))
  })

  test.each([
    ['{"key":"\\ud800","value":""}', 'it has a key that has half of a surrogate pair: it is no text'],
    ['{"key":"z","value":"zz","valueEncoding":"hex"}', 'it has a value that is not a row of pairs of'],
  ])('says it in a sentence: %s', async (line, message) => {
    const { err } = await lsm(['import', '--db', db], { stdin: line })
    expect(err).toContain(`lsm: CLI_INPUT: stdin, line 1: ${message}`)
  })

  test('at its first line makes no store', async () => {
    const outcome = await lsm(['import', '--db', db], { stdin: `nonsense\n${records[0]}` })
    expect(outcome).toMatchObject({ code: 2, err: expect.stringMatching(/line 1: .*; imported before it: nothing\n$/) })
    expect(existsSync(db)).toBe(false)
  })

  test.each([
    ['key', 70_000, 0, 65_536],
    ['value', 1, 70_000, 50_000],
  ])('at a %s that is too long names its file and line', async (what, keyBytes, valueBytes, limit) => {
    const long = `{"key":"${'x'.repeat(keyBytes)}","value":"${'y'.repeat(valueBytes)}"}\n`
    const first = file('fine.ndjson', records.slice(0, 3).join(''))
    const second = file('long.ndjson', `\n${records[3]}${long}${records[4]}`)
    const options = ['-o', 'maxValueSizeBytes=50000']
    const outcome = await lsm(['import', '--db', db, first, second, ...options])
    const length = Math.max(keyBytes, valueBytes)
    expect(outcome).toMatchObject({
      code: 2,
      err:
        `lsm: CLI_INPUT: ${second}, line 3: ${what} is ${length} bytes long, and at most ${limit} are allowed; ` +
        `imported before it: 4 records, to line 2 of ${second}\n`,
    })
    expect(await lsm(['count', '--db', db])).toEqual(done('4\n'))
  })

  test('a batch that is too large only as a whole goes through', async () => {
    const stdin = records.slice(0, 50).join('')
    const outcome = await lsm(['import', '--db', db, '-o', 'maxBatchSizeBytes=100'], { stdin })
    expect(outcome).toEqual(done())
    expect(await lsm(['count', '--db', db])).toEqual(done('50\n'))
  })

  test.each(['LSM_NO_SPACE', 'LSM_FAILED', 'LSM_IO'] as const)('with %s says how far it came', async (code) => {
    const failure = new LsmError(code, 'refused')
    const engines = changedEngines((store) => ({ write: failingFrom(3, store.write.bind(store), failure) }))
    const stdin = records.slice(0, 50).join('')
    const outcome = await lsm(['import', '--db', db, '--batch', '10'], { stdin, engines })
    const extent = 'imported before it: 20 records, to line 20 of stdin'
    expect(outcome).toMatchObject({ code: 3, err: expect.stringMatching(`^lsm: ${code}: refused; ${extent}\\. .*\n$`) })
    expect(await lsm(['count', '--db', db])).toEqual(done('20\n'))
  })

  const noSync = (): Promise<void> => Promise.reject(new LsmError('LSM_IO', 'no sync'))

  test('in its sync at the end says how far it came, and promises nothing', async () => {
    const engines = changedEngines(() => ({ sync: noSync }))
    const { code, err } = await lsm(['import', '--db', db], { stdin: records.slice(0, 5).join(''), engines })
    expect([code, err]).toEqual([
      3,
      expect.stringMatching(/no sync; written before it, and perhaps not durable: 5 records, to line 5 of stdin/),
    ])
  })

  test('in the middle makes durable what it says was imported', async () => {
    const failure = new LsmError('LSM_NO_SPACE', 'refused')
    let syncs = 0
    const counted = async (): Promise<void> => {
      syncs += 1
    }
    const change = (sync: () => Promise<void>): Engines =>
      changedEngines((store) => ({ write: failingFrom(2, store.write.bind(store), failure), sync }))
    const stdin = records.slice(0, 5).join('')
    const args = ['import', '--db', db, '--batch', '3']
    expect((await lsm(args, { stdin, engines: change(counted) })).err).toContain(
      'refused; imported before it: 3 records',
    )
    expect(syncs).toBe(1)
    const { err } = await lsm(args, { stdin, engines: change(noSync) })
    expect(err).toContain('refused; written before it, and perhaps not durable: 3 records')
  })

  test('by a fault of lsm says how far it came, with the stack on demand', async () => {
    const engines = changedEngines((store) => ({
      write: failingFrom(2, store.write.bind(store), new Error('boom')),
    }))
    const args = ['import', '--db', db, '--batch', '1', '--verbose']
    const { code, err } = await lsm(args, { stdin: records.join(''), engines })
    expect(code).toBe(4)
    expect(err).toMatch(/^lsm: CLI_FAULT: boom; imported before it: 1 record, to line 1 of stdin\. This is a mistake/)
    expect(err).toMatch(/caused by Error: boom/)
  })
})
