/** Checks options, all at once, and fills in the defaults. */
import type { EngineOptions, KeyspaceOptions, LsmMisuseCode } from './api.ts'
import { corruption } from './errors.ts'
import { isPlainObject, kindOf, unknownName } from './plain-object.ts'

type Resolved<T> = { readonly [K in keyof T]-?: Exclude<T[K], undefined> }

export type ResolvedKeyspaceOptions = Resolved<KeyspaceOptions>
export type ResolvedOptions = Resolved<Omit<EngineOptions, 'keyspaceDefaults'>> & {
  readonly keyspaceDefaults: ResolvedKeyspaceOptions
}

/** Thrown for options that cannot be: says everything that is wrong with them. */
export interface InvalidOptionsError extends TypeError {
  readonly code: LsmMisuseCode
  readonly problems: readonly string[]
}

const KIB = 1024
const MIB = 1024 * KIB
const GIB = 1024 * MIB

/** Says what is wrong with a value, or returns `undefined`. */
export type Check = (value: unknown) => string | undefined
type Rules<T> = { readonly [K in keyof T]-?: readonly [fallback: Exclude<T[K], undefined>, check: Check] }

const whole =
  (low: number, high: number): Check =>
  (value) =>
    Number.isInteger(value) && (value as number) >= low && (value as number) <= high
      ? undefined
      : `is a whole number from ${low} to ${high}`
export const flag: Check = (value) => (typeof value === 'boolean' ? undefined : 'is true or false')
const oneOf =
  (...choices: readonly string[]): Check =>
  (value) =>
    choices.includes(value as string) ? undefined : `is one of ${choices.map((each) => `'${each}'`).join(', ')}`

const keyspaceRules: Rules<KeyspaceOptions> = {
  blockSizeBytes: [4 * KIB, whole(64, 16 * MIB)],
  tableSizeBytes: [8 * MIB, whole(4 * KIB, GIB)],
  filterFalsePositiveRate: [
    0.01,
    (value) => (value === false || isRate(value) ? undefined : 'is false or a number from 0.0001 to 0.5'),
  ],
  compression: ['none', oneOf('none', 'deflate', 'zstd')],
  l0Compact: [4, whole(1, 1000)],
  l0Slow: [12, whole(1, 1000)],
  l0Stop: [20, whole(1, 1000)],
  level1SizeBytes: [64 * MIB, whole(4 * KIB, 1024 * GIB)],
  levelMultiplier: [10, whole(2, 100)],
}

/** Or more, where that would not hold the largest key with the largest value. */
const BATCH_SIZE = 64 * MIB

const engineRules: Rules<Omit<EngineOptions, 'keyspaceDefaults'>> = {
  createIfMissing: [true, flag],
  errorIfExists: [false, flag],
  readOnly: [false, flag],
  durability: ['sync', durable],
  recovery: ['tail', oneOf('strict', 'tail', 'point-in-time')],
  memtableSizeBytes: [16 * MIB, whole(4 * KIB, GIB)],
  maxFrozenMemtables: [2, whole(1, 100)],
  maxWalSizeBytes: [128 * MIB, whole(64 * KIB, 1024 * GIB)],
  cacheSizeBytes: [32 * MIB, whole(0, 1024 * GIB)],
  maxOpenFiles: [512, whole(16, 1_000_000)],
  compactionWorkers: [1, whole(0, 1)],
  maxKeySizeBytes: [64 * KIB, whole(1, GIB)],
  maxValueSizeBytes: [64 * MIB, whole(1, GIB)],
  maxBatchSizeBytes: [BATCH_SIZE, whole(1, 2 * GIB)],
}

function isRate(value: unknown): boolean {
  return typeof value === 'number' && value >= 0.0001 && value <= 0.5
}

/** Checks that a value is one of the three durabilities. */
export function durable(value: unknown): string | undefined {
  if (value === 'sync' || value === 'os') return undefined
  const isPlain = isPlainObject(value) && unknownName(value, ['intervalMs']) === undefined
  const interval = isPlain && (value as { intervalMs?: unknown }).intervalMs
  if (typeof interval === 'number' && interval >= 1 && interval < 2 ** 31) return undefined
  return "is 'sync', 'os' or { intervalMs } with 1 to 2^31 - 1"
}

