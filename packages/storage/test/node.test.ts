import { execFileSync } from 'node:child_process'
import { chmod, mkdir, readdir, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type NodeFileSystem, NodeStorage, nodeFileSystem } from '../src/node/index.ts'
import { FaultPlan, faultyFileSystem } from '../src/testing/index.ts'
import { openWith, temporaryDirectory } from './temporary.ts'

const unix = process.platform !== 'win32'

describe.runIf(unix)('what may be in the directory', () => {
  test('files are made 0600 and directories 0700', async () => {
    const path = join(await temporaryDirectory(), 'x', 'y')
    const storage = await NodeStorage.open(path)
    await storage.lock()
    await (await storage.open('a', { mode: 'create' })).close()
    await storage.publish('b', new Uint8Array(3))
    for (const name of ['a', 'b', 'LOCK']) expect((await stat(join(path, name))).mode & 0o777, name).toBe(0o600)
    for (const directory of [path, join(path, '..')]) expect((await stat(directory)).mode & 0o777).toBe(0o700)
    await storage.close()
  })

  test('a symbolic link is refused wherever a file is wanted, and its target left alone', async () => {
    const path = await temporaryDirectory()
    const outside = join(await temporaryDirectory(), 'outside')
    await writeFile(outside, 'keep')
    await symlink(outside, join(path, 'a'))
    await symlink(join(path, 'nothing'), join(path, 'dangling'))
    const storage = await NodeStorage.open(path)
    const refused = { code: 'STORAGE_NOT_A_FILE', file: 'a' }
    await expect(storage.open('a', { mode: 'read' })).rejects.toMatchObject(refused)
    await expect(storage.open('a', { mode: 'write' })).rejects.toMatchObject(refused)
    await expect(storage.size('a')).rejects.toMatchObject(refused)
    expect(() => storage.openSync('a')).toThrow(expect.objectContaining(refused))
    await expect(storage.open('dangling', { mode: 'create' })).rejects.toMatchObject({ code: 'STORAGE_EXISTS' })
    await expect(storage.publish('dangling', new Uint8Array(1))).rejects.toMatchObject({ code: 'STORAGE_EXISTS' })
    expect(await readdir(path)).toEqual(['a', 'dangling'])
    expect(await readFile(outside, 'utf8')).toBe('keep')
    expect(await storage.list()).toEqual(['a', 'dangling'])
    await storage.close()
  })

  test('a directory and a pipe are no files, and a pipe blocks nobody', async () => {
    const path = await temporaryDirectory()
    await mkdir(join(path, 'directory'))
    execFileSync('mkfifo', [join(path, 'pipe')])
    const storage = await NodeStorage.open(path)
    for (const name of ['directory', 'pipe']) {
      const refused = { code: 'STORAGE_NOT_A_FILE' }
      await expect(storage.open(name, { mode: 'read' }), name).rejects.toMatchObject(refused)
      await expect(storage.open(name, { mode: 'write' }), name).rejects.toMatchObject(refused)
      await expect(storage.size(name), name).rejects.toMatchObject(refused)
      expect(() => storage.openSync(name), name).toThrow(expect.objectContaining(refused))
    }
    await storage.close()
  })

  test('names that a storage would not give are neither listed nor touched', async () => {
    const path = await temporaryDirectory()
    for (const name of ['a b', '.hidden', '.DS_Store', 'lost+found', 'ok', 'ünicode'])
      await writeFile(join(path, name), '')
    const storage = await NodeStorage.open(path)
    expect(await storage.list()).toEqual(['ok'])
    expect(await storage.foreignNames()).toEqual(['.hidden', 'a b', 'ünicode'])
    await storage.lock()
    await storage.close()
    expect((await readdir(path)).sort()).toEqual(['.DS_Store', '.hidden', 'LOCK', 'a b', 'lost+found', 'ok', 'ünicode'])
  })
})

