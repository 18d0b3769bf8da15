import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Storage } from '@lsm/storage'
import { NodeStorage } from '@lsm/storage/node'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Engine } from '../src/index.ts'

let path: string
beforeEach(async () => {
  path = await mkdtemp(join(tmpdir(), 'lsm-engine-read-only-'))
})
afterEach(() => rm(path, { recursive: true, force: true }))

/** A storage that calls `before` with each file that is about to be opened. */
async function hooked(before: (name: string) => Promise<void>): Promise<Storage> {
  const storage = await NodeStorage.open(path)
  return new Proxy<Storage>(storage, {
    get(target, name) {
      if (name === 'open') {
        return async (...args: Parameters<Storage['open']>) => {
          await before(args[0])
          return target.open(...args)
        }
      }
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

let round = 0
/** Replaces every table, log segment and manifest of the store. */
async function rewrite(writer: Engine): Promise<void> {
  round++
  // More than the 64 KiB at which a flush begins a new segment.
  for (let i = 0; i < 20; i++) await writer.put(`key-${i}`, `${round}`.padEnd(8192, '.'))
  await writer.compact()
}

const text = (value: Uint8Array | undefined): string | undefined => value && new TextDecoder().decode(value)
const openWriter = (): Promise<Engine> => Engine.open(path, { durability: 'os', compactionWorkers: 0 })

describe('a store that is opened to read while it is written', () => {
  it.each([
    ['its manifest', /^manifest-/],
    ['a table', /\.sst$/],
    ['a log segment', /\.wal$/],
  ])('is read as it is later, when %s vanishes in between', async (_, pattern) => {
    const writer = await openWriter()
    await rewrite(writer)
    await writer.put('last', 'in the log')
    const names = await readdir(path)
    expect(names.filter((name) => pattern.test(name))).not.toEqual([])
    let rewrites = 0
    const storage = await hooked(async (name) => {
      if (rewrites > 0 || !pattern.test(name)) return
      rewrites++
      await rewrite(writer)
    })
    const reader = await Engine.open(path, { readOnly: true }, { storage })
    expect(rewrites).toBe(1)
    expect(text(await reader.get('key-7'))?.startsWith(`${round}.`)).toBe(true)
    expect(text(await reader.get('last'))).toBe('in the log')
    // What it has open stays readable, whatever the writer does.
    await rewrite(writer)
    expect(text(await reader.get('key-8'))?.startsWith(`${round - 1}.`)).toBe(true)
    await reader.close()
    expect(storage.openFiles).toEqual([])
    await writer.close()
  })

  it('is LSM_BUSY when it changes every time', async () => {
    const writer = await openWriter()
    await rewrite(writer)
    let rewrites = 0
    const storage = await hooked(async (name) => {
      if (!name.endsWith('.sst')) return
      rewrites++
      await rewrite(writer)
    })
    await expect(Engine.open(path, { readOnly: true }, { storage })).rejects.toMatchObject({ code: 'LSM_BUSY' })
    expect(rewrites).toBe(10)
    expect(storage.openFiles).toEqual([])
    await writer.close()
  })

  it('is damaged at once where a table is missing and nobody writes', async () => {
    const writer = await openWriter()
    await rewrite(writer)
    await writer.close()
    const table = (await readdir(path)).find((name) => name.endsWith('.sst'))!
    await rm(join(path, table))
    let opened = 0
    const storage = await hooked(async (name) => {
      if (name === table) opened++
    })
    const error = await Engine.open(path, { readOnly: true }, { storage }).then(
      () => undefined,
      (reason: unknown) => reason,
    )
    expect(error).toMatchObject({ code: 'LSM_CORRUPTION', file: table })
    expect(opened).toBe(1)
  })
})
