/** `lsm import`. */
import { type Command, Option } from 'commander'
import {
  addCommonOptions,
  addDurability,
  addEncodings,
  addFormat,
  type Cli,
  type CommonFlags,
  type EncodingFlags,
  encodingsOf,
  parseWhole,
  storePath,
  withStore,
} from '../cli.ts'
import type { OpenStore } from '../engines.ts'
import { codeOf, UnfinishedError } from '../failure.ts'
import { type Progress, startProgress } from '../progress.ts'
import { plural, readable } from '../quantity.ts'
import { type RecordFormatName, recordFormat } from '../record-format.ts'
import { findSources, readRecords, type Source } from '../record-source.ts'
import { RecordWriter } from '../record-writer.ts'
import type { OutputStream } from '../world.ts'

interface ImportFlags extends CommonFlags, EncodingFlags {
  readonly format: RecordFormatName
  readonly batch: number
}

export function addImportCommand(program: Command, cli: Cli): void {
  const importing = program.command('import [files...]').description('write the records of files, or of stdin (-)')
  addFormat(addEncodings(addDurability(addCommonOptions(importing), 'os, and one sync at the end')))
    .addOption(
      new Option('--batch <n>', 'records that are written as one').argParser(parseWhole('A batch', 1)).default(1000),
    )
    .action(async (files: string[], _: unknown, command: Command) => {
      await runImport(cli, command.optsWithGlobals(), files)
    })
}

async function runImport(cli: Cli, flags: ImportFlags, files: readonly string[]): Promise<void> {
  const { world, out } = cli
  // Told before anybody types records for it.
  storePath(world, flags)
  const sources = await findSources(world, files.length === 0 ? ['-'] : files)
  const groups = readRecords(sources, recordFormat(flags.format, encodingsOf(flags)))
  const writer = new RecordWriter(flags.batch)
  const started = performance.now()
  const bar = flags.quiet === true ? undefined : startBar(world.stderr, sources)
  let kept = 'imported before it'
  // Acknowledged all together: it survives a power cut before success is told, or what an import that fails has kept.
  const makeDurable = async (store: OpenStore): Promise<void> => {
    if (flags.durability !== undefined) return
    await store.sync().catch((error: unknown) => {
      // An interruption closes the store, which makes all of it durable.
      if (codeOf(error) === 'LSM_CLOSED') return
      kept = 'written before it, and perhaps not durable'
      throw error
    })
  }
  try {
    // Before a store is made: input that is wrong from its first line on leaves none behind.
    const first = await groups.next()
    await withStore(cli, flags, { create: true, options: { durability: 'os' } }, async (store) => {
      let readBytes = 0
      try {
        for (let group = first; group.done !== true; group = await groups.next()) {
          await writer.write(store, group.value.records)
          readBytes += group.value.inputBytes
          bar?.update(readBytes, writer.records)
          world.interrupted.throwIfAborted()
        }
        await writer.flush(store)
      } catch (error) {
        await makeDurable(store).catch(() => {})
        throw error
      }
      await makeDurable(store)
    })
  } catch (error) {
    throw new UnfinishedError(`${kept}: ${writer.extent}`, error)
  } finally {
    bar?.stop()
    await groups.return(undefined)
  }
  const { records, bytes } = writer
  const seconds = (performance.now() - started) / 1000
  if (flags.json === true) await out.write(`${JSON.stringify({ records, bytes, seconds })}\n`)
  else cli.say(flags, `imported ${plural(records, 'record')}, ${readable(bytes, 'bytes')}, in ${seconds.toFixed(2)} s`)
}

function startBar(stream: OutputStream, sources: readonly Source[]): Progress {
  const sizes = sources.map(({ sizeBytes }) => sizeBytes)
  const isKnown = sizes.every((size) => size !== undefined)
  return startProgress(stream, {
    label: 'import',
    ...(isKnown && { total: sizes.reduce((sum, size) => sum + size, 0) }),
  })
}
