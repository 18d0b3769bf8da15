import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from 'esbuild'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { MemoryStorage, StorageError, type StorageLock } from '../src/index.ts'
import { type NodeFileSystem, NodeStorage, nodeFileSystem } from '../src/node/index.ts'
import { type LockMethod, lockMethods, takeNodeLock } from '../src/node/lock.ts'
import { flockThroughChild } from '../src/node/lock-flock.ts'
import { holdSocket } from '../src/node/lock-socket.ts'
import { temporaryDirectory } from './temporary.ts'

const PROCESSES = 50

const linux = process.platform === 'linux'
let folder = ''
let entry = ''

beforeAll(async () => {
  // Node.js 20 runs no TypeScript; and 50 processes start faster from one file.
  folder = await mkdtemp(join(tmpdir(), 'lsm-storage-'))
  entry = join(folder, 'race-entry.mjs')
  await build({
    entryPoints: [join(import.meta.dirname, 'race-entry.ts')],
    outfile: entry,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    logLevel: 'error',
  })
})

afterAll(() => rm(folder, { recursive: true, force: true }))

/** A process and the lines it says. One that holds a lock holds it until it is killed. */
class Racer {
  readonly process: ChildProcess
  readonly lines: string[] = []
  /** Settles when it is gone and all that it said was heard. */
  readonly closed: Promise<unknown>
  #isClosed = false

  constructor(command: readonly string[]) {
    const [program = '', ...rest] = command
    this.process = spawn(program, rest, { stdio: ['pipe', 'pipe', 'inherit'] })
    this.closed = once(this.process, 'close').then(() => {
      this.#isClosed = true
    })
    let text = ''
    this.process.stdout?.on('data', (chunk: Buffer) => {
      text += chunk.toString()
      const lines = text.split('\n')
      text = lines.pop() ?? ''
      for (const line of lines) {
        this.lines.push(line)
        this.process.emit('line')
      }
    })
  }

  async said(count: number): Promise<void> {
    while (this.lines.length < count) {
      if (this.#isClosed) {
        const { exitCode, signalCode } = this.process
        throw new Error(`ended with ${exitCode ?? signalCode} after ${this.lines.length} of ${count} lines`)
      }
      await Promise.race([once(this.process, 'line'), this.closed])
    }
  }

  async kill(): Promise<void> {
    this.process.kill('SIGKILL')
    await this.closed
  }
}

function racer(
  directory: string,
  method: string,
  options: { under?: readonly string[]; workers?: number; deathStep?: number } = {},
): Racer {
  const { under = [], workers = 0, deathStep = '' } = options
  const each = new Racer([...under, process.execPath, entry, directory, method, `${workers}`, `${deathStep}`])
  onTestFinished(() => each.kill())
  return each
}

async function raceOf(directory: string, method: string, count: number): Promise<{ winner: Racer; racers: Racer[] }> {
  const racers = Array.from({ length: count }, () => racer(directory, method))
  await Promise.all(racers.map((each) => each.said(1)))
  const tally = racers.map((each) => each.lines[0])
  expect(tally.filter((line) => line === 'locked')).toHaveLength(1)
  expect(tally.filter((line) => line === 'STORAGE_LOCKED')).toHaveLength(count - 1)
  return { winner: racers.find((each) => each.lines[0] === 'locked')!, racers }
}

