/**
 * flock(2) on an open file, through flock(1).
 *
 * The lock belongs to the open file description, which a child shares that inherits the descriptor. So the child
 * takes the lock and ends, and the lock stays with this process until its descriptor is closed, by `close` or by
 * the process's death, however sudden. Descriptors are close-on-exec: no other child keeps it.
 */
import { spawn } from 'node:child_process'
import { StorageError } from '../errors.ts'
import { systemCode } from '../map-error.ts'

// The fixed places first: which primitive is used must not hang on somebody's PATH.
const PROGRAMS = ['/usr/bin/flock', '/bin/flock', 'flock']
const TAKEN_STATUS = 1

export type FlockOutcome = 'locked' | 'taken' | 'absent'

/** Tries once, without waiting; `'absent'` when there is no flock(1). */
export async function flockThroughChild(fd: number, programs: readonly string[] = PROGRAMS): Promise<FlockOutcome> {
  for (const program of programs) {
    const status = await run(program, fd)
    if (status === undefined) continue
    if (status === 0) return 'locked'
    if (status === TAKEN_STATUS) return 'taken'
    throw new StorageError('STORAGE_IO', `${program} ended with ${status}: this file system may have no locks`)
  }
  return 'absent'
}

/** The exit status or signal, or `undefined` when there is no such program. */
function run(program: string, fd: number): Promise<number | string | undefined> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, ['-x', '-n', '3'], { stdio: ['ignore', 'ignore', 'ignore', fd] })
    child.once('error', (error) => {
      if (systemCode(error) === 'ENOENT') resolve(undefined)
      else reject(error)
    })
    child.once('exit', (status, signal) => resolve(status ?? signal ?? 'no status'))
  })
}
