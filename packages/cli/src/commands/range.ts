/** `lsm scan` and `lsm count`. */
import { type Command, Option } from 'commander'
import {
  addCommonOptions,
  addEncodings,
  addRange,
  addReadOnly,
  type Cli,
  type CommonFlags,
  encodingsOf,
  parseWhole,
  type RangeFlags,
  rangeOf,
  withStore,
} from '../cli.ts'
import { recordFormat } from '../record-format.ts'

export interface ScanFlags extends CommonFlags, RangeFlags {
  readonly reverse?: boolean
  readonly limit?: number
  readonly keys?: boolean
  readonly values?: boolean
}

export function addRangeCommands(program: Command, cli: Cli): void {
  const scan = program.command('scan').description('print records in key order: key TAB value, or NDJSON with --json')
  addRange(addEncodings(addReadOnly(addCommonOptions(scan))))
    .option('--reverse', 'from the last key down')
    .addOption(new Option('--limit <n>', 'at most so many').argParser(parseWhole('The limit')))
    .addOption(new Option('--keys', 'keys only').conflicts('values'))
    .addOption(new Option('--values', 'values only'))
    .action(async (_: unknown, command: Command) => {
      await runScan(cli, command.optsWithGlobals())
    })

  const count = program.command('count').description('count the keys')
  addRange(addEncodings(addReadOnly(addCommonOptions(count)))).action(async (_: unknown, command: Command) => {
    const flags: CommonFlags & RangeFlags = command.optsWithGlobals()
    const range = rangeOf(flags)
    const keys = await withStore(cli, flags, { create: false }, (store) => store.count(range))
    await cli.out.write(flags.json === true ? `${JSON.stringify({ count: keys })}\n` : `${keys}\n`)
  })
}

async function runScan(cli: Cli, flags: ScanFlags): Promise<void> {
  const { out, world } = cli
  const range = rangeOf(flags)
  const format = recordFormat(flags.json === true ? 'ndjson' : 'raw', encodingsOf(flags), out)
  const options = {
    ...range,
    ...(flags.reverse === true && { reverse: true }),
    ...(flags.limit !== undefined && { limit: flags.limit }),
  }
  await withStore(cli, flags, { create: false }, async (store) => {
    for await (const [key, value] of store.scan(options)) {
      const record = format.encode(flags.values === true ? undefined : key, flags.keys === true ? undefined : value)
      const wait = out.write(record)
      if (wait === undefined) continue
      await wait
      world.interrupted.throwIfAborted()
    }
    await out.flush()
  })
}
