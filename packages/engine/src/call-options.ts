/** Checks the options of reads and writes. A misspelt name would be a default that nobody asked for. */
import type { ReadOptions, ScanOptions, WriteOptions } from './api.ts'
import { invalidRange, invalidType } from './errors.ts'
import { RANGE_NAMES } from './input.ts'
import { type Check, durable, flag, show } from './options.ts'
import { isPlainObject, kindOf, unknownName } from './plain-object.ts'

const WRITE_NAMES: readonly (keyof WriteOptions)[] = ['durability', 'signal']
const READ_NAMES: readonly (keyof ReadOptions)[] = ['snapshot', 'fillCache', 'signal']
const SCAN_NAMES: readonly (keyof ScanOptions)[] = [...RANGE_NAMES, 'reverse', 'limit', ...READ_NAMES]

/** Bounds are looked at where they become bytes, and whether a snapshot is one is asked of the engine. */
const TYPES: { readonly [name: string]: Check } = { fillCache: flag, reverse: flag, signal: isSignal }
const RANGES: { readonly [name: string]: Check } = {
  durability: durable,
  limit: (value) =>
    value === Number.POSITIVE_INFINITY || (Number.isInteger(value) && (value as number) >= 0)
      ? undefined
      : 'is a whole number from 0 on',
}

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
  for (const name in options) {
    const value = (options as { readonly [name: string]: unknown })[name]
    if (value === undefined) continue
    const type = TYPES[name]?.(value)
    if (type !== undefined) throw invalidType(`${name} ${type}, not ${show(value)}`)
    const range = RANGES[name]?.(value)
    if (range !== undefined) throw invalidRange(`${name} ${range}, not ${show(value)}`)
  }
}

/** By shape: there are signals of other realms, and such as are made by hand. */
function isSignal(value: unknown): string | undefined {
  const { aborted, addEventListener, removeEventListener } = Object(value)
  const isOne =
    typeof aborted === 'boolean' && typeof addEventListener === 'function' && typeof removeEventListener === 'function'
  return isOne ? undefined : 'is an AbortSignal'
}
