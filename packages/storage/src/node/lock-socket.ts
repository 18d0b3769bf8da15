/**
 * The lock where there is no flock(1): an abstract Unix socket of Linux, which the system takes down with its
 * process. Its names hold in one network namespace; another container does not see them.
 */
import { createServer, type Server } from 'node:net'
import { StorageError } from '../errors.ts'
import { systemCode } from '../map-error.ts'

// All of sun_path: runtimes disagree on how long a shorter abstract name is, so that each would get "the same" one.
const NAME_BYTES = 108

export interface HeldSocket {
  readonly lost: Promise<StorageError>
  release(): Promise<void>
}

/** Takes the name that stands for `identity`, or returns `undefined` when somebody has it. */
export async function holdSocket(identity: string): Promise<HeldSocket | undefined> {
  const path = `\0lsm-storage-lock:${identity}:`.padEnd(NAME_BYTES, '-')
  const server = createServer((connection) => connection.destroy())
  try {
    await listen(server, path)
  } catch (error) {
    if (systemCode(error) === 'EADDRINUSE') return undefined
    throw error
  }
  server.unref()
  const lost = new Promise<StorageError>((resolve) => {
    const tell = (cause?: unknown): void => {
      resolve(new StorageError('STORAGE_LOCK_LOST', 'the socket that stands for the lock was closed', { cause }))
    }
    server.once('error', tell)
    server.once('close', () => tell())
  })
  return { lost, release: () => new Promise((resolve) => server.close(() => resolve())) }
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    // Exclusive: in a cluster a worker would otherwise ask its primary, which shares one socket among all workers.
    server.listen({ path, exclusive: true }, () => {
      server.removeListener('error', reject)
      resolve()
    })
  })
}
