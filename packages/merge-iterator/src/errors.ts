/** What went wrong, for programs. README.md says when each occurs and what to do. */
export type MergeErrorCode =
  | 'MERGE_UNSORTED_SOURCE'
  | 'MERGE_INVALID_RECORD'
  | 'MERGE_CLOSE_FAILED'
  | 'MERGE_BUSY'
  | 'MERGE_INVALID_ARGUMENT'

/** A merge that could not go on. What a source itself throws is passed on as it is, never wrapped in this. */
export class MergeError extends Error {
  override readonly name: string = 'MergeError'
  readonly code: MergeErrorCode
  /** Position, among the sources given, of the one at fault. */
  readonly source: number | undefined
  /** With `MERGE_CLOSE_FAILED`: all that the sources threw; `cause` is the first. */
  readonly errors: readonly unknown[] | undefined

  constructor(
    code: MergeErrorCode,
    message: string,
    details: { source?: number; cause?: unknown; errors?: readonly unknown[] } = {},
  ) {
    super(message, 'cause' in details ? { cause: details.cause } : undefined)
    this.code = code
    this.source = details.source
    this.errors = details.errors
  }
}

/** A `TypeError` with the code `MERGE_INVALID_ARGUMENT`. */
export function invalidArgument(message: string): TypeError {
  return Object.assign(new TypeError(message), { code: 'MERGE_INVALID_ARGUMENT' as const })
}

export function invalidRecord(source: number, problem: string): MergeError {
  return new MergeError('MERGE_INVALID_RECORD', `source ${source} gave ${problem}`, { source })
}

export function unsortedSource(source: number): MergeError {
  return new MergeError(
    'MERGE_UNSORTED_SOURCE',
    `source ${source} is out of order: sort it by key in the merge's direction, equal keys by falling seq (in reverse too)`,
    { source },
  )
}

export function busy(): MergeError {
  return new MergeError('MERGE_BUSY', 'the merge was called from inside a source, or before its last call settled')
}

/** The error of a merge that was closed in order, but whose sources failed to close. */
export function closeFailed(errors: readonly unknown[]): MergeError {
  return new MergeError(
    'MERGE_CLOSE_FAILED',
    `${errors.length} source(s) failed to close; the first error is the cause`,
    {
      cause: errors[0],
      errors,
    },
  )
}
