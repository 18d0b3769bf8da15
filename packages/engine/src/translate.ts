/** Turns the errors of the packages below into the engine's own; their details and they themselves are kept. */
import type { LsmErrorCode } from './api.ts'
import { LsmError, type LsmErrorDetails } from './errors.ts'

const CODES: Readonly<Record<string, LsmErrorCode>> = {
  // A file that a manifest names and that is not there, or is something else, is damage.
  STORAGE_NOT_FOUND: 'LSM_CORRUPTION',
  STORAGE_NOT_A_FILE: 'LSM_CORRUPTION',
  STORAGE_EXISTS: 'LSM_IO',
  STORAGE_IO: 'LSM_IO',
  STORAGE_TOO_MANY_FILES: 'LSM_IO',
  STORAGE_NO_SPACE: 'LSM_NO_SPACE',
  STORAGE_PERMISSION: 'LSM_PERMISSION',
  STORAGE_NOT_A_DIRECTORY: 'LSM_NOT_A_STORE',
  STORAGE_LOCKED: 'LSM_LOCKED',
  STORAGE_LOCK_LOST: 'LSM_FENCED',
  STORAGE_FAILED: 'LSM_FAILED',
  STORAGE_CLOSED: 'LSM_CLOSED',
  STORAGE_UNSUPPORTED: 'LSM_UNSUPPORTED',
  WAL_CORRUPT: 'LSM_CORRUPTION',
  WAL_TORN: 'LSM_CORRUPTION',
  WAL_UNSUPPORTED_FORMAT: 'LSM_UNSUPPORTED_FORMAT',
  WAL_NOT_WRITTEN: 'LSM_IO',
  WAL_FAILED: 'LSM_FAILED',
  WAL_CLOSED: 'LSM_CLOSED',
  SSTABLE_CORRUPT: 'LSM_CORRUPTION',
  SSTABLE_NOT_FOUND: 'LSM_CORRUPTION',
  SSTABLE_FAILED: 'LSM_IO',
  SSTABLE_UNSUPPORTED_FORMAT: 'LSM_UNSUPPORTED_FORMAT',
  SSTABLE_UNSUPPORTED_COMPRESSION: 'LSM_UNSUPPORTED',
  SSTABLE_CLOSED: 'LSM_CLOSED',
}

interface Coded {
  readonly code?: unknown
  readonly file?: unknown
  readonly offset?: unknown
  readonly outcome?: unknown
  readonly message?: unknown
  readonly cause?: unknown
}

/** Returns an `LsmError` for an error of a package below, and anything else (a bug, misuse) as it is. */
export function translate(error: unknown): unknown {
  if (error instanceof LsmError || typeof error !== 'object' || error === null) return error
  const { code, file, offset, outcome, message, cause } = error as Coded
  if (typeof code !== 'string' || !Object.hasOwn(CODES, code)) {
    // Of several readers that could not be closed, the first one says why.
    const inner: unknown = error instanceof AggregateError ? error.errors[0] : cause
    const known = inner === undefined ? undefined : translate(inner)
    return known instanceof LsmError ? known : error
  }
  const details: LsmErrorDetails = {
    cause: error,
    ...(typeof file === 'string' && { file }),
    ...(typeof offset === 'number' && { offset }),
    ...(outcome === 'unknown' && { outcome }),
  }
  return new LsmError(codeFor(code, outcome, cause), String(message), details)
}

function codeFor(code: string, outcome: unknown, cause: unknown): LsmErrorCode {
  // Why a write was refused is what its caller can act on: a full disk first of all.
  if (code === 'WAL_NOT_WRITTEN') {
    const reason = (cause as Coded | undefined)?.code
    return typeof reason === 'string' && Object.hasOwn(CODES, reason) ? CODES[reason]! : 'LSM_IO'
  }
  // The writes that met the failure may be there when the store is opened again; later ones were never tried.
  if (code === 'WAL_FAILED' && outcome === 'unknown') return 'LSM_IO'
  return CODES[code]!
}

/** Awaits `promise` and translates its error. */
export async function translated<T>(promise: Promise<T>): Promise<T> {
  try {
    return await promise
  } catch (error) {
    throw translate(error)
  }
}

/** Whether what failed may work later as it is: there was no room, or too many files were open. */
export function isPassing(error: LsmError): boolean {
  if (isNoSpace(error)) return true
  let cause: unknown = error
  for (let depth = 0; depth < 8 && cause; depth++) {
    if ((cause as Coded).code === 'STORAGE_TOO_MANY_FILES') return true
    cause = (cause as Coded).cause
  }
  return false
}

/** Whether there was no room for something; it may work later. */
export function isNoSpace(error: unknown): error is LsmError {
  return error instanceof LsmError && error.code === 'LSM_NO_SPACE'
}
