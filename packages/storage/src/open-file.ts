/**
 * The rules of `StorageFile`, once for all storages: modes, the gate, the order of appends, loops over short reads
 * and writes, and what a failed sync leaves behind. What a kind of storage adds is a `FileBackend`.
 */
import { StorageError, type StorageErrorContext } from './errors.ts'
import { Gate, SyncLine } from './gate.ts'
import { checkBytes, checkPosition } from './names.ts'
import type { OpenMode, StorageFile } from './storage.ts'

/** The bare calls on one open file. Reads and writes may be short; they throw the platform's errors. */
export interface FileBackend {
  /** Reads into `buffer[offset, offset + length)`; 0 is the end of the file. */
  read(buffer: Uint8Array, offset: number, length: number, position: number): Promise<number>
  readSync(buffer: Uint8Array, offset: number, length: number, position: number): number
  write(data: Uint8Array, offset: number, length: number, position: number): Promise<number>
  writeSync(data: Uint8Array, offset: number, length: number, position: number): number
  truncate(size: number): Promise<void>
  truncateSync(size: number): void
  datasync(): Promise<void>
  size(): Promise<number>
  close(): Promise<void>
}

/** What all handles of one file share: whether a sync of it has failed. */
export interface FileState {
  handles: number
  failed: StorageError | undefined
}

/** What an open file asks of the storage that it belongs to. */
export interface FileOwner {
  translate(error: unknown, action: string, context: StorageErrorContext): Error
  /** Throws when nothing may be changed any more. */
  checkChangeable(action: string, name: string): void
  closed(file: OpenFile): void
}

export interface OpenFileParts {
  readonly name: string
  readonly mode: OpenMode
  readonly backend: FileBackend
  readonly state: FileState
  readonly owner: FileOwner
  /** The file's length when it was opened: where the first append goes. */
  readonly end: number
  readonly supportsSync: boolean
}

export class OpenFile implements StorageFile {
  readonly name: string
  readonly mode: OpenMode
  readonly #backend: FileBackend
  readonly #state: FileState
  readonly #owner: FileOwner
  readonly #supportsSync: boolean
  readonly #gate = new Gate()
  readonly #syncs = new SyncLine(() => this.#datasyncNow())
  #end: number
  /** Appends and truncations that have not ended, and the promise of the last. */
  #lined = 0
  #line: Promise<unknown> = Promise.resolve()
  #closing: Promise<void> | undefined

  constructor(parts: OpenFileParts) {
    this.name = parts.name
    this.mode = parts.mode
    this.#backend = parts.backend
    this.#state = parts.state
    this.#owner = parts.owner
    this.#supportsSync = parts.supportsSync
    this.#end = parts.end
  }

  get state(): FileState {
    return this.#state
  }

  async read(buffer: Uint8Array, position: number): Promise<number> {
    this.#checkOpen('read')
    checkBytes(buffer)
    checkPosition(position, 'position')
    const length = buffer.byteLength
    let done = 0
    this.#gate.enter()
    try {
      while (done < length) {
        const count = await this.#backend.read(buffer, done, length - done, position + done)
        if (count === 0) break
        done += count
      }
    } catch (error) {
      throw this.#translate(error, 'read', position + done)
    } finally {
      this.#gate.leave()
    }
    return done
  }

  readSync(buffer: Uint8Array, position: number): number {
    this.#checkSync('readSync')
    checkBytes(buffer)
    checkPosition(position, 'position')
    const length = buffer.byteLength
    let done = 0
    try {
      while (done < length) {
        const count = this.#backend.readSync(buffer, done, length - done, position + done)
        if (count === 0) break
        done += count
      }
    } catch (error) {
      throw this.#translate(error, 'readSync', position + done)
    }
    return done
  }

  async write(data: Uint8Array, position: number): Promise<void> {
    this.#checkWritable('write')
    checkBytes(data)
    checkPosition(position, 'position')
    this.#gate.enter()
    try {
      await this.#writeAll(data, position, 'write')
    } finally {
      this.#gate.leave()
    }
  }

  writeSync(data: Uint8Array, position: number): void {
    this.#checkSync('writeSync')
    this.#checkWritable('writeSync')
    checkBytes(data)
    checkPosition(position, 'position')
    this.#writeAllSync(data, position, 'writeSync')
  }

