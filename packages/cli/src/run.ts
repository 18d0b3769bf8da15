/** The whole command as a function: arguments and a world in, an exit code out. */
import { createRequire } from 'node:module'
import { Command, CommanderError } from 'commander'
import { addCommonOptions, type Cli } from './cli.ts'
import { addBenchCommand } from './commands/bench.ts'
import { addExportCommand } from './commands/export.ts'
import { addImportCommand } from './commands/import.ts'
import { addInspectionCommands } from './commands/inspection.ts'
import { addMaintenanceCommands } from './commands/maintenance.ts'
import { addPointCommands } from './commands/point.ts'
import { addRangeCommands } from './commands/range.ts'
import { CliError, EXIT, explain, stackOf } from './failure.ts'
import { Output } from './output.ts'
import type { World } from './world.ts'

/** Runs `lsm` with the arguments after its name. Never rejects: what goes wrong is told on stderr and in the code. */
export async function run(args: readonly string[], world: World): Promise<number> {
  const out = new Output(world.stdout, world.interrupted)
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
    await parse(program, args)
    await out.flush()
    return EXIT.ok
  } catch (error) {
    const { exitCode, line } = explain(error, { command: program.args[0] })
    // Whoever asked for the end does not wait for a reader.
    if (!world.interrupted.aborted) await out.flush().catch(() => {})
    if (line !== '') world.stderr.write(`${line}\n`)
    if (line !== '' && options.includes('--verbose')) world.stderr.write(`${stackOf(error)}\n`)
    return exitCode
  }
}

/** Runs the command that the arguments name, or shows the help or version that they ask for. */
async function parse(program: Command, args: readonly string[]): Promise<void> {
  try {
    await program.parseAsync([...args], { from: 'user' })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    if (error.exitCode === 0) return
    // Its help was printed instead of a message.
    const what = error.code === 'commander.help' ? 'no command given' : error.message.replace(/^error: |\.$/g, '')
    throw new CliError('CLI_USAGE', `${what}; see \`lsm help COMMAND\``, { cause: error })
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
    .configureOutput({
      writeOut: (text) => void out.write(text),
      writeErr: (text) => void world.stderr.write(text),
      // It is thrown as well, and told as one line like any other failure.
      outputError() {},
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
  addImportCommand(program, cli)
  addExportCommand(program, cli)
  addInspectionCommands(program, cli)
  addMaintenanceCommands(program, cli)
  addBenchCommand(program, cli)
  return program
}
