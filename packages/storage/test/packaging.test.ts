import { join } from 'node:path'
import { build } from 'esbuild'
import { expect, test } from 'vitest'
import { invalidRange, invalidType, StorageError } from '../src/errors.ts'
import { MemoryStorage } from '../src/index.ts'
import { mapError } from '../src/map-error.ts'
import { NodeStorage as Unsupported } from '../src/node/unsupported.ts'

async function bundle(code: string): Promise<string> {
  const result = await build({
    stdin: { contents: code, resolveDir: join(import.meta.dirname, '..'), loader: 'ts' },
    bundle: true,
    write: false,
    platform: 'browser',
    format: 'esm',
    conditions: ['@lsm/source'],
    logLevel: 'silent',
  })
  return result.outputFiles[0]!.text
}

test.each(['@lsm/storage', '@lsm/storage/node', '@lsm/storage/testing', '@lsm/storage/conformance'])(
  'nothing of Node.js reaches a browser through %s',
  async (entry) => {
    const text = await bundle(`export * from '${entry}'`)
    expect(text).not.toMatch(/["']node:|\bprocess\.|\bBuffer\b|\brequire\(/)
    expect(text).toMatch(/STORAGE_/)
  },
)

test('the same names stand for real files where there are none', async () => {
  const unsupported = { code: 'STORAGE_UNSUPPORTED' }
  await expect(Unsupported.open()).rejects.toMatchObject(unsupported)
  await expect(Unsupported.attach()).rejects.toMatchObject(unsupported)
  await expect(Unsupported.removeEmpty()).rejects.toMatchObject(unsupported)
})

test('errors say what, where and why', () => {
  const cause = new Error('the disk is on fire')
  const error = new StorageError('STORAGE_IO', 'a write failed', { file: 'a', offset: 7, cause })
  expect(error).toMatchObject({ name: 'StorageError', code: 'STORAGE_IO', file: 'a', offset: 7, cause })
  expect(error).toBeInstanceOf(Error)
  expect(new StorageError('STORAGE_IO', 'bare')).not.toHaveProperty('cause')
  expect(invalidType('x')).toBeInstanceOf(TypeError)
  expect(invalidRange('x')).toMatchObject({ code: 'STORAGE_INVALID_ARGUMENT', message: 'x' })
})

test('what the runtimes throw becomes a code', () => {
  const context = { file: 'a', offset: 3 }
  const mapped = (error: unknown): unknown => mapError(error, 'read', '/store', context)
  for (const [system, code] of [
    ['ENOENT', 'STORAGE_NOT_FOUND'],
    ['EDQUOT', 'STORAGE_NO_SPACE'],
    ['EFBIG', 'STORAGE_NO_SPACE'],
    ['EROFS', 'STORAGE_PERMISSION'],
    ['ENFILE', 'STORAGE_TOO_MANY_FILES'],
    ['ENOTDIR', 'STORAGE_NOT_A_DIRECTORY'],
    ['ELOOP', 'STORAGE_NOT_A_FILE'],
    ['EIO', 'STORAGE_IO'],
    ['constructor', 'STORAGE_IO'],
  ]) {
    const cause = Object.assign(new Error('no'), { code: system })
    expect(mapped(cause), system).toMatchObject({ code, cause, message: 'read of "a" in /store at 3 failed: no' })
  }
  expect(mapped(Object.assign(new Error('no'), { name: 'NotCapable' }))).toMatchObject({ code: 'STORAGE_PERMISSION' })
  expect(mapped('no error at all')).toMatchObject({ code: 'STORAGE_IO', cause: 'no error at all' })
  const own = new StorageError('STORAGE_LOCKED', 'x')
  expect(mapped(own)).toBe(own)
  const misuse = invalidRange('x')
  expect(mapped(misuse)).toBe(misuse)
})

test('bytes of another realm are bytes', async () => {
  const { runInNewContext } = await import('node:vm')
  const foreign = runInNewContext('new Uint8Array([1, 2, 3])') as Uint8Array
  expect(foreign instanceof Uint8Array).toBe(false)
  const storage = new MemoryStorage()
  const file = await storage.open('a', { mode: 'create' })
  expect(await file.append(foreign)).toBe(0)
  expect(await file.size()).toBe(3)
})
