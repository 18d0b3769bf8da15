import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { beforeEach, describe, expect, test } from 'vitest'
import { lsm, scratchFolder } from './harness.ts'

const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }
const folder = scratchFolder()
let count = 0
let db = ''
beforeEach(() => {
  db = join(folder, `store-${count++}`)
})

const done = (out = ''): object => expect.objectContaining({ code: 0, out })
const put = (key: string, value: string): Promise<unknown> => lsm(['put', '--db', db, key, value])

describe('put, get and delete', () => {
  test('a value comes back as its very bytes', async () => {
    expect(await lsm(['put', '--db', db, 'a', 'one'])).toEqual(done())
    expect(await lsm(['get', '--db', db, 'a'])).toEqual(done('one'))
    expect(await lsm(['get', '--db', db, 'a'], { isTerminal: true })).toEqual(done('one\n'))
    expect(await lsm(['get', '--db', db, 'a', '--json'])).toEqual(done('{"key":"a","value":"one"}\n'))
  })

  test('the store is named before the command, after it, or by LSM_DB', async () => {
    await put('a', 'one')
    expect(await lsm(['--db', db, 'get', 'a'])).toEqual(done('one'))
    expect(await lsm(['get', 'a'], { env: { LSM_DB: db } })).toEqual(done('one'))
    expect(await lsm(['get', 'a'])).toMatchObject({
      code: 2,
      err: expect.stringMatching(/^lsm: CLI_USAGE: no store named/),
    })
  })

  test('binary values by stdin, base64 and hex', async () => {
    const value = Uint8Array.of(0, 255, 10, 27)
    await lsm(['put', '--db', db, 'a'], { stdin: value })
    expect((await lsm(['get', '--db', db, 'a'])).stdout).toEqual(Buffer.from(value))
    expect(await lsm(['get', '--db', db, 'a', '--encoding', 'hex'])).toMatchObject({ code: 2 }) // 'a' is no hex key
    expect(await lsm(['get', '--db', db, 'a', '--value-encoding', 'hex'])).toEqual(done('00ff0a1b\n'))
    expect(await lsm(['get', '--db', db, 'a'], { isTerminal: true })).toEqual(done('\\x00\\xff\\x0a\\x1b\n'))
    await lsm(['put', '--db', db, '62', '//4=', '--key-encoding', 'hex', '--value-encoding', 'base64'])
    expect((await lsm(['get', '--db', db, 'b'])).stdout).toEqual(Buffer.from([0xff, 0xfe]))
    await lsm(['put', '--db', db, 'c', '--value-encoding', 'hex'], { stdin: '4142\n' })
    expect(await lsm(['get', '--db', db, 'c'])).toEqual(done('AB'))
  })

  test('an absent key ends with 1, an empty value does not', async () => {
    await put('empty', '')
    expect(await lsm(['get', '--db', db, 'empty'])).toEqual(done(''))
    expect(await lsm(['get', '--db', db, 'none'])).toMatchObject({
      code: 1,
      out: '',
      err: 'lsm: CLI_NOT_FOUND: no value for the key none\n',
    })
  })

  test('an empty key, and one that begins with a dash', async () => {
    await put('', 'nothing')
    await lsm(['put', '--db', db, '--', '-x', '-y'])
    expect(await lsm(['get', '--db', db, ''])).toEqual(done('nothing'))
    expect(await lsm(['get', '--db', db, '--', '-x'])).toEqual(done('-y'))
  })

  test('delete takes keys or a range', async () => {
    for (const key of ['a', 'b', 'c1', 'c2', 'd']) await put(key, key)
    expect(await lsm(['delete', '--db', db, 'a', 'd', 'absent'])).toEqual(done())
    expect(await lsm(['scan', '--db', db, '--keys'])).toEqual(done('b\nc1\nc2\n'))
    expect(await lsm(['delete', '--db', db, '--prefix', 'c'])).toEqual(done())
    expect(await lsm(['scan', '--db', db, '--keys'])).toEqual(done('b\n'))
    expect(await lsm(['delete', '--db', db])).toMatchObject({ code: 2 })
    expect(await lsm(['delete', '--db', db, 'b', '--gte', 'a'])).toMatchObject({ code: 2 })
    expect(await lsm(['count', '--db', db])).toEqual(done('1\n'))
  })

  test('an empty prefix, as an unset variable gives it, deletes nothing', async () => {
    await put('a', 'one')
    for (const args of [[], ['--key-encoding', 'hex']]) {
      expect(await lsm(['delete', '--db', db, '--prefix', '', ...args])).toMatchObject({
        code: 2,
        err: "lsm: CLI_USAGE: --prefix is empty, as every key's beginning is: --gte '' deletes everything\n",
      })
    }
    expect(await lsm(['scan', '--db', db, '--keys', '--prefix', ''])).toEqual(done('a\n'))
    expect(await lsm(['delete', '--db', db, '--gte', ''])).toEqual(done())
    expect(await lsm(['count', '--db', db])).toEqual(done('0\n'))
  })

  test.each([
    [['put', '\ufffd\ufffd', 'v'], 'the key', '--key-encoding'],
    [['put', 'k', 'v\ufffd'], 'the value', '--value-encoding'],
    [['get', '\ufffd'], 'the key', '--key-encoding'],
    [['delete', 'a', '\ufffd'], 'the key', '--key-encoding'],
    [['scan', '--gte', '\ufffd'], '--gte', '--key-encoding'],
    [['count', '--prefix', 'a\ufffd'], '--prefix', '--key-encoding'],
  ])('%j may have been other bytes: it is refused', async (args, name, option) => {
    await put('a', 'one')
    expect(await lsm([...args, '--db', db])).toMatchObject({
      code: 2,
      err: `lsm: CLI_INPUT: ${name} is not UTF-8, or has U+FFFD in it: pass it with ${option} hex\n`,
    })
    expect(await lsm(['scan', '--db', db])).toEqual(done('a\tone\n'))
  })

  test('U+FFFD itself comes and goes in hex, and in NDJSON as it is', async () => {
    await lsm(['put', '--db', db, 'efbfbd', '--key-encoding', 'hex', 'one'])
    await lsm(['import', '--db', db], { stdin: '{"key":"b","value":"\ufffd"}\n' })
    expect(await lsm(['scan', '--db', db])).toEqual(done('b\t\ufffd\n\ufffd\tone\n'))
  })

  test('what has no answer prints none in JSON either', async () => {
    expect(await lsm(['put', '--db', db, 'a', 'one', '--json'])).toMatchObject({ code: 0, out: '', err: '' })
    expect(await lsm(['delete', '--db', db, 'a', '--json'])).toMatchObject({ code: 0, out: '', err: '' })
    expect(await lsm(['get', '--db', db, 'a', '--json'])).toMatchObject({
      code: 1,
      out: '',
      err: 'lsm: CLI_NOT_FOUND: no value for the key a\n',
    })
  })
})

