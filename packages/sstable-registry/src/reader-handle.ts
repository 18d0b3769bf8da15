import { RegistryError } from './error.ts'
import type { Closeable, FileId, RegisteredReader } from './registered-reader.ts'

/**
 * A use of a reader: while it lasts, the reader is not closed. Give it back with `release()`, or let `using` do it.
 * A handle that is never released keeps its reader open for ever; `inUse()` of the registry names it.
 */
export class ReaderHandle<R extends Closeable> {
  static {
    if (Symbol.dispose) {
      Object.defineProperty(ReaderHandle.prototype, Symbol.dispose, {
        value: ReaderHandle.prototype.release,
        configurable: true,
      })
    }
  }

  /** As `release`. Absent where the runtime has no `Symbol.dispose`. */
  declare readonly [Symbol.dispose]: () => void
  readonly fileId: FileId
  #registered: RegisteredReader<R> | undefined

  /** Counts itself. */
  constructor(registered: RegisteredReader<R>) {
    this.fileId = registered.fileId
    this.#registered = registered
    registered.handles++
  }

  /** The reader, borrowed until `release`; afterwards `REGISTRY_RELEASED`. */
  get reader(): R {
    const registered = this.#registered
    if (registered !== undefined) return registered.reader
    throw new RegistryError('REGISTRY_RELEASED', `the handle of ${this.fileId} is released; open another`, this.fileId)
  }

  /**
   * Ends the use; a second call does nothing. The last handle of a reader that is marked for deletion closes it.
   * Never throws: a `close()` that fails rejects the promise of `markForDeletion` or `closeAll`.
   */
  release(): void {
    const registered = this.#registered
    if (registered === undefined) return
    this.#registered = undefined
    registered.release()
  }

  /** As `release`: ends this use, and not the reader's life. */
  close(): void {
    this.release()
  }
}
