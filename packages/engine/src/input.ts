/** Turns what callers pass into bytes, with an error for what no bytes can be made of. */
import type { Bytes, Range } from './api.ts'
import { invalidRange, invalidType } from './errors.ts'
import { copyOf, successorOfPrefix } from './key-bound.ts'
import { isPlainObject, kindOf, unknownName } from './plain-object.ts'

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
  throw invalidType(`${what} is a string or a Uint8Array, not ${kindOf(input)}`)
}

/** A range as the engine works with it. */
export interface Bounds {
  /** Inclusive; empty for "from the first key". */
  readonly start: Uint8Array
  /** Exclusive; `undefined` for "to the last key". */
  readonly end: Uint8Array | undefined
}

export const RANGE_NAMES: readonly (keyof Range)[] = ['gt', 'gte', 'lt', 'lte', 'prefix']

/** Returns the bounds of `range`, copied. Throws for two bounds on one side, or a bound beside a prefix. */
export function toBounds(range: Range): Bounds {
  checkIsRange(range)
  return boundsOf(range)
}

/**
 * The same for a range that is to be deleted. A bound that is there and undefined is refused: to a read it is one that
 * was left out, and here a variable that was never set would delete everything.
 */
export function toDeletedBounds(range: Range): Bounds {
  checkIsRange(range)
  const unset = RANGE_NAMES.find((name) => range[name] === undefined && Object.hasOwn(range, name))
  if (unset === undefined) return boundsOf(range)
  throw invalidType(`${unset} is undefined: leave it out to delete without that bound`)
}

function checkIsRange(range: Range): void {
  if (!isPlainObject(range)) throw invalidType(`a range is a plain object with bounds, not ${kindOf(range)}`)
  // A misspelt bound would make "everything" of a range, which is much to delete.
  const unknown = unknownName(range, RANGE_NAMES)
  if (unknown !== undefined) throw invalidType(`${unknown} is no bound: there are ${RANGE_NAMES.join(', ')}`)
}

/** Returns the bounds among a scan's options, whose names were checked. */
export function boundsOf({ gt, gte, lt, lte, prefix }: Range): Bounds {
  if (prefix !== undefined) {
    const isAlone = [gt, gte, lt, lte].every((bound) => bound === undefined)
    if (!isAlone) throw invalidRange('prefix stands alone: leave out gt, gte, lt and lte')
    const start = boundBytes(prefix, 'prefix')
    return { start, end: successorOfPrefix(start) }
  }
  if (gt !== undefined && gte !== undefined) throw invalidRange('a range has gt or gte, not both')
  if (lt !== undefined && lte !== undefined) throw invalidRange('a range has lt or lte, not both')
  const start =
    gt !== undefined ? keyAfter(boundBytes(gt, 'gt')) : gte !== undefined ? boundBytes(gte, 'gte') : new Uint8Array(0)
  const end = lte !== undefined ? keyAfter(boundBytes(lte, 'lte')) : lt !== undefined ? boundBytes(lt, 'lt') : undefined
  return { start, end }
}

function boundBytes(bound: Bytes, name: string): Uint8Array {
  return copyOf(toBytes(bound, name))
}

/** The smallest key after `key`. */
function keyAfter(key: Uint8Array): Uint8Array {
  const next = new Uint8Array(key.length + 1)
  next.set(key)
  return next
}