describe.runIf(linux)('between processes', () => {
  test(`of ${PROCESSES} processes one gets the lock, and kill -9 lets the next one in`, async () => {
    const directory = join(await temporaryDirectory(), 'made-by-the-race')
    const { winner, racers } = await raceOf(directory, 'auto', PROCESSES)
    const refused = await NodeStorage.open(directory)
    await expect(refused.lock()).rejects.toMatchObject({
      code: 'STORAGE_LOCKED',
      message: expect.stringContaining(`process ${winner.process.pid} on `),
    })
    await winner.kill()
    const lock = await refused.lock()
    expect(lock.held).toBe(true)
    await refused.close()
    await Promise.all(racers.map((each) => each.kill()))
  })

  test('by the socket as well', async () => {
    const directory = await temporaryDirectory()
    const { winner, racers } = await raceOf(directory, 'socket', 8)
    await winner.kill()
    const lock = await takeNodeLock(nodeFileSystem, directory, ['socket'])
    expect(lock.method).toBe('socket')
    await lock.release()
    await Promise.all(racers.map((each) => each.kill()))
  })

  test.each(['auto', 'socket'])('of the workers of one cluster, one gets the lock (%s)', async (method) => {
    const directory = await temporaryDirectory()
    const primary = racer(directory, method, { workers: 4 })
    await primary.said(4)
    expect(primary.lines.toSorted()).toEqual(['STORAGE_LOCKED', 'STORAGE_LOCKED', 'STORAGE_LOCKED', 'locked'])
    await primary.kill()
  })

  test('a holder that is killed at any step of taking the lock leaves none behind', async () => {
    let deaths = 0
    for (let isDead = true; isDead; ) {
      // A directory for each: a flock(1) that lived on cannot get into the way of the next one.
      const directory = await temporaryDirectory()
      const victim = racer(directory, 'auto', { deathStep: deaths })
      await Promise.race([victim.closed, victim.said(1).catch(() => {})])
      isDead = victim.process.signalCode === 'SIGKILL'
      if (isDead) deaths++
      // It came to the end of its steps: all of them had their victim.
      else expect(victim.lines).toEqual(['locked'])
      await victim.kill()
      const storage = await NodeStorage.open(directory)
      expect((await lockSoon(storage))?.held, `after step ${deaths}`).toBe(true)
      await storage.close()
    }
    // Opening LOCK, looking at it, flock(1), looking again, writing the holder's name: before and after each.
    expect(deaths).toBeGreaterThanOrEqual(10)
  })

  /** A flock(1) may outlive who started it for the moment that it needs to find its answer, but not for this many. */
  async function lockSoon(storage: NodeStorage): Promise<StorageLock | undefined> {
    for (let attempt = 0; attempt < 1000; attempt++) {
      try {
        return await storage.lock()
      } catch (error) {
        expect(error).toMatchObject({ code: 'STORAGE_LOCKED' })
      }
    }
    return undefined
  }
})

const namespaces = linux && spawnSync('unshare', ['-n', 'true']).status === 0
const required = (process.env.LSM_REQUIRE ?? '').split(',').includes('netns')

describe.runIf(linux)('from another network namespace', () => {
  test('can be tested here where LSM_REQUIRE asks for it', () => {
    const message = 'LSM_REQUIRE names netns, and this machine cannot make a network namespace'
    expect(namespaces || !required, message).toBe(true)
  })

  test.runIf(namespaces)('the lock excludes as it does at home', async () => {
    const directory = await temporaryDirectory()
    const storage = await NodeStorage.open(directory)
    const lock = await storage.lock()
    const stranger = racer(directory, 'auto', { under: ['unshare', '-n'] })
    await stranger.said(1)
    expect(stranger.lines).toEqual(['STORAGE_LOCKED'])
    await stranger.kill()
    await lock.release()
    const second = racer(directory, 'auto', { under: ['unshare', '-n'] })
    await second.said(1)
    expect(second.lines).toEqual(['locked'])
    await expect(storage.lock()).rejects.toMatchObject({ code: 'STORAGE_LOCKED' })
    await second.kill()
    await storage.close()
  })

  test.runIf(namespaces)('the socket does not: the limit that the documents name', async () => {
    const directory = await temporaryDirectory()
    const lock = await takeNodeLock(nodeFileSystem, directory, ['socket'])
    const stranger = racer(directory, 'socket', { under: ['unshare', '-n'] })
    await stranger.said(1)
    expect(stranger.lines).toEqual(['locked'])
    await stranger.kill()
    await lock.release()
  })
})

