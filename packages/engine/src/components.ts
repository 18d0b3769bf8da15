/** What the engine needs from outside: injected, so that a test drives all of it from one seed. */
import type { Storage } from '@lsm/storage'
import { systemScheduler, type WalScheduler } from '@lsm/wal'

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

/** Where the engine says what a person may want to read. Nothing is logged by default. */
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

export function resolveComponents(components: EngineComponents): ResolvedComponents {
  return {
    clock: components.clock ?? { now: () => Date.now() },
    random: components.random ?? { bytes: (length) => crypto.getRandomValues(new Uint8Array(length)) },
    scheduler: components.scheduler ?? systemScheduler,
    logger: components.logger ?? { info: () => {}, warn: () => {} },
  }
}

/** Lets the event loop have a turn. */
export function yieldTurn(scheduler: Scheduler): Promise<void> {
  return new Promise((resolve) => scheduler.macrotask(resolve))
}
