/** Which readers there are, who uses them, and when each is closed. It knows nothing of what they read. */
import { misuse, RegistryError } from './error.ts'
import { ReaderHandle } from './reader-handle.ts'
import { type Closeable, type FileId, RegisteredReader } from './registered-reader.ts'

/** A reader with handles that are not released. */
export interface ReaderInUse {
  readonly fileId: FileId
  /** How many handles are open. */
  readonly handles: number
  /** Whether it closes as soon as they are released. */
  readonly marked: boolean
}

/**
 * Reference counts for anything with `close()`: what is registered here is closed once, and never while a handle of
 * it is open. Every call is O(1) but for `closeAll` and `inUse`, and waits for nothing.
 */
export class SSTableRegistry<R extends Closeable> {
  static {
    if (Symbol.asyncDispose) {
      Object.defineProperty(SSTableRegistry.prototype, Symbol.asyncDispose, {
        value: SSTableRegistry.prototype.closeAll,
        configurable: true,
      })
    }
  }

  /** As `closeAll`. Absent where the runtime has no `Symbol.asyncDispose`. */
  declare readonly [Symbol.asyncDispose]: () => Promise<void>
  readonly #byId = new Map<FileId, RegisteredReader<R>>()
  readonly #readers = new Set<R>()
  #allGone: Promise<void> | undefined

  /**
   * Takes over the reader: from now on the registry closes it. No handle is open yet.
   *
   * Refuses, and then does not take over: an id that is taken, until its reader's `close()` has settled, and a reader
   * that is registered already (both `REGISTRY_ALREADY_REGISTERED`); anything after `closeAll` (`REGISTRY_CLOSED`).
   */
  register(fileId: FileId, reader: R): void {
    checkFileId(fileId)
    if (typeof (reader as Closeable | null | undefined)?.close !== 'function') {
      throw misuse('a reader has a method close(); this one has none')
    }
    this.#checkOpen(fileId)
    if (this.#byId.has(fileId) || this.#readers.has(reader)) {
      const message = this.#byId.has(fileId)
        ? `${fileId} is registered; mark it for deletion and wait until it is gone`
        : `the reader for ${fileId} is registered under another id, and would be closed twice`
      throw new RegistryError('REGISTRY_ALREADY_REGISTERED', message, fileId)
    }
    const forget = (): void => {
      this.#byId.delete(fileId)
      this.#readers.delete(reader)
    }
    this.#byId.set(fileId, new RegisteredReader(fileId, reader, forget))
    this.#readers.add(reader)
  }

  /**
   * A handle: until it is released, the reader stays open. `REGISTRY_NOT_FOUND` if nothing is registered under that
   * id, `REGISTRY_MARKED` if it is marked for deletion, `REGISTRY_CLOSED` after `closeAll`.
   */
  openReader(fileId: FileId): ReaderHandle<R> {
    const registered = this.#byId.get(fileId)
    // `closeAll` retires one after the other, and a close() that it calls may ask for the next.
    if (registered !== undefined && registered.gone === undefined && this.#allGone === undefined) {
      return new ReaderHandle(registered)
    }
    checkFileId(fileId)
    this.#checkOpen(fileId)
    if (registered === undefined) throw notFound(fileId)
    throw new RegistryError('REGISTRY_MARKED', `${fileId} is marked for deletion and takes no new handles`, fileId)
  }

  /** Whether `openReader` would give a handle. */
  has(fileId: FileId): boolean {
    const registered = this.#byId.get(fileId)
    return registered !== undefined && registered.gone === undefined && this.#allGone === undefined
  }

  /**
   * Lets go of a reader: it takes no new handles and is closed when the last one is released, within this call if there
   * is none. The promise resolves when `close()` has settled, so that the file can be deleted then; it rejects with
   * `REGISTRY_CLOSE_FAILED` if `close()` failed, and with `REGISTRY_NOT_FOUND` if nothing is registered under that id.
   * Marking again gives the same promise.
   */
  markForDeletion(fileId: FileId): Promise<void> {
    const registered = this.#byId.get(fileId)
    if (registered !== undefined) return registered.retire()
    return new Promise(() => {
      checkFileId(fileId)
      throw notFound(fileId)
    })
  }

  /**
   * Closes what is idle, within this call and in the order of registration, and the rest as it is released; nothing can
   * be registered or opened any more. The promise resolves when the last reader is gone, so only after every handle is
   * released: `inUse` names those that are not. If any `close()` that it waited for failed, it rejects with an
   * `AggregateError` of all those `RegistryError`s, itself with `code: 'REGISTRY_CLOSE_FAILED'`. Calling again gives
   * the same promise.
   */
  closeAll(): Promise<void> {
    if (this.#allGone === undefined) {
      let settle!: (outcome: Promise<void>) => void
      // Set before any close() runs: one that calls back finds the registry closed.
      this.#allGone = new Promise((resolve) => {
        settle = resolve
      })
      settle(waitForAll([...this.#byId.values()].map((registered) => registered.retire())))
    }
    return this.#allGone
  }

  /** The readers with open handles, in the order of registration: after `closeAll`, those that it waits for. */
  inUse(): ReaderInUse[] {
    const all: ReaderInUse[] = []
    for (const { fileId, handles, gone } of this.#byId.values()) {
      if (handles > 0) all.push({ fileId, handles, marked: gone !== undefined })
    }
    return all
  }

  /** Readers that are not gone: live, marked, or with a `close()` under way. */
  get size(): number {
    return this.#byId.size
  }

  #checkOpen(fileId: FileId): void {
    if (this.#allGone === undefined) return
    throw new RegistryError('REGISTRY_CLOSED', `the registry is closed; ${fileId} can no longer be used`, fileId)
  }
}

async function waitForAll(closing: readonly Promise<void>[]): Promise<void> {
  const failures: unknown[] = []
  for (const each of await Promise.allSettled(closing)) if (each.status === 'rejected') failures.push(each.reason)
  if (failures.length === 0) return
  const message = `close() failed for ${failures.length} of ${closing.length} readers; see errors`
  throw Object.assign(new AggregateError(failures, message), { code: 'REGISTRY_CLOSE_FAILED' as const })
}

function notFound(fileId: FileId): RegistryError {
  return new RegistryError('REGISTRY_NOT_FOUND', `nothing is registered under ${fileId}`, fileId)
}

function checkFileId(fileId: unknown): void {
  if (typeof fileId === 'string' || Number.isSafeInteger(fileId)) return
  const shown = typeof fileId === 'number' ? fileId : `a value of type ${typeof fileId}`
  throw misuse(`a file id is a string or a safe integer, not ${shown}`)
}
