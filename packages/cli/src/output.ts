/** Writes data to a stream in large pieces, at the speed of whoever reads them. */
import { CliError, codeOf, EXIT } from './failure.ts'
import type { OutputStream } from './world.ts'

const PIECE_BYTES = 64 * 1024

export class Output {
  readonly #stream: OutputStream
  readonly #interrupted: AbortSignal | undefined
  readonly #isTerminal: boolean
  #parts: Uint8Array[] = []
  #pending = 0
  #failure: Error | undefined

  /** Ends waiting for a reader when `interrupted` is aborted; without it, waits for as long as a write takes. */
  constructor(stream: OutputStream, interrupted?: AbortSignal) {
    this.#stream = stream
    this.#interrupted = interrupted
    this.#isTerminal = stream.isTTY === true
    // Without a listener, a reader that went away would end the process before the store is closed.
    stream.on('error', (error: Error) => {
      this.#failure ??= error
    })
  }

  /** Whether a person reads it. */
  get isTerminal(): boolean {
    return this.#isTerminal
  }

  /** Columns of the terminal, or 80. */
  get columns(): number {
    // Some pseudo-terminals say 0.
    return this.#stream.columns || 80
  }

  /**
   * Takes bytes that do not change until `flush`, or text. Returns a promise only where the reader has to catch up.
   * Throws `CLI_BROKEN_PIPE` when nobody reads any more: that ends the command well, as `head` expects it.
   */
  write(data: Uint8Array | string): Promise<void> | undefined {
    this.#check()
    const bytes = typeof data === 'string' ? Buffer.from(data) : data
    if (bytes.length === 0) return undefined
    this.#parts.push(bytes)
    this.#pending += bytes.length
    return this.#pending >= PIECE_BYTES ? this.flush() : undefined
  }

  /** Settles when the stream has taken everything. Throws the reason of the interruption where that comes first. */
  async flush(): Promise<void> {
    this.#check()
    if (this.#pending === 0) return
    const interrupted = this.#interrupted
    interrupted?.throwIfAborted()
    const piece = Buffer.concat(this.#parts, this.#pending)
    this.#parts = []
    this.#pending = 0
    await new Promise<void>((resolve, reject) => {
      const stop = (): void => reject(interrupted?.reason)
      interrupted?.addEventListener('abort', stop, { once: true })
      // A failure reaches the listener as well; here it only must not be waited for.
      this.#stream.write(piece, (error) => {
        interrupted?.removeEventListener('abort', stop)
        if (error != null) this.#failure ??= error
        resolve()
      })
    })
    this.#check()
  }

  #check(): void {
    const failure = this.#failure
    if (failure === undefined) return
    const code = codeOf(failure)
    if (code === 'EPIPE' || code === 'ERR_STREAM_DESTROYED') {
      throw new CliError('CLI_BROKEN_PIPE', 'nobody reads the output any more', { exitCode: EXIT.ok, cause: failure })
    }
    throw new CliError('CLI_OUTPUT', `the output cannot be written: ${failure.message}`, {
      exitCode: EXIT.store,
      cause: failure,
    })
  }
}