describe('scan and count', () => {
  beforeEach(async () => {
    const records = ['a', 'b', 'ba', 'bb', 'c'].map((key) => `${key}\t${key.toUpperCase()}\n`).join('')
    await lsm(['import', '--db', db, '--format', 'raw'], { stdin: records })
  })

  test.each([
    [[], 'a b ba bb c'],
    [['--prefix', 'b'], 'b ba bb'],
    [['--gt', 'b', '--lte', 'c'], 'ba bb c'],
    [['--gte', 'b', '--lt', 'bb'], 'b ba'],
    [['--reverse', '--limit', '2'], 'c bb'],
    [['--limit', '0'], ''],
    [['--prefix', '62', '--key-encoding', 'hex'], '62 6261 6262'],
  ])('%j finds %s', async (args, keys) => {
    const { code, out } = await lsm(['scan', '--db', db, '--keys', ...args])
    expect([code, out.split('\n').filter(Boolean).join(' ')]).toEqual([0, keys])
  })

  test('lines, NDJSON, values only, and the count', async () => {
    expect(await lsm(['scan', '--db', db, '--prefix', 'ba'])).toEqual(done('ba\tBA\n'))
    expect(await lsm(['scan', '--db', db, '--prefix', 'ba', '--json'])).toEqual(done('{"key":"ba","value":"BA"}\n'))
    expect(await lsm(['scan', '--db', db, '--prefix', 'ba', '--values'])).toEqual(done('BA\n'))
    expect(await lsm(['count', '--db', db, '--prefix', 'b'])).toEqual(done('3\n'))
    expect(await lsm(['count', '--db', db, '--json'])).toEqual(done('{"count":5}\n'))
  })

  test('what a terminal would obey is shown, and escaped in a pipe only where the format needs it', async () => {
    await put('z', '\u001b[2J')
    expect(await lsm(['scan', '--db', db, '--gte', 'z'], { isTerminal: true })).toEqual(done('z\t\\x1b[2J\n'))
    expect(await lsm(['scan', '--db', db, '--gte', 'z'])).toEqual(done('z\t\u001b[2J\n'))
    await put('z', '\u009b2J')
    for (const args of [['scan', '--gte', 'z'], ['export'], ['get', 'z']]) {
      const { out } = await lsm([...args, '--db', db, '--json'], { isTerminal: true })
      expect(out).toMatch(/^\{"key":"z","value":"\\u009b2J"\}$/m)
    }
  })

  test.each([
    [['--prefix', 'a', '--gt', 'b'], /--prefix stands alone/],
    [['--gt', 'a', '--gte', 'b'], /not both/],
    [['--lt', 'a', '--lte', 'b'], /not both/],
    [['--limit', '-1'], /whole number/],
    [['--limit', '1e3'], /whole number/],
    [['--keys', '--values'], /cannot be used with/],
    [['--encoding', 'latin1'], /Allowed choices/],
    [['--bogus'], /unknown option/],
    [['extra'], /too many arguments/],
  ])('%j is wrong usage', async (args, message) => {
    expect(await lsm(['scan', '--db', db, ...args])).toMatchObject({
      code: 2,
      out: '',
      err: expect.stringMatching(message),
    })
  })
})

