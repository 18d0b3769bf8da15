/**
 * A storage over a simulated directory in this process's memory: the plain one behind `MemoryStorage`, or those in
 * `@lsm/storage/testing`, which fail on demand and remember what was synced so that they can lose the rest.
 */
import { BaseStorage, type LockGrip, type OpenedBackend } from './base-storage.ts'
import { StorageError, type StorageErrorContext } from './errors.ts'
import { mapError } from './map-error.ts'
import { TEMPORARY_PREFIX } from './names.ts'
import type { FileBackend } from './open-file.ts'
import type { OpenMode, StorageDescriptor } from './storage.ts'

/** One file's contents, whatever its names, as one handle sees it. Reads and writes may be short. */
export interface VolumeFile {
  stat(): number
  read(buffer: Uint8Array, offset: number, length: number, position: number): number
  /** `data` is borrowed; returns how much of it was written. */
  write(data: Uint8Array, position: number): number
  truncate(size: number): void
  datasync(): void
  close(): void
}

/** Names and the files under them. What needs a name to be there, or not to be, is called only when that is so. */
export interface Volume {
  has(name: string): boolean
  names(): string[]
  stat(name: string): number
  open(name: string): VolumeFile
  /** Makes an empty file, names and opens it. */
  create(name: string): VolumeFile
  /** Gives the file of `existing` a second name. */
  link(existing: string, name: string): void
  unlink(name: string): void
  syncDirectory(): void
  /** Takes the lock for `holder` and returns `undefined`, or returns who has it. */
  lock(holder: string): string | undefined
  unlock(holder: string): void
  /** Awaited before every asynchronous operation, where there is one: a test's scheduler decides when it happens. */
  readonly pause?: (() => Promise<void>) | undefined
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
    await this.#volume.pause?.()
    if (mode !== 'create') return this.openBackendSync(name)
    this.#refuseTaken(name)
    return this.#opened(this.#volume.create(name))
  }

  protected openBackendSync(name: string): OpenedBackend {
    this.#refuseMissing(name)
    return this.#opened(this.#volume.open(name))
  }

  protected async names(): Promise<string[]> {
    await this.#volume.pause?.()
    return this.#volume.names()
  }

  protected async sizeOf(name: string): Promise<number> {
    await this.#volume.pause?.()
    this.#refuseMissing(name)
    return this.#volume.stat(name)
  }

  protected async unlink(name: string): Promise<void> {
    await this.#volume.pause?.()
    this.#refuseMissing(name)
    this.#volume.unlink(name)
  }

  protected async syncNames(): Promise<void> {
    await this.#volume.pause?.()
    this.#volume.syncDirectory()
  }

  // The same steps as on real files, so that a fault or a power cut can fall on or between any of them.
  protected async publishBytes(name: string, data: Uint8Array, syncDirectory: () => Promise<void>): Promise<void> {
    await this.#volume.pause?.()
    const temporary = this.#temporaryFor(name)
    try {
      this.#writeWhole(temporary, data)
      await this.#volume.pause?.()
      this.#refuseTaken(name)
      this.#volume.link(temporary, name)
      await syncDirectory()
    } finally {
      try {
        if (this.#volume.has(temporary)) this.#volume.unlink(temporary)
      } catch {
        // It is taken away by the next who locks.
      }
    }
  }

  #temporaryFor(name: string): string {
    let count = 0
    while (this.#volume.has(`${TEMPORARY_PREFIX}${count}-${name}`)) count++
    return `${TEMPORARY_PREFIX}${count}-${name}`
  }

  #writeWhole(name: string, data: Uint8Array): void {
    const file = this.#volume.create(name)
    try {
      let done = 0
      while (done < data.byteLength) done += file.write(data.subarray(done), done)
      file.datasync()
    } finally {
      file.close()
    }
  }

  protected async takeLock(): Promise<LockGrip> {
    await this.#volume.pause?.()
    const volume = this.#volume
    const own = `lock ${++lockCount} of this process`
    const holder = volume.lock(own)
    if (holder !== undefined) throw new StorageError('STORAGE_LOCKED', `${this.location} is locked by ${holder}`)
    return {
      lost: new Promise(() => {}),
      async release() {
        volume.unlock(own)
      },
    }
  }

  protected async removeTemporaries(): Promise<void> {
    for (const name of this.#volume.names()) if (name.startsWith(TEMPORARY_PREFIX)) this.#volume.unlink(name)
  }

  protected async closeDirectory(): Promise<void> {}

  protected translate(error: unknown, action: string, context: StorageErrorContext): Error {
    return mapError(error, action, this.location, context)
  }

  #opened(file: VolumeFile): OpenedBackend {
    try {
      return { backend: new VolumeBackend(file, this.#volume.pause), size: file.stat() }
    } catch (error) {
      file.close()
      throw error
    }
  }

  #refuseMissing(name: string): void {
    if (this.#volume.has(name)) return
    throw new StorageError('STORAGE_NOT_FOUND', `there is no "${name}" in ${this.location}`, { file: name })
  }

  #refuseTaken(name: string): void {
    if (!this.#volume.has(name)) return
    throw new StorageError('STORAGE_EXISTS', `"${name}" exists in ${this.location}`, { file: name })
  }
}

/**
 * A file of this size costs 8 MiB of page references; without a bound, one write far out would exhaust the memory.
 */
const MAX_FILE_BYTES = 2 ** 32

function checkRoom(size: number): void {
  if (size <= MAX_FILE_BYTES) return
  throw new StorageError('STORAGE_NO_SPACE', `a file in memory is at most ${MAX_FILE_BYTES} bytes, not ${size}`)
}

class VolumeBackend implements FileBackend {
  readonly #file: VolumeFile
  readonly #pause: (() => Promise<void>) | undefined

  constructor(file: VolumeFile, pause: (() => Promise<void>) | undefined) {
    this.#file = file
    this.#pause = pause
  }

  async read(buffer: Uint8Array, offset: number, length: number, position: number): Promise<number> {
    await this.#pause?.()
    return this.#file.read(buffer, offset, length, position)
  }

  readSync(buffer: Uint8Array, offset: number, length: number, position: number): number {
    return this.#file.read(buffer, offset, length, position)
  }

  async write(data: Uint8Array, offset: number, length: number, position: number): Promise<number> {
    await this.#pause?.()
    return this.writeSync(data, offset, length, position)
  }

  writeSync(data: Uint8Array, offset: number, length: number, position: number): number {
    checkRoom(position + length)
    return this.#file.write(data.subarray(offset, offset + length), position)
  }

  async truncate(size: number): Promise<void> {
    await this.#pause?.()
    this.truncateSync(size)
  }

  truncateSync(size: number): void {
    checkRoom(size)
    this.#file.truncate(size)
  }

  async datasync(): Promise<void> {
    await this.#pause?.()
    this.#file.datasync()
  }

  async size(): Promise<number> {
    await this.#pause?.()
    return this.#file.stat()
  }

  async close(): Promise<void> {
    await this.#pause?.()
    this.#file.close()
  }
}