describe('the directory itself', () => {
  test('a missing one is made, unless that was not wanted', async () => {
    const path = join(await temporaryDirectory(), 'missing')
    await expect(NodeStorage.open(path, { create: false })).rejects.toMatchObject({ code: 'STORAGE_NOT_FOUND' })
    const opened = await Promise.all(Array.from({ length: 5 }, () => NodeStorage.open(join(path, 'deep'))))
    opened.push(await NodeStorage.open(join(path, 'deep')))
    opened.push(await NodeStorage.open(join(path, 'deep'), { create: false }))
    expect(opened.filter(({ created }) => created)).toHaveLength(1)
    expect(opened.slice(-2).map(({ created }) => created)).toEqual([false, false])
    await Promise.all(opened.map((each) => each.close()))
  })

  test('the entry of a new directory is made durable, and that of one whose maker may have died', async () => {
    const path = join(await temporaryDirectory(), 'one', 'two')
    const synced: string[] = []
    const paths = new Map<number, string>()
    const recording: Partial<NodeFileSystem> = {
      async open(target, flags, mode) {
        const owner = await nodeFileSystem.open(target, flags, mode)
        paths.set(owner.fd, target)
        return owner
      },
      async sync(fd) {
        synced.push(paths.get(fd) ?? '?')
        await nodeFileSystem.sync(fd)
      },
    }
    await (await openWith(recording, path)).close()
    expect(new Set(synced)).toContain(join(path, '..'))
    expect(new Set(synced)).toContain(join(path, '..', '..'))
    synced.length = 0
    await (await openWith(recording, path)).close()
    expect(synced).toEqual([join(path, '..')])
    synced.length = 0
    await (await openWith(recording, join(path, 'three'))).close()
    expect(synced).toEqual([path, join(path, '..')])
  })

  test('a link to a directory, and a file, are refused', async () => {
    const path = await temporaryDirectory()
    await mkdir(join(path, 'real'))
    await symlink('real', join(path, 'link'))
    await writeFile(join(path, 'file'), '')
    for (const name of ['link', 'file', 'file/below']) {
      const code = 'STORAGE_NOT_A_DIRECTORY'
      await expect(NodeStorage.open(join(path, name)), name).rejects.toMatchObject({ code })
    }
    await expect(NodeStorage.open(join(path, 'link'))).rejects.toThrow(/symbolic link, which is refused/)
  })

  test('a worker opens what was described, and nothing that was put in its place', async () => {
    const path = join(await temporaryDirectory(), 'store')
    const storage = await NodeStorage.open(path)
    await storage.publish('a', new Uint8Array([1, 2, 3]))
    const descriptor = JSON.parse(JSON.stringify(storage.describe()))
    const attached = await NodeStorage.attach(descriptor)
    expect(await attached.size('a')).toBe(3)
    await attached.close()
    await rename(path, `${path}-moved`)
    await expect(NodeStorage.attach(descriptor)).rejects.toMatchObject({ code: 'STORAGE_NOT_FOUND' })
    await mkdir(path)
    await expect(NodeStorage.attach(descriptor)).rejects.toMatchObject({ code: 'STORAGE_NOT_A_DIRECTORY' })
    await storage.close()
  })

  test('an empty one can be taken away with its lock, one that holds anything or is locked cannot', async () => {
    const path = join(await temporaryDirectory(), 'store')
    const storage = await NodeStorage.open(path)
    await storage.lock()
    await storage.publish('a', new Uint8Array(1))
    await expect(NodeStorage.removeEmpty(path)).rejects.toMatchObject({ code: 'STORAGE_LOCKED' })
    await storage.close()
    await writeFile(join(path, 'not ours'), '')
    await expect(NodeStorage.removeEmpty(path)).rejects.toThrow(/a, not ours|not ours, a/)
    expect((await readdir(path)).sort()).toEqual(['LOCK', 'a', 'not ours'])
    await rm(join(path, 'not ours'))
    await rm(join(path, 'a'))
    await NodeStorage.removeEmpty(path)
    await expect(NodeStorage.removeEmpty(path)).rejects.toMatchObject({ code: 'STORAGE_NOT_FOUND' })
  })

  test.runIf(unix && process.getuid?.() !== 0)('one that may not be written is STORAGE_PERMISSION', async () => {
    const path = await temporaryDirectory()
    await chmod(path, 0o500)
    const storage = await NodeStorage.open(path)
    await expect(storage.open('a', { mode: 'create' })).rejects.toMatchObject({ code: 'STORAGE_PERMISSION' })
    await storage.close()
  })
})

describe('the gate', () => {
  test('no descriptor is closed while a call on it is pending', async () => {
    const pending = new Map<number, number>()
    const count = async (fd: number, run: () => Promise<number>): Promise<number> => {
      pending.set(fd, (pending.get(fd) ?? 0) + 1)
      await new Promise((resolve) => setTimeout(resolve, 5))
      try {
        return await run()
      } finally {
        pending.set(fd, pending.get(fd)! - 1)
      }
    }
    const closedWith: (number | undefined)[] = []
    const storage = await openWith({
      write: (fd, ...rest) => count(fd, () => nodeFileSystem.write(fd, ...rest)),
      read: (fd, ...rest) => count(fd, () => nodeFileSystem.read(fd, ...rest)),
      async open(path, flags, mode) {
        const owner = await nodeFileSystem.open(path, flags, mode)
        const fd = owner.fd
        return {
          fd,
          close() {
            closedWith.push(pending.get(fd))
            return owner.close()
          },
        }
      },
    })
    const file = await storage.open('a', { mode: 'create' })
    const calls = [file.append(new Uint8Array(10)), file.append(new Uint8Array(10)), file.read(new Uint8Array(5), 0)]
    closedWith.length = 0
    const closing = file.close()
    expect(() => file.appendSync(new Uint8Array(1))).toThrow(expect.objectContaining({ code: 'STORAGE_CLOSED' }))
    await Promise.all([...calls, closing])
    expect(closedWith).toEqual([0])
    await storage.close()
  })

  test('a closed file does not write into the file that got its descriptor', async () => {
    const storage = await openWith({})
    const first = await storage.open('first', { mode: 'create' })
    await first.close()
    const second = await storage.open('second', { mode: 'create' })
    expect(() => first.appendSync(new Uint8Array([1]))).toThrow(expect.objectContaining({ code: 'STORAGE_CLOSED' }))
    await expect(first.write(new Uint8Array([1]), 0)).rejects.toMatchObject({ code: 'STORAGE_CLOSED' })
    expect(await second.size()).toBe(0)
    await storage.close()
  })
})

