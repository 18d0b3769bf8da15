import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { beforeAll, expect, test } from 'vitest'
import { type Engines, systemEngines } from '../src/engines.ts'
import { lsm, lsmProcess, type Outcome, outcomeOf, scratchFolder, start, startShell } from './harness.ts'

const folder = scratchFolder()
const db = join(folder, 'store')
const RECORDS = 20_000
const records = Array.from(
  { length: RECORDS },
  (_, i) => `{"key":"k${String(i).padStart(6, '0')}","value":"${'v'.repeat(100)}"}\n`,
).join('')

beforeAll(async () => {
  expect(await lsmProcess(['import', '--db', db], records)).toMatchObject({ code: 0, out: '' })
})

/** A promise that is resolved from outside. */
function gate(): { promise: Promise<void>; resolve: () => void } {
  let resolve = (): void => {}
  const promise = new Promise<void>((open) => {
    resolve = open
  })
  return { promise, resolve }
}

test('what one process wrote, others read', async () => {
  const exported = await lsmProcess(['export', '--db', db, '--quiet'])
  expect(exported).toMatchObject({ code: 0, err: '' })
  expect(exported.out === records).toBe(true)
  expect(await lsmProcess(['get', '--db', db, 'k000007'])).toMatchObject({ code: 0, out: 'v'.repeat(100), err: '' })
  expect(await lsmProcess(['get', '--db', db, 'absent'])).toMatchObject({ code: 1, out: '' })
  expect(await lsmProcess(['get', '--db', db])).toMatchObject({ code: 2, out: '' })
  expect(await lsmProcess(['get', '--db', join(folder, 'nowhere'), 'a'])).toMatchObject({ code: 3, out: '' })
})

test('a reader that has enough ends a scan well', async () => {
  const child = start(['scan', '--db', db])
  child.stdout!.once('data', () => child.stdout!.destroy())
  const errors: Buffer[] = []
  child.stderr!.on('data', (piece: Buffer) => errors.push(piece))
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null]
  expect({ code, signal, err: Buffer.concat(errors).toString() }).toEqual({ code: 0, signal: null, err: '' })
  expect(await lsmProcess(['count', '--db', db])).toMatchObject({ code: 0, out: `${RECORDS}\n` })
})

test('a store that another process has open is locked, and can be read beside it', async () => {
  const opened = gate()
  const mayEnd = gate()
  async function* slow(): AsyncGenerator<Uint8Array> {
    yield Buffer.from('{"key":"a","value":"1"}\n')
    await mayEnd.promise
  }
  const engines: Engines = {
    ...systemEngines,
    async open(path, options) {
      const store = await systemEngines.open(path, options)
      opened.resolve()
      return store
    },
  }
  const writer = lsm(['import', '--db', db], { stdin: slow(), engines })
  await opened.promise
  const locked = await lsmProcess(['count', '--db', db])
  expect(locked).toMatchObject({ code: 3, out: '', err: expect.stringMatching(/^lsm: LSM_LOCKED: .*--read-only\n$/) })
  const beside = await lsmProcess(['count', '--db', db, '--prefix', 'k', '--read-only'])
  expect(beside).toMatchObject({ code: 0, out: `${RECORDS}\n` })
  mayEnd.resolve()
  expect(await writer).toMatchObject({ code: 0 })
  expect(await lsm(['get', '--db', db, 'a'])).toMatchObject({ code: 0, out: '1' })
  await lsm(['delete', '--db', db, 'a'])
})

test.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)('%s closes the store and ends with %i', async (signal, code) => {
  const path = join(folder, signal)
  const child = start(['import', '--db', path, '--batch', '1', '--durability', 'os'])
  const ended = outcomeOf(child)
  child.stdin!.on('error', () => {})
  let next = 0
  // Feeds it until it is gone, so that the signal finds it at work.
  const feed = setInterval(() => child.stdin!.write(`{"key":"${next++}","value":""}\n`), 1)
  let isAsked = false
  const timer = setInterval(async () => {
    if (isAsked) return
    const counted = await lsm(['count', '--db', path, '--read-only'])
    // Not before something of it has been written.
    if (counted.code !== 0 || Number(counted.out) === 0) return
    // A second one would end it at once.
    clearInterval(timer)
    if (!isAsked) child.kill(signal)
    isAsked = true
  }, 300)
  let outcome: Outcome
  try {
    outcome = await ended
  } finally {
    clearInterval(feed)
    clearInterval(timer)
  }
  expect(outcome).toMatchObject({ code, out: '' })
  const [, records, line] =
    /^lsm: CLI_INTERRUPTED: stopped by \w+; the store is closed; imported before it: ([\d,]+) records?, to line (\d+) of stdin\n$/.exec(
      outcome.err,
    ) ?? []
  expect(records?.replaceAll(',', ''), outcome.err).toBe(line)
  expect(outcome.err).toContain(signal)
  expect((await lsm(['verify', '--db', path])).code).toBe(0)
  expect((await lsm(['count', '--db', path])).out).toBe(`${line}\n`)
})

test('SIGINT ends a scan whose reader pauses', async () => {
  const child = start(['scan', '--db', db])
  const errors: Buffer[] = []
  child.stderr!.on('data', (piece: Buffer) => errors.push(piece))
  const ended = Promise.all([once(child, 'exit'), once(child.stderr!, 'end')])
  // It is listened for, and never read: the pipe fills, and the scan waits.
  await once(child.stdout!, 'readable')
  await setTimeout(200)
  child.kill('SIGINT')
  expect((await ended)[0]).toEqual([130, null])
  child.stdout!.destroy()
  expect(Buffer.concat(errors).toString()).toBe('lsm: CLI_INTERRUPTED: stopped by SIGINT; the store is closed\n')
})

test.skipIf(process.platform === 'win32')('arguments that are no UTF-8 are refused', async () => {
  const path = join(folder, 'arguments')
  const command = `exec "$@" put --db ${path} "$(printf '\\377\\376')" v`
  const outcome = await outcomeOf(startShell(command))
  expect(outcome).toMatchObject({ code: 2, err: expect.stringMatching(/^lsm: CLI_INPUT: the key is not UTF-8/) })
})
