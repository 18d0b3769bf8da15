/** A directory of real files, through `node:fs`: Node.js, and Bun and Deno by their Node.js layer. */
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { BaseStorage, type LockGrip, type OpenedBackend } from '../base-storage.ts'
import { StorageError, type StorageErrorContext } from '../errors.ts'
import { mapError, systemCode } from '../map-error.ts'
import { LOCK_NAME, TEMPORARY_PREFIX } from '../names.ts'
import type { OpenMode, StorageDescriptor } from '../storage.ts'
import { type Directory, identityOf, openDirectory, syncEntry } from './directory.ts'
import { type NodeFileSystem, nodeFileSystem } from './file-system.ts'
import { type NodeLock, takeNodeLock } from './lock.ts'
import { notAFile, openNodeFile, openNodeFileSync } from './node-file.ts'

export interface NodeStorageOptions {
  /** Whether a missing directory is made, with those above it, mode 0700. Default true. */
  readonly create?: boolean
}

/** What stands in for the outside world; the real one by default. */
export interface NodeStorageComponents {
  readonly fileSystem?: NodeFileSystem
}

// What link(2) answers where the file system has no hard links.
const NO_LINKS: ReadonlySet<string | undefined> = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'])

export class NodeStorage extends BaseStorage {
  readonly location: string
  readonly supportsSync: boolean = true
  /** Whether `open` made the directory. */
  readonly created: boolean
  readonly #directory: Directory
  readonly #fileSystem: NodeFileSystem
  #nodeLock: NodeLock | undefined
  #renames: Promise<void> = Promise.resolve()

  private constructor(directory: Directory, fileSystem: NodeFileSystem) {
    super()
    this.#directory = directory
    this.#fileSystem = fileSystem
    this.location = directory.path
    this.created = directory.created
  }

  /**
   * Opens the directory at `path`. It may not be a symbolic link (those above it may be); one that exists keeps its
   * mode. Takes no lock: whoever writes calls `lock()` first.
   */
  static async open(
    path: string,
    options: NodeStorageOptions = {},
    components: NodeStorageComponents = {},
  ): Promise<NodeStorage> {
    const fileSystem = components.fileSystem ?? nodeFileSystem
    try {
      return new NodeStorage(await openDirectory(fileSystem, path, options.create ?? true), fileSystem)
    } catch (error) {
      throw mapError(error, 'open', path, { file: path })
    }
  }

