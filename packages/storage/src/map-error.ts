/** What a failed system call means to the caller of a storage. */
import { StorageError, type StorageErrorCode, type StorageErrorContext } from './errors.ts'

const CODES: Readonly<Record<string, StorageErrorCode>> = {
  ENOENT: 'STORAGE_NOT_FOUND',
  EEXIST: 'STORAGE_EXISTS',
  ENOSPC: 'STORAGE_NO_SPACE',
  EDQUOT: 'STORAGE_NO_SPACE',
  EFBIG: 'STORAGE_NO_SPACE',
  EACCES: 'STORAGE_PERMISSION',
  EPERM: 'STORAGE_PERMISSION',
  EROFS: 'STORAGE_PERMISSION',
  ERR_ACCESS_DENIED: 'STORAGE_PERMISSION',
  EMFILE: 'STORAGE_TOO_MANY_FILES',
  ENFILE: 'STORAGE_TOO_MANY_FILES',
  ENOTDIR: 'STORAGE_NOT_A_DIRECTORY',
  // What O_NOFOLLOW answers to a symbolic link, and opening for writing to a directory or a pipe without a reader.
  ELOOP: 'STORAGE_NOT_A_FILE',
  EMLINK: 'STORAGE_NOT_A_FILE',
  EISDIR: 'STORAGE_NOT_A_FILE',
  ENXIO: 'STORAGE_NOT_A_FILE',
}

/** The system's name of an error, `'ENOENT'` for one, or `undefined`. */
export function systemCode(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return typeof code === 'string' ? code : undefined
}

/** Returns `error` itself where it is this package's, and otherwise the `StorageError` that stands for it. */
export function mapError(error: unknown, action: string, location: string, context: StorageErrorContext): Error {
  if (error instanceof StorageError) return error
  const system = systemCode(error)
  if (system === 'STORAGE_INVALID_ARGUMENT' && error instanceof Error) return error
  const code = codeOf(error, system)
  const where = context.file === undefined ? location : `"${context.file}" in ${location}`
  const at = context.offset === undefined ? '' : ` at ${context.offset}`
  const why = error instanceof Error ? error.message : String(error)
  return new StorageError(code, `${action} of ${where}${at} failed: ${why}`, { ...context, cause: error })
}

function codeOf(error: unknown, system: string | undefined): StorageErrorCode {
  // What Deno throws, with no code, where it was started without a permission.
  if (error instanceof Error && error.name === 'NotCapable') return 'STORAGE_PERMISSION'
  return (system !== undefined && Object.hasOwn(CODES, system) ? CODES[system] : undefined) ?? 'STORAGE_IO'
}
