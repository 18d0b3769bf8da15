import { getEventListeners } from 'node:events'
import { describe, expect, test } from 'vitest'
import type { Scheduler } from '../src/components.ts'
import { type Pressure, WriteGate } from '../src/write-gate.ts'

/** A clock and timers that a test moves. */
class ManualScheduler implements Scheduler {
  time = 0
  timers: { at: number; task: () => void }[] = []

  now(): number {
    return this.time
  }
  microtask(task: () => void): void {
    queueMicrotask(task)
  }
  macrotask(task: () => void): void {
    setImmediate(task)
  }
  delay(task: () => void, ms: number): () => void {
    const timer = { at: this.time + ms, task }
    this.timers.push(timer)
    return () => {
      this.timers = this.timers.filter((each) => each !== timer)
    }
  }
  advance(ms: number): void {
    const until = this.time + ms
    for (;;) {
      const due = this.timers.filter(({ at }) => at <= until).sort((a, b) => a.at - b.at)[0]
      if (due === undefined) break
      this.timers = this.timers.filter((each) => each !== due)
      this.time = due.at
      due.task()
    }
    this.time = until
  }
}

const OPEN: Pressure = { level: 'open' }
const STOPPED: Pressure = { level: 'stopped', reason: 'memtables' }
const delayed = (share: number): Pressure => ({ level: 'delayed', share, reason: 'level 0' })
const MIB = 1024 * 1024

function gateWith(first: Pressure) {
  const scheduler = new ManualScheduler()
  const state = { pressure: first }
  const stalls: [string, string, number][] = []
  const gate = new WriteGate({
    scheduler,
    pressure: () => state.pressure,
    onStall: (...stall) => stalls.push(stall),
  })
  const passed: string[] = []
  const wait = (name: string, bytes = 1, signal?: AbortSignal): Promise<void> =>
    gate
      .wait(bytes, () => {}, signal)
      .then(
        () => void passed.push(name),
        (error: unknown) => void passed.push(`${name}: ${String(error)}`),
      )
  return { scheduler, state, stalls, gate, passed, wait }
}

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

describe('the gate', () => {
  test('is open where nothing presses, and says of nobody that it stalled', async () => {
    const { gate, wait, passed, stalls } = gateWith(OPEN)
    expect(gate.isOpen).toBe(true)
    await wait('a')
    expect(passed).toEqual(['a'])
    expect(stalls).toEqual([])
  })

  test('stops writes and lets them go in their order; nobody overtakes', async () => {
    const { gate, state, scheduler, wait, passed, stalls } = gateWith(STOPPED)
    void wait('a')
    void wait('b')
    await settle()
    expect(gate.waiting).toBe(2)
    scheduler.advance(100)
    expect(passed).toEqual([])
    state.pressure = OPEN
    expect(gate.isOpen).toBe(false)
    gate.update()
    expect(gate.isOpen).toBe(true)
    await settle()
    expect(passed).toEqual(['a', 'b'])
    expect(stalls).toEqual([
      ['memtables', 'stopped', 100],
      ['memtables', 'stopped', 100],
    ])
  })

  test.each([
    [0, 32],
    [1, 1],
  ])('at a share of %d lets %d MiB a second pass', async (share, rate) => {
    const { scheduler, wait, passed, stalls, gate } = gateWith(delayed(share))
    for (let i = 0; i < 10; i++) void wait(`${i}`, MIB / 4)
    await settle()
    expect(passed).toEqual(['0'])
    const each = 250 / rate
    for (let i = 1; i < 10; i++) {
      scheduler.advance(Math.max(1, each))
      await settle()
      expect(passed).toHaveLength(i + 1)
    }
    expect(gate.waiting).toBe(0)
    expect(stalls).toHaveLength(10)
    expect(stalls.every(([reason, kind]) => reason === 'level 0' && kind === 'delayed')).toBe(true)
    expect(stalls[9]![2]).toBeGreaterThanOrEqual(9 * each - 1e-6)
  })

  test('a write that was stopped and then delayed was stopped', async () => {
    const { gate, state, scheduler, wait, stalls } = gateWith(STOPPED)
    const done = wait('a')
    scheduler.advance(7)
    state.pressure = delayed(0.5)
    gate.update()
    await done
    expect(stalls).toEqual([['memtables', 'stopped', 7]])
  })

  test('a signal takes a write out of the line, and those behind it go on', async () => {
    const { gate, state, wait, passed } = gateWith(STOPPED)
    const controller = new AbortController()
    void wait('a', 1, controller.signal)
    void wait('b')
    controller.abort('gave up')
    await settle()
    expect(passed).toEqual(['a: gave up'])
    expect(gate.waiting).toBe(1)
    state.pressure = OPEN
    gate.update()
    await settle()
    expect(passed).toEqual(['a: gave up', 'b'])
  })

  test('one signal for many writes has one listener, for as long as one of them waits', async () => {
    const { gate, state, wait, passed } = gateWith(STOPPED)
    const controller = new AbortController()
    const listeners = (): number => getEventListeners(controller.signal, 'abort').length
    for (let i = 0; i < 50; i++) void wait(`${i}`, 1, controller.signal)
    void wait('other')
    expect(listeners()).toBe(1)
    state.pressure = OPEN
    gate.update()
    await settle()
    expect(passed).toHaveLength(51)
    expect(listeners()).toBe(0)
    state.pressure = STOPPED
    passed.length = 0
    for (let i = 0; i < 50; i++) void wait(`${i}`, 1, controller.signal)
    void wait('other')
    controller.abort('gave up')
    await settle()
    expect(passed).toEqual(Array.from({ length: 50 }, (_, i) => `${i}: gave up`))
    expect(gate.waiting).toBe(1)
    expect(listeners()).toBe(0)
  })

  test('a signal that is aborted already lets nothing in', async () => {
    const { gate, wait, passed } = gateWith(STOPPED)
    await wait('a', 1, AbortSignal.abort('before'))
    expect(passed).toEqual(['a: before'])
    expect(gate.waiting).toBe(0)
  })

  test('sends everybody away when it fails, with no timer left, and works again afterwards', async () => {
    const { gate, scheduler, wait, passed } = gateWith(delayed(1))
    for (const name of ['a', 'b', 'c']) void wait(name, MIB)
    await settle()
    gate.fail(new Error('closing'))
    await settle()
    expect(passed).toEqual(['a', 'b: Error: closing', 'c: Error: closing'])
    expect(scheduler.timers).toEqual([])
    void wait('d', MIB)
    scheduler.advance(1000)
    await settle()
    expect(passed.at(-1)).toBe('d')
  })
})