describe('stats, levels, flush, compact and verify', () => {
  beforeEach(async () => {
    const stdin = Array.from({ length: 3000 }, (_, i) => `key-${String(i).padStart(6, '0')}\tvalue ${i}\n`).join('')
    await lsm(['import', '--db', db, '--format', 'raw'], { stdin })
  })

  test('a flush makes a table, which levels and stats show', async () => {
    expect((await lsm(['flush', '--db', db])).out).toMatch(/^flushes\t1\nbytes written\t\d{5,}\n$/)
    const levels = JSON.parse((await lsm(['levels', '--db', db, '--json'])).out) as {
      tables: number
      pointRecords: number
    }[]
    expect(levels.reduce((sum, { tables }) => sum + tables, 0)).toBe(1)
    expect(levels.reduce((sum, { pointRecords }) => sum + pointRecords, 0)).toBe(3000)
    const rows = (await lsm(['levels', '--db', db])).out.trimEnd().split('\n')
    expect(rows[0]).toBe('level\ttables\tsize\trecords\ttombstones\trange tombstones\tscore')
    expect(rows).toHaveLength(levels.length + 1)
    const stats = await lsm(['stats', '--db', db])
    expect(stats.out).toMatch(/^store\.tables\t1$/m)
    expect(stats.out).toMatch(/^store\.last sequence number\t3000$/m)
    expect(JSON.parse((await lsm(['stats', '--db', db, '--json'])).out)).toMatchObject({ lastSeq: 3000 })
    const shown = await lsm(['stats', '--db', db], { isTerminal: true })
    expect(shown.out).toMatch(/last sequence number +3,000$/m)
    expect(shown.out).toMatch(/^since it was opened, no writes, reads, cache, flushes, compactions, stalls$/m)
  })

  test('the tree is drawn on a terminal', async () => {
    await lsm(['compact', '--db', db])
    const { out } = await lsm(['levels', '--db', db], { isTerminal: true })
    expect(out).toMatch(/^memory /)
    expect(out).toMatch(/^L\d +█+ +[\d.]+ kB in 1 table, 3,000 records, \d+% full$/m)
  })

  test('compact drops what was deleted, and verify reads all of it', async () => {
    await lsm(['flush', '--db', db])
    await lsm(['delete', '--db', db, '--lt', 'key-001000'])
    const report = JSON.parse((await lsm(['compact', '--db', db, '--json'])).out) as Record<string, number>
    expect(report).toMatchObject({ recordsDropped: expect.any(Number), sizeAfter: expect.any(Number) })
    expect(report.recordsDropped).toBeGreaterThanOrEqual(1000)
    const verified = await lsm(['verify', '--db', db])
    expect(verified).toMatchObject({ code: 0, err: 'every checksum is right\n' })
    expect(verified.out).toMatch(/^records\t2000$/m)
  })

  test('verify changes nothing, also of a store that was not closed', async () => {
    const contents = (): object =>
      Object.fromEntries(readdirSync(db).map((name) => [name, readFileSync(join(db, name), 'hex')]))
    writeFileSync(join(db, '0000000000009999.wal'), 'what a crash left behind')
    const before = contents()
    expect(await lsm(['verify', '--db', db])).toMatchObject({ code: 0 })
    expect(contents()).toEqual(before)
    await lsm(['count', '--db', db])
    expect(contents()).not.toEqual(before)
  })

  test('read-only opens change nothing and refuse to be asked to', async () => {
    expect(await lsm(['count', '--db', db, '--read-only'])).toEqual(done('3000\n'))
    expect(await lsm(['verify', '--db', db, '--read-only'])).toMatchObject({ code: 0 })
    expect(await lsm(['put', '--db', db, 'a', 'b', '-o', 'readOnly=true'])).toMatchObject({
      code: 3,
      err: expect.stringMatching(/^lsm: LSM_READ_ONLY: /),
    })
  })

  test('options of the engine are handed on, and checked there', async () => {
    const options = ['-o', 'cacheSizeBytes=1000000', '-o', 'keyspaceDefaults.compression=deflate']
    expect(await lsm(['count', '--db', db, ...options])).toEqual(done('3000\n'))
    const wrong = await lsm(['count', '--db', db, '-o', 'cacheSize=1', '-o', 'durability=maybe'])
    expect(wrong).toMatchObject({
      code: 2,
      err: expect.stringMatching(/LSM_INVALID_OPTIONS: 2 problems: .*cacheSize.*durability/),
    })
    expect(wrong.err.trimEnd().split('\n')).toHaveLength(1)
  })
})

