/** Everything outside the command, in one place: streams, environment, engines, and the wish to stop. */
import type { Readable, Writable } from 'node:stream'
import { type Engines, systemEngines } from './engines.ts'
import { CliError, EXIT } from './failure.ts'

export type OutputStream = Writable & { readonly isTTY?: boolean; readonly columns?: number }
export type InputStream = Readable & { readonly isTTY?: boolean }

export interface World {
  readonly stdin: InputStream
  readonly stdout: OutputStream
  readonly stderr: OutputStream
  readonly env: Readonly<Record<string, string | undefined>>
  readonly engines: Engines
  /** Aborted, with a `CliError` as its reason, when whoever runs the command wants it to end. */
  readonly interrupted: AbortSignal
}

/**
 * Returns the world of this process. The first SIGINT or SIGTERM asks the command to close its store and end; the
 * second one ends the process at once, which the store survives like a crash.
 */
export function systemWorld(): World {
  const interruption = new AbortController()
  const signals = [
    ['SIGINT', EXIT.interrupted],
    ['SIGTERM', EXIT.terminated],
  ] as const
  for (const [signal, exitCode] of signals) {
    process.on(signal, () => {
      if (interruption.signal.aborted) process.exit(exitCode)
      interruption.abort(new CliError('CLI_INTERRUPTED', `stopped by ${signal}; the store is closed`, { exitCode }))
    })
  }
  const { stdin, stdout, stderr, env } = process
  return { stdin, stdout, stderr, env, engines: systemEngines, interrupted: interruption.signal }
}
