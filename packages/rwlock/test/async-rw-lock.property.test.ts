import { getEventListeners } from 'node:events'
import { fuzz } from '@lsm/fuzz'
import fc from 'fast-check'
import { expect, vi } from 'vitest'
import { AsyncRWLock, RWLockError, type WriteHandle } from '../src/index.ts'
import { LockModel, type Mode, type Status } from './lock-model.ts'

const SIGNALS = 4

type Step =
  | {
      readonly do: 'request'
      readonly mode: Mode
      readonly signal?: number | undefined
      readonly timeoutMs?: number | undefined
    }
  | { readonly do: 'try'; readonly mode: Mode }
  | { readonly do: 'release' | 'release again' | 'downgrade'; readonly which: number }
  | { readonly do: 'abort'; readonly signal: number }
  | { readonly do: 'release on abort'; readonly which: number; readonly signal: number }
  | { readonly do: 'advance'; readonly ms: number }
  | { readonly do: 'settle' }

const mode = fc.constantFrom<Mode>('read', 'write')
const mostlyRead = fc.oneof({ weight: 2, arbitrary: fc.constant<Mode>('read') }, { weight: 1, arbitrary: mode })
const which = fc.nat({ max: 30 })
const signal = fc.nat({ max: SIGNALS - 1 })

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      do: fc.constant('request' as const),
      mode: mostlyRead,
      signal: fc.option(signal, { nil: undefined }),
      timeoutMs: fc.option(fc.nat({ max: 20 }), { nil: undefined }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('try' as const), mode }) },
  { weight: 8, arbitrary: fc.record({ do: fc.constant('release' as const), which }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('release again' as const), which }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('downgrade' as const), which }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('abort' as const), signal }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('release on abort' as const), which, signal }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('advance' as const), ms: fc.nat({ max: 10 }) }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('settle' as const) }) },
)

/** One request as its maker sees it. */
interface Observed {
  handle: WriteHandle | undefined
  status: Status
}

/** Runs a schedule against the lock and the model at once, and compares them after every step. */
class Schedule {
  readonly lock = new AsyncRWLock()
  readonly model = new LockModel()
  readonly controllers = Array.from({ length: SIGNALS }, () => new AbortController())
  readonly observed: Observed[] = []
  /** For each signal, the holders that let go when it fires, before any waiter hears of it. */
  readonly #releasedBy: number[][] = this.controllers.map(({ signal }) => {
    const indexes: number[] = []
    signal.addEventListener('abort', () => {
      for (const index of indexes) this.observed[index]?.handle?.release()
    })
    return indexes
  })

  async run(step: Step): Promise<void> {
    const { lock, model } = this
    switch (step.do) {
      case 'request': {
        const request: Observed = { handle: undefined, status: 'waiting' }
        this.observed.push(request)
        const options = {
          signal: step.signal === undefined ? undefined : this.controllers[step.signal]?.signal,
          timeoutMs: step.timeoutMs,
        }
        const promise = step.mode === 'read' ? lock.read(options) : lock.write(options)
        void promise.then(
          (handle) => {
            request.handle = handle as WriteHandle
            request.status = 'holding'
          },
          (error: RWLockError) => {
            request.status = error.code as Status
          },
        )
        model.request(step.mode, step.signal, step.timeoutMs)
        break
      }
      case 'try': {
        const handle = step.mode === 'read' ? lock.tryRead() : lock.tryWrite()
        expect(handle !== undefined).toBe(model.try(step.mode))
        if (handle !== undefined) this.observed.push({ handle: handle as WriteHandle, status: 'holding' })
        break
      }
      case 'release': {
        const index = this.#pick('holding', step.which)
        if (index === undefined) return
        this.release(index)
        break
      }
      case 'release again': {
        const index = this.#pick('done', step.which)
        if (index !== undefined) this.observed[index]?.handle?.release()
        break
      }
      case 'downgrade': {
        const index = this.#pick('holding', step.which)
        if (index === undefined) return
        this.observed[index]?.handle?.downgrade()
        model.downgrade(model.requests[index]!)
        break
      }
      case 'abort':
        this.abort(step.signal)
        break
      case 'release on abort': {
        const index = this.#pick('holding', step.which)
        if (index !== undefined) this.#releasedBy[step.signal]?.push(index)
        break
      }
      case 'advance':
        vi.advanceTimersByTime(step.ms)
        model.advance(step.ms)
        break
      case 'settle':
        await this.settle()
        break
    }
    this.compare()
  }

  release(index: number): void {
    const observed = this.observed[index]!
    observed.handle?.release()
    observed.status = 'done'
    this.model.release(this.model.requests[index]!)
  }

  abort(signal: number): void {
    const { signal: target } = this.controllers[signal]!
    const wasAborted = target.aborted
    this.controllers[signal]?.abort()
    this.model.abort(signal)
    if (wasAborted) return
    for (const index of this.#releasedBy[signal] ?? []) {
      if (this.observed[index]?.status === 'holding') this.release(index)
    }
  }

  /** Lets the promises settle, and compares what each request has come to. */
  async settle(): Promise<void> {
    for (let microtask = 0; microtask < 3; microtask++) await undefined
    expect(this.observed.map(({ status }) => status)).toEqual(this.model.requests.map(({ status }) => status))
  }

  compare(): void {
    const { lock, model } = this
    expect([lock.readers, lock.isWriting, lock.pendingReaders, lock.pendingWriters]).toEqual([
      model.count('read', 'holding'),
      model.count('write', 'holding') === 1,
      model.count('read', 'waiting'),
      model.count('write', 'waiting'),
    ])
    // The rules that need no model: no writer beside anybody, and nobody waits without somebody to wait for.
    expect(lock.isWriting && lock.readers > 0).toBe(false)
    if (lock.pendingReaders > 0) expect(lock.isWriting || lock.pendingWriters > 0).toBe(true)
    if (lock.pendingWriters > 0) expect(lock.isWriting || lock.readers > 0).toBe(true)
  }

  /** One of the requests whose maker knows them to be so, or `undefined` when there is none. */
  #pick(status: Status, which: number): number | undefined {
    const indexes = this.observed.flatMap((request, index) => (request.status === status ? [index] : []))
    return indexes[which % indexes.length]
  }
}

