/** What every command shares: the world, the output, the options that all have, and opening a store. */

import type { Durability, EngineOptions, Range } from '@lsm/engine'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { BYTE_ENCODINGS, type ByteEncoding, parseBytes } from './byte-text.ts'
import type { OpenStore } from './engines.ts'
import { CliError, EXIT, type ExitCode } from './failure.ts'
import type { Output } from './output.ts'
import { type Encodings, RECORD_FORMATS } from './record-format.ts'
import type { World } from './world.ts'

export interface Cli {
  readonly world: World
  readonly out: Output
  /** Says something to the person: on stderr, and not at all with `--quiet`. */
  say(flags: CommonFlags, text: string): void
}

export interface CommonFlags {
  readonly db?: string
  readonly json?: boolean
  readonly quiet?: boolean
  readonly verbose?: boolean
  readonly durability?: Durability
  readonly readOnly?: boolean
  readonly option?: EngineOptions
}

export interface EncodingFlags {
  readonly encoding?: ByteEncoding
  readonly keyEncoding?: ByteEncoding
  readonly valueEncoding?: ByteEncoding
}

export interface RangeFlags extends EncodingFlags {
  readonly prefix?: string
  readonly gt?: string
  readonly gte?: string
  readonly lt?: string
  readonly lte?: string
}

export function addCommonOptions(command: Command): Command {
  return command
    .option('--db <path>', 'folder of the store (or the environment variable LSM_DB)')
    .option('--json', 'answer in JSON')
    .option('-q, --quiet', 'no bar and no summary on stderr')
    .option('--verbose', 'the whole stack of an error')
    .addOption(
      new Option(
        '-o, --option <name=value>',
        'an option of the engine, such as cacheSizeBytes=67108864 or keyspaceDefaults.compression=deflate (may be repeated)',
      ).argParser(addEngineOption),
    )
}

export function addReadOnly(command: Command): Command {
  return command.option('--read-only', 'open without the lock and change nothing: also beside the process that writes')
}

export function addDurability(command: Command, fallback: string): Command {
  return command.addOption(
    new Option(
      '--durability <when>',
      `sync: survives a power cut; os: the death of the process; 100ms: made durable that often (default: ${fallback})`,
    ).argParser(parseDurability),
  )
}

export function addEncodings(command: Command): Command {
  const option = (flags: string, text: string): Option => new Option(flags, text).choices([...BYTE_ENCODINGS])
  return command
    .addOption(option('--encoding <name>', 'how keys and values are written in text (default: utf8)'))
    .addOption(option('--key-encoding <name>', 'the same for keys alone'))
    .addOption(option('--value-encoding <name>', 'the same for values alone'))
}

export function addFormat(command: Command): Command {
  return command.addOption(
    new Option('--format <name>', 'ndjson: {"key","value"} a line; raw: key TAB value')
      .choices([...RECORD_FORMATS])
      .default('ndjson'),
  )
}

export function addRange(command: Command): Command {
  return command
    .option('--prefix <key>', 'keys that begin so')
    .option('--gt <key>', 'keys after')
    .option('--gte <key>', 'keys from')
    .option('--lt <key>', 'keys before')
    .option('--lte <key>', 'keys to')
}

export function encodingsOf(flags: EncodingFlags): Encodings {
  return {
    key: flags.keyEncoding ?? flags.encoding ?? 'utf8',
    value: flags.valueEncoding ?? flags.encoding ?? 'utf8',
  }
}

export interface ArgumentOptions {
  readonly part: keyof Encodings
  /** What messages call it; by default its part. */
  readonly name?: string
}

/** Returns the bytes that a key or a value on the command line stands for. */
export function parseArgument(
  text: string,
  encodings: Encodings,
  { part, name = `the ${part}` }: ArgumentOptions,
): Uint8Array {
  // Node.js puts it where there was no UTF-8, so that different bytes would become one key.
  if (encodings[part] === 'utf8' && text.includes('\ufffd')) {
    throw new CliError('CLI_INPUT', `${name} is not UTF-8, or has U+FFFD in it: pass it with --${part}-encoding hex`)
  }
  return parseBytes(text, encodings[part], name)
}

