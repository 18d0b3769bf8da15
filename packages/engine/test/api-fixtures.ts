/** What the tests of the public API share: stores that go away with their test, and pictures of directories. */
import { createHash } from 'node:crypto'
import { lstat, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MemoryStorage, type OpenOptions, type Storage, type StorageFile } from '@lsm/storage'
import { expect, onTestFinished } from 'vitest'
import { Engine, type EngineComponents, type EngineOptions } from '../src/index.ts'

/** So small that a few kilobytes flush and compact. */
export const TINY: EngineOptions = {
  memtableSizeBytes: 4096,
  maxWalSizeBytes: 65_536,
  durability: 'os',
  compactionWorkers: 0,
  keyspaceDefaults: {
    blockSizeBytes: 256,
    tableSizeBytes: 4096,
    l0Compact: 2,
    l0Slow: 4,
    l0Stop: 8,
    level1SizeBytes: 8192,
    levelMultiplier: 2,
  },
}

/** A store in memory, closed when the test ends. */
export async function openMemory(options: EngineOptions = {}, components: EngineComponents = {}): Promise<Engine> {
  const storage = components.storage ?? new MemoryStorage()
  const engine = await Engine.open('memory', { compactionWorkers: 0, ...options }, { ...components, storage })
  onTestFinished(() => engine.close().catch(() => {}))
  return engine
}

export async function temporaryDirectory(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'lsm-api-'))
  onTestFinished(() => rm(path, { recursive: true, force: true }))
  return path
}

/** A closed store on files with tables and a log. Returns its path. */
export async function makeStore(options: EngineOptions = TINY): Promise<string> {
  const path = join(await temporaryDirectory(), 'store')
  const engine = await Engine.open(path, options)
  for (let i = 0; i < 40; i++) await engine.put(`key${String(i).padStart(2, '0')}`, `value ${i} `.repeat(20))
  await engine.compact()
  for (let i = 0; i < 5; i++) await engine.put(`log${i}`, `logged ${i}`)
  await engine.close()
  return path
}

/** Every name below `path` with its mode and contents: equal for equal directories. */
export async function pictureOf(path: string): Promise<Record<string, string>> {
  const picture: Record<string, string> = {}
  const stats = await lstat(path).catch(() => undefined)
  if (stats === undefined) return { '.': 'absent' }
  const mode = (stats.mode & 0o777).toString(8)
  if (!stats.isDirectory()) {
    const hash = stats.isFile()
      ? createHash('sha256')
          .update(await readFile(path))
          .digest('hex')
      : 'no file'
    return { '.': `${mode} ${stats.size} ${stats.mtimeMs} ${hash}` }
  }
  picture['.'] = `${mode} directory`
  for (const name of (await readdir(path)).sort()) {
    for (const [inner, what] of Object.entries(await pictureOf(join(path, name)))) {
      picture[inner === '.' ? name : `${name}/${inner}`] = what
    }
  }
  return picture
}

export function text(bytes: Uint8Array | undefined): string | undefined {
  return bytes === undefined ? undefined : new TextDecoder().decode(bytes)
}

export async function textsOf(source: AsyncIterable<Uint8Array>): Promise<string[]> {
  const all: string[] = []
  for await (const each of source) all.push(text(each)!)
  return all
}

export function turns(count = 1): Promise<void> {
  return count <= 0 ? Promise.resolve() : new Promise((resolve) => setImmediate(() => resolve(turns(count - 1))))
}

/** What a call threw or its promise rejected with; fails when neither. */
export async function errorOf(call: () => unknown): Promise<Error & { code?: unknown; problems?: unknown }> {
  try {
    await call()
  } catch (error) {
    if (error instanceof Error) return error
    throw new Error(`threw what is no error: ${String(error)}`, { cause: error })
  }
  throw new Error('there was no error')
}

