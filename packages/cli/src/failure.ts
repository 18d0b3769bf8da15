/** Exit codes, and the one line that each failure gets on stderr: its code, what happened, and what to do. */
import { escapeControls } from './control-characters.ts'

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

/** A failure half-way: its `cause` says what failed, and `note` what stays done. */
export class UnfinishedError extends Error {
  override readonly name = 'UnfinishedError'
  readonly note: string

  constructor(note: string, cause: unknown) {
    super(`not finished; ${note}`, { cause })
    this.note = note
  }
}

/** What to do about each error of the engine. */
const ADVICE: Readonly<Record<string, string>> = {
  LSM_CORRUPTION:
    'stop writing to it, copy its folder, and find what is damaged with `lsm verify`, which changes nothing',
  LSM_IO: 'look at the disk and the system log, then try again',
  LSM_NO_SPACE: 'make room on the disk, then try again: nothing that was acknowledged is lost',
  LSM_FAILED: 'find the cause with --verbose and mend it, then open the store again',
  LSM_LOCKED: 'end the process that has it open, or read beside it with --read-only',
  LSM_FENCED: 'another process took the store over: look for a second writer on this folder',
  LSM_READ_ONLY: 'leave --read-only out to write',
  LSM_NOT_FOUND: 'check --db, or make a store there with `lsm put` or `lsm import`',
  LSM_EXISTS: 'choose another --db',
  LSM_NOT_A_STORE: 'choose another --db: nothing was changed there',
  LSM_PERMISSION: 'look at owner and mode of the folder; to read only, --read-only may be enough',
  LSM_UNSUPPORTED_FORMAT: 'a newer version wrote it: update lsm',
  LSM_UNSUPPORTED: 'use a newer Node.js, or do without it: see the options after -o',
  LSM_INVALID_OPTIONS: 'see `lsm help` and the options after -o',
}

const NO_FOLDER = { LSM_NOT_FOUND: 'choose another --db: no folder can be made there' }

/** The same where the command is what makes the difference. */
const ADVICE_OF_COMMAND: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  put: NO_FOLDER,
  import: NO_FOLDER,
  bench: NO_FOLDER,
  verify: { LSM_CORRUPTION: 'stop writing to it, and copy its folder before you try anything else' },
}

export interface Explanation {
  readonly exitCode: ExitCode
  /** Without a line end; empty where there is nothing to say. */
  readonly line: string
}

export interface ExplainOptions {
  /** The command that failed. Damage is the answer that `verify` was asked for. */
  readonly command?: string | undefined
}

/** Returns what to print and what to exit with for anything that was thrown. */
export function explain(thrown: unknown, { command = '' }: ExplainOptions = {}): Explanation {
  const error = thrown instanceof UnfinishedError ? thrown.cause : thrown
  const note = thrown instanceof UnfinishedError ? `; ${thrown.note}` : ''
  const message = oneLine(error instanceof Error ? error.message : String(error))
  if (error instanceof CliError) {
    const line = error.code === 'CLI_BROKEN_PIPE' ? '' : `lsm: ${error.code}: ${message}${note}`
    return { exitCode: error.exitCode, line }
  }
  const code = codeOf(error)
  if (code?.startsWith('LSM_') !== true) {
    const named = code === undefined ? 'CLI_FAULT' : `CLI_FAULT (${code})`
    return {
      exitCode: EXIT.fault,
      line: `lsm: ${named}: ${message}${note}. This is a mistake in lsm: please report it with the output of --verbose`,
    }
  }
  const advice = adviceOn(error, command)
  const what = `${message}${place(error, message)}${note}`
  const line = `lsm: ${code}: ${what}${advice === undefined ? '' : `. ${capital(advice)}`}`
  if (code.startsWith('LSM_INVALID_')) return { exitCode: EXIT.usage, line }
  return { exitCode: command === 'verify' && code === 'LSM_CORRUPTION' ? EXIT.no : EXIT.store, line }
}

function adviceOn(error: unknown, command: string): string | undefined {
  const advice = (code = ''): string | undefined => ADVICE_OF_COMMAND[command]?.[code] ?? ADVICE[code]
  if (codeOf(error) !== 'LSM_FAILED') return advice(codeOf(error))
  // With this code all writes after any failure are refused: what to do depends on the one that began it.
  for (let at = error; at instanceof Error; at = at.cause) {
    // The engine's codes are those of the storage below it under its own name.
    const code = codeOf(at)?.replace(/^STORAGE_/, 'LSM_')
    if (code !== 'LSM_FAILED' && advice(code) !== undefined) return advice(code)
  }
  return advice('LSM_FAILED')
}

/** The `code` of an error, or `undefined`. */
export function codeOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null | undefined)?.code
  return typeof code === 'string' ? code : undefined
}

/** The stack of an error and of all its causes. */
export function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return escapeControls(String(error))
  const own = error.stack ?? String(error)
  const all = error.cause === undefined ? own : `${own}\ncaused by ${stackOf(error.cause)}`
  return escapeControls(all)
}

/** Where in the store it happened, unless the message says so itself. */
function place(error: unknown, message: string): string {
  const { file, offset } = error as { file?: unknown; offset?: unknown }
  if (typeof file !== 'string' || message.includes(file)) return ''
  return typeof offset === 'number' ? ` (${file}, offset ${offset})` : ` (${file})`
}

/** The text of a message may come out of the input, or from a file. */
function oneLine(text: string): string {
  return escapeControls(text.replace(/\s*\n\s*/g, ' ').replace(/\.$/, ''))
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}
