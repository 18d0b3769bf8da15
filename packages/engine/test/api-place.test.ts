/** The place where a store is made, and what opening leaves there when it fails. */
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { MemoryStorage, type Storage } from '@lsm/storage'
import { nodeFileSystem } from '@lsm/storage/node'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { Engine, type EngineOptions } from '../src/index.ts'
import { errorOf, expectRefused, makeStore, pictureOf, TINY, temporaryDirectory, text } from './api-fixtures.ts'

afterEach(() => vi.restoreAllMocks())

describe('a directory of another program', () => {
  const files = ['.hidden', 'two words.txt', 'größe.txt', 'notes.txt~', 'a'.repeat(201), '.publish']
  test.each(files)('with nothing but %s in it is no store, and none is made there', async (name) => {
    const path = await temporaryDirectory()
    await writeFile(join(path, name), 'mine')
    for (const options of [{}, { readOnly: true }, { createIfMissing: false }]) {
      const error = await expectRefused(path, 'LSM_NOT_A_STORE', options)
      expect(error.message).toContain(name)
      expect(error.message).not.toMatch(/ more/)
    }
  })

  test.each(['.git', 'my documents'])('with nothing but a directory %s', async (name) => {
    const path = await temporaryDirectory()
    await mkdir(join(path, name))
    await expectRefused(path, 'LSM_NOT_A_STORE')
  })

  test('with several files is told by one of them and the number of the others', async () => {
    const path = await temporaryDirectory()
    for (const name of ['.hidden', 'a', 'b b']) await writeFile(join(path, name), 'mine')
    const error = await expectRefused(path, 'LSM_NOT_A_STORE')
    expect(error.message).toMatch(/it holds a and 2 more\./)
  })

  test('is not what an interrupted opening left', async () => {
    const path = await temporaryDirectory()
    await writeFile(join(path, 'LOCK'), '')
    await writeFile(join(path, '.publish-0123456789abcdef'), 'half a manifest')
    await (await Engine.open(path)).close()
    expect((await readdir(path)).some((name) => name.startsWith('.publish-'))).toBe(false)
  })

  test('is not a store with a foreign file beside it', async () => {
    const path = await makeStore()
    await writeFile(join(path, '.DS_Store'), 'mine')
    await (await Engine.open(path)).close()
    expect(await readFile(join(path, '.DS_Store'), 'utf8')).toBe('mine')
  })
})

/** Gives this runtime zstd or takes it away. It is never called: nothing is flushed here. */
function runtimeWith(zstd: boolean): void {
  vi.restoreAllMocks()
  const real = process.getBuiltinModule.bind(process)
  const codec = zstd ? () => expect.unreachable() : undefined
  vi.spyOn(process, 'getBuiltinModule').mockImplementation(((name: string) => {
    const module = real(name) as object
    return name === 'node:zlib' ? { ...module, zstdCompressSync: codec, zstdDecompressSync: codec } : module
  }) as typeof process.getBuiltinModule)
}

describe('a compression that this runtime lacks', () => {
  const zstd: EngineOptions = { keyspaceDefaults: { compression: 'zstd' } }

  test('makes no store: no directory and no lock', async () => {
    runtimeWith(false)
    const parent = await temporaryDirectory()
    const error = await expectRefused(join(parent, 'a', 'store'), 'LSM_UNSUPPORTED', zstd, parent)
    expect(error.message).toMatch(/lacks zstd.*Node\.js 22\.15.*another keyspaceDefaults\.compression/)
    await mkdir(join(parent, 'empty'))
    await expectRefused(join(parent, 'empty'), 'LSM_UNSUPPORTED', zstd, parent)
    const storage = new MemoryStorage()
    expect(await errorOf(() => Engine.open('memory', zstd, { storage }))).toHaveProperty('code', 'LSM_UNSUPPORTED')
    expect(await storage.reopen().list()).toEqual([])
    // What is wrong with the path comes first, as without it.
    await expectRefused(join(parent, 'none'), 'LSM_NOT_FOUND', { ...zstd, createIfMissing: false }, parent)
    await expectRefused(join(parent, 'none'), 'LSM_NOT_FOUND', { ...zstd, readOnly: true }, parent)
  })

  test('is no concern of a store that has another', async () => {
    const path = await makeStore()
    runtimeWith(false)
    const engine = await Engine.open(path, zstd)
    await engine.put('a', '1')
    await engine.flush()
    await engine.close()
    await expectRefused(path, 'LSM_EXISTS', { ...zstd, errorIfExists: true })
  })

  test('opens no store that has it, but to read', async () => {
    const path = join(await temporaryDirectory(), 'store')
    runtimeWith(true)
    const engine = await Engine.open(path, zstd)
    await engine.put('a', '1')
    await engine.close()
    runtimeWith(false)
    for (const options of [{}, { keyspaceDefaults: { compression: 'none' } }, TINY] as EngineOptions[]) {
      const error = await expectRefused(path, 'LSM_UNSUPPORTED', options)
      expect(error.message).toMatch(/lacks zstd.*use Node\.js 22\.15 or newer$/)
    }
    const reader = await Engine.open(path, { readOnly: true })
    expect(text(await reader.get('a'))).toBe('1')
    await reader.close()
    runtimeWith(true)
    await (await Engine.open(path)).close()
  })
})

