/**
 * What can go wrong, as literal codes. `REGISTRY_INVALID_ARGUMENT` is carried by a `TypeError`; `closeAll` rejects with
 * an `AggregateError` that carries `REGISTRY_CLOSE_FAILED`; everything else is a `RegistryError`.
 */
export type RegistryErrorCode =
  | 'REGISTRY_ALREADY_REGISTERED'
  | 'REGISTRY_CLOSED'
  | 'REGISTRY_CLOSE_FAILED'
  | 'REGISTRY_INVALID_ARGUMENT'
  | 'REGISTRY_MARKED'
  | 'REGISTRY_NOT_FOUND'
  | 'REGISTRY_RELEASED'

/** A refusal, or a `close()` that failed (then with its error as `cause`). */
export class RegistryError extends Error {
  override readonly name = 'RegistryError'
  readonly code: RegistryErrorCode
  readonly fileId: string | number

  constructor(code: RegistryErrorCode, message: string, fileId: string | number, options?: ErrorOptions) {
    super(message, options)
    this.code = code
    this.fileId = fileId
  }
}

/** A `TypeError` with the code for a mistake of the caller. */
export function misuse(message: string): TypeError {
  return Object.assign(new TypeError(message), { code: 'REGISTRY_INVALID_ARGUMENT' as const })
}
