/**
 * A storage over a simulated directory in this process's memory: the plain one behind `MemoryStorage`, or the one
 * in `@lsm/storage/testing` that remembers what was synced and can lose the rest.
 */
import { BaseStorage, type LockGrip, type OpenedBackend } from './base-storage.ts'
import { StorageError, type StorageErrorContext } from './errors.ts'
import { TEMPORARY_PREFIX } from './names.ts'
import type { FileBackend } from './open-file.ts'
import type { OpenMode, StorageDescriptor } from './storage.ts'

/** One file's contents, whatever its names. */
export interface VolumeFile {
  readonly size: number
  read(buffer: Uint8Array, offset: number, length: number, position: number): number
  /** `data` is borrowed. */
  write(data: Uint8Array, position: number): void
  truncate(size: number): void
  datasync(): void
}

/** Names and the files under them. The calls are made only where they can succeed. */
export interface Volume {
  lookup(name: string): VolumeFile | undefined
  names(): string[]
  /** Makes an empty file and names it. */
  create(name: string): VolumeFile
  /** Gives the file of `existing` a second name. */
  link(existing: string, name: string): void
  unlink(name: string): void
  syncDirectory(): void
  /** Who holds the lock of the directory, if anyone. */
  lockHolder: string | undefined
}

let lockCount = 0

export class VolumeStorage extends BaseStorage {
  readonly location: string
  readonly supportsSync: boolean = true
  readonly #volume: Volume

  constructor(volume: Volume, location: string) {
    super()
    this.#volume = volume
    this.location = location
  }

  describe(): StorageDescriptor | undefined {
    return undefined
  }

  protected async openBackend(name: string, mode: OpenMode): Promise<OpenedBackend> {
    if (mode !== 'create') return this.openBackendSync(name)
    this.#refuseTaken(name)
    return opened(this.#volume.create(name))
  }

  protected openBackendSync(name: string): OpenedBackend {
    return opened(this.#find(name))
  }

  protected async names(): Promise<string[]> {
    return this.#volume.names()
  }

  protected async sizeOf(name: string): Promise<number> {
    return this.#find(name).size
  }

  protected async unlink(name: string): Promise<void> {
    this.#find(name)
    this.#volume.unlink(name)
  }

  protected async syncNames(): Promise<void> {
    this.#volume.syncDirectory()
  }

  // The same steps as on real files, so that a simulated power cut can fall between any two of them.
  protected async publishBytes(name: string, data: Uint8Array, syncDirectory: () => Promise<void>): Promise<void> {
    this.#refuseTaken(name)
    const temporary = `${TEMPORARY_PREFIX}${name}`
    if (this.#volume.lookup(temporary) !== undefined) this.#volume.unlink(temporary)
    const file = this.#volume.create(temporary)
    file.write(data, 0)
    file.datasync()
    this.#volume.link(temporary, name)
    await syncDirectory()
    if (this.#volume.lookup(temporary) !== undefined) this.#volume.unlink(temporary)
  }

  protected async takeLock(): Promise<LockGrip> {
    const volume = this.#volume
    const holder = volume.lockHolder
    if (holder !== undefined) {
      throw new StorageError('STORAGE_LOCKED', `${this.location} is locked by ${holder}`)
    }
    const own = `lock ${++lockCount} of this process`
    volume.lockHolder = own
    return {
      lost: new Promise(() => {}),
      async release() {
        if (volume.lockHolder === own) volume.lockHolder = undefined
      },
    }
  }

  protected async removeTemporaries(): Promise<void> {
    for (const name of this.#volume.names()) if (name.startsWith(TEMPORARY_PREFIX)) this.#volume.unlink(name)
  }

  protected async closeDirectory(): Promise<void> {}

  protected translate(error: unknown, _action: string, _context: StorageErrorContext): Error {
    return error instanceof Error ? error : new Error(String(error))
  }

  #find(name: string): VolumeFile {
    const file = this.#volume.lookup(name)
    if (file !== undefined) return file
    throw new StorageError('STORAGE_NOT_FOUND', `there is no "${name}" in ${this.location}`, { file: name })
  }

  #refuseTaken(name: string): void {
    if (this.#volume.lookup(name) === undefined) return
    throw new StorageError('STORAGE_EXISTS', `"${name}" exists in ${this.location}`, { file: name })
  }
}

function opened(file: VolumeFile): OpenedBackend {
  return { backend: new VolumeBackend(file), size: file.size }
}

/** A file of the largest size costs 8 MiB of page references; without a bound, one write far out would exhaust memory. */
const MAX_FILE_BYTES = 2 ** 32

function checkRoom(size: number): void {
  if (size <= MAX_FILE_BYTES) return
  throw new StorageError('STORAGE_NO_SPACE', `a file in memory is at most ${MAX_FILE_BYTES} bytes, not ${size}`)
}

class VolumeBackend implements FileBackend {
  readonly #file: VolumeFile

  constructor(file: VolumeFile) {
    this.#file = file
  }

  async read(buffer: Uint8Array, offset: number, length: number, position: number): Promise<number> {
    return this.#file.read(buffer, offset, length, position)
  }

  readSync(buffer: Uint8Array, offset: number, length: number, position: number): number {
    return this.#file.read(buffer, offset, length, position)
  }

  async write(data: Uint8Array, offset: number, length: number, position: number): Promise<number> {
    return this.writeSync(data, offset, length, position)
  }

  writeSync(data: Uint8Array, offset: number, length: number, position: number): number {
    checkRoom(position + length)
    this.#file.write(data.subarray(offset, offset + length), position)
    return length
  }

  async truncate(size: number): Promise<void> {
    this.truncateSync(size)
  }

  truncateSync(size: number): void {
    checkRoom(size)
    this.#file.truncate(size)
  }

  async datasync(): Promise<void> {
    this.#file.datasync()
  }

  async size(): Promise<number> {
    return this.#file.size
  }

  async close(): Promise<void> {}
}