/** Returns the options with every default filled in, or throws an `InvalidOptionsError`. */
export function resolveOptions(options: EngineOptions = {}): ResolvedOptions {
  const problems: string[] = []
  const { keyspaceDefaults, ...rest } = isPlain(options, 'options', problems) ? options : ({} as EngineOptions)
  const resolved = apply(engineRules, rest, '', problems)
  const defaults = keyspaceDefaults === undefined ? {} : keyspaceDefaults
  const keyspace = isPlain(defaults, 'keyspaceDefaults', problems)
    ? applyKeyspace(defaults, undefined, 'keyspaceDefaults.', problems)
    : undefined
  const { maxKeySizeBytes, maxValueSizeBytes } = resolved
  const maxBatchSizeBytes = rest.maxBatchSizeBytes ?? Math.max(BATCH_SIZE, maxKeySizeBytes + maxValueSizeBytes)
  if (resolved.readOnly && rest.errorIfExists) problems.push('readOnly and errorIfExists exclude each other')
  fail(problems)
  return { ...resolved, maxBatchSizeBytes, keyspaceDefaults: keyspace! }
}

/** The same for one keyspace, over the engine's defaults. */
export function resolveKeyspaceOptions(
  options: KeyspaceOptions,
  defaults: ResolvedKeyspaceOptions,
): ResolvedKeyspaceOptions {
  const problems: string[] = []
  const resolved = isPlain(options, 'options', problems) ? applyKeyspace(options, defaults, '', problems) : undefined
  fail(problems)
  return resolved!
}

function applyKeyspace(
  options: KeyspaceOptions,
  defaults: ResolvedKeyspaceOptions | undefined,
  where: string,
  problems: string[],
): ResolvedKeyspaceOptions {
  const resolved = {
    ...defaults,
    ...apply(keyspaceRules, options, where, problems, defaults),
  } as ResolvedKeyspaceOptions
  const { l0Compact, l0Slow, l0Stop } = resolved
  // One that is no number has its own problem already.
  const areNumbers = [l0Compact, l0Slow, l0Stop].every((each) => typeof each === 'number')
  if (areNumbers && !(l0Compact <= l0Slow && l0Slow <= l0Stop)) {
    problems.push(`${where}l0Compact, l0Slow and l0Stop ascend, and are ${l0Compact}, ${l0Slow}, ${l0Stop}`)
  }
  return resolved
}

function apply<T extends object>(
  rules: Rules<T>,
  options: T,
  where: string,
  problems: string[],
  defaults?: Resolved<T>,
): Resolved<T> {
  const names = Object.keys(rules) as (keyof T & string)[]
  for (const name of Object.keys(options)) {
    if (!names.includes(name as keyof T & string))
      problems.push(`${where}${name} is no option: there are ${names.join(', ')}`)
  }
  const resolved: Partial<Record<keyof T, unknown>> = {}
  for (const name of names) {
    const [fallback, check] = rules[name]
    const given = options[name]
    resolved[name] = given === undefined ? (defaults?.[name] ?? fallback) : given
    const problem = given === undefined ? undefined : check(given)
    if (problem !== undefined) problems.push(`${where}${name} ${problem}, not ${show(given)}`)
  }
  return resolved as Resolved<T>
}

function isPlain(value: unknown, what: string, problems: string[]): boolean {
  if (isPlainObject(value)) return true
  problems.push(`${what} is a plain object, not ${kindOf(value)}`)
  return false
}

/** A value in a message. */
export function show(value: unknown): string {
  if (typeof value === 'string') return `'${value}'`
  if (typeof value !== 'object') return String(value)
  try {
    return JSON.stringify(value).slice(0, 100)
  } catch {
    // Circular, or with a big integer in it.
    return 'an object'
  }
}

/** Throws an `InvalidOptionsError` where there are problems. */
export function fail(problems: readonly string[]): void {
  if (problems.length === 0) return
  const error = new TypeError(
    problems.length === 1 ? problems[0] : `${problems.length} problems: ${problems.join('; ')}`,
  )
  throw Object.assign(error, { code: 'LSM_INVALID_OPTIONS' as const, problems })
}

/** The part of a keyspace's options that a manifest keeps, as JSON with sorted names. */
export function encodeKeyspaceOptions(options: ResolvedKeyspaceOptions): string {
  return JSON.stringify(options, Object.keys(keyspaceRules).sort())
}

/**
 * Reads what `encodeKeyspaceOptions` wrote: names that are not known and values that cannot be are left out. Throws
 * `LSM_CORRUPTION` for what is no JSON.
 */
export function decodeKeyspaceOptions(text: string): KeyspaceOptions {
  let parsed: unknown
  try {
    parsed = JSON.parse(text === '' ? '{}' : text)
  } catch (error) {
    throw corruption('the options of a keyspace are no JSON', { cause: error })
  }
  const options: Record<string, unknown> = Object.create(null)
  if (typeof parsed !== 'object' || parsed === null) return options
  for (const name of Object.keys(keyspaceRules) as (keyof KeyspaceOptions)[]) {
    const value = Object.getOwnPropertyDescriptor(parsed, name)?.value as unknown
    if (value !== undefined && keyspaceRules[name][1](value) === undefined) options[name] = value
  }
  return options
}
