/**
 * The rules of `Storage`, once for all kinds: names, closing, the lock's loss, failed syncs of the directory and
 * who has what open. A kind of storage adds the bare operations, which throw the platform's errors.
 */
import { invalidType, StorageError, type StorageErrorContext } from './errors.ts'
import { Gate, SyncLine } from './gate.ts'
import { checkBytes, checkName, isFileName, isForeignName } from './names.ts'
import { type FileBackend, type FileState, OpenFile } from './open-file.ts'
import type { OpenMode, OpenOptions, Storage, StorageDescriptor, StorageFile, StorageLock } from './storage.ts'

/** A lock that was taken: how to let it go, and how its loss is told. */
export interface LockGrip {
  release(): Promise<void>
  /** Resolves when the lock goes without a release; may stay pending for ever. */
  readonly lost: Promise<StorageError>
}

/** A file that was just opened, and its length. */
export interface OpenedBackend {
  readonly backend: FileBackend
  readonly size: number
}

export abstract class BaseStorage implements Storage {
  abstract readonly location: string
  abstract readonly supportsSync: boolean

  readonly #files = new Set<OpenFile>()
  readonly #states = new Map<string, FileState>()
  readonly #gate = new Gate()
  readonly #directorySyncs = new SyncLine(() => this.#syncDirectoryNow())
  readonly #owner = {
    translate: (error: unknown, action: string, context: StorageErrorContext): Error =>
      this.translate(error, action, context),
    checkChangeable: (action: string, name: string): void => this.#checkLock(action, name),
    closed: (file: OpenFile): void => this.#forget(file),
  }
  #directoryFailed: StorageError | undefined
  #lock: HeldLock | undefined
  #lockLost: StorageError | undefined
  #closing: Promise<void> | undefined

  // What a kind of storage adds.
  protected abstract openBackend(name: string, mode: OpenMode): Promise<OpenedBackend>
  protected abstract openBackendSync(name: string): OpenedBackend
  /** All names in the directory, the storage's own too. */
  protected abstract names(): Promise<string[]>
  protected abstract sizeOf(name: string): Promise<number>
  protected abstract unlink(name: string): Promise<void>
  protected abstract syncNames(): Promise<void>
  /** Makes the durable file and gives it its name, calling `syncDirectory` for the durable name. */
  protected abstract publishBytes(name: string, data: Uint8Array, syncDirectory: () => Promise<void>): Promise<void>
  protected abstract takeLock(): Promise<LockGrip>
  /** Names of files that an interrupted `publish` left behind are taken away once the lock is held. */
  protected abstract removeTemporaries(): Promise<void>
  protected abstract closeDirectory(): Promise<void>
  /** Turns whatever the bare operations throw into the error that the caller sees. */
  protected abstract translate(error: unknown, action: string, context: StorageErrorContext): Error

  get openFiles(): readonly string[] {
    return [...this.#files].map((file) => file.name)
  }

  /** Whether this storage holds the lock of its directory. */
  protected get holdsLock(): boolean {
    return this.#lock?.held === true
  }

  open(name: string, options: OpenOptions): Promise<StorageFile> {
    return this.#run('open', name, async () => {
      const mode = checkMode(options)
      if (mode === 'create') this.#checkNamesChangeable('create', name)
      if (mode !== 'read') this.#checkLock('open', name)
      return this.#adopt(name, mode, await this.openBackend(name, mode))
    })
  }

  openSync(name: string): StorageFile {
    checkName(name)
    this.#checkOpen('openSync')
    if (!this.supportsSync) throw new StorageError('STORAGE_UNSUPPORTED', `${this.location} has no openSync`)
    try {
      return this.#adopt(name, 'read', this.openBackendSync(name))
    } catch (error) {
      throw this.translate(error, 'openSync', { file: name })
    }
  }

  list(): Promise<string[]> {
    return this.#run('list', NO_NAME, async () => (await this.names()).filter(isFileName).sort())
  }

  foreignNames(): Promise<string[]> {
    return this.#run('foreignNames', NO_NAME, async () => (await this.names()).filter(isForeignName).sort())
  }

  size(name: string): Promise<number> {
    return this.#run('size', name, () => this.sizeOf(name))
  }

  remove(name: string): Promise<void> {
    return this.#run('remove', name, async () => {
      this.#checkNamesChangeable('remove', name)
      await this.unlink(name)
      // A file made anew under this name has no past.
      this.#states.delete(name)
    })
  }

  syncDirectory(): Promise<void> {
    return this.#run('syncDirectory', NO_NAME, () => this.#directorySyncs.run())
  }

  publish(name: string, data: Uint8Array): Promise<void> {
    return this.#run('publish', name, async () => {
      checkBytes(data)
      this.#checkNamesChangeable('publish', name)
      await this.publishBytes(name, data, () => this.#directorySyncs.run())
    })
  }

  lock(): Promise<StorageLock> {
    return this.#run('lock', NO_NAME, async () => {
      if (this.#lockLost !== undefined) throw this.#lockLost
      if (this.holdsLock) {
        throw new StorageError('STORAGE_LOCKED', `this storage already holds the lock of ${this.location}`)
      }
      const lock = new HeldLock(await this.takeLock(), (reason) => {
        this.#lockLost = reason
      })
      try {
        await this.removeTemporaries()
      } catch (error) {
        await lock.release()
        throw error
      }
      this.#lock = lock
      return lock
    })
  }

  abstract describe(): StorageDescriptor | undefined

  close(): Promise<void> {
    this.#closing ??= this.#closeNow()
    return this.#closing
  }

  async #closeNow(): Promise<void> {
    await this.#gate.shut()
    const results = await Promise.allSettled([...this.#files].map((file) => file.close()))
    // The lock goes last of what others wait for: no handle of ours may write once somebody else holds it.
    results.push(...(await Promise.allSettled([this.#lock?.release()])))
    results.push(...(await Promise.allSettled([this.closeDirectory()])))
    const failed = results.find((result) => result.status === 'rejected')
    if (failed !== undefined) throw this.translate(failed.reason, 'close', {})
  }

  async #run<Result>(action: string, name: string | typeof NO_NAME, run: () => Promise<Result>): Promise<Result> {
    if (name !== NO_NAME) checkName(name)
    this.#checkOpen(action)
    this.#gate.enter()
    try {
      return await run()
    } catch (error) {
      throw this.translate(error, action, { file: name === NO_NAME ? undefined : name })
    } finally {
      this.#gate.leave()
    }
  }

  #adopt(name: string, mode: OpenMode, opened: OpenedBackend): OpenFile {
    let state = this.#states.get(name)
    if (state === undefined) {
      state = { handles: 0, failed: undefined }
      this.#states.set(name, state)
    }
    state.handles++
    const { backend, size: end } = opened
    const file = new OpenFile({ name, mode, backend, state, owner: this.#owner, end, supportsSync: this.supportsSync })
    this.#files.add(file)
    return file
  }

  #forget(file: OpenFile): void {
    this.#files.delete(file)
    const state = file.state
    state.handles--
    if (state.handles === 0 && state.failed === undefined && this.#states.get(file.name) === state) {
      this.#states.delete(file.name)
    }
  }

  async #syncDirectoryNow(): Promise<void> {
    this.#checkNamesChangeable('syncDirectory', undefined)
    try {
      await this.syncNames()
    } catch (error) {
      const failure = this.translate(error, 'syncDirectory', {})
      if (failure instanceof StorageError) this.#directoryFailed ??= failure
      throw failure
    }
  }

  #checkOpen(action: string): void {
    if (this.#gate.isShut) throw new StorageError('STORAGE_CLOSED', `${action} after close of ${this.location}`)
  }

  #checkLock(action: string, name: string | undefined): void {
    if (this.#lockLost === undefined) return
    const message = `${action} refused: the lock of ${this.location} is lost`
    throw new StorageError('STORAGE_LOCK_LOST', message, { file: name, cause: this.#lockLost })
  }

  #checkNamesChangeable(action: string, name: string | undefined): void {
    this.#checkLock(action, name)
    if (this.#directoryFailed === undefined) return
    const message = `${action} after a failed sync of ${this.location}: reopen the storage and recover`
    throw new StorageError('STORAGE_FAILED', message, { file: name, cause: this.#directoryFailed })
  }
}

class HeldLock implements StorageLock {
  readonly lost: Promise<StorageError>
  readonly #grip: LockGrip
  #held = true
  #releasing: Promise<void> | undefined

  constructor(grip: LockGrip, onLost: (reason: StorageError) => void) {
    this.#grip = grip
    this.lost = new Promise((resolve) => {
      grip.lost.then((reason) => {
        // A grip that lets go because it was asked to is no loss.
        if (!this.#held) return
        this.#held = false
        onLost(reason)
        resolve(reason)
      })
    })
  }

  get held(): boolean {
    return this.#held
  }

  release(): Promise<void> {
    this.#held = false
    this.#releasing ??= this.#grip.release()
    return this.#releasing
  }
}

/** For calls that take no name; `undefined` from a caller is a wrong name. */
const NO_NAME: unique symbol = Symbol('no name')

function checkMode(options: OpenOptions): OpenMode {
  const mode = options?.mode
  if (mode === 'read' || mode === 'write' || mode === 'create') return mode
  throw invalidType(`mode must be 'read', 'write' or 'create', not ${JSON.stringify(mode)}`)
}