describe('help', () => {
  test('the version', async () => {
    expect(await lsm(['--version'])).toEqual(done(`${manifest.version}\n`))
  })

  test('help goes to stdout with 0, no command at all to stderr with 2', async () => {
    for (const args of [['--help'], ['help'], ['help', 'scan'], ['scan', '--help']]) {
      const { code, out, err } = await lsm(args)
      expect([code, err]).toEqual([0, ''])
      expect(out).toMatch(/^Usage: lsm/)
    }
    for (const args of [[], ['--db', db]]) {
      const { code, out, err } = await lsm(args)
      expect([code, out]).toEqual([2, ''])
      expect(err).toMatch(/Exit codes: 0 done/)
      expect(err).toMatch(/\nlsm: CLI_USAGE: no command given; see `lsm help COMMAND`\n$/)
    }
  })

  test.each([
    [['scan', '--jsn'], "unknown option '--jsn' (Did you mean --json?)"],
    [['sacn'], "unknown command 'sacn' (Did you mean scan?)"],
    [['scan', '--limit', 'x'], "option '--limit <n>' argument 'x' is invalid. The limit is a whole number from 0"],
    [['get'], "missing required argument 'key'"],
    [['get', '--\u001b[2J'], "unknown option '--\\x1b[2J'"],
  ])('wrong usage is one line: %j', async (args, message) => {
    expect(await lsm(args)).toMatchObject({
      code: 2,
      out: '',
      err: `lsm: CLI_USAGE: ${message}; see \`lsm help COMMAND\`\n`,
    })
  })

  test('help that cannot be written says so', async () => {
    const stdout = new Writable({
      write: (_, __, done) => done(Object.assign(new Error('no space left'), { code: 'ENOSPC' })),
    })
    expect(await lsm(['--help'], { stdout })).toMatchObject({
      code: 3,
      err: 'lsm: CLI_OUTPUT: the output cannot be written: no space left\n',
    })
  })
})

describe('a damaged store', () => {
  test('verify says so with 1, reading with 3, and nothing wrong is printed', async () => {
    const stdin = Array.from({ length: 500 }, (_, i) => `key-${i}\tvalue ${i}\n`).join('')
    await lsm(['import', '--db', db, '--format', 'raw'], { stdin })
    await lsm(['compact', '--db', db])
    const tables = readdirSync(db).filter((name) => /(sst|table)/.test(name))
    expect(tables).toHaveLength(1)
    const file = join(db, tables[0]!)
    const bytes = readFileSync(file)
    bytes[200]! ^= 1
    writeFileSync(file, bytes)
    const verified = await lsm(['verify', '--db', db])
    expect(verified).toMatchObject({ code: 1, out: '', err: expect.stringMatching(/^lsm: LSM_CORRUPTION: /) })
    expect(verified.err).not.toContain('lsm verify')
    expect(await lsm(['scan', '--db', db])).toMatchObject({
      code: 3,
      out: '',
      err: expect.stringMatching(/LSM_CORRUPTION: .* with `lsm verify`, which changes nothing\n$/),
    })
  })

  test('a file, and a folder of something else, are no store, and nothing in them changes', async () => {
    const file = join(folder, 'letter.txt')
    writeFileSync(file, 'Dear')
    const other = join(folder, 'photos')
    mkdirSync(other, { recursive: true })
    writeFileSync(join(other, 'cat.jpg'), 'cat')
    for (const path of [file, other]) {
      for (const args of [
        ['get', 'a'],
        ['put', 'a', 'b'],
        ['stats', '--read-only'],
      ]) {
        const outcome = await lsm([...args, '--db', path])
        expect(outcome).toMatchObject({
          code: 3,
          out: '',
          err: expect.stringMatching(/^lsm: LSM_NOT_(A_STORE|FOUND): /),
        })
      }
    }
    expect(readFileSync(file, 'utf8')).toBe('Dear')
    expect(readFileSync(join(other, 'cat.jpg'), 'utf8')).toBe('cat')
    expect(readdirSync(other)).toEqual(['cat.jpg'])
  })
})