describe.runIf(linux)('in one process', () => {
  /** One that nobody else on this machine has: these names hold for all of it, also for other checkouts' tests. */
  const socketName = (): string => `test-${randomUUID()}`

  test.each<LockMethod>(['flock', 'socket'])('a second lock is refused and names this process (%s)', async (method) => {
    const directory = await temporaryDirectory()
    const lock = await takeNodeLock(nodeFileSystem, directory, [method])
    await expect(takeNodeLock(nodeFileSystem, directory, [method])).rejects.toMatchObject({
      code: 'STORAGE_LOCKED',
      message: expect.stringContaining(`process ${process.pid} on `),
    })
    await lock.release()
    const again = await takeNodeLock(nodeFileSystem, directory, [method])
    expect(again.method).toBe(method)
    await again.release()
  })

  test('two paths to one directory are one lock', async () => {
    const above = await temporaryDirectory()
    await mkdir(join(above, 'real', 'store'), { recursive: true })
    await symlink('real', join(above, 'alias'))
    const one = await NodeStorage.open(join(above, 'real', 'store'))
    const other = await NodeStorage.open(join(above, 'alias', 'store'))
    await one.lock()
    await expect(other.lock()).rejects.toMatchObject({ code: 'STORAGE_LOCKED' })
    await Promise.all([one.close(), other.close()])
  })

  test('a lock file that says something wild is not quoted', async () => {
    const directory = await temporaryDirectory()
    const lock = await takeNodeLock(nodeFileSystem, directory)
    await writeFile(join(directory, 'LOCK'), 'process 1 on \u001b[31mevil\nprocess 2')
    await expect(takeNodeLock(nodeFileSystem, directory)).rejects.toThrow(/is locked by another process$/)
    await lock.release()
  })

  test('a lock file that is a symbolic link is refused, and its target left alone', async () => {
    const directory = await temporaryDirectory()
    const target = join(directory, 'precious')
    await writeFile(target, 'keep')
    await symlink(target, join(directory, 'LOCK'))
    const storage = await NodeStorage.open(directory)
    await expect(storage.lock()).rejects.toMatchObject({ code: 'STORAGE_NOT_A_FILE' })
    expect(await readFile(target, 'utf8')).toBe('keep')
    await storage.close()
  })

  test('a lock file that was replaced is a lost lock: nothing is published any more, nor anything changed', async () => {
    const directory = await temporaryDirectory()
    const storage = await NodeStorage.open(directory)
    const lock = await storage.lock()
    const file = await storage.open('a', { mode: 'create' })
    await rename(join(directory, 'LOCK'), join(directory, 'moved'))
    await expect(storage.publish('b', new Uint8Array(1))).rejects.toMatchObject({ code: 'STORAGE_LOCK_LOST' })
    expect(await lock.lost).toMatchObject({ code: 'STORAGE_LOCK_LOST' })
    expect(lock.held).toBe(false)
    const refused = { code: 'STORAGE_LOCK_LOST' }
    expect(() => file.appendSync(new Uint8Array(1))).toThrow(expect.objectContaining(refused))
    await expect(file.append(new Uint8Array(1))).rejects.toMatchObject(refused)
    await expect(file.datasync()).rejects.toMatchObject(refused)
    await expect(storage.open('c', { mode: 'create' })).rejects.toMatchObject(refused)
    await expect(storage.remove('a')).rejects.toMatchObject(refused)
    await expect(storage.syncDirectory()).rejects.toMatchObject(refused)
    await expect(storage.lock()).rejects.toMatchObject(refused)
    expect(await file.size()).toBe(0)
    await storage.close()
  })

  test('a lock file that is replaced between opening and locking is not the one that is locked', async () => {
    const directory = await temporaryDirectory()
    let replaced = 0
    const racing: NodeFileSystem = {
      ...nodeFileSystem,
      async open(path, flags, mode) {
        const owner = await nodeFileSystem.open(path, flags, mode)
        if (replaced++ < 2) await rm(path)
        return owner
      },
    }
    const lock = await takeNodeLock(racing, directory)
    expect(replaced).toBe(3)
    await expect(takeNodeLock(nodeFileSystem, directory)).rejects.toMatchObject({ code: 'STORAGE_LOCKED' })
    await lock.release()
    replaced = -1000
    await expect(takeNodeLock(racing, directory)).rejects.toMatchObject({ code: 'STORAGE_IO' })
  })

  test('a socket that goes away is a lost lock', async () => {
    const name = socketName()
    const held = (await holdSocket(name))!
    expect(await holdSocket(name)).toBeUndefined()
    const another = await holdSocket(socketName())
    expect(another).not.toBeUndefined()
    await another?.release()
    let lost = false
    held.lost.then(() => {
      lost = true
    })
    await new Promise((resolve) => setTimeout(resolve, 10))
    expect(lost).toBe(false)
    await held.release()
    expect(await held.lost).toMatchObject({ code: 'STORAGE_LOCK_LOST' })
  })

  test('the name of the socket fills its field, so that all runtimes mean the same one', async () => {
    const name = socketName()
    const held = (await holdSocket(name))!
    const line = (await readFile('/proc/net/unix', 'utf8')).split('\n').find((each) => each.includes(`lock:${name}:`))
    // "@" stands for the first zero byte.
    expect(new RegExp(`@lsm-storage-lock:${name}:-*`).exec(line ?? '')?.[0]).toHaveLength(108)
    await held.release()
  })

  test('a program that fails is an error and no lock', async () => {
    const owner = await nodeFileSystem.open(import.meta.filename, 0, 0)
    expect(await flockThroughChild(owner.fd, ['/nowhere/flock', 'no-such-program-anywhere'])).toBe('absent')
    await expect(flockThroughChild(owner.fd, ['sh'])).rejects.toMatchObject({ code: 'STORAGE_IO' })
    expect(await flockThroughChild(owner.fd, ['false'])).toBe('taken')
    await owner.close()
  })
})

