import { misuse } from './errors.ts'

/** What the lock uses of an `AbortSignal`: the platform's, a polyfill's or one from another realm will do. */
export interface AbortSignalLike {
  readonly aborted: boolean
  readonly reason?: unknown
  addEventListener(type: 'abort', listener: () => void): void
  removeEventListener(type: 'abort', listener: () => void): void
}

export interface AcquireOptions {
  /** Gives the request up when it fires before the lock is granted. Afterwards it has no effect on the hold. */
  readonly signal?: AbortSignalLike | undefined
  /**
   * How long to wait at most. 0 does not wait at all; `Infinity` (the default) waits without limit; otherwise at most
   * 2,147,483,647 (24.8 days). The timer keeps a Node.js process alive until the request is granted or given up.
   */
  readonly timeoutMs?: number | undefined
}

/** The longest delay that timers keep: a longer one would fire at once. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1

/**
 * The options as they were at the time of the call, with no `timeoutMs` for no limit. They are read once and before
 * the lock's state is looked at, because a getter may run any code, this lock's methods included.
 */
export function readOptions(options: AcquireOptions = {}): AcquireOptions {
  if (typeof options !== 'object' || options === null) throw misuse(TypeError, 'options must be an object')
  const { signal, timeoutMs } = options
  if (signal !== undefined && !isSignal(signal)) throw misuse(TypeError, 'signal must be an AbortSignal')
  if (timeoutMs === undefined || timeoutMs === Number.POSITIVE_INFINITY) return { signal }
  if (typeof timeoutMs !== 'number') throw misuse(TypeError, 'timeoutMs must be a number')
  if (timeoutMs >= 0 && timeoutMs <= MAX_TIMEOUT_MS) return { signal, timeoutMs }
  throw misuse(RangeError, `timeoutMs must be 0 to ${MAX_TIMEOUT_MS} or Infinity, not ${timeoutMs}`)
}

function isSignal(value: AbortSignalLike | null): boolean {
  // All that will be called later is checked now: a failure then would hit whoever releases the lock.
  return (
    typeof value?.aborted === 'boolean' &&
    typeof value.addEventListener === 'function' &&
    typeof value.removeEventListener === 'function'
  )
}
