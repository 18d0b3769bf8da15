import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { LsmError } from '@lsm/engine'
import { beforeEach, describe, expect, test } from 'vitest'
import type { Engines, OpenStore } from '../src/engines.ts'
import { CliError } from '../src/failure.ts'
import { lsm, scratchFolder } from './harness.ts'
import { MemoryEngines } from './memory-engines.ts'

const folder = scratchFolder()
let count = 0
let db = ''
let file = ''
beforeEach(() => {
  count += 1
  db = join(folder, `store-${count}`)
  file = join(folder, `out-${count}`)
})

const done = (out = ''): object => expect.objectContaining({ code: 0, out })
const records = Array.from({ length: 2500 }, (_, i) => `{"key":"k${String(i).padStart(5, '0')}","value":"v${i}"}\n`)
const fill = (): Promise<unknown> => lsm(['import', '--db', db], { stdin: records.join('') })

describe('export', () => {
  test('writes a new file and never over one', async () => {
    await fill()
    const exported = await lsm(['export', '--db', db, '--output', file])
    expect(exported).toEqual(done())
    expect(exported.err).toMatch(/^exported 2,500 records in [\d.]+ s\n$/)
    expect(readFileSync(file, 'utf8')).toBe(records.join(''))
    writeFileSync(file, 'kept')
    expect(await lsm(['export', '--db', db, '--output', file])).toMatchObject({
      code: 2,
      err: expect.stringMatching(/it exists; name a new file/),
    })
    expect(readFileSync(file, 'utf8')).toBe('kept')
  })

  test('answers in JSON when the records go into a file', async () => {
    await lsm(['import', '--db', db], { stdin: records.slice(0, 3).join('') })
    const exported = await lsm(['export', '--db', db, '--output', file, '--json'])
    expect(exported).toMatchObject({ code: 0, err: '' })
    expect(JSON.parse(exported.out)).toEqual({ records: 3, bytes: 24, seconds: expect.any(Number) })
    expect(await lsm(['export', '--db', db, '--json'])).toEqual(done(records.slice(0, 3).join('')))
  })

  test('shows a terminal no control characters that it would obey', async () => {
    await lsm(['put', '--db', db, 'k', '\u001b[2J'])
    const raw = await lsm(['export', '--db', db, '--format', 'raw'], { isTerminal: true })
    expect(raw).toEqual(done('k\t\\x1b[2J\n'))
    expect(await lsm(['export', '--db', db, '--format', 'raw'])).toEqual(done('k\t\u001b[2J\n'))
  })
})

describe('an export into a file that fails', () => {
  test('for want of a store makes none', async () => {
    expect(await lsm(['export', '--db', db, '--output', file])).toMatchObject({ code: 3 })
    expect(existsSync(file)).toBe(false)
  })

  test.each(['scan', 'close'] as const)('when the store fails in %s takes it away', async (method) => {
    const engines = new MemoryEngines({ [method]: 'LSM_IO' })
    const outcome = await lsm(['export', '--db', 'x', '--output', file], { engines: await filled(engines) })
    expect(outcome).toMatchObject({ code: 3, err: expect.stringMatching(/LSM_IO/) })
    expect(existsSync(file)).toBe(false)
  })

  test('half-way takes away what it had written', async () => {
    let wasThere = false
    async function* broken(): AsyncGenerator<[Uint8Array, Uint8Array]> {
      for (let i = 0; i < 10; i++) yield [Buffer.from(`${i}`), Buffer.alloc(100_000)]
      wasThere = readFileSync(file).length > 500_000
      throw new LsmError('LSM_CORRUPTION', 'broken')
    }
    const outcome = await lsm(['export', '--db', 'x', '--output', file], { engines: scanning(broken) })
    expect(outcome).toMatchObject({ code: 3, err: expect.stringMatching(/LSM_CORRUPTION: broken/) })
    expect(wasThere).toBe(true)
    expect(existsSync(file)).toBe(false)
  })

  test('because it was interrupted takes it away, so that the next one has its place', async () => {
    await fill()
    const interruption = new AbortController()
    async function* endless(): AsyncGenerator<[Uint8Array, Uint8Array]> {
      for (let i = 0; ; i++) {
        if (i === 50) interruption.abort(new CliError('CLI_INTERRUPTED', 'stopped', { exitCode: 130 }))
        yield [Buffer.from(`${i}`), Buffer.alloc(10_000)]
      }
    }
    const interrupted = interruption.signal
    const outcome = await lsm(['export', '--db', 'x', '--output', file], { engines: scanning(endless), interrupted })
    expect(outcome).toMatchObject({ code: 130 })
    expect(existsSync(file)).toBe(false)
    expect(await lsm(['export', '--db', db, '--output', file])).toEqual(done())
  })
})

/** Engines whose store gives `scan` out. */
function scanning(scan: OpenStore['scan']): Engines {
  const engines = new MemoryEngines()
  return {
    open: async (path, options) => Object.assign(await engines.open(path, options), { scan }),
    destroy: () => engines.destroy(),
  }
}

/** The same engines, whose store has a record. */
async function filled(engines: MemoryEngines): Promise<MemoryEngines> {
  const store = await engines.open('x', {})
  await store.put(Buffer.from('a'), Buffer.from('b'))
  await store.close().catch(() => {})
  return engines
}
