/**
 * A storage whose files for reading share a limited number of descriptors: a file is opened when it is read, and the one
 * that was not used for longest is closed for another. Everything else goes straight through.
 *
 * The files must keep their names while they are in use, and never change: both hold for tables.
 */
import {
  type OpenMode,
  type OpenOptions,
  type Storage,
  type StorageDescriptor,
  StorageError,
  type StorageFile,
  type StorageLock,
} from '@lsm/storage'

export class PooledStorage implements Storage {
  readonly #storage: Storage
  readonly #pool: DescriptorPool

  constructor(storage: Storage, maxOpenFiles: number) {
    this.#storage = storage
    this.#pool = new DescriptorPool(maxOpenFiles)
  }

  get location(): string {
    return this.#storage.location
  }

  get supportsSync(): boolean {
    return this.#storage.supportsSync
  }

  get openFiles(): readonly string[] {
    return this.#storage.openFiles
  }

  /** A file for reading is opened at once, so that one that is not there is known now, and later whenever it must be. */
  async open(name: string, options: OpenOptions): Promise<StorageFile> {
    if (options?.mode !== 'read') return this.#storage.open(name, options)
    const file = new PooledFile(this.#storage, this.#pool, name)
    await file.size()
    return file
  }

  openSync(name: string): StorageFile {
    const file = new PooledFile(this.#storage, this.#pool, name)
    file.readSync(new Uint8Array(0), 0)
    return file
  }

  list(): Promise<string[]> {
    return this.#storage.list()
  }

  foreignNames(): Promise<string[]> {
    return this.#storage.foreignNames()
  }

  size(name: string): Promise<number> {
    return this.#storage.size(name)
  }

  remove(name: string): Promise<void> {
    return this.#storage.remove(name)
  }

  syncDirectory(): Promise<void> {
    return this.#storage.syncDirectory()
  }

  publish(name: string, data: Uint8Array): Promise<void> {
    return this.#storage.publish(name, data)
  }

  lock(): Promise<StorageLock> {
    return this.#storage.lock()
  }

  describe(): StorageDescriptor | undefined {
    return this.#storage.describe()
  }

  close(): Promise<void> {
    return this.#storage.close()
  }
}

/** Who may hold a descriptor. */
class DescriptorPool {
  readonly #limit: number
  /** Descriptors that are open, being opened or being closed. */
  #held = 0
  #closing = 0
  /** In the order in which they were opened; one that was used since it was looked at last goes to the end. */
  readonly #open = new Set<PooledFile>()
  readonly #waiters: (() => void)[] = []

  constructor(limit: number) {
    this.#limit = limit
  }

  /** Resolves when one more file may be opened. */
  reserve(): Promise<void> {
    if (this.#held < this.#limit && this.#waiters.length === 0) {
      this.#held++
      return Promise.resolve()
    }
    return new Promise((resolve) => {
      this.#waiters.push(resolve)
      this.makeRoom()
    })
  }

  /**
   * The same for a caller who cannot wait: for so long as it does not let the event loop go on, nothing is closed, and the
   * limit is passed by what it opens.
   */
  reserveNow(): void {
    this.#held++
    if (this.#held > this.#limit) this.#closeOne()
  }

  opened(file: PooledFile): void {
    this.#open.add(file)
  }

  /** Takes the file out: its owner closes it. */
  forget(file: PooledFile): void {
    this.#open.delete(file)
  }

  /** A descriptor is closed, or was not opened after all. */
  release(): void {
    this.#held--
    while (this.#held < this.#limit) {
      const next = this.#waiters.shift()
      if (next === undefined) return
      this.#held++
      next()
    }
  }

  /** Closes idle files for those who wait: also called when a file has become idle. */
  makeRoom(): void {
    while (this.#held - this.#closing + this.#waiters.length > this.#limit && this.#closeOne()) {}
  }

  #closeOne(): boolean {
    const file = this.#pick()
    if (file === undefined) return false
    this.#closing++
    // A file for reading has nothing to lose when it fails to close.
    const done = (): void => {
      this.#closing--
      this.release()
    }
    file.shut().then(done, done)
    return true
  }

  /** The idle file that was not used since it was looked at last, after Corbató's clock: a use costs one bit. */
  #pick(): PooledFile | undefined {
    for (const file of this.#open) {
      if (file.isBusy) continue
      this.#open.delete(file)
      if (!file.wasUsed) return file
      file.wasUsed = false
      this.#open.add(file)
    }
    return undefined
  }
}

class PooledFile implements StorageFile {
  readonly name: string
  readonly mode: OpenMode = 'read'
  /** Since the pool looked at it last. */
  wasUsed = false
  readonly #storage: Storage
  readonly #pool: DescriptorPool
  #file: StorageFile | undefined
  #opening: Promise<StorageFile> | undefined
  #users = 0
  #isClosed = false

  constructor(storage: Storage, pool: DescriptorPool, name: string) {
    this.#storage = storage
    this.#pool = pool
    this.name = name
  }

  get isBusy(): boolean {
    return this.#users > 0
  }

  /** Closes the descriptor; the next read opens another. Only while nobody reads. */
  async shut(): Promise<void> {
    const file = this.#file
    this.#file = undefined
    await file?.close()
  }

  read(buffer: Uint8Array, position: number): Promise<number> {
    return this.#use((file) => file.read(buffer, position))
  }

  size(): Promise<number> {
    return this.#use((file) => file.size())
  }

  async #use<T>(run: (file: StorageFile) => Promise<T>): Promise<T> {
    this.#checkOpen()
    this.#users++
    this.wasUsed = true
    try {
      return await run(this.#file ?? (await this.#reopen()))
    } finally {
      this.#users--
      if (this.#users === 0) this.#pool.makeRoom()
    }
  }

  #reopen(): Promise<StorageFile> {
    this.#opening ??= this.#open().finally(() => {
      this.#opening = undefined
    })
    return this.#opening
  }