/** Returns the range asked for; an empty object for all keys. */
export function rangeOf(flags: RangeFlags): Range {
  const range: Partial<Record<keyof Range, Uint8Array>> = {}
  const encodings = encodingsOf(flags)
  for (const name of ['prefix', 'gt', 'gte', 'lt', 'lte'] as const) {
    const text = flags[name]
    if (text !== undefined) range[name] = parseArgument(text, encodings, { part: 'key', name: `--${name}` })
  }
  if (range.prefix !== undefined && Object.keys(range).length > 1) {
    throw new CliError('CLI_USAGE', '--prefix stands alone: leave out --gt, --gte, --lt and --lte')
  }
  if (range.gt !== undefined && range.gte !== undefined) throw new CliError('CLI_USAGE', 'give --gt or --gte, not both')
  if (range.lt !== undefined && range.lte !== undefined) throw new CliError('CLI_USAGE', 'give --lt or --lte, not both')
  return range
}

export interface OpenHow {
  /** Whether a store may come into being. */
  readonly create: boolean
  readonly options?: EngineOptions
}

/** Returns the path of the store that the flags or the environment name. */
export function storePath({ env }: World, flags: CommonFlags): string {
  const path = flags.db ?? env.LSM_DB ?? ''
  if (path === '') throw new CliError('CLI_USAGE', 'no store named: give --db PATH or set LSM_DB')
  return path
}

/** Opens the store that the flags name, gives it to `work`, and closes it whatever happens. */
export async function withStore<T>(
  { world }: Cli,
  flags: CommonFlags,
  how: OpenHow,
  work: (store: OpenStore) => Promise<T>,
): Promise<T> {
  const path = storePath(world, flags)
  const options: EngineOptions = {
    createIfMissing: how.create,
    ...how.options,
    ...(flags.durability !== undefined && { durability: flags.durability }),
    ...(flags.readOnly === true && { readOnly: true }),
    ...flags.option,
  }
  world.interrupted.throwIfAborted()
  return useStore(world, await world.engines.open(path, options), work)
}

/** Gives an open store to `work` and closes it, at once when the command is interrupted. */
export async function useStore<T>(
  { interrupted }: World,
  store: OpenStore,
  work: (store: OpenStore) => Promise<T>,
): Promise<T> {
  // What runs in the store ends with LSM_CLOSED then; closing again below waits for the same.
  const stop = (): void => {
    store.close().catch(() => {})
  }
  interrupted.addEventListener('abort', stop, { once: true })
  let result: T
  try {
    interrupted.throwIfAborted()
    result = await work(store)
  } catch (error) {
    // The first failure is the one to tell; one while closing comes from it.
    await store.close().catch(() => {})
    interrupted.throwIfAborted()
    throw error
  } finally {
    interrupted.removeEventListener('abort', stop)
  }
  await store.close()
  return result
}

export type Action = (...args: never[]) => Promise<ExitCode | undefined>

export function parseWhole(name: string, low = 0, high: number = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = /^\d[\d_]*$/.test(text) ? Number(text.replaceAll('_', '')) : Number.NaN
    if (Number.isSafeInteger(value) && value >= low && value <= high) return value
    const limit = high === Number.MAX_SAFE_INTEGER ? '' : ` to ${high}`
    throw new InvalidArgumentError(`${name} is a whole number from ${low}${limit}.`)
  }
}

function parseDurability(text: string): Durability {
  if (text === 'sync' || text === 'os') return text
  const intervalMs = Number(/^(\d+)ms$/.exec(text)?.[1])
  if (intervalMs >= 1 && intervalMs < 2 ** 31) return { intervalMs }
  throw new InvalidArgumentError('It is sync, os, or milliseconds such as 100ms.')
}

/** Takes `name=value` into the options; whether there is such an option, and such a value, the engine knows. */
function addEngineOption(text: string, before: EngineOptions = {}): EngineOptions {
  const [, name = '', value = ''] = /^([^=]+)=(.*)$/s.exec(text) ?? []
  if (name === '') throw new InvalidArgumentError('It is name=value.')
  const parsed = parseOptionValue(value)
  const [outer = '', inner] = name.split('.', 2)
  if (inner === undefined) return { ...before, [outer]: parsed }
  const group = (before as Record<string, unknown>)[outer]
  return { ...before, [outer]: { ...(typeof group === 'object' ? group : undefined), [inner]: parsed } }
}

/** Numbers, truth values and JSON objects as what they are, all else as text. */
function parseOptionValue(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

/** How a command that found nothing ends. */
export function notFound(what: string): CliError {
  return new CliError('CLI_NOT_FOUND', what, { exitCode: EXIT.no })
}
