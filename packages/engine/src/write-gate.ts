/**
 * Back-pressure: lets writes through, delays them, or makes them wait, in their order. Graded, so that a store that
 * falls behind slows its writers down before it has to stop them, and never refuses them.
 */
import type { Scheduler } from './components.ts'

/** How hard the gate is closed. */
export type Pressure =
  | { readonly level: 'open' }
  /** `share` from 0 (just begun) to 1 (about to stop). */
  | { readonly level: 'delayed'; readonly share: number; readonly reason: StallReason }
  | { readonly level: 'stopped'; readonly reason: StallReason }

export type StallReason = 'memtables' | 'level 0' | 'batch bytes'

/** Told when a write has waited. */
export type OnStall = (reason: StallReason, kind: 'delayed' | 'stopped', durationMs: number) => void

/** Bytes a second at the beginning of a delay, and at its end. */
const FAST_RATE = 32 * 1024 * 1024
const SLOW_RATE = 1024 * 1024

interface Waiter {
  readonly bytes: number
  readonly since: number
  /** Why it waits; the hardest that it met. */
  stall: { readonly reason: StallReason; readonly kind: 'delayed' | 'stopped' } | undefined
  readonly go: () => void
  readonly fail: (error: unknown) => void
}

/** The writes that one signal calls off. */
interface Watch {
  readonly waiters: Set<Waiter>
  readonly onAbort: () => void
}

export class WriteGate {
  readonly #scheduler: Scheduler
  readonly #pressure: () => Pressure
  readonly #onStall: OnStall
  #waiters: Waiter[] = []
  /** One listener a signal, however many writes it is for: a runtime takes more than ten for a leak, and warns. */
  readonly #watches = new Map<AbortSignal, Watch>()
  #cancelTimer: (() => void) | undefined
  /** When the next byte may pass, while writes are delayed. */
  #nextAt = 0

  constructor(options: { scheduler: Scheduler; pressure: () => Pressure; onStall: OnStall }) {
    this.#scheduler = options.scheduler
    this.#pressure = options.pressure
    this.#onStall = options.onStall
  }

  /** Writes that wait. */
  get waiting(): number {
    return this.#waiters.length
  }

  /** Whether a write may go at once. Nobody overtakes those who wait. */
  get isOpen(): boolean {
    return this.#waiters.length === 0 && this.#pressure().level === 'open'
  }

  /**
   * Calls `write` when it is the turn of a write of so many bytes, and resolves as it does. At once and not in a later
   * task: else a write that comes meanwhile would overtake it. An aborted signal takes it out of the line.
   */
  wait<T>(bytes: number, write: () => T | Promise<T>, signal?: AbortSignal): Promise<T> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason)
        return
      }
      const settle = (): void => this.#unwatch(signal, waiter)
      const waiter: Waiter = {
        bytes,
        since: this.#scheduler.now(),
        stall: undefined,
        go: () => {
          settle()
          try {
            resolve(write())
          } catch (error) {
            reject(error)
          }
        },
        fail: (error) => {
          settle()
          reject(error)
        },
      }
      this.#watch(signal, waiter)
      this.#waiters.push(waiter)
      this.update()
    })
  }

  #watch(signal: AbortSignal | undefined, waiter: Waiter): void {
    if (signal === undefined) return
    let watch = this.#watches.get(signal)
    if (watch === undefined) {
      const waiters = new Set<Waiter>()
      watch = { waiters, onAbort: () => this.#callOff(waiters, signal.reason) }
      this.#watches.set(signal, watch)
      signal.addEventListener('abort', watch.onAbort, { once: true })
    }
    watch.waiters.add(waiter)
  }

  #unwatch(signal: AbortSignal | undefined, waiter: Waiter): void {
    const watch = signal && this.#watches.get(signal)
    if (!watch?.waiters.delete(waiter) || watch.waiters.size > 0) return
    signal!.removeEventListener('abort', watch.onAbort)
    this.#watches.delete(signal!)
  }

  #callOff(waiters: ReadonlySet<Waiter>, reason: unknown): void {
    const gone = this.#waiters.filter((waiter) => waiters.has(waiter))
    this.#waiters = this.#waiters.filter((waiter) => !waiters.has(waiter))
    for (const waiter of gone) {
      waiter.fail(reason)
      this.#report(waiter)
    }
    // Those behind them may go now.
    this.update()
  }

  /** Looks again: to be called whenever the pressure may have changed. */
  update(): void {
    while (this.#waiters.length > 0) {
      const pressure = this.#pressure()
      if (pressure.level === 'stopped') {
        for (const waiter of this.#waiters) {
          if (waiter.stall?.kind !== 'stopped') waiter.stall = { reason: pressure.reason, kind: 'stopped' }
        }
        return
      }
      const now = this.#scheduler.now()
      if (pressure.level === 'delayed') {
        this.#waiters[0]!.stall ??= { reason: pressure.reason, kind: 'delayed' }
        if (this.#nextAt > now) {
          this.#wakeAt(this.#nextAt - now)
          return
        }
        const rate = FAST_RATE + (SLOW_RATE - FAST_RATE) * pressure.share
        this.#nextAt = now + (this.#waiters[0]!.bytes / rate) * 1000
      }
      const waiter = this.#waiters.shift()!
      waiter.go()
      this.#report(waiter)
    }
  }

  /** Sends everybody away. */
  fail(error: Error): void {
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
    for (const waiter of this.#waiters.splice(0)) {
      waiter.fail(error)
      this.#report(waiter)
    }
  }

  /** Also of a write that is sent away: it has waited all the same. */
  #report({ stall, since }: Waiter): void {
    if (stall) this.#onStall(stall.reason, stall.kind, this.#scheduler.now() - since)
  }

  #wakeAt(ms: number): void {
    if (this.#cancelTimer !== undefined) return
    this.#cancelTimer = this.#scheduler.delay(
      () => {
        this.#cancelTimer = undefined
        this.update()
      },
      Math.max(1, ms),
    )
  }
}
