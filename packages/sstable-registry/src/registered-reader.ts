/**
 * The life of one reader:
 *
 *   live ──retire──► retired ──last handle released──► closing ──close() settles──► gone
 *
 * A retired reader without handles is closed at once, within the call that retires it or releases the last handle.
 * Nothing leads back, and `close()` is called on the one arrow into `closing`: so once, and never while in use.
 */
import { RegistryError } from './error.ts'

/** A reader's name: any string, or a safe integer. `1` and `'1'` are two. */
export type FileId = string | number

/** Anything that is closed once it is no longer used. A promise that `close` returns is awaited. */
export interface Closeable {
  close(): unknown
}

export class RegisteredReader<R extends Closeable> {
  readonly fileId: FileId
  readonly reader: R
  /** Handles that are not released. */
  handles = 0
  /** Settles when the reader is gone, with what `close()` threw as the cause of its rejection. Set by `retire`. */
  gone: Promise<void> | undefined = undefined
  readonly #forget: () => void
  #settle: (failure?: RegistryError) => void = () => {}

  /** `forget` takes it out of the registry; called when `close()` has settled, before `gone` does. */
  constructor(fileId: FileId, reader: R, forget: () => void) {
    this.fileId = fileId
    this.reader = reader
    this.#forget = forget
  }

  /** No new handles from now on. Returns `gone`. */
  retire(): Promise<void> {
    if (this.gone === undefined) {
      this.gone = new Promise((resolve, reject) => {
        this.#settle = (failure) => (failure === undefined ? resolve() : reject(failure))
      })
      if (this.handles === 0) this.#close()
    }
    return this.gone
  }

  /** One handle less. Never throws: a failure of `close()` is the rejection of `gone`. */
  release(): void {
    this.handles--
    if (this.handles === 0 && this.gone !== undefined) this.#close()
  }

  #close(): void {
    try {
      const closing = this.reader.close() as PromiseLike<unknown> | undefined
      if (typeof closing?.then === 'function') {
        Promise.resolve(closing).then(
          () => this.#end(),
          (error: unknown) => this.#fail(error),
        )
      } else {
        this.#end()
      }
    } catch (error) {
      this.#fail(error)
    }
  }

  #fail(cause: unknown): void {
    const message = `close() of ${this.fileId} failed; the registry has let go of it and will not try again`
    this.#end(new RegistryError('REGISTRY_CLOSE_FAILED', message, this.fileId, { cause }))
  }

  #end(failure?: RegistryError): void {
    this.#forget()
    this.#settle(failure)
  }
}
