/**
 * What can go wrong, as literal codes. `BLOCK_CACHE_INVALID_ARGUMENT` is carried by a `TypeError` or `RangeError`:
 * the caller's mistake. The others are `BlockCacheError`s.
 */
export type BlockCacheErrorCode = 'BLOCK_CACHE_INVALID_ARGUMENT' | 'BLOCK_CACHE_RECURSIVE_LOAD'

/** A failure that depends on the cache's state and not on one argument alone. */
export class BlockCacheError extends Error {
  override readonly name = 'BlockCacheError'
  readonly code: BlockCacheErrorCode
  readonly fileId: string | number
  readonly offset: number

  constructor(code: BlockCacheErrorCode, message: string, where: { fileId: string | number; offset: number }) {
    super(message)
    this.code = code
    this.fileId = where.fileId
    this.offset = where.offset
  }
}

/** A `TypeError` that carries the code for a mistake of the caller. */
export function wrongType(message: string): TypeError {
  return Object.assign(new TypeError(message), { code: 'BLOCK_CACHE_INVALID_ARGUMENT' as const })
}

/** A `RangeError` that carries the code for a mistake of the caller. */
export function outOfRange(message: string): RangeError {
  return Object.assign(new RangeError(message), { code: 'BLOCK_CACHE_INVALID_ARGUMENT' as const })
}

/** A short text of any value for a message; never throws, never long. */
export function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value)
  if (typeof value === 'number' || typeof value === 'boolean' || value == null) return String(value)
  return typeof value === 'bigint' ? 'a bigint' : `a ${typeof value}`
}
