/** Which names and numbers may reach a file system. All storages ask here, so that all refuse the same. */
import { invalidRange, invalidType } from './errors.ts'

/** The file that carries the lock; never opened, listed or removed as a file of the user's. */
export const LOCK_NAME = 'LOCK'

/** Begins the names of files that are being published. A user's name cannot begin with a dot. */
export const TEMPORARY_PREFIX = '.publish-'

const MAX_NAME_LENGTH = 200
const NAME = /^[A-Za-z0-9_-][A-Za-z0-9._-]*$/

/** Whether `name` may name a user's file. */
export function isFileName(name: string): boolean {
  // Case is ignored for the lock: some file systems do.
  return name.length <= MAX_NAME_LENGTH && NAME.test(name) && name.toUpperCase() !== LOCK_NAME
}

/** Left by systems and not by programs: of a new file system, of a network's, of the Finder. They are in nobody's way. */
const OF_THE_SYSTEM = /^(lost\+found|\.nfs[0-9A-Fa-f]+|\.DS_Store)$/

/** Whether a name in the directory is neither a user's file's nor one of the storage's own. */
export function isForeignName(name: string): boolean {
  return !isFileName(name) && name !== LOCK_NAME && !OF_THE_SYSTEM.test(name) && !name.startsWith(TEMPORARY_PREFIX)
}

/** Throws the coded `TypeError` unless `name` may name a user's file. */
export function checkName(name: unknown): asserts name is string {
  if (typeof name !== 'string') throw invalidType(`a file name must be a string, not ${typeof name}`)
  if (isFileName(name)) return
  const shown = JSON.stringify(name.slice(0, MAX_NAME_LENGTH))
  throw invalidType(
    `${shown} is not a file name: use 1 to ${MAX_NAME_LENGTH} of A-Z a-z 0-9 . _ -, ` +
      `with no dot at the start, and not ${LOCK_NAME}`,
  )
}

/** Throws the coded error unless `data` is a `Uint8Array`, of this realm or another. */
export function checkBytes(data: unknown): asserts data is Uint8Array {
  if (data instanceof Uint8Array) return
  if (ArrayBuffer.isView(data) && Object.prototype.toString.call(data) === '[object Uint8Array]') return
  throw invalidType('bytes must be a Uint8Array')
}

/** Throws the coded error unless `value` is a safe integer from 0 up; `what` names it in the message. */
export function checkPosition(value: unknown, what: string): asserts value is number {
  if (typeof value !== 'number') throw invalidType(`${what} must be a number, not ${typeof value}`)
  if (!Number.isSafeInteger(value) || value < 0) {
    throw invalidRange(`${what} is ${value}: it must be an integer from 0 to 2^53-1`)
  }
}
