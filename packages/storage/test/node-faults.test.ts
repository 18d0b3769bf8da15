import { link, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type NodeFileSystem, NodeStorage, nodeFileSystem } from '../src/node/index.ts'
import { FaultPlan, faultyFileSystem } from '../src/testing/index.ts'
import { openWith, temporaryDirectory } from './temporary.ts'

function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: made up`), { code })
}

describe('publishing', () => {
  test('the bytes are durable before the name is given, and the name before the answer', async () => {
    const plan: string[] = []
    const counting = new FaultPlan({ onOperation: ({ kind }) => plan.push(kind) })
    const storage = await openWith(faultyFileSystem(counting, nodeFileSystem))
    plan.length = 0
    await storage.publish('a', new Uint8Array(3)).then(() => plan.push('answer'))
    // The temporary name goes after the commit, and its removal needs no sync of its own.
    expect(plan).toEqual(['open', 'write', 'datasync', 'close', 'link', 'syncDirectory', 'unlink', 'answer'])
    await storage.close()
  })

  test('where there are no hard links it renames under the lock, and still loses against a taken name', async () => {
    const path = await temporaryDirectory()
    const noLinks: Partial<NodeFileSystem> = { link: () => Promise.reject(systemError('EPERM')) }
    const storage = await openWith(noLinks, path)
    await expect(storage.publish('a', new Uint8Array(1))).rejects.toMatchObject({ code: 'STORAGE_UNSUPPORTED' })
    await storage.lock()
    const results = await Promise.allSettled([1, 2, 3].map((size) => storage.publish('a', new Uint8Array(size))))
    expect(results.filter((result) => result.status === 'fulfilled')).toHaveLength(1)
    await expect(storage.publish('a', new Uint8Array(9))).rejects.toMatchObject({ code: 'STORAGE_EXISTS' })
    expect((await readdir(path)).sort()).toEqual(['LOCK', 'a'])
    await storage.close()
  })

  test('a link that was made although the answer says otherwise is a success', async () => {
    const storage = await openWith({
      async link(existing, path) {
        await nodeFileSystem.link(existing, path)
        throw systemError('EEXIST')
      },
    })
    await storage.publish('a', new Uint8Array(7))
    expect(await storage.size('a')).toBe(7)
    await storage.close()
  })

  test('what an interrupted one left behind goes with the next lock', async () => {
    const path = await temporaryDirectory()
    await writeFile(join(path, '.publish-0123'), 'half')
    const storage = await NodeStorage.open(path)
    expect(await storage.list()).toEqual([])
    await storage.lock()
    expect(await readdir(path)).toEqual(['LOCK'])
    await storage.close()
  })

  test('a second name of a published file is not followed back into it', async () => {
    const path = await temporaryDirectory()
    const storage = await NodeStorage.open(path)
    await storage.publish('a', new Uint8Array(3))
    await link(join(path, 'a'), join(path, 'b'))
    await storage.remove('a')
    expect(await storage.size('b')).toBe(3)
    await storage.close()
  })
})

describe('every system call fails once', () => {
  const steps = async (storage: NodeStorage): Promise<void> => {
    const file = await storage.open('a', { mode: 'create' })
    await file.append(new Uint8Array(100))
    await file.datasync()
    await storage.syncDirectory()
    await storage.publish('m', new Uint8Array(50))
    await file.truncate(10)
    await file.read(new Uint8Array(10), 0)
    await file.close()
    await storage.size('a')
    await storage.list()
    await storage.remove('a')
  }

  test.each(['EIO', 'ENOSPC', 'EMFILE', 'EACCES', 'short'] as const)(
    'with %s: a coded error, no descriptor left',
    async (fault) => {
      const count = new FaultPlan()
      const clean = await openWith(faultyFileSystem(count, nodeFileSystem))
      await steps(clean)
      await clean.close()
      expect(count.operations).toBeGreaterThan(20)
      let failed = 0
      for (let at = 1; at <= count.operations; at++) {
        const plan = new FaultPlan().add({ fault, at })
        const path = await temporaryDirectory()
        const run = async (): Promise<void> => {
          const storage = await NodeStorage.open(path, {}, { fileSystem: faultyFileSystem(plan, nodeFileSystem) })
          try {
            await steps(storage)
          } finally {
            await storage.close()
          }
        }
        const error = await run().then(
          () => undefined,
          (reason: unknown) => reason,
        )
        if (error !== undefined) {
          failed++
          expect(error, `operation ${at}`).toMatchObject({ code: expect.stringMatching(/^STORAGE_/) })
        }
        expect(plan.failures, `operation ${at}`).toBe(1)
        expect(plan.openDescriptors, `operation ${at}`).toBe(0)
      }
      if (fault === 'short') expect(failed).toBe(0)
      else expect(failed).toBeGreaterThan(15)
    },
  )
})