fuzz(
  import.meta.url,
  'any schedule of acquire, release, abort and time-out does what the rules say, and forgets no waiter',
  fc.asyncProperty(fc.array(step, { maxLength: 80, size: 'max' }), async (steps) => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    try {
      const schedule = new Schedule()
      for (const step of steps) await schedule.run(step)
      // Whoever holds the lock lets go, until nobody is left: then everybody must have been served or refused.
      await schedule.settle()
      for (let index = 0; index !== -1; index = schedule.observed.findIndex(({ status }) => status === 'holding')) {
        if (schedule.observed[index]?.status === 'holding') schedule.release(index)
        await schedule.settle()
        schedule.compare()
      }
      expect(schedule.observed.filter(({ status }) => status === 'waiting')).toEqual([])
      expect(schedule.lock.tryWrite()).toBeDefined()
      expect(vi.getTimerCount()).toBe(0)
      // The schedule's own listener is the one that is left.
      for (const { signal } of schedule.controllers) expect(getEventListeners(signal, 'abort')).toHaveLength(1)
    } finally {
      vi.useRealTimers()
    }
  }),
  { runs: 2000, capMs: 6000 },
)

interface Visit {
  readonly mode: Mode
  /** Microtasks before the request, and while the lock is held. */
  readonly pause: number
  readonly hold: number
  /** Microtasks after which the request is given up. */
  readonly patience?: number | undefined
  readonly scoped: boolean
}

const visit: fc.Arbitrary<Visit> = fc.record({
  mode: mostlyRead,
  pause: fc.nat({ max: 6 }),
  hold: fc.nat({ max: 6 }),
  patience: fc.option(fc.nat({ max: 12 }), { nil: undefined, freq: 3 }),
  scoped: fc.boolean(),
})

async function microtasks(count: number): Promise<void> {
  for (let done = 0; done < count; done++) await undefined
}

