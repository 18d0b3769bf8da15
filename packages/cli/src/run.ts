/** The whole command as a function: arguments and a world in, an exit code out. */
import { createRequire } from 'node:module'
import { Command, CommanderError } from 'commander'
import { addCommonOptions, type Cli } from './cli.ts'
import { addBenchCommand } from './commands/bench.ts'
import { addInspectionCommands } from './commands/inspection.ts'
import { addMaintenanceCommands } from './commands/maintenance.ts'
import { addPointCommands } from './commands/point.ts'
import { addRangeCommands } from './commands/range.ts'
import { addTransferCommands } from './commands/transfer.ts'
import { EXIT, explain, stackOf } from './failure.ts'
import { Output } from './output.ts'
import type { World } from './world.ts'

/** Runs `lsm` with the arguments after its name. Never rejects: what goes wrong is told on stderr and in the code. */
export async function run(args: readonly string[], world: World): Promise<number> {
  const out = new Output(world.stdout)
  // Nobody reads what is said any more; that is no reason to leave a store open.
  world.stderr.on('error', () => {})
  const cli: Cli = {
    world,
    out,
    say(flags, text) {
      if (flags.quiet !== true) world.stderr.write(`${text}\n`)
    },
  }
  const options = args.slice(0, args.includes('--') ? args.indexOf('--') : args.length)
  const program = createProgram(cli)
  try {
    if (args.length === 0) {
      program.outputHelp({ error: true })
      return EXIT.usage
    }
    await program.parseAsync([...args], { from: 'user' })
    await out.flush()
    return EXIT.ok
  } catch (error) {
    // Commander has said what it had to say.
    if (error instanceof CommanderError) return error.exitCode === 0 ? finish(out) : EXIT.usage
    const isVerifying = program.args[0] === 'verify'
    const { exitCode, line } = explain(error, { isVerifying })
    await out.flush().catch(() => {})
    if (line !== '') world.stderr.write(`${line}\n`)
    if (line !== '' && options.includes('--verbose')) world.stderr.write(`${stackOf(error)}\n`)
    return exitCode
  }
}

async function finish(out: Output): Promise<number> {
  try {
    await out.flush()
    return EXIT.ok
  } catch (error) {
    return explain(error).exitCode
  }
}

/** The package's own, wherever it was installed. */
function version(): string {
  const manifest = createRequire(import.meta.url)('../package.json') as { readonly version: string }
  return manifest.version
}

function createProgram(cli: Cli): Command {
  const { world, out } = cli
  const program = new Command('lsm')
    .description('Put, get, scan, import, export, inspect and measure a store of @lsm/engine.')
    .version(version())
    .exitOverride()
    .showHelpAfterError('(lsm help COMMAND says more)')
    .configureOutput({
      writeOut: (text) => void out.write(text),
      writeErr: (text) => void world.stderr.write(text),
      outputError: (text, write) => write(text.replace(/^error: /, 'lsm: CLI_USAGE: ')),
      getOutHelpWidth: () => out.columns,
      getErrHelpWidth: () => world.stderr.columns || 80,
    })
    .addHelpText(
      'after',
      `
A key that begins with a dash goes after two dashes: lsm get --db PATH -- -key

Exit codes: 0 done; 1 not found, or the store is damaged (verify); 2 wrong usage or input; 3 the store could not be
used (locked, damaged, no space …); 4 a mistake in lsm; 130 and 143 ended by SIGINT and SIGTERM.`,
    )
  addCommonOptions(program)
  addPointCommands(program, cli)
  addRangeCommands(program, cli)
  addTransferCommands(program, cli)
  addInspectionCommands(program, cli)
  addMaintenanceCommands(program, cli)
  addBenchCommand(program, cli)
  return program
}
