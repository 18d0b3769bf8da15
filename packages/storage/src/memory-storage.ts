/** Files in this process's memory, gone with it. For tests, caches and places that have no disk. */
import { PagedBytes } from './paged-bytes.ts'
import { type Volume, type VolumeFile, VolumeStorage } from './volume-storage.ts'

class MemoryFile implements VolumeFile {
  readonly #bytes = new PagedBytes()

  stat(): number {
    return this.#bytes.size
  }

  read(buffer: Uint8Array, offset: number, length: number, position: number): number {
    return this.#bytes.read(buffer, offset, length, position)
  }

  write(data: Uint8Array, position: number): number {
    this.#bytes.write(data, position)
    return data.byteLength
  }

  truncate(size: number): void {
    this.#bytes.resize(size)
  }

  datasync(): void {}

  close(): void {}
}

class MemoryVolume implements Volume {
  readonly #files = new Map<string, MemoryFile>()
  #holder: string | undefined

  has(name: string): boolean {
    return this.#files.has(name)
  }

  names(): string[] {
    return [...this.#files.keys()]
  }

  stat(name: string): number {
    return this.open(name).stat()
  }

  open(name: string): VolumeFile {
    return this.#files.get(name)!
  }

  create(name: string): VolumeFile {
    const file = new MemoryFile()
    this.#files.set(name, file)
    return file
  }

  link(existing: string, name: string): void {
    this.#files.set(name, this.#files.get(existing)!)
  }

  unlink(name: string): void {
    this.#files.delete(name)
  }

  syncDirectory(): void {}

  lock(holder: string): string | undefined {
    if (this.#holder !== undefined) return this.#holder
    this.#holder = holder
    return undefined
  }

  unlock(holder: string): void {
    if (this.#holder === holder) this.#holder = undefined
  }
}

/** A storage in memory. All that is written is as durable as the process. */
export class MemoryStorage extends VolumeStorage {
  readonly #volume: Volume

  constructor() {
    const volume = new MemoryVolume()
    super(volume, 'memory')
    this.#volume = volume
  }

  /**
   * Returns another storage over the same files, as a second open of a directory would be: files outlive `close`,
   * and of all the storages over them only one can hold the lock.
   */
  reopen(): VolumeStorage {
    return new VolumeStorage(this.#volume, this.location)
  }
}
