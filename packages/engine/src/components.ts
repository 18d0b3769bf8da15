/** What the engine needs from outside: injected, so that a test drives all of it from one seed. */
import type { Storage } from '@lsm/storage'
import { systemScheduler, type WalScheduler } from '@lsm/wal'
import { callForeign } from './events.ts'
import { fail } from './options.ts'
import { isPlainObject, kindOf, unknownName } from './plain-object.ts'

/** Wall time. It is stored with records and never decides an order. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number
}

/** Random bytes for the ids of stores, segments and tables, and for hash seeds. */
export interface RandomSource {
  bytes(length: number): Uint8Array
}

/** When things run: see `WalScheduler`. */
export type Scheduler = WalScheduler

/**
 * Where the engine says what a person may want to read. Nothing is logged by default. What a logger throws becomes an
 * uncaught error, like that of a listener, and the engine goes on.
 */
export interface Logger {
  info(message: string): void
  warn(message: string): void
}

/** Passed beside the options; each one has a default. */
export interface EngineComponents {
  /** Default: the files of the path that is opened. */
  readonly storage?: Storage
  readonly clock?: Clock
  readonly random?: RandomSource
  readonly scheduler?: Scheduler
  readonly logger?: Logger
}

export interface ResolvedComponents {
  readonly clock: Clock
  readonly random: RandomSource
  readonly scheduler: Scheduler
  readonly logger: Logger
}

/** What is asked of each component. */
const METHODS: { readonly [K in keyof EngineComponents]-?: readonly (keyof Required<EngineComponents>[K])[] } = {
  storage: [
    'open',
    'openSync',
    'list',
    'foreignNames',
    'size',
    'remove',
    'syncDirectory',
    'publish',
    'lock',
    'describe',
    'close',
  ],
  clock: ['now'],
  random: ['bytes'],
  scheduler: ['now', 'microtask', 'macrotask', 'delay'],
  logger: ['info', 'warn'],
}
const NAMES = Object.keys(METHODS) as (keyof EngineComponents)[]

/** Returns the components with every default filled in, or throws an `InvalidOptionsError`: before anything is opened. */
export function resolveComponents(components: EngineComponents): ResolvedComponents {
  fail(problemsOf(components))
  const { clock, random, scheduler, logger } = components
  return {
    clock: clock ?? { now: () => Date.now() },
    random: random ?? { bytes: (length) => crypto.getRandomValues(new Uint8Array(length)) },
    scheduler: scheduler ?? systemScheduler,
    logger: {
      info: (message) => callForeign(() => logger?.info(message)),
      warn: (message) => callForeign(() => logger?.warn(message)),
    },
  }
}

function problemsOf(components: EngineComponents): string[] {
  if (!isPlainObject(components)) return [`components are a plain object, not ${kindOf(components)}`]
  const unknown = unknownName(components, NAMES)
  const problems = unknown === undefined ? [] : [`${unknown} is no component: there are ${NAMES.join(', ')}`]
  for (const name of NAMES) {
    const given: unknown = components[name]
    if (given === undefined) continue
    const methods: readonly string[] = METHODS[name]
    // A function can be one: `Date` is a clock.
    const lacking = methods.filter((method) => typeof Object(given)[method] !== 'function')
    if (lacking.length > 0) problems.push(`${name} lacks ${lacking.map((method) => `${method}()`).join(', ')}`)
  }
  return problems
}

/** Lets the event loop have a turn. */
export function yieldTurn(scheduler: Scheduler): Promise<void> {
  return new Promise((resolve) => scheduler.macrotask(resolve))
}