  async #open(): Promise<StorageFile> {
    await this.#pool.reserve()
    // A synchronous read may have come first.
    if (this.#file !== undefined) {
      this.#pool.release()
      return this.#file
    }
    let file: StorageFile
    try {
      file = await this.#storage.open(this.name, { mode: 'read' })
    } catch (error) {
      this.#pool.release()
      throw error
    }
    if (this.#file !== undefined) {
      await file.close().catch(() => {})
      this.#pool.release()
      return this.#file
    }
    this.#adopt(file)
    return file
  }

  readSync(buffer: Uint8Array, position: number): number {
    this.#checkOpen()
    this.wasUsed = true
    return (this.#file ?? this.#openNow()).readSync(buffer, position)
  }

  #openNow(): StorageFile {
    this.#pool.reserveNow()
    try {
      const file = this.#storage.openSync(this.name)
      this.#adopt(file)
      return file
    } catch (error) {
      this.#pool.release()
      throw error
    }
  }

  #adopt(file: StorageFile): void {
    this.#file = file
    this.#pool.opened(this)
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    await this.#opening?.catch(() => {})
    const file = this.#file
    if (file === undefined) return
    this.#file = undefined
    this.#pool.forget(this)
    try {
      await file.close()
    } finally {
      this.#pool.release()
    }
  }

  #checkOpen(): void {
    if (this.#isClosed)
      throw new StorageError('STORAGE_CLOSED', `"${this.name}": read after close`, { file: this.name })
  }

  write(): Promise<never> {
    return Promise.reject(this.#readOnly('write'))
  }

  writeSync(): never {
    throw this.#readOnly('writeSync')
  }

  append(): Promise<never> {
    return Promise.reject(this.#readOnly('append'))
  }

  appendSync(): never {
    throw this.#readOnly('appendSync')
  }

  truncate(): Promise<never> {
    return Promise.reject(this.#readOnly('truncate'))
  }

  truncateSync(): never {
    throw this.#readOnly('truncateSync')
  }

  datasync(): Promise<void> {
    return Promise.resolve()
  }

  #readOnly(action: string): StorageError {
    const message = `${action} on a file that was opened to read`
    return new StorageError('STORAGE_READ_ONLY', `"${this.name}": ${message}`, { file: this.name })
  }
}
