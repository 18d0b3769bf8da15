/** `lsm import` and `lsm export`. */
import { createReadStream, createWriteStream } from 'node:fs'
import { type FileHandle, open, stat } from 'node:fs/promises'
import type { Operation } from '@lsm/engine'
import { type Command, Option } from 'commander'
import {
  addCommonOptions,
  addDurability,
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
import type { OpenStore } from '../engines.ts'
import { CliError, codeOf } from '../failure.ts'
import { readInput } from '../input.ts'
import { readLines } from '../lines.ts'
import { Output } from '../output.ts'
import { startProgress } from '../progress.ts'
import { readable } from '../quantity.ts'
import { RECORD_FORMATS, type RecordFormat, type RecordFormatName, recordFormat } from '../record-format.ts'
import type { OutputStream } from '../world.ts'

interface TransferFlags extends CommonFlags, RangeFlags {
  readonly format: RecordFormatName
  readonly batch: number
  readonly output?: string
}

/** A batch ends here even if it has few records: large values must not pile up. */
const BATCH_BYTES = 1024 * 1024

export function addTransferCommands(program: Command, cli: Cli): void {
  const format = (): Option =>
    new Option('--format <name>', 'ndjson: {"key","value"} a line; raw: key TAB value')
      .choices([...RECORD_FORMATS])
      .default('ndjson')

  const importing = program.command('import [files...]').description('write the records of files, or of stdin')
  addEncodings(addDurability(addCommonOptions(importing), 'os, and one sync at the end'))
    .addOption(format())
    .addOption(
      new Option('--batch <n>', 'records that are written as one').argParser(parseWhole('A batch', 1)).default(1000),
    )
    .action(async (files: string[], _: unknown, command: Command) => {
      await runImport(cli, command.optsWithGlobals(), files)
    })

  const exporting = program.command('export').description('print all records, or a range of them, as import reads them')
  addRange(addEncodings(addReadOnly(addCommonOptions(exporting))))
    .addOption(format())
    .option('--output <file>', 'into a new file instead of stdout')
    .action(async (_: unknown, command: Command) => {
      await runExport(cli, command.optsWithGlobals())
    })
}

interface Source {
  readonly name: string
  readonly sizeBytes: number | undefined
  open(): AsyncIterable<Uint8Array>
}

async function runImport(cli: Cli, flags: TransferFlags, files: readonly string[]): Promise<void> {
  const sources = await openSources(cli, files)
  const format = recordFormat(flags.format, encodingsOf(flags))
  const started = performance.now()
  const how = { create: true, options: { durability: 'os' as const } }
  const written = await withStore(cli, flags, how, async (store) => {
    const result = await importAll(cli, flags, { store, sources, format })
    // Acknowledged all together: it survives a power cut before success is told.
    if (flags.durability === undefined) await store.sync()
    return result
  })
  const seconds = (performance.now() - started) / 1000
  if (flags.json === true) await cli.out.write(`${JSON.stringify({ ...written, seconds })}\n`)
  else
    cli.say(
      flags,
      `imported ${readable(written.records, 'count')} records, ${readable(written.bytes, 'bytes')}, in ${seconds.toFixed(2)} s`,
    )
}

async function importAll(
  { world }: Cli,
  flags: TransferFlags,
  { store, sources, format }: { store: OpenStore; sources: readonly Source[]; format: RecordFormat },
): Promise<{ records: number; bytes: number }> {
  const sizes = sources.map(({ sizeBytes }) => sizeBytes)
  const total = sizes.every((size) => size !== undefined) ? sizes.reduce((sum, size) => sum + size, 0) : undefined
  const bar =
    flags.quiet === true
      ? undefined
      : startProgress(world.stderr, { label: 'import', ...(total !== undefined && { total }) })
  let records = 0
  let bytes = 0
  let done = 0
  let batch: Operation[] = []
  let batchBytes = 0
  const write = async (): Promise<void> => {
    if (batch.length === 0) return
    await store.write(batch)
    records += batch.length
    bytes += batchBytes
    batch = []
    batchBytes = 0
    bar?.update(done, records)
    world.interrupted.throwIfAborted()
  }
  try {
    for (const source of sources) {
      let lineNumber = 0
      for await (const lines of readLines(source.open())) {
        for (const line of lines) {
          lineNumber += 1
          done += line.length + 1
          const record = decodeLine(format, line, () => `${source.name}, line ${lineNumber}: it`)
          if (record === undefined) continue
          batch.push({ type: 'put', key: record[0], value: record[1] })
          batchBytes += record[0].length + record[1].length
          if (batch.length >= flags.batch || batchBytes >= BATCH_BYTES) await write()
        }
      }
    }
    await write()
  } catch (error) {
    if (error instanceof CliError && error.code === 'CLI_INPUT') {
      const before = `${readable(records, 'count')} records before it were imported`
      throw new CliError('CLI_INPUT', `${error.message}; ${before}`, { cause: error })
    }
    throw error
  } finally {
    bar?.stop()
  }
  return { records, bytes }
}

function decodeLine(format: RecordFormat, line: Uint8Array, where: () => string): ReturnType<RecordFormat['decode']> {
  try {
    return format.decode(line)
  } catch (error) {
    if (!(error instanceof CliError)) throw error
    throw new CliError(error.code, `${where()} ${error.message.replace(/^(key|value) is /, 'has a $1 that is ')}`, {
      cause: error,
    })
  }
}

/** Every file is looked at before the first record is written. */
async function openSources({ world }: Cli, files: readonly string[]): Promise<Source[]> {
  const { interrupted } = world
  if (files.length === 0 || (files.length === 1 && files[0] === '-')) {
    if (world.stdin.isTTY === true) world.stderr.write('reading records from the terminal; Ctrl-D ends them\n')
    return [{ name: 'stdin', sizeBytes: undefined, open: () => readInput(world.stdin, { name: 'stdin', interrupted }) }]
  }
  return Promise.all(
    files.map(async (file) => {
      const found = await stat(file).catch((cause: Error) => {
        throw new CliError('CLI_INPUT', `cannot read ${file}: ${cause.message}`, { cause })
      })
      if (found.isDirectory()) throw new CliError('CLI_INPUT', `cannot read ${file}: it is a folder`)
      return {
        name: file,
        // A pipe with a name has no size.
        sizeBytes: found.isFile() ? found.size : undefined,
        open: () => readInput(createReadStream(file, { highWaterMark: 256 * 1024 }), { name: file, interrupted }),
      }
    }),
  )
}

async function runExport(cli: Cli, flags: TransferFlags): Promise<void> {
  const { world } = cli
  const range = rangeOf(flags)
  const format = recordFormat(flags.format, encodingsOf(flags))
  const started = performance.now()
  const handle = flags.output === undefined ? undefined : await createFile(flags.output)
  try {
    const out = handle === undefined ? cli.out : new Output(streamOf(handle))
    // A bar between records on the same terminal would spoil both.
    const isQuiet = flags.quiet === true || out.isTerminal
    const written = await withStore(cli, flags, { create: false }, async (store) => {
      const total = await store.count(range)
      const bar = isQuiet ? undefined : startProgress(world.stderr, { label: 'export', total })
      let records = 0
      try {
        for await (const [key, value] of store.scan(range)) {
          records += 1
          const wait = out.write(format.encode(key, value))
          if (wait === undefined) continue
          await wait
          world.interrupted.throwIfAborted()
          bar?.update(records, records)
        }
        await out.flush()
      } finally {
        bar?.stop()
      }
      return records
    })
    if (!isQuiet) {
      const seconds = ((performance.now() - started) / 1000).toFixed(2)
      cli.say(flags, `exported ${readable(written, 'count')} records in ${seconds} s`)
    }
  } finally {
    await handle?.close()
  }
}

async function createFile(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'wx')
  } catch (cause) {
    const advice = codeOf(cause) === 'EEXIST' ? 'it exists; name a new file' : (cause as Error).message
    throw new CliError('CLI_USAGE', `cannot write ${path}: ${advice}`, { cause })
  }
}

function streamOf(handle: FileHandle): OutputStream {
  // The handle is closed here, after the last write, so that an error of closing is seen.
  return createWriteStream('', { fd: handle.fd, autoClose: false }) as OutputStream
}