describe('failed syncs', () => {
  test('a failed datasync is not tried again, and ends all writing to that file', async () => {
    const plan = new FaultPlan()
    const storage = await openWith(faultyFileSystem(plan, nodeFileSystem))
    const file = await storage.open('a', { mode: 'create' })
    const other = await storage.open('b', { mode: 'create' })
    await file.append(new Uint8Array([1, 2, 3]))
    plan.add({ fault: 'EIO', when: ({ kind }) => kind === 'datasync' })
    await expect(file.datasync()).rejects.toMatchObject({ code: 'STORAGE_IO', file: 'a', cause: { code: 'EIO' } })
    let syncs = 0
    plan.add({ fault: 'short', forever: true, when: ({ kind }) => kind === 'datasync' && ++syncs > 0 })
    const failed = { code: 'STORAGE_FAILED', cause: { code: 'STORAGE_IO' } }
    await expect(file.datasync()).rejects.toMatchObject(failed)
    await expect(file.append(new Uint8Array(1))).rejects.toMatchObject(failed)
    await expect(file.write(new Uint8Array(1), 0)).rejects.toMatchObject(failed)
    await expect(file.truncate(0)).rejects.toMatchObject(failed)
    expect(() => file.appendSync(new Uint8Array(1))).toThrow(expect.objectContaining({ code: 'STORAGE_FAILED' }))
    const again = await storage.open('a', { mode: 'write' })
    await expect(again.datasync()).rejects.toMatchObject(failed)
    expect(syncs).toBe(0)
    expect(await file.size()).toBe(3)
    await other.append(new Uint8Array(1))
    await other.datasync()
    expect(syncs).toBe(1)
    await storage.close()
  })

  test('of two datasyncs side by side the second does not hide the failure of the first', async () => {
    // The system tells of a lost page once; a second sync on the descriptor would succeed.
    const plan = new FaultPlan().add({ fault: 'EIO', when: ({ kind }) => kind === 'datasync' })
    const storage = await openWith(faultyFileSystem(plan, nodeFileSystem))
    const file = await storage.open('a', { mode: 'create' })
    await file.append(new Uint8Array(10))
    const results = await Promise.allSettled([file.datasync(), file.datasync(), file.datasync()])
    expect(results.map((result) => result.status)).toEqual(['rejected', 'rejected', 'rejected'])
    await storage.close()
  })

  test('datasyncs that wait share one, which begins after they were called', async () => {
    let running = 0
    let started = 0
    const storage = await openWith({
      async datasync(fd) {
        started++
        expect(++running).toBe(1)
        await nodeFileSystem.datasync(fd)
        running--
      },
    })
    const file = await storage.open('a', { mode: 'create' })
    await Promise.all(Array.from({ length: 10 }, () => file.datasync()))
    expect(started).toBe(2)
    await file.datasync()
    expect(started).toBe(3)
    await storage.close()
  })

  test('a failed sync of the directory ends all changes of names', async () => {
    const plan = new FaultPlan()
    const storage = await openWith(faultyFileSystem(plan, nodeFileSystem))
    const file = await storage.open('a', { mode: 'create' })
    plan.add({ fault: 'EIO', when: ({ kind }) => kind === 'syncDirectory' })
    await expect(storage.syncDirectory()).rejects.toMatchObject({ code: 'STORAGE_IO' })
    const failed = { code: 'STORAGE_FAILED' }
    await expect(storage.syncDirectory()).rejects.toMatchObject(failed)
    await expect(storage.publish('b', new Uint8Array(1))).rejects.toMatchObject(failed)
    await expect(storage.remove('a')).rejects.toMatchObject(failed)
    await expect(storage.open('b', { mode: 'create' })).rejects.toMatchObject(failed)
    expect(await storage.list()).toEqual(['a'])
    await file.append(new Uint8Array(1))
    expect(await file.size()).toBe(1)
    await storage.close()
  })

  test('a failed close of a file that was written is reported and remembered', async () => {
    const plan = new FaultPlan()
    const storage = await openWith(faultyFileSystem(plan, nodeFileSystem))
    const file = await storage.open('a', { mode: 'create' })
    plan.add({ fault: 'ENOSPC', when: ({ kind, name }) => kind === 'close' && name === 'a' })
    await expect(file.close()).rejects.toMatchObject({ code: 'STORAGE_NO_SPACE' })
    expect(storage.openFiles).toEqual([])
    const again = await storage.open('a', { mode: 'write' })
    await expect(again.append(new Uint8Array(1))).rejects.toMatchObject({ code: 'STORAGE_FAILED' })
    await again.close()
    await storage.remove('a')
    const anew = await storage.open('a', { mode: 'create' })
    expect(await anew.append(new Uint8Array(1))).toBe(0)
    await storage.close()
  })
})
