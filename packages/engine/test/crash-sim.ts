/**
 * One seed for everything outside the engine: randomness, the wall clock, and a scheduler whose time is virtual. Timers
 * run when nothing else can, so a test never waits, and the same seed gives the same trace of I/O.
 */
import { compute } from '@lsm/crc'
import type { CrashDisk } from '@lsm/storage/testing'
import { manifestFileName, segmentFileName, tableFileName } from '../src/files.ts'
import type { EngineComponents, Scheduler } from '../src/index.ts'
import { NO_STORE, readNewestManifest } from '../src/manifest-log.ts'

/** Mulberry32, by Tommy Ettinger. */
export class SimRandom {
  #state: number

  constructor(seed: number) {
    this.#state = Math.imul(seed, 0x9e3779b1) >>> 0
  }

  unit(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }

  /** From 0 up to `limit` - 1. */
  below(limit: number): number {
    return Math.floor(this.unit() * limit)
  }

  chance(probability: number): boolean {
    return this.unit() < probability
  }

  pick<Item>(items: readonly Item[]): Item {
    return items[this.below(items.length)]!
  }

  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.below(256))
  }
}

/** Milliseconds that pass each time somebody looks at the clock, so that slices end and work interleaves. */
const LOOK_MS = 0.5

export class SimScheduler implements Scheduler {
  #now = 0
  #order = 0
  #tasks: (() => void)[] = []
  #timers: { readonly at: number; readonly order: number; readonly task: () => void }[] = []
  #isPumping = false

  now(): number {
    this.#now += LOOK_MS
    return this.#now
  }

  /** The time, without making it pass. */
  get time(): number {
    return this.#now
  }

  get timers(): number {
    return this.#timers.length
  }

  microtask(task: () => void): void {
    queueMicrotask(task)
  }

  macrotask(task: () => void): void {
    this.#tasks.push(task)
    this.#pump()
  }

  delay(task: () => void, ms: number): () => void {
    const timer = { at: this.#now + ms, order: this.#order++, task }
    this.#timers.push(timer)
    this.#pump()
    return () => {
      this.#timers = this.#timers.filter((each) => each !== timer)
    }
  }

  #pump(): void {
    if (this.#isPumping) return
    this.#isPumping = true
    setImmediate(() => {
      this.#isPumping = false
      const task = this.#tasks.shift() ?? this.#nextTimer()
      if (this.#tasks.length > 0 || this.#timers.length > 0) this.#pump()
      task?.()
    })
  }

  #nextTimer(): (() => void) | undefined {
    this.#timers.sort((a, b) => a.at - b.at || a.order - b.order)
    const timer = this.#timers.shift()
    if (timer) this.#now = Math.max(this.#now, timer.at)
    return timer?.task
  }
}

export type SimComponents = Required<Pick<EngineComponents, 'clock' | 'random' | 'logger'>> & {
  readonly scheduler: SimScheduler
}

/** Everything that an engine is given besides its storage. */
export function simComponents(seed: number): SimComponents {
  const random = new SimRandom(seed)
  let wall = 1_700_000_000_000
  return {
    clock: { now: () => wall++ },
    random: { bytes: (length) => random.bytes(length) },
    scheduler: new SimScheduler(),
    logger: { info: () => {}, warn: () => {} },
  }
}

/** The names that the newest manifest accounts for, and those that are there, both sorted. Asked of a closed store. */
export async function namesOf(disk: CrashDisk): Promise<{ readonly expected: string[]; readonly found: string[] }> {
  const position = await readNewestManifest(disk.storage())
  const found = disk.names().sort()
  if (position === NO_STORE) return { expected: [], found }
  const { number, base, state } = position
  const manifests = new Set([number, base?.number ?? number])
  const expected = [
    ...[...manifests].map(manifestFileName),
    ...[...state.segments.keys()].map(segmentFileName),
    ...[...state.tables.keys()].map(tableFileName),
  ]
  return { expected: expected.sort(), found }
}

export const digestOf = (value: Uint8Array): string => `${compute(value).toString(16)}/${value.length}`

const decoder = new TextDecoder()

/** What a scan of everything shows, as one string. */
export async function contentsOf(reader: {
  scan(): AsyncIterable<readonly [Uint8Array, Uint8Array]>
}): Promise<string> {
  const parts: string[] = []
  for await (const [key, value] of reader.scan()) parts.push(`${decoder.decode(key)}=${digestOf(value)}`)
  return parts.join(' ')
}