  /**
   * Opens, in a worker, the directory that another thread described. The lock stays with the thread that took it:
   * the worker lives under it.
   */
  static async attach(descriptor: StorageDescriptor, components: NodeStorageComponents = {}): Promise<NodeStorage> {
    const storage = await NodeStorage.open(descriptor.path, { create: false }, components)
    if (storage.#directory.identity === descriptor.identity) return storage
    await storage.close()
    const message = `"${descriptor.path}" is no longer the directory that was described`
    throw new StorageError('STORAGE_NOT_A_DIRECTORY', message, { file: descriptor.path })
  }

  /**
   * Takes away the directory at `path` and its lock file, under the lock. Every other file must be gone before:
   * what is left is named in the error, `STORAGE_NOT_EMPTY`, and nothing is taken away.
   */
  static async removeEmpty(path: string, components: NodeStorageComponents = {}): Promise<void> {
    const storage = await NodeStorage.open(path, { create: false }, components)
    const fileSystem = storage.#fileSystem
    try {
      await storage.lock()
      const left = (await storage.names()).filter((name) => name !== LOCK_NAME)
      if (left.length > 0) {
        const message = `${storage.location} is not empty: ${left.slice(0, 5).join(', ')} …`
        throw new StorageError('STORAGE_NOT_EMPTY', message, { file: storage.location })
      }
      // The lock's file goes while it is held. Who has it open and waits for it finds it replaced, and starts again.
      await fileSystem.unlink(storage.#path(LOCK_NAME))
      await fileSystem.rmdir(storage.location)
      await syncEntry(fileSystem, storage.location, true)
    } catch (error) {
      throw mapError(error, 'removeEmpty', storage.location, {})
    } finally {
      await storage.close()
    }
  }

  describe(): StorageDescriptor {
    return { kind: 'node', path: this.#directory.path, identity: this.#directory.identity }
  }

  protected openBackend(name: string, mode: OpenMode): Promise<OpenedBackend> {
    return openNodeFile(this.#fileSystem, this.#path(name), name, mode)
  }

  protected openBackendSync(name: string): OpenedBackend {
    return openNodeFileSync(this.#fileSystem, this.#path(name), name)
  }

  protected names(): Promise<string[]> {
    return this.#fileSystem.readdir(this.#directory.path)
  }

  protected async sizeOf(name: string): Promise<number> {
    const stats = await this.#fileSystem.lstat(this.#path(name))
    if (!stats.isFile()) throw notAFile(name)
    return Number(stats.size)
  }

  protected unlink(name: string): Promise<void> {
    return this.#fileSystem.unlink(this.#path(name))
  }

  protected syncNames(): Promise<void> {
    return this.#directory.sync()
  }

  protected async publishBytes(name: string, data: Uint8Array, syncDirectory: () => Promise<void>): Promise<void> {
    await this.#nodeLock?.check()
    const temporary = `${TEMPORARY_PREFIX}${randomBytes(8).toString('hex')}`
    try {
      await this.#writeWhole(temporary, data)
      await this.#giveName(temporary, name)
      await syncDirectory()
    } finally {
      // What stays behind after a failure here is taken away by the next who locks.
      await this.unlink(temporary).catch(() => {})
    }
  }

  async #writeWhole(name: string, data: Uint8Array): Promise<void> {
    const { backend } = await this.openBackend(name, 'create')
    try {
      let done = 0
      while (done < data.byteLength) {
        const count = await backend.write(data, done, data.byteLength - done, done)
        if (count === 0) throw new StorageError('STORAGE_IO', `a write to "${name}" made no progress`, { file: name })
        done += count
      }
      await backend.datasync()
    } catch (error) {
      await backend.close().catch(() => {})
      throw error
    }
    await backend.close()
  }

  async #giveName(temporary: string, name: string): Promise<void> {
    try {
      await this.#fileSystem.link(this.#path(temporary), this.#path(name))
    } catch (error) {
      // A network file system can do it and lose the answer, so that the second try finds the name taken by the first.
      if (await this.#isSameFile(temporary, name)) return
      if (!NO_LINKS.has(systemCode(error))) throw error
      await this.#renameUnderLock(temporary, name)
    }
  }

  async #isSameFile(one: string, other: string): Promise<boolean> {
    try {
      const stats = await Promise.all([one, other].map((name) => this.#fileSystem.lstat(this.#path(name))))
      return identityOf(stats[0]!) === identityOf(stats[1]!)
    } catch {
      return false
    }
  }

  /** A rename replaces what is there, so the name is looked at first; only the lock makes the two steps one. */
  async #renameUnderLock(temporary: string, name: string): Promise<void> {
    if (!this.holdsLock) {
      const message = `publishing in ${this.location} needs the lock: its file system has no hard links`
      throw new StorageError('STORAGE_UNSUPPORTED', message, { file: name })
    }
    const rename = this.#renames.then(async () => {
      if (await this.#exists(name)) {
        throw new StorageError('STORAGE_EXISTS', `"${name}" exists in ${this.location}`, { file: name })
      }
      await this.#fileSystem.rename(this.#path(temporary), this.#path(name))
    })
    this.#renames = rename.catch(() => {})
    await rename
  }

  async #exists(name: string): Promise<boolean> {
    try {
      await this.#fileSystem.lstat(this.#path(name))
      return true
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return false
      throw error
    }
  }

  protected async takeLock(): Promise<LockGrip> {
    const lock = await takeNodeLock(this.#fileSystem, this.#directory.path)
    this.#nodeLock = lock
    return {
      lost: lock.lost,
      release: () => {
        this.#nodeLock = undefined
        return lock.release()
      },
    }
  }

  protected async removeTemporaries(): Promise<void> {
    for (const name of await this.names()) {
      if (name.startsWith(TEMPORARY_PREFIX)) await this.unlink(name)
    }
  }

  protected closeDirectory(): Promise<void> {
    return this.#directory.close()
  }

  protected translate(error: unknown, action: string, context: StorageErrorContext): Error {
    return mapError(error, action, this.location, context)
  }

  /** `name` has been checked by pattern, so it stays in the directory. */
  #path(name: string): string {
    return join(this.#directory.path, name)
  }
}
