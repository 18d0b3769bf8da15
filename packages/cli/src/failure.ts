/** Exit codes, and the one line that each failure gets on stderr: its code, what happened, and what to do. */

/** What the process ends with. */
export const EXIT = {
  ok: 0,
  /** The key has no value, or the store did not pass verification. */
  no: 1,
  /** The command line or the input is wrong. */
  usage: 2,
  /** The store could not be opened, read or written. */
  store: 3,
  /** A mistake in this program. */
  fault: 4,
  /** Ended by SIGINT; 128 and the signal's number, as shells have it. */
  interrupted: 130,
  terminated: 143,
} as const

export type ExitCode = (typeof EXIT)[keyof typeof EXIT]

export type CliErrorCode =
  | 'CLI_NOT_FOUND'
  | 'CLI_USAGE'
  | 'CLI_INPUT'
  | 'CLI_OUTPUT'
  | 'CLI_BROKEN_PIPE'
  | 'CLI_INTERRUPTED'

/** A failure of the command itself, as opposed to one of the store. */
export class CliError extends Error {
  override readonly name = 'CliError'
  readonly code: CliErrorCode
  readonly exitCode: ExitCode

  constructor(code: CliErrorCode, message: string, details: { exitCode?: ExitCode; cause?: unknown } = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.code = code
    this.exitCode = details.exitCode ?? EXIT.usage
  }
}

/** What to do about each error of the engine. */
const ADVICE: Readonly<Record<string, string>> = {
  LSM_CORRUPTION: 'stop writing to it, copy its folder, and find what is damaged with `lsm verify`',
  LSM_IO: 'look at the disk and the system log, then try again',
  LSM_NO_SPACE: 'make room on the disk, then try again: nothing that was acknowledged is lost',
  LSM_FAILED: 'the disk refused to make data durable: look at it before you open the store again',
  LSM_LOCKED: 'end the process that has it open, or read beside it with --read-only',
  LSM_FENCED: 'another process took the store over: look for a second writer on this folder',
  LSM_READ_ONLY: 'leave --read-only out to write',
  LSM_NOT_FOUND: 'check --db, or make a store there with `lsm put` or `lsm import`',
  LSM_EXISTS: 'choose another --db',
  LSM_NOT_A_STORE: 'choose another --db: nothing was changed there',
  LSM_PERMISSION: 'look at owner and mode of the folder; to read only, --read-only may be enough',
  LSM_UNSUPPORTED_FORMAT: 'a newer version wrote it: update lsm',
  LSM_INVALID_OPTIONS: 'see `lsm help` and the options after -o',
}

export interface Explanation {
  readonly exitCode: ExitCode
  /** Without a line end; empty where there is nothing to say. */
  readonly line: string
}

export interface ExplainOptions {
  /** Damage in the store is the answer that was asked for. */
  readonly isVerifying?: boolean
}

/** Returns what to print and what to exit with for anything that was thrown. */
export function explain(error: unknown, { isVerifying = false }: ExplainOptions = {}): Explanation {
  if (error instanceof CliError) {
    const line = error.code === 'CLI_BROKEN_PIPE' ? '' : `lsm: ${error.code}: ${oneLine(error.message)}`
    return { exitCode: error.exitCode, line }
  }
  const code = codeOf(error)
  const message = oneLine(error instanceof Error ? error.message : String(error))
  if (code?.startsWith('LSM_') !== true) {
    const named = code === undefined ? 'CLI_FAULT' : `CLI_FAULT (${code})`
    return {
      exitCode: EXIT.fault,
      line: `lsm: ${named}: ${message}. This is a mistake in lsm: please report it with the output of --verbose`,
    }
  }
  const advice = ADVICE[code]
  const line = `lsm: ${code}: ${message}${place(error, message)}${advice === undefined ? '' : `. ${capital(advice)}`}`
  if (code.startsWith('LSM_INVALID_')) return { exitCode: EXIT.usage, line }
  return { exitCode: isVerifying && code === 'LSM_CORRUPTION' ? EXIT.no : EXIT.store, line }
}

/** The `code` of an error, or `undefined`. */
export function codeOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null | undefined)?.code
  return typeof code === 'string' ? code : undefined
}

/** The stack of an error and of all its causes. */
export function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const own = error.stack ?? String(error)
  return error.cause === undefined ? own : `${own}\ncaused by ${stackOf(error.cause)}`
}

/** Where in the store it happened, unless the message says so itself. */
function place(error: unknown, message: string): string {
  const { file, offset } = error as { file?: unknown; offset?: unknown }
  if (typeof file !== 'string' || message.includes(file)) return ''
  return typeof offset === 'number' ? ` (${file}, offset ${offset})` : ` (${file})`
}

function oneLine(text: string): string {
  return text.replace(/\s*\n\s*/g, ' ').replace(/\.$/, '')
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}
