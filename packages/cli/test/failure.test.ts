import { Readable, Writable } from 'node:stream'
import { LsmError, type LsmErrorCode } from '@lsm/engine'
import { describe, expect, test } from 'vitest'
import { CliError } from '../src/failure.ts'
import { lsm } from './harness.ts'
import { MemoryEngines, type Method } from './memory-engines.ts'

const STORE_CODES: readonly LsmErrorCode[] = [
  'LSM_CORRUPTION',
  'LSM_IO',
  'LSM_NO_SPACE',
  'LSM_FAILED',
  'LSM_LOCKED',
  'LSM_FENCED',
  'LSM_CLOSED',
  'LSM_READ_ONLY',
  'LSM_NOT_FOUND',
  'LSM_EXISTS',
  'LSM_NOT_A_STORE',
  'LSM_PERMISSION',
  'LSM_UNSUPPORTED_FORMAT',
  'LSM_UNSUPPORTED',
  'LSM_ABORTED',
  'LSM_BUSY',
]

// biome-ignore lint/suspicious/noControlCharactersInRegex: no terminal is to see one.
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/

function storageError(code: string): Error {
  return Object.assign(new Error('of the storage'), { code })
}

describe('a failing store', () => {
  test.each(STORE_CODES)('%s is one line on stderr and exit code 3', async (code) => {
    const {
      code: exitCode,
      out,
      err,
    } = await lsm(['get', '--db', 'x', 'a'], { engines: new MemoryEngines({ open: code }) })
    expect([exitCode, out]).toEqual([3, ''])
    expect(err).toMatch(new RegExp(`^lsm: ${code}: open failed.*\n$`))
    expect(err).not.toMatch(/\n.*\n/)
  })

  test('a locked store says what to do', async () => {
    const { err } = await lsm(['get', '--db', 'x', 'a'], { engines: new MemoryEngines({ open: 'LSM_LOCKED' }) })
    expect(err).toBe(
      'lsm: LSM_LOCKED: open failed. End the process that has it open, or read beside it with --read-only\n',
    )
  })

  test.each([
    ['a full disk', new LsmError('LSM_NO_SPACE', 'full'), /Make room on the disk/],
    ['what the runtime lacks', new LsmError('LSM_UNSUPPORTED', 'this runtime has no zstd'), /Use a newer Node\.js/],
    ['damage', new LsmError('LSM_CORRUPTION', 'bad'), /copy its folder/],
    [
      'another process',
      new LsmError('LSM_FAILED', 'x', { cause: new LsmError('LSM_FENCED', 'lost') }),
      /Another process/,
    ],
    [
      'a sync',
      Object.assign(new Error('sync'), { code: 'WAL_FAILED', cause: storageError('STORAGE_IO') }),
      /Look at the disk/,
    ],
    ['a sync without room', storageError('STORAGE_NO_SPACE'), /Make room on the disk/],
    ['nobody knows what', new Error('boom'), /Find the cause with --verbose/],
    ['nothing', undefined, /Find the cause with --verbose/],
  ])('LSM_FAILED because of %s says what to do about that', async (_, cause, advice) => {
    const failure = new LsmError('LSM_FAILED', 'no more writes after a failure', { cause })
    const { code, err } = await lsm(['put', '--db', 'x', 'a', 'b'], { engines: new MemoryEngines({ put: failure }) })
    expect([code, err]).toEqual([3, expect.stringMatching(/^lsm: LSM_FAILED: no more writes after a failure\. /)])
    expect(err).toMatch(advice)
  })

  test('where no store can be made there is no advice to make one', async () => {
    const engines = new MemoryEngines({ open: 'LSM_NOT_FOUND' })
    for (const args of [['put', 'a', 'b'], ['import'], ['bench', 'fillseq']]) {
      const { err } = await lsm([...args, '--db', '/proc/none'], { engines })
      expect(err).toMatch(/^lsm: LSM_NOT_FOUND: open failed.*\. Choose another --db: no folder can be made there\n$/)
    }
    const { err } = await lsm(['get', 'a', '--db', 'x'], { engines })
    expect(err).toMatch(/Check --db, or make a store there with `lsm put`/)
  })

  test('no terminal obeys what is in a message', async () => {
    const engines = new MemoryEngines({ get: new Error('\u001b[2J\u009bboom\r') })
    const { err } = await lsm(['get', '--db', 'x', 'a', '--verbose'], { engines })
    expect(err).toMatch(/^lsm: CLI_FAULT: \\x1b\[2J\\xc2\\x9bboom\\x0d\./)
    expect(err).not.toMatch(CONTROL)
    const { err: ofInput } = await lsm(['import', '--db', 'x'], { engines, stdin: '{"key":\u001b[2J\n' })
    expect(ofInput).toMatch(/^lsm: CLI_INPUT: stdin, line 1: it is not JSON: .*\\x1b/)
    expect(ofInput).not.toMatch(CONTROL)
  })

  test.each<[Method, string[]]>([
    ['get', ['get', 'a']],
    ['put', ['put', 'a', 'b']],
    ['write', ['import']],
    ['sync', ['import']],
    ['scan', ['scan']],
    ['close', ['scan']],
  ])('is closed when %s fails', async (method, args) => {
    const engines = new MemoryEngines({ [method]: 'LSM_IO' })
    if (method === 'scan') {
      const store = await engines.open('x', {})
      await store.put(Buffer.from('a'), Buffer.from('b'))
      await store.close()
    }
    const outcome = await lsm([...args, '--db', 'x'], { engines, stdin: '{"key":"a","value":"b"}\n' })
    expect(outcome).toMatchObject({ code: 3, err: expect.stringMatching(new RegExp(`LSM_IO: ${method} failed`)) })
    expect(engines.openStores).toBe(0)
  })

  test('a first failure is told even if closing fails as well', async () => {
    const engines = new MemoryEngines({ get: 'LSM_CORRUPTION', close: 'LSM_IO' })
    expect(await lsm(['get', '--db', 'x', 'a'], { engines })).toMatchObject({
      code: 3,
      err: expect.stringMatching(/LSM_CORRUPTION/),
    })
  })

  test('damage is what verify was asked for: exit code 1, when opening as when reading', async () => {
    for (const method of ['open', 'verify'] as const) {
      const engines = new MemoryEngines({ [method]: 'LSM_CORRUPTION' })
      expect(await lsm(['verify', '--db', 'x'], { engines })).toMatchObject({ code: 1 })
      expect(await lsm(['--db', 'x', 'verify'], { engines })).toMatchObject({ code: 1 })
    }
    expect(await lsm(['verify', '--db', 'x'], { engines: new MemoryEngines({ verify: 'LSM_IO' }) })).toMatchObject({
      code: 3,
    })
  })

  test('what nobody expected is a fault of lsm, with the stack on demand', async () => {
    const engines = new MemoryEngines({ get: new Error('boom\nbang', { cause: new Error('deep') }) })
    const { code, err } = await lsm(['get', '--db', 'x', 'a'], { engines })
    expect(code).toBe(4)
    expect(err).toMatch(/^lsm: CLI_FAULT: boom bang\. This is a mistake in lsm: .*\n$/)
    const verbose = await lsm(['get', '--db', 'x', 'a', '--verbose'], { engines })
    expect(verbose.err).toMatch(/caused by Error: deep/)
    const asKey = await lsm(['get', '--db', 'x', '--', '--verbose'], { engines })
    expect(asKey.err).not.toMatch(/caused by/)
  })
})

describe('how stores are opened', () => {
  test.each([
    [['get', 'a'], { createIfMissing: false }],
    [['get', 'a', '--read-only'], { createIfMissing: false, readOnly: true }],
    [['verify'], { createIfMissing: false, readOnly: true }],
    [['verify', '--read-only'], { createIfMissing: false, readOnly: true }],
    [['put', 'a', 'b'], { createIfMissing: true }],
    [['put', 'a', 'b', '--durability', '250ms'], { createIfMissing: true, durability: { intervalMs: 250 } }],
    [['import'], { createIfMissing: true, durability: 'os' }],
    [['import', '--durability', 'sync'], { createIfMissing: true, durability: 'sync' }],
    [
      [
        'scan',
        '-o',
        'cacheSizeBytes=5',
        '-o',
        'keyspaceDefaults.l0Compact=2',
        '-o',
        'keyspaceDefaults.compression=zstd',
      ],
      { createIfMissing: false, cacheSizeBytes: 5, keyspaceDefaults: { l0Compact: 2, compression: 'zstd' } },
    ],
  ])('%j', async (args, options) => {
    const engines = new MemoryEngines()
    await lsm([...args, '--db', 'x'], { engines })
    expect(engines.options).toEqual([options])
  })

  test('an import is made durable once at the end, unless the durability was chosen', async () => {
    const stdin = Array.from({ length: 25 }, (_, i) => `{"key":"${i}","value":""}\n`).join('')
    const engines = new MemoryEngines()
    await lsm(['import', '--db', 'x', '--batch', '10'], { engines, stdin })
    expect(engines.calls).toEqual(['open', 'write', 'write', 'write', 'sync', 'close'])
    const chosen = new MemoryEngines()
    await lsm(['import', '--db', 'x', '--batch', '10', '--durability', 'os'], { engines: chosen, stdin })
    expect(chosen.calls).not.toContain('sync')
  })

  test('large values end a batch before it has its number of records', async () => {
    const value = 'x'.repeat(400_000)
    const stdin = Array.from({ length: 6 }, (_, i) => `{"key":"${i}","value":"${value}"}\n`).join('')
    const engines = new MemoryEngines()
    await lsm(['import', '--db', 'x'], { engines, stdin })
    expect(engines.calls.filter((call) => call === 'write')).toHaveLength(2)
  })
})

describe('an interruption', () => {
  const reason = new CliError('CLI_INTERRUPTED', 'stopped by SIGINT; the store is closed', { exitCode: 130 })

  test('closes the store and ends with 130', async () => {
    const interruption = new AbortController()
    async function* endless(): AsyncGenerator<Uint8Array> {
      for (let i = 0; ; i++) {
        if (i === 50) interruption.abort(reason)
        yield Buffer.from(`{"key":"${i}","value":""}\n`)
      }
    }
    const engines = new MemoryEngines()
    const outcome = await lsm(['import', '--db', 'x', '--batch', '10'], {
      engines,
      stdin: endless(),
      interrupted: interruption.signal,
    })
    const stopped = 'stopped by SIGINT; the store is closed'
    const extent = String.raw`imported before it: (\d+) records, to line \1 of stdin`
    expect(outcome).toMatchObject({
      code: 130,
      err: expect.stringMatching(`^lsm: CLI_INTERRUPTED: ${stopped}; ${extent}\n$`),
    })
    expect(engines.openStores).toBe(0)
  })

  test.each([[['put', 'a']], [['import']]])('ends %j while it waits for input that does not come', async (args) => {
    const interruption = new AbortController()
    const engines = new MemoryEngines()
    const silent = new Readable({ read: () => void setImmediate(() => interruption.abort(reason)) })
    const outcome = await lsm([...args, '--db', 'x'], { engines, stdin: silent, interrupted: interruption.signal })
    expect(outcome).toMatchObject({ code: 130, out: '', err: expect.stringMatching(/^lsm: CLI_INTERRUPTED: /) })
    expect(engines.openStores).toBe(0)
  })

  test.each([
    [['scan'], 'one'],
    [['export'], 'one'],
    [['get', 'a'], 'one'],
    [['scan'], 'x'.repeat(1_000_000)],
    [['export', '--format', 'raw'], 'x'.repeat(1_000_000)],
    [['get', 'a'], 'x'.repeat(1_000_000)],
  ])('ends %j while nobody reads its output', async (args, value) => {
    const engines = new MemoryEngines()
    await lsm(['put', '--db', 'x', 'a'], { engines, stdin: value })
    const interruption = new AbortController()
    // Says never that it has taken anything.
    const stdout = new Writable({ write: () => void setImmediate(() => interruption.abort(reason)) })
    const outcome = await lsm([...args, '--db', 'x'], { engines, stdout, interrupted: interruption.signal })
    expect(outcome).toMatchObject({ code: 130, err: 'lsm: CLI_INTERRUPTED: stopped by SIGINT; the store is closed\n' })
    expect(engines.openStores).toBe(0)
  })

  test('before the start opens nothing', async () => {
    const engines = new MemoryEngines()
    const outcome = await lsm(['scan', '--db', 'x'], { engines, interrupted: AbortSignal.abort(reason) })
    expect(outcome.code).toBe(130)
    expect(engines.calls).toEqual([])
  })
})