fuzz(
  import.meta.url,
  'clients that come and go as they like are never inside together with a writer, and all get through',
  fc.asyncProperty(
    fc.array(fc.array(visit, { maxLength: 6, size: 'max' }), { maxLength: 12, size: 'max' }),
    async (clients) => {
      const lock = new AsyncRWLock()
      const inside = { read: 0, write: 0 }
      let unfinished = clients.length

      const stay = async ({ mode, hold }: Visit): Promise<void> => {
        inside[mode]++
        // `expect` in here would be swallowed as if the lock had refused.
        if (inside.write > 1 || (inside.write === 1 && inside.read > 0))
          throw new Error(`together: ${JSON.stringify(inside)}`)
        await microtasks(hold)
        inside[mode]--
      }
      const come = async (visit: Visit): Promise<void> => {
        const controller = new AbortController()
        if (visit.patience !== undefined) void microtasks(visit.patience).then(() => controller.abort())
        const options = { signal: controller.signal }
        if (visit.scoped) {
          const use = (): Promise<void> => stay(visit)
          return visit.mode === 'read' ? lock.withRead(use, options) : lock.withWrite(use, options)
        }
        const handle = await (visit.mode === 'read' ? lock.read(options) : lock.write(options))
        try {
          await stay(visit)
        } finally {
          handle.release()
        }
      }
      const client = async (visits: readonly Visit[]): Promise<void> => {
        for (const visit of visits) {
          await microtasks(visit.pause)
          await come(visit).catch((error: unknown) => {
            if (!(error instanceof RWLockError && error.code === 'RWLOCK_ABORTED')) throw error
          })
        }
        unfinished--
      }

      const all = Promise.all(clients.map(client))
      // Everything above runs in microtasks, which all come before this: who is not finished then never will be.
      await Promise.race([all, new Promise((resolve) => setImmediate(resolve))])
      expect(unfinished).toBe(0)
      await all
      expect([lock.readers, lock.isWriting, lock.pendingReaders, lock.pendingWriters]).toEqual([0, false, 0, 0])
    },
  ),
  { runs: 500, capMs: 4000 },
)

type Event = { readonly come: Mode } | { readonly leave: number }

fuzz(
  import.meta.url,
  'nobody starves: one writer at most passes a waiting reader, and one phase of readers each writer',
  fc.asyncProperty(
    fc.array(fc.oneof<fc.Arbitrary<Event>[]>(fc.record({ come: mode }), fc.record({ leave: which })), {
      minLength: 10,
      maxLength: 120,
    }),
    async (events) => {
      const lock = new AsyncRWLock()
      const holding: { mode: Mode; handle: { release(): void } }[] = []
      const waiting: { mode: Mode; writersSince: number; phasesSince: number }[] = []

      // What the last event has granted: requests of any age.
      let granted: typeof waiting = []

      for (const event of events) {
        let writerLeft = false
        granted = []
        if ('come' in event) {
          const request = { mode: event.come, writersSince: 0, phasesSince: 0 }
          waiting.push(request)
          void (event.come === 'read' ? lock.read() : lock.write()).then((handle) => {
            granted.push(request)
            holding.push({ mode: request.mode, handle })
          })
        } else if (holding.length > 0) {
          const [gone] = holding.splice(event.leave % holding.length, 1)
          writerLeft = gone?.mode === 'write'
          gone?.handle.release()
        }
        await microtasks(3)

        for (const request of granted) {
          // Writers are served in their order, and readers that come in leave no reader behind.
          const before = waiting.slice(0, waiting.indexOf(request))
          expect(before.filter((other) => other.mode === request.mode && !granted.includes(other))).toEqual([])
        }
        for (const request of granted) waiting.splice(waiting.indexOf(request), 1)
        for (const request of waiting) {
          if (granted.some(({ mode }) => mode === 'write')) request.writersSince++
          if (granted.some(({ mode }) => mode === 'read')) request.phasesSince++
          // While a writer waits, readers come in only when another writer leaves.
          if (request.mode === 'write' && granted.some(({ mode }) => mode === 'read')) expect(writerLeft).toBe(true)
          if (request.mode === 'read') expect(request.writersSince).toBeLessThanOrEqual(1)
          // One phase for each writer that went ahead, and one for a writer that was inside when this one came.
          if (request.mode === 'write') expect(request.phasesSince).toBeLessThanOrEqual(request.writersSince + 1)
        }
      }
    },
  ),
  { runs: 1000, capMs: 4000 },
)
