/** `lsm put`, `lsm get`, `lsm delete`. */
import type { Command } from 'commander'
import { asVisible, formatBytes, parseBytes } from '../byte-text.ts'
import {
  addCommonOptions,
  addDurability,
  addEncodings,
  addRange,
  addReadOnly,
  type Cli,
  type CommonFlags,
  type EncodingFlags,
  encodingsOf,
  notFound,
  parseArgument,
  type RangeFlags,
  rangeOf,
  withStore,
} from '../cli.ts'
import { CliError } from '../failure.ts'
import { readInput } from '../input.ts'
import { recordFormat } from '../record-format.ts'

export function addPointCommands(program: Command, cli: Cli): void {
  const put = program.command('put <key> [value]').description('write one value; without VALUE, the bytes of stdin')
  addEncodings(addDurability(addCommonOptions(put), 'sync')).action(
    async (key: string, value: string | undefined, _: unknown, command: Command) => {
      await runPut(cli, command.optsWithGlobals(), key, value)
    },
  )

  const get = program
    .command('get <key>')
    .description('print one value: its very bytes into a pipe; exit code 1 where there is none')
  addEncodings(addReadOnly(addCommonOptions(get))).action(async (key: string, _: unknown, command: Command) => {
    await runGet(cli, command.optsWithGlobals(), key)
  })

  const remove = program.command('delete [keys...]').description('delete keys, or a range of them with one record')
  addRange(addEncodings(addDurability(addCommonOptions(remove), 'sync'))).action(
    async (keys: string[], _: unknown, command: Command) => {
      await runDelete(cli, command.optsWithGlobals(), keys)
    },
  )
}

async function runPut(
  cli: Cli,
  flags: CommonFlags & EncodingFlags,
  keyText: string,
  valueText?: string,
): Promise<void> {
  const encodings = encodingsOf(flags)
  const key = parseArgument(keyText, encodings, { part: 'key' })
  let value: Uint8Array
  if (valueText !== undefined) value = parseArgument(valueText, encodings, { part: 'value' })
  else {
    const bytes = await readAll(cli)
    value =
      encodings.value === 'utf8' ? bytes : parseBytes(bytes.toString('latin1').trimEnd(), encodings.value, 'stdin')
  }
  await withStore(cli, flags, { create: true }, (store) => store.put(key, value))
}

async function readAll({ world: { stdin, interrupted } }: Cli): Promise<Buffer> {
  const pieces: Uint8Array[] = []
  for await (const piece of readInput(stdin, { name: 'stdin', interrupted })) pieces.push(piece)
  return Buffer.concat(pieces)
}

async function runGet(cli: Cli, flags: CommonFlags & EncodingFlags, keyText: string): Promise<void> {
  const encodings = encodingsOf(flags)
  const key = parseArgument(keyText, encodings, { part: 'key' })
  const value = await withStore(cli, flags, { create: false }, (store) => store.get(key))
  if (value === undefined) throw notFound(`no value for the key ${asVisible(key)}`)
  const { out } = cli
  if (flags.json === true) await out.write(recordFormat('ndjson', encodings, out).encode(key, value))
  else if (encodings.value !== 'utf8') await out.write(`${formatBytes(value, encodings.value)}\n`)
  // Bytes as they are for a program; a person's terminal must not obey them.
  else await out.write(out.isTerminal ? `${asVisible(value)}\n` : value)
}

async function runDelete(cli: Cli, flags: CommonFlags & RangeFlags, keyTexts: readonly string[]): Promise<void> {
  const encodings = encodingsOf(flags)
  const keys = keyTexts.map((text) => parseArgument(text, encodings, { part: 'key' }))
  const range = rangeOf(flags)
  const hasRange = Object.keys(range).length > 0
  if (hasRange === keys.length > 0) {
    throw new CliError(
      'CLI_USAGE',
      hasRange ? 'give keys or a range, not both' : 'give a key, or a range such as --prefix',
    )
  }
  // An unset variable in a script must not cost the whole store.
  if (range.prefix?.length === 0) {
    throw new CliError('CLI_USAGE', "--prefix is empty, as every key's beginning is: --gte '' deletes everything")
  }
  await withStore(cli, flags, { create: false }, async (store) => {
    if (hasRange) await store.deleteRange(range)
    else await store.write(keys.map((key) => ({ type: 'delete', key })))
  })
}