describe('a lock that can be lost, as a lease is', () => {
  class LeasedStorage extends MemoryStorage {
    expire: () => void = () => {}

    protected override async takeLock() {
      const grip = await super.takeLock()
      const lost = new Promise<StorageError>((resolve) => {
        this.expire = () => resolve(new StorageError('STORAGE_LOCK_LOST', 'the lease ran out'))
      })
      return {
        lost,
        release: async () => {
          await grip.release()
          this.expire()
        },
      }
    }
  }

  test('is no longer held when it expires, and the storage changes nothing any more', async () => {
    const storage = new LeasedStorage()
    const lock = await storage.lock()
    const file = await storage.open('a', { mode: 'create' })
    await file.append(new Uint8Array(3))
    storage.expire()
    expect((await lock.lost).message).toBe('the lease ran out')
    expect(lock.held).toBe(false)
    const refused = { code: 'STORAGE_LOCK_LOST', cause: { message: 'the lease ran out' } }
    await expect(file.append(new Uint8Array(1))).rejects.toMatchObject(refused)
    await expect(storage.publish('b', new Uint8Array(1))).rejects.toMatchObject(refused)
    expect(await file.read(new Uint8Array(3), 0)).toBe(3)
    await storage.close()
  })

  test('is not lost by a release, even where the release ends the lease', async () => {
    const storage = new LeasedStorage()
    const lock = await storage.lock()
    await lock.release()
    await new Promise((resolve) => setTimeout(resolve, 5))
    const file = await storage.open('a', { mode: 'create' })
    expect(await file.append(new Uint8Array(3))).toBe(0)
    expect((await storage.lock()).held).toBe(true)
    await storage.close()
  })
})

test('every platform has one method that all its processes use first', () => {
  expect(lockMethods('linux')).toEqual(['flock', 'socket'])
  expect(lockMethods('darwin')).toEqual(['exlock'])
  expect(lockMethods('win32')).toEqual(['exlock'])
  expect(lockMethods('sunos')).toEqual(['flock'])
})
