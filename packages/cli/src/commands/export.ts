/** `lsm export`. */
import type { Range } from '@lsm/engine'
import type { Command } from 'commander'
import {
  addCommonOptions,
  addEncodings,
  addFormat,
  addRange,
  addReadOnly,
  type Cli,
  type CommonFlags,
  encodingsOf,
  type RangeFlags,
  rangeOf,
  withStore,
} from '../cli.ts'
import type { OpenStore } from '../engines.ts'
import { NewFile } from '../new-file.ts'
import type { Output } from '../output.ts'
import { type Progress, startProgress } from '../progress.ts'
import { plural } from '../quantity.ts'
import { type RecordFormat, type RecordFormatName, recordFormat } from '../record-format.ts'

interface ExportFlags extends CommonFlags, RangeFlags {
  readonly format: RecordFormatName
  readonly output?: string
}

export function addExportCommand(program: Command, cli: Cli): void {
  const exporting = program.command('export').description('print all records, or a range of them, as import reads them')
  addFormat(addRange(addEncodings(addReadOnly(addCommonOptions(exporting)))))
    .option('--output <file>', 'into a new file instead of stdout')
    .action(async (_: unknown, command: Command) => {
      await runExport(cli, command.optsWithGlobals())
    })
}

async function runExport(cli: Cli, flags: ExportFlags): Promise<void> {
  const { world } = cli
  const range = rangeOf(flags)
  const started = performance.now()
  // A bar or a summary between records on the same terminal would spoil both.
  const isQuiet = flags.quiet === true || (flags.output === undefined && cli.out.isTerminal)
  let file: NewFile | undefined
  let written: Written
  try {
    written = await withStore(cli, flags, { create: false }, async (store) => {
      // Not before the store is open: where there is none, there is nothing to take away again.
      if (flags.output !== undefined) file = await NewFile.create(flags.output)
      const out = file?.out ?? cli.out
      const format = recordFormat(flags.format, encodingsOf(flags), out)
      const bar = isQuiet
        ? undefined
        : startProgress(world.stderr, { label: 'export', total: await store.count(range) })
      try {
        return await copyRecords(store, range, { format, out, bar, interrupted: world.interrupted })
      } finally {
        bar?.stop()
      }
    })
    await file?.close()
  } catch (error) {
    await file?.remove()
    throw error
  }
  const seconds = (performance.now() - started) / 1000
  // The records themselves may be what is on stdout.
  if (flags.json === true && file !== undefined) await cli.out.write(`${JSON.stringify({ ...written, seconds })}\n`)
  else if (!isQuiet) cli.say(flags, `exported ${plural(written.records, 'record')} in ${seconds.toFixed(2)} s`)
}

interface Written {
  readonly records: number
  /** Of keys and values. */
  readonly bytes: number
}

interface Target {
  readonly format: RecordFormat
  readonly out: Output
  readonly bar: Progress | undefined
  readonly interrupted: AbortSignal
}

async function copyRecords(
  store: OpenStore,
  range: Range,
  { format, out, bar, interrupted }: Target,
): Promise<Written> {
  let records = 0
  let bytes = 0
  for await (const [key, value] of store.scan(range)) {
    records += 1
    bytes += key.length + value.length
    const wait = out.write(format.encode(key, value))
    if (wait === undefined) continue
    await wait
    interrupted.throwIfAborted()
    bar?.update(records, records)
  }
  await out.flush()
  return { records, bytes }
}
