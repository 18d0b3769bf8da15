/** Says what somebody left open, so that the log of a store that closes tells which code to look at. */
import type { Bounds } from './input.ts'

/** What a user left open. */
export interface LeftOpen {
  /** What it is, in a few words; `now` is of the scheduler's clock. */
  describe(now: number): string
}

/** One that leaks does so in a loop: a line for each would hide all else in a log. */
const MOST_NAMED = 10
const MOST_BYTES = 32

/** Describes the first ten, and says how many more there are. */
export function nameLeftOpen(open: Iterable<LeftOpen>, now: number): string {
  const all = [...open]
  const named = all.slice(0, MOST_NAMED).map((each) => each.describe(now))
  if (all.length > MOST_NAMED) named.push(`and ${all.length - MOST_NAMED} more`)
  return named.join('; ')
}

export function describeBounds({ start, end }: Bounds): string {
  if (start.length === 0 && end === undefined) return 'all keys'
  const from = start.length === 0 ? '' : ` from ${describeKey(start)}`
  return `the keys${from}${end === undefined ? '' : ` before ${describeKey(end)}`}`
}

export function describeAge(ms: number): string {
  return `open for ${(ms / 1000).toFixed(3)} s`
}

function describeKey(key: Uint8Array): string {
  const shown = Array.from(key.subarray(0, MOST_BYTES), (byte) =>
    byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, '0')}`,
  ).join('')
  return `"${shown}${key.length > MOST_BYTES ? '…' : ''}"`
}
