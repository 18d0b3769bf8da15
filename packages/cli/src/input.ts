/** Reads a stream of bytes, and stops waiting for it when the command is to end. */
import { addAbortSignal, type Readable } from 'node:stream'
import { CliError } from './failure.ts'

export interface InputOptions {
  /** What messages call it. */
  readonly name: string
  readonly interrupted: AbortSignal
}

/**
 * Yields the pieces of `stream`. Throws the reason of `interrupted` when that is aborted, also while nothing comes, and
 * `CLI_INPUT` when reading fails. The stream is over when its reader is.
 */
export async function* readInput(stream: Readable, { name, interrupted }: InputOptions): AsyncGenerator<Uint8Array> {
  interrupted.throwIfAborted()
  addAbortSignal(interrupted, stream)
  const pieces = stream[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>
  try {
    for (;;) {
      const next = await pieces.next().catch((cause: Error) => {
        interrupted.throwIfAborted()
        throw new CliError('CLI_INPUT', `cannot read ${name}: ${cause.message}`, { cause })
      })
      if (next.done === true) return
      yield next.value
    }
  } finally {
    await pieces.return?.()
  }
}
