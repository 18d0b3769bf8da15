/** Files in this process's memory, gone with it. For tests, caches and places that have no disk. */
import { PagedBytes } from './paged-bytes.ts'
import { type Volume, type VolumeFile, VolumeStorage } from './volume-storage.ts'

class MemoryFile implements VolumeFile {
  readonly #bytes = new PagedBytes()

  get size(): number {
    return this.#bytes.size
  }

  read(buffer: Uint8Array, offset: number, length: number, position: number): number {
    return this.#bytes.read(buffer, offset, length, position)
  }

  write(data: Uint8Array, position: number): void {
    this.#bytes.write(data, position)
  }

  truncate(size: number): void {
    this.#bytes.resize(size)
  }

  datasync(): void {}
}

class MemoryVolume implements Volume {
  lockHolder: string | undefined
  readonly #files = new Map<string, VolumeFile>()

  lookup(name: string): VolumeFile | undefined {
    return this.#files.get(name)
  }

  names(): string[] {
    return [...this.#files.keys()]
  }

  create(name: string): VolumeFile {
    const file = new MemoryFile()
    this.#files.set(name, file)
    return file
  }

  link(existing: string, name: string): void {
    const file = this.#files.get(existing)
    if (file !== undefined) this.#files.set(name, file)
  }

  unlink(name: string): void {
    this.#files.delete(name)
  }

  syncDirectory(): void {}
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
