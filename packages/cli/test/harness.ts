/** Runs the command in this process, or in one of its own, and collects what it prints. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable, Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { afterAll } from 'vitest'
import { type Engines, systemEngines } from '../src/engines.ts'
import { run } from '../src/run.ts'
import type { OutputStream, World } from '../src/world.ts'

export interface Outcome {
  readonly code: number
  readonly stdout: Buffer
  readonly out: string
  readonly err: string
}

export interface RunOptions {
  readonly stdin?: string | Uint8Array | AsyncIterable<Uint8Array> | Readable
  readonly isTerminal?: boolean
  /** Takes the place of the one whose content is returned. */
  readonly stdout?: OutputStream
  readonly env?: Record<string, string>
  readonly engines?: Engines
  readonly interrupted?: AbortSignal
}

/** Runs `lsm` in this process. */
export async function lsm(args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  const stdout = new Collector(options.isTerminal ?? false)
  const stderr = new Collector(options.isTerminal ?? false)
  const { stdin = '' } = options
  const pieces = typeof stdin === 'string' || stdin instanceof Uint8Array ? [Buffer.from(stdin)] : stdin
  const world: World = {
    stdin: pieces instanceof Readable ? pieces : Readable.from(pieces, { objectMode: false }),
    stdout: options.stdout ?? stdout,
    stderr,
    env: options.env ?? {},
    engines: options.engines ?? systemEngines,
    interrupted: options.interrupted ?? new AbortController().signal,
  }
  const code = await run(args, world)
  return { code, stdout: stdout.bytes, out: stdout.bytes.toString(), err: stderr.bytes.toString() }
}

class Collector extends Writable implements OutputStream {
  readonly isTTY: boolean
  readonly columns = 100
  readonly #pieces: Buffer[] = []

  constructor(isTerminal: boolean) {
    super()
    this.isTTY = isTerminal
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#pieces)
  }

  override _write(piece: Buffer, _: BufferEncoding, done: () => void): void {
    this.#pieces.push(piece)
    done()
  }

  // What a terminal's stream has, and cli-progress calls.
  cursorTo(): boolean {
    return true
  }
  moveCursor(): boolean {
    return true
  }
  clearLine(): boolean {
    return true
  }
}

const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url))

const COMMAND = [process.execPath, '--conditions=@lsm/source', '--import', 'tsx', MAIN] as const

/** Starts `lsm` as a process of its own. */
export function start(args: readonly string[]): ChildProcess {
  return spawn(COMMAND[0], [...COMMAND.slice(1), ...args])
}

/** Starts a line of shell in which "$@" is `lsm`: for arguments that a string cannot hold. */
export function startShell(line: string): ChildProcess {
  return spawn('/bin/sh', ['-c', line, 'sh', ...COMMAND])
}

/** Runs `lsm` as a process of its own, with `stdin` as its whole input. */
export async function lsmProcess(args: readonly string[], stdin: string | Uint8Array = ''): Promise<Outcome> {
  const child = start(args)
  child.stdin!.on('error', () => {})
  child.stdin!.end(stdin)
  return outcomeOf(child)
}

export async function outcomeOf(child: ChildProcess): Promise<Outcome> {
  const out: Buffer[] = []
  const err: Buffer[] = []
  child.stdout!.on('data', (piece: Buffer) => out.push(piece))
  child.stderr!.on('data', (piece: Buffer) => err.push(piece))
  const code = await new Promise<number>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (exitCode, signal) => {
      if (exitCode === null) reject(new Error(`ended by ${signal}`))
      else resolve(exitCode)
    })
  })
  const stdout = Buffer.concat(out)
  return { code, stdout, out: stdout.toString(), err: Buffer.concat(err).toString() }
}

/** A folder of this test file that goes when its tests are over. */
export function scratchFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'lsm-cli-'))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}
