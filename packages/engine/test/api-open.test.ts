import { spawn } from 'node:child_process'
import { chmod, mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { compute, pack } from '@lsm/crc'
import { MemoryStorage } from '@lsm/storage'
import { describe, expect, onTestFinished, test } from 'vitest'
import { Engine, type EngineOptions } from '../src/index.ts'
import {
  errorOf,
  expectRefused,
  makeStore,
  pictureOf,
  TINY,
  temporaryDirectory,
  text,
  textsOf,
} from './api-fixtures.ts'

async function open(path: string, options?: EngineOptions): Promise<Engine> {
  const engine = await Engine.open(path, options)
  onTestFinished(() => engine.close().catch(() => {}))
  return engine
}

describe('options', () => {
  test('everything that is wrong is said at once, and nothing is created', async () => {
    const path = join(await temporaryDirectory(), 'store')
    const options = {
      durabilty: 'sync',
      readOnly: 1,
      durability: { intervalMs: 0 },
      memtableSizeBytes: '16',
      compactionWorkers: -1,
      keyspaceDefaults: { compression: 'lz4', l0Compact: 9, l0Slow: 8, blockSize: 1 },
    } as unknown as EngineOptions
    const error = await errorOf(() => Engine.open(path, options))
    expect(error).toMatchObject({ name: 'TypeError', code: 'LSM_INVALID_OPTIONS' })
    const problems = error.problems as string[]
    const named = ['durabilty', 'readOnly', 'durability', 'memtableSizeBytes', 'compactionWorkers']
    const inner = ['keyspaceDefaults.compression', 'keyspaceDefaults.l0Compact', 'keyspaceDefaults.blockSize']
    for (const name of [...named, ...inner]) {
      expect(
        problems.filter((problem) => problem.startsWith(`${name} `) || problem.startsWith(`${name},`)),
      ).toHaveLength(1)
      expect(error.message).toContain(name)
    }
    expect(problems).toHaveLength(8)
    expect(await pictureOf(path)).toEqual({ '.': 'absent' })
  })

  test.each([null, 'options', 3, []])('%j are no options', async (options) => {
    const error = await errorOf(() => Engine.open('/nowhere', options as unknown as EngineOptions))
    expect(error).toMatchObject({ name: 'TypeError', code: 'LSM_INVALID_OPTIONS' })
  })

  test.each([undefined, null, '', 7])('%j is no path', async (path) => {
    const error = await errorOf(() => Engine.open(path as unknown as string))
    expect(error).toMatchObject({ name: 'TypeError', code: 'LSM_INVALID_ARGUMENT' })
  })
})

describe('creating', () => {
  test('a missing directory is made with those above it, for its owner alone', async () => {
    const path = join(await temporaryDirectory(), 'a', 'b', 'store')
    await (await open(path)).close()
    const picture = await pictureOf(path)
    expect(picture['.']).toBe('700 directory')
    const files = Object.entries(picture).filter(([name]) => name !== '.')
    expect(files.length).toBeGreaterThan(1)
    for (const [, what] of files) expect(what).toMatch(/^600 /)
  })

  test('without createIfMissing nothing is made of nothing', async () => {
    const parent = await temporaryDirectory()
    const options = { createIfMissing: false }
    const error = await expectRefused(join(parent, 'store'), 'LSM_NOT_FOUND', options, parent)
    expect(error.message).toMatch(/createIfMissing/)
    await mkdir(join(parent, 'empty'))
    await expectRefused(join(parent, 'empty'), 'LSM_NOT_FOUND', options)
  })

  test('errorIfExists refuses a store and makes a new one', async () => {
    const path = await makeStore()
    await expectRefused(path, 'LSM_EXISTS', { errorIfExists: true })
    await open(join(await temporaryDirectory(), 'new'), { errorIfExists: true })
  })
})

describe('what is no store', () => {
  test('a file', async () => {
    const path = join(await temporaryDirectory(), 'file')
    await writeFile(path, 'mine')
    await expectRefused(path, 'LSM_NOT_A_STORE')
    await expectRefused(path, 'LSM_NOT_A_STORE', { readOnly: true })
    await expectRefused(join(path, 'below'), 'LSM_NOT_A_STORE', {}, path)
  })

  test.each(['notes.txt', 'folder'])('a directory of another program, with %s in it', async (name) => {
    const path = await temporaryDirectory()
    if (name === 'folder') await mkdir(join(path, name))
    else await writeFile(join(path, name), 'mine')
    const error = await expectRefused(path, 'LSM_NOT_A_STORE')
    expect(error.message).toContain(name)
    await expectRefused(path, 'LSM_NOT_A_STORE', { readOnly: true })
    const before = await pictureOf(path)
    expect(await errorOf(() => Engine.destroy(path))).toHaveProperty('name', 'LsmError')
    expect(await pictureOf(path)).toEqual(before)
  })

  test('a symbolic link to a store', async () => {
    const store = await makeStore()
    const path = join(await temporaryDirectory(), 'link')
    await symlink(store, path)
    await expectRefused(path, 'LSM_NOT_A_STORE', {}, store)
  })

  test('a store of a newer format, or with a feature that is not known', async () => {
    for (const offset of [8, 12]) {
      const path = await makeStore()
      const manifest = (await readdir(path))
        .filter((name) => name.startsWith('manifest-'))
        .sort()
        .at(-1)!
      const bytes = new Uint8Array(await readFile(join(path, manifest)))
      bytes[offset + 3]! |= 0x40
      bytes.set(pack(compute(bytes.subarray(0, -4))), bytes.length - 4)
      await writeFile(join(path, manifest), bytes)
      const error = await expectRefused(path, 'LSM_UNSUPPORTED_FORMAT')
      expect(error).toHaveProperty('file', manifest)
      await expectRefused(path, 'LSM_UNSUPPORTED_FORMAT', { readOnly: true })
    }
  })

  test('files of a store without their manifest are not created over', async () => {
    const path = await makeStore()
    for (const name of await readdir(path)) if (name.startsWith('manifest-')) await rm(join(path, name))
    const { LOCK: _, ...before } = await pictureOf(path)
    expect(await errorOf(() => Engine.open(path))).toHaveProperty('code', 'LSM_CORRUPTION')
    const { LOCK: __, ...after } = await pictureOf(path)
    expect(after).toEqual(before)
  })
})

test('a store whose log is damaged does not open, in any way, and is left as it is', async () => {
  const path = await makeStore()
  const segment = (await readdir(path)).find((name) => name.endsWith('.wal'))!
  const bytes = await readFile(join(path, segment))
  bytes[bytes.length >> 1]! ^= 1
  await writeFile(join(path, segment), bytes)
  const before = await pictureOf(path)
  for (const options of [
    { readOnly: true },
    { readOnly: true, recovery: 'strict' },
    {},
    { recovery: 'strict' },
  ] as const) {
    const error = await errorOf(() => Engine.open(path, options))
    expect(error).toMatchObject({ code: 'LSM_CORRUPTION', file: segment })
    if ('readOnly' in options) expect(await pictureOf(path)).toEqual(before)
  }
  // The lock is free again.
  expect(await errorOf(() => Engine.open(path))).toHaveProperty('code', 'LSM_CORRUPTION')
  expect(await readFile(join(path, segment))).toEqual(bytes)
})

describe('permission', () => {
  const isRoot = process.getuid?.() === 0
  test.skipIf(isRoot)(`LSM_PERMISSION${isRoot ? ' (not run: root may do everything)' : ''}`, async () => {
    const path = await makeStore()
    for (const mode of [0o000, 0o500]) {
      await chmod(path, mode)
      expect(await errorOf(() => Engine.open(path))).toHaveProperty('code', 'LSM_PERMISSION')
    }
    await chmod(path, 0o700)
  })

  test.skipIf(!isRoot)(`LSM_PERMISSION for another user${isRoot ? '' : ' (not run: needs root)'}`, async () => {
    const path = await makeStore()
    await chmod(join(path, '..'), 0o755)
    const before = await pictureOf(path)
    const script = `
      import { Engine } from '@lsm/engine'
      for (const options of [{}, { readOnly: true }]) {
        await Engine.open(${JSON.stringify(path)}, options).then(() => console.log('open'), (error) => console.log(error.code))
      }`
    // Readable and not writable, and neither.
    for (const [mode, expected] of [
      [0o755, 'LSM_PERMISSION\nLSM_PERMISSION\n'],
      [0o700, 'LSM_PERMISSION\nLSM_PERMISSION\n'],
    ] as const) {
      await chmod(path, mode)
      const args = ['--conditions=@lsm/source', '--import', 'tsx', '--input-type=module', '-e', script]
      const options = { cwd: import.meta.dirname, uid: 65_534, env: { ...process.env, HOME: '/nonexistent' } }
      const child = spawn(process.execPath, args, { ...options, stdio: ['ignore', 'pipe', 'inherit'] })
      let said = ''
      child.stdout.on('data', (data) => {
        said += String(data)
      })
      await new Promise((resolve) => child.once('exit', resolve))
      expect(said).toBe(expected)
    }
    await chmod(path, 0o700)
    expect(await pictureOf(path)).toEqual(before)
  })
})

describe('the lock', () => {
  test('a second open from this process fails, and the first goes on', async () => {
    const path = await makeStore()
    const first = await open(path, TINY)
    await expectRefused(path, 'LSM_LOCKED')
    expect(await errorOf(() => Engine.destroy(path))).toHaveProperty('code', 'LSM_LOCKED')
    await first.put('still', 'mine')
    await first.close()
    expect(text(await (await open(path)).get('still'))).toBe('mine')
  })

  test('so does one from another process, for as long as that one lives', async () => {
    const path = await makeStore()
    const script = `
      import { Engine } from '@lsm/engine'
      await Engine.open(${JSON.stringify(path)})
      console.log('open')
      setInterval(() => {}, 1000)`
    const args = ['--conditions=@lsm/source', '--import', 'tsx', '--input-type=module', '-e', script]
    const child = spawn(process.execPath, args, { cwd: import.meta.dirname, stdio: ['ignore', 'pipe', 'inherit'] })
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
    onTestFinished(async () => {
      child.kill('SIGKILL')
      await ended
    })
    const said = await new Promise<string>((resolve) => child.stdout.once('data', (data) => resolve(String(data))))
    expect(said).toBe('open\n')
    const error = await expectRefused(path, 'LSM_LOCKED')
    expect(error.message).toContain(String(child.pid))
    const reader = await open(path, { readOnly: true })
    expect(await reader.count()).toBe(45)
    await reader.close()
    child.kill('SIGKILL')
    await ended
    expect(await (await open(path)).count()).toBe(45)
  })
})

describe('readOnly', () => {
  test('reads all there is, log included, and writes not one byte: no lock, no recovery', async () => {
    const path = await makeStore()
    const before = await pictureOf(path)
    // Beside a second one: there is no lock.
    const [engine, other] = [await open(path, { readOnly: true }), await open(path, { readOnly: true })]
    expect(await engine.count()).toBe(45)
    expect(text(await engine.get('log4'))).toBe('logged 4')
    expect(await textsOf(other.keys({ prefix: 'log', reverse: true, limit: 1 }))).toEqual(['log4'])
    expect((await engine.verify()).tables).toBeGreaterThan(0)
    const snapshot = engine.snapshot()
    expect(await snapshot.count()).toBe(45)
    expect(engine.stats().levels.reduce((sum, { tables }) => sum + tables, 0)).toBeGreaterThan(0)
    for (const call of [
      () => engine.put('a', ''),
      () => engine.delete('a'),
      () => engine.deleteRange({}),
      () => engine.write([]),
      () => engine.flush(),
      () => engine.sync(),
      () => engine.compact(),
    ]) {
      expect(await errorOf(call)).toMatchObject({ name: 'LsmError', code: 'LSM_READ_ONLY' })
    }
    await engine.close()
    await other.close()
    expect(await pictureOf(path)).toEqual(before)
  })

  test('what was not closed is read up to its end, and left as it is', async () => {
    const storage = new MemoryStorage()
    const writer = await Engine.open('memory', TINY, { storage })
    for (let i = 0; i < 30; i++) await writer.put(`k${i}`, 'v'.repeat(300))
    const reader = await Engine.open('memory', { readOnly: true }, { storage: storage.reopen() })
    expect(await reader.count()).toBe(30)
    await reader.close()
    await writer.put('more', '1')
    await writer.close()
  })

  test('no store is no store, and errorIfExists makes no sense beside it', async () => {
    const parent = await temporaryDirectory()
    await expectRefused(join(parent, 'none'), 'LSM_NOT_FOUND', { readOnly: true }, parent)
    await mkdir(join(parent, 'empty'))
    await expectRefused(join(parent, 'empty'), 'LSM_NOT_FOUND', { readOnly: true }, parent)
    await expectRefused(join(parent, 'none'), 'LSM_INVALID_OPTIONS', { readOnly: true, errorIfExists: true }, parent)
  })
})

describe('destroy', () => {
  test('removes the store and its directory', async () => {
    const path = await makeStore()
    await Engine.destroy(path)
    expect(await pictureOf(path)).toEqual({ '.': 'absent' })
  })

  test('leaves alone what is not its own', async () => {
    const path = await makeStore()
    await writeFile(join(path, 'notes.txt'), 'mine')
    await Engine.destroy(path)
    expect(await readFile(join(path, 'notes.txt'), 'utf8')).toBe('mine')
    expect((await readdir(path)).filter((name) => name !== 'LOCK')).toEqual(['notes.txt'])
  })

  test('where there is none: LSM_NOT_FOUND, and nothing is created or removed', async () => {
    const parent = await temporaryDirectory()
    expect(await errorOf(() => Engine.destroy(join(parent, 'none')))).toHaveProperty('code', 'LSM_NOT_FOUND')
    await mkdir(join(parent, 'empty'))
    const before = await pictureOf(parent)
    expect(await errorOf(() => Engine.destroy(join(parent, 'empty')))).toHaveProperty('code', 'LSM_NOT_FOUND')
    expect(await pictureOf(parent)).toEqual(before)
    await writeFile(join(parent, 'file'), '')
    expect(await errorOf(() => Engine.destroy(join(parent, 'file')))).toHaveProperty('code', 'LSM_NOT_A_STORE')
  })
})
