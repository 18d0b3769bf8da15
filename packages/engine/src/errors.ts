/** The engine's one error class, and what misuse throws. */
import type { LsmErrorCode, LsmMisuseCode } from './api.ts'

export interface LsmErrorDetails {
  readonly cause?: unknown
  /** Name of the file inside the store's directory. */
  readonly file?: string
  /** Byte offset in that file. */
  readonly offset?: number
  /** `'unknown'`: the write was not acknowledged and may still be there after the store is opened again. */
  readonly outcome?: 'unknown'
}

/** Everything that can go wrong though the call was right. `code` is stable; the message is for people. */
export class LsmError extends Error {
  override readonly name = 'LsmError'
  readonly code: LsmErrorCode
  readonly file?: string
  readonly offset?: number
  readonly outcome?: 'unknown'

  constructor(code: LsmErrorCode, message: string, details: LsmErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.code = code
    if (details.file !== undefined) this.file = details.file
    if (details.offset !== undefined) this.offset = details.offset
    if (details.outcome !== undefined) this.outcome = details.outcome
  }
}

/** A `TypeError` with the code that misuse carries. */
export function invalidType(message: string): TypeError & { readonly code: LsmMisuseCode } {
  return Object.assign(new TypeError(message), { code: 'LSM_INVALID_ARGUMENT' as const })
}

/** A `RangeError` with the code that misuse carries. */
export function invalidRange(message: string): RangeError & { readonly code: LsmMisuseCode } {
  return Object.assign(new RangeError(message), { code: 'LSM_INVALID_ARGUMENT' as const })
}

/** Damage found where nothing but damage can be the reason. */
export function corruption(message: string, details: LsmErrorDetails = {}): LsmError {
  return new LsmError('LSM_CORRUPTION', message, details)
}
