import { spawn } from 'node:child_process'

export interface Ended {
  /** `null` when it was ended for taking too long. */
  readonly code: number | null
  readonly stdout: string
  /** Both streams, in the order in which they came. */
  readonly output: string
}

const TIMEOUT_MS = 120_000

/** What npm and Node.js were told for the run that we are in. */
const OF_THIS_RUN = /^(npm_.*|NODE_OPTIONS|NODE_PATH|NODE_ENV|INIT_CWD|FORCE_COLOR)$/i
/** What npm was told about the machine: where packages come from, and where they are kept. */
const OF_THE_MACHINE = /^npm_config_(registry|cache|userconfig|globalconfig)$/i

/** The environment of somebody else's terminal on this machine: without the settings of the run that we are in. */
export function plainEnvironment(environment: NodeJS.ProcessEnv = process.env): NodeJS.ProcessEnv {
  const kept = Object.entries(environment).filter(([name]) => !OF_THIS_RUN.test(name) || OF_THE_MACHINE.test(name))
  return Object.fromEntries(kept)
}

/** Runs a program to its end. Its exit code is the caller's to judge; only a program that cannot start rejects. */
export function run(command: readonly string[], { cwd }: { cwd: string }): Promise<Ended> {
  const [program = '', ...args] = command
  return new Promise((resolve, reject) => {
    // Windows starts npm through a batch file, which only a shell can run.
    const shell = process.platform === 'win32' && program.endsWith('.cmd')
    const child = spawn(program, args, { cwd, shell, env: plainEnvironment(), timeout: TIMEOUT_MS })
    let stdout = ''
    let output = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text
      output += text
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, stdout, output }))
  })
}

/** Says that a program failed, with the end of what it printed. */
export function failure(what: string, { code, output }: Ended): string {
  const ending = code === null ? `was ended after ${TIMEOUT_MS / 1000} s` : `ended with exit code ${code}`
  return `${what} ${ending}\n${output.trim().split('\n').slice(-20).join('\n')}`
}