/** Opening must fail with `code` and change not one byte of what is there. */
export async function expectRefused(
  path: string,
  code: string,
  options?: EngineOptions,
  watched: string = path,
): Promise<Error> {
  const before = await pictureOf(watched)
  const error = await errorOf(() => Engine.open(path, options))
  expect(error).toHaveProperty('code', code)
  expect(await pictureOf(watched)).toEqual(before)
  return error
}

/** Runs `call`, and returns the first `count` errors that nobody caught; waits for them. */
export async function uncaughtOf(count: number, call: () => Promise<unknown>): Promise<Error[]> {
  const before = process.listeners('uncaughtException')
  process.removeAllListeners('uncaughtException')
  const thrown: Error[] = []
  process.on('uncaughtException', (error) => thrown.push(error))
  try {
    await call()
    while (thrown.length < count) await turns(1)
    return thrown
  } finally {
    process.removeAllListeners('uncaughtException')
    for (const listener of before) process.on('uncaughtException', listener)
  }
}

/** A storage whose reads, syncs and commits wait while they are held. */
export class HeldStorage implements Storage {
  readonly inner: Storage
  readonly location = 'held'
  #reads: Promise<void> | undefined
  #syncs: Promise<void> | undefined
  #publishing: Promise<void> | undefined
  /** Reads and syncs that began. */
  readsBegun = 0
  syncsBegun = 0

  constructor(inner: Storage = new MemoryStorage()) {
    this.inner = inner
  }

  /** Holds reads back until the function that is returned is called. */
  holdReads(): () => void {
    let release = (): void => {}
    this.#reads = new Promise((resolve) => {
      release = () => {
        this.#reads = undefined
        resolve()
      }
    })
    return release
  }

  holdSyncs(): () => void {
    let release = (): void => {}
    this.#syncs = new Promise((resolve) => {
      release = () => {
        this.#syncs = undefined
        resolve()
      }
    })
    return release
  }

  /** Holds manifests back: flushes and compactions do all of their work and cannot commit it. */
  holdPublishing(): () => void {
    let release = (): void => {}
    this.#publishing = new Promise((resolve) => {
      release = () => {
        this.#publishing = undefined
        resolve()
      }
    })
    return release
  }

  get supportsSync(): boolean {
    return this.inner.supportsSync
  }

  get openFiles(): readonly string[] {
    return this.inner.openFiles
  }

  async open(name: string, options: OpenOptions): Promise<StorageFile> {
    return this.#wrap(await this.inner.open(name, options))
  }

  openSync(name: string): StorageFile {
    return this.#wrap(this.inner.openSync(name))
  }

  #wrap(file: StorageFile): StorageFile {
    return {
      name: file.name,
      mode: file.mode,
      read: async (buffer, position) => {
        this.readsBegun++
        await this.#reads
        return file.read(buffer, position)
      },
      readSync: (buffer, position) => file.readSync(buffer, position),
      write: (data, position) => file.write(data, position),
      writeSync: (data, position) => file.writeSync(data, position),
      append: (data) => file.append(data),
      appendSync: (data) => file.appendSync(data),
      truncate: (size) => file.truncate(size),
      truncateSync: (size) => file.truncateSync(size),
      datasync: async () => {
        this.syncsBegun++
        await this.#syncs
        return file.datasync()
      },
      size: () => file.size(),
      close: () => file.close(),
    }
  }

  list = (): Promise<string[]> => this.inner.list()
  foreignNames = (): Promise<string[]> => this.inner.foreignNames()
  size = (name: string): Promise<number> => this.inner.size(name)
  remove = (name: string): Promise<void> => this.inner.remove(name)
  syncDirectory = (): Promise<void> => this.inner.syncDirectory()
  publish = async (name: string, data: Uint8Array): Promise<void> => {
    await this.#publishing
    return this.inner.publish(name, data)
  }
  lock = (): ReturnType<Storage['lock']> => this.inner.lock()
  describe = (): undefined => undefined
  close = (): Promise<void> => this.inner.close()
}
