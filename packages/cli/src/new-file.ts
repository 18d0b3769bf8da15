/** A file that comes into being with all of its content, or not at all. */
import { createWriteStream } from 'node:fs'
import { type FileHandle, open, unlink } from 'node:fs/promises'
import { CliError, codeOf, EXIT } from './failure.ts'
import { Output } from './output.ts'
import type { OutputStream } from './world.ts'

export class NewFile {
  readonly out: Output
  readonly #path: string
  readonly #handle: FileHandle

  private constructor(path: string, handle: FileHandle) {
    this.#path = path
    this.#handle = handle
    // The handle is closed here, after the last write, so that an error of closing is seen. No interruption ends the
    // waiting: a file has no reader that pauses, and its number must not be free while something is being written to it.
    this.out = new Output(createWriteStream('', { fd: handle.fd, autoClose: false }) as OutputStream)
  }

  /** Never opens a file that is there. */
  static async create(path: string): Promise<NewFile> {
    try {
      return new NewFile(path, await open(path, 'wx'))
    } catch (cause) {
      const why = codeOf(cause) === 'EEXIST' ? 'it exists; name a new file' : (cause as Error).message
      throw new CliError('CLI_USAGE', `cannot write ${path}: ${why}`, { cause })
    }
  }

  /** Durable when it resolves: success is told next. */
  async close(): Promise<void> {
    const closed = this.#handle.sync().then(() => this.#handle.close())
    await closed.catch((cause: Error) => {
      throw new CliError('CLI_OUTPUT', `cannot write ${this.#path}: ${cause.message}`, { exitCode: EXIT.store, cause })
    })
  }

  /** Closes it and takes it away: what failed half-way looks whole, and would be in the way of the next try. */
  async remove(): Promise<void> {
    await this.#handle.close().catch(() => {})
    await unlink(this.#path).catch(() => {})
  }
}