  async append(data: Uint8Array): Promise<number> {
    this.#checkWritable('append')
    checkBytes(data)
    return this.#inLine(async () => {
      this.#checkChangeable('append')
      const position = this.#end
      await this.#writeAll(data, position, 'append')
      return position
    })
  }

  appendSync(data: Uint8Array): number {
    this.#checkSync('appendSync')
    this.#checkWritable('appendSync')
    this.#checkLine('appendSync')
    checkBytes(data)
    const position = this.#end
    this.#writeAllSync(data, position, 'appendSync')
    return position
  }

  async truncate(size: number): Promise<void> {
    this.#checkWritable('truncate')
    checkPosition(size, 'size')
    await this.#inLine(async () => {
      this.#checkChangeable('truncate')
      try {
        await this.#backend.truncate(size)
      } catch (error) {
        throw this.#translate(error, 'truncate', size)
      }
      this.#end = size
    })
  }

  truncateSync(size: number): void {
    this.#checkSync('truncateSync')
    this.#checkWritable('truncateSync')
    this.#checkLine('truncateSync')
    checkPosition(size, 'size')
    try {
      this.#backend.truncateSync(size)
    } catch (error) {
      throw this.#translate(error, 'truncateSync', size)
    }
    this.#end = size
  }

  async datasync(): Promise<void> {
    this.#checkWritable('datasync')
    this.#gate.enter()
    try {
      await this.#syncs.run()
    } finally {
      this.#gate.leave()
    }
  }

  async size(): Promise<number> {
    this.#checkOpen('size')
    this.#gate.enter()
    try {
      return await this.#backend.size()
    } catch (error) {
      throw this.#translate(error, 'size', undefined)
    } finally {
      this.#gate.leave()
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#closeNow()
    return this.#closing
  }

  async #closeNow(): Promise<void> {
    await this.#gate.shut()
    try {
      await this.#backend.close()
    } catch (error) {
      const failure = this.#translate(error, 'close', undefined)
      // Some file systems report at close what they could not write.
      if (this.mode !== 'read' && failure instanceof StorageError) this.#state.failed ??= failure
      throw failure
    } finally {
      this.#owner.closed(this)
    }
  }

  async #datasyncNow(): Promise<void> {
    this.#checkChangeable('datasync')
    try {
      await this.#backend.datasync()
    } catch (error) {
      const failure = this.#translate(error, 'datasync', undefined)
      if (failure instanceof StorageError) this.#state.failed ??= failure
      throw failure
    }
  }

  async #writeAll(data: Uint8Array, position: number, action: string): Promise<void> {
    const length = data.byteLength
    let done = 0
    try {
      while (done < length) {
        const count = await this.#backend.write(data, done, length - done, position + done)
        if (count === 0) throw noProgress(this.name)
        done += count
      }
    } catch (error) {
      throw this.#translate(error, action, position + done)
    } finally {
      if (done > 0 && position + done > this.#end) this.#end = position + done
    }
  }

  #writeAllSync(data: Uint8Array, position: number, action: string): void {
    const length = data.byteLength
    let done = 0
    try {
      while (done < length) {
        const count = this.#backend.writeSync(data, done, length - done, position + done)
        if (count === 0) throw noProgress(this.name)
        done += count
      }
    } catch (error) {
      throw this.#translate(error, action, position + done)
    } finally {
      if (done > 0 && position + done > this.#end) this.#end = position + done
    }
  }

  async #inLine<Result>(run: () => Promise<Result>): Promise<Result> {
    this.#gate.enter()
    const result = this.#lined++ === 0 ? run() : this.#line.then(run)
    this.#line = result.then(noop, noop)
    try {
      return await result
    } finally {
      this.#lined--
      this.#gate.leave()
    }
  }

  #checkLine(action: string): void {
    if (this.#lined === 0) return
    throw this.#error('STORAGE_BUSY', `${action} beside a pending append or truncate: await that first`)
  }

  #checkSync(action: string): void {
    this.#checkOpen(action)
    if (!this.#supportsSync) throw this.#error('STORAGE_UNSUPPORTED', `this storage has no ${action}`)
  }

  #checkWritable(action: string): void {
    this.#checkOpen(action)
    if (this.mode === 'read') throw this.#error('STORAGE_READ_ONLY', `${action} on a file that was opened to read`)
    this.#checkChangeable(action)
  }

  #checkChangeable(action: string): void {
    this.#owner.checkChangeable(action, this.name)
    const failed = this.#state.failed
    if (failed === undefined) return
    const message = `${action} of "${this.name}" after a failed sync: reopen the storage and recover`
    throw new StorageError('STORAGE_FAILED', message, { file: this.name, cause: failed })
  }

  #checkOpen(action: string): void {
    if (this.#gate.isShut) throw this.#error('STORAGE_CLOSED', `${action} after close`)
  }

  #error(code: StorageError['code'], message: string): StorageError {
    return new StorageError(code, `"${this.name}": ${message}`, { file: this.name })
  }

  #translate(error: unknown, action: string, offset: number | undefined): Error {
    return this.#owner.translate(error, action, { file: this.name, offset })
  }
}

function noProgress(name: string): StorageError {
  return new StorageError('STORAGE_IO', `a write to "${name}" made no progress`, { file: name })
}

function noop(): void {}
