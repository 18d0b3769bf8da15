/** Turns what callers pass into bytes, with an error for what no bytes can be made of. */
import type { Bytes, Range } from './api.ts'
import { invalidRange, invalidType } from './errors.ts'
import { copyOf, successorOfPrefix } from './key-bound.ts'

const encoder = new TextEncoder()

/**
 * Returns the bytes of a key or value called `what` in messages. A string is its UTF-8; one that has none (a lone
 * surrogate) is a `TypeError`. An array is returned as it is: copy it before the call returns.
 */
export function toBytes(input: Bytes, what: string): Uint8Array {
  if (typeof input === 'string') {
    // Without `isWellFormed` (Node.js 20 has it) encoding would quietly put U+FFFD in its place.
    if (!input.isWellFormed()) throw invalidType(`${what} has a lone surrogate: it is no text, pass its bytes instead`)
    return encoder.encode(input)
  }
  if (input instanceof Uint8Array) return input
  throw invalidType(`${what} is a string or a Uint8Array, not ${input === null ? 'null' : typeof input}`)
}

/** A range as the engine works with it. */
export interface Bounds {
  /** Inclusive; empty for "from the first key". */
  readonly start: Uint8Array
  /** Exclusive; `undefined` for "to the last key". */
  readonly end: Uint8Array | undefined
}

const RANGE_KEYS = ['gt', 'gte', 'lt', 'lte', 'prefix'] as const

/** Returns the bounds of `range`, copied. Throws for two bounds on one side, or a bound beside a prefix. */
export function toBounds(range: Range): Bounds {
  if (typeof range !== 'object' || range === null) throw invalidType('a range is an object with bounds')
  // A misspelt bound would make "everything" of a range, which is much to delete.
  const unknown = Object.keys(range).find((name) => !(RANGE_KEYS as readonly string[]).includes(name))
  if (unknown !== undefined) throw invalidType(`${unknown} is no bound: there are ${RANGE_KEYS.join(', ')}`)
  const given = RANGE_KEYS.filter((name) => range[name] !== undefined)
  const bytes = (name: (typeof RANGE_KEYS)[number]): Uint8Array => copyOf(toBytes(range[name]!, name))
  if (given.includes('prefix')) {
    if (given.length > 1)
      throw invalidRange(`prefix stands alone, without ${given.filter((n) => n !== 'prefix').join(', ')}`)
    const prefix = bytes('prefix')
    return { start: prefix, end: successorOfPrefix(prefix) }
  }
  if (range.gt !== undefined && range.gte !== undefined) throw invalidRange('a range has gt or gte, not both')
  if (range.lt !== undefined && range.lte !== undefined) throw invalidRange('a range has lt or lte, not both')
  const start =
    range.gt !== undefined ? keyAfter(bytes('gt')) : range.gte !== undefined ? bytes('gte') : new Uint8Array(0)
  const end = range.lte !== undefined ? keyAfter(bytes('lte')) : range.lt !== undefined ? bytes('lt') : undefined
  return { start, end }
}

/** The smallest key after `key`. */
function keyAfter(key: Uint8Array): Uint8Array {
  const next = new Uint8Array(key.length + 1)
  next.set(key)
  return next
}