test('a log segment of a newer format is refused before anything is published', async () => {
  const path = await makeStore()
  const segments = (await readdir(path)).filter((name) => name.endsWith('.wal'))
  expect(segments).not.toEqual([])
  for (const segment of segments) {
    const bytes = await readFile(join(path, segment))
    const newer = Buffer.from(bytes)
    newer.writeUInt32BE(2, 8)
    await writeFile(join(path, segment), newer)
    for (const options of [{}, { recovery: 'point-in-time' }, { readOnly: true }] as const) {
      expect(await expectRefused(path, 'LSM_UNSUPPORTED_FORMAT', options)).toHaveProperty('file', segment)
    }
    await writeFile(join(path, segment), bytes)
  }
  await (await Engine.open(path)).close()
})

describe('where the disk is full', () => {
  function fillDisk(): void {
    const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' })
    vi.spyOn(nodeFileSystem, 'write').mockRejectedValue(full)
    vi.spyOn(nodeFileSystem, 'writeSync').mockImplementation(() => {
      throw full
    })
  }

  test('a directory that opening made is taken away again', async () => {
    const parent = await temporaryDirectory()
    fillDisk()
    const error = await expectRefused(join(parent, 'store'), 'LSM_NO_SPACE', {}, parent)
    expect(error.message).toMatch(/no store was made/)
    vi.restoreAllMocks()
    await (await Engine.open(join(parent, 'store'))).close()
  })

  test('one that was there stays, with its lock file, and the message says no more than that', async () => {
    const path = await temporaryDirectory()
    fillDisk()
    const error = await errorOf(() => Engine.open(path))
    expect(error).toHaveProperty('code', 'LSM_NO_SPACE')
    expect(error.message).toMatch(/no store was made/)
    expect(await readdir(path)).toEqual(['LOCK'])
    vi.restoreAllMocks()
    await (await Engine.open(path, { errorIfExists: true })).close()
  })

  test('a store that is there is as it was', async () => {
    const path = await makeStore()
    const { LOCK: _, ...before } = await pictureOf(path)
    fillDisk()
    const error = await errorOf(() => Engine.open(path))
    expect(error).toHaveProperty('code', 'LSM_NO_SPACE')
    const { LOCK: __, ...after } = await pictureOf(path)
    expect(after).toEqual(before)
  })

  test('a directory in which somebody else has put something meanwhile is left alone', async () => {
    const path = join(await temporaryDirectory(), 'store')
    const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' })
    vi.spyOn(nodeFileSystem, 'datasync').mockImplementation(async () => {
      await writeFile(join(path, 'mine'), 'mine')
      throw full
    })
    expect(await errorOf(() => Engine.open(path))).toHaveProperty('code', 'LSM_NO_SPACE')
    expect((await readdir(path)).sort()).toEqual(['LOCK', 'mine'])
  })
})

test('a storage that is handed over tells what is foreign itself', async () => {
  const storage: Storage = Object.assign(new MemoryStorage(), { foreignNames: async () => ['.somebody'] })
  const error = await errorOf(() => Engine.open('memory', {}, { storage }))
  expect(error).toHaveProperty('code', 'LSM_NOT_A_STORE')
  expect(error.message).toMatch(/it holds \.somebody\./)
})
