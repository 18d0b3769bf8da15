/**
 * The code of what this package throws by itself: only mistakes of the caller, so `TypeError`s and `RangeError`s and no
 * class of its own. What a loader, `sizeOf` or `onEvict` throws comes out as it is.
 */
export type BlockCacheErrorCode = typeof CODE

const CODE = 'BLOCK_CACHE_INVALID_ARGUMENT' as const

/** An error that carries the code. */
export type BlockCacheError = (TypeError | RangeError) & { readonly code: BlockCacheErrorCode }

/** The error for a wrong value: a `RangeError` if it is a number at least, else a `TypeError`. `rule` is what it must be. */
export function misuse(rule: string, value: unknown): BlockCacheError {
  // An object's own toString may throw or be absent.
  const shown = (typeof value === 'object' && value) || typeof value === 'function' ? typeof value : String(value)
  const ErrorClass = typeof value === 'number' ? RangeError : TypeError
  return Object.assign(new ErrorClass(`${rule}, not ${shown.slice(0, 60)}`), { code: CODE })
}
