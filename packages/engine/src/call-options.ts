/** Checks the options of reads and writes. A misspelt name would be a default that nobody asked for. */
import type { ReadOptions, ScanOptions, WriteOptions } from './api.ts'
import { invalidRange, invalidType } from './errors.ts'
import { RANGE_NAMES } from './input.ts'
import { type Check, durable, flag, show } from './options.ts'
import { isPlainObject, kindOf, unknownName } from './plain-object.ts'

const WRITE_NAMES: readonly (keyof WriteOptions)[] = ['durability', 'signal']
const READ_NAMES: readonly (keyof ReadOptions)[] = ['snapshot', 'fillCache', 'signal']
const SCAN_NAMES: readonly (keyof ScanOptions)[] = [...RANGE_NAMES, 'reverse', 'limit', ...READ_NAMES]

type Misuse = typeof invalidType

/** Bounds are looked at where they become bytes, and whether a snapshot is one is asked of the engine. */
const CHECKS: ReadonlyMap<string, readonly [check: Check, misuse: Misuse]> = new Map([
  ['fillCache', [flag, invalidType]],
  ['reverse', [flag, invalidType]],
  ['signal', [isSignal, invalidType]],
  ['durability', [durable, invalidRange]],
  ['limit', [isCount, invalidRange]],
])

export function checkWriteOptions(options: WriteOptions): void {
  check(options, WRITE_NAMES)
}

export function checkReadOptions(options: ReadOptions): void {
  check(options, READ_NAMES)
}

export function checkScanOptions(options: ScanOptions): void {
  check(options, SCAN_NAMES)
}

function check(options: object, known: readonly string[]): void {
  if (!isPlainObject(options)) throw invalidType(`options are a plain object, not ${kindOf(options)}`)
  const unknown = unknownName(options, known)
  if (unknown !== undefined) throw invalidType(`${unknown} is no option here: there are ${known.join(', ')}`)
  for (const name of known) {
    const value = (options as { readonly [name: string]: unknown })[name]
    if (value === undefined) continue
    const [problemOf, misuse] = CHECKS.get(name) ?? []
    const problem = problemOf?.(value)
    if (problem !== undefined) throw misuse!(`${name} ${problem}, not ${show(value)}`)
  }
}

function isCount(value: unknown): string | undefined {
  const isOne = value === Number.POSITIVE_INFINITY || (Number.isInteger(value) && (value as number) >= 0)
  return isOne ? undefined : 'is a whole number from 0 on'
}

/** By shape: there are signals of other realms, and such as are made by hand. */
function isSignal(value: unknown): string | undefined {
  // As `fetch` has it: none.
  if (value === null) return undefined
  const { aborted, addEventListener, removeEventListener } = Object(value)
  const isOne =
    typeof aborted === 'boolean' && typeof addEventListener === 'function' && typeof removeEventListener === 'function'
  return isOne ? undefined : 'is an AbortSignal'
}
