import { MemoryStorage } from '@lsm/storage'
import { describe, expect, it } from 'vitest'
import type { Scheduler } from '../src/components.ts'
import { Engine, type EngineEvents } from '../src/index.ts'
import { type Pressure, WriteGate } from '../src/write-gate.ts'

/** Time that only a test moves on. */
class HandClock implements Scheduler {
  #now = 0
  readonly #timers: { at: number; task: () => void }[] = []

  now(): number {
    return this.#now
  }

  microtask(task: () => void): void {
    queueMicrotask(task)
  }

  macrotask(task: () => void): void {
    setImmediate(task)
  }

  delay(task: () => void, ms: number): () => void {
    const timer = { at: this.#now + ms, task }
    this.#timers.push(timer)
    return () => {
      const index = this.#timers.indexOf(timer)
      if (index >= 0) this.#timers.splice(index, 1)
    }
  }

  advance(ms: number): void {
    this.#now += ms
    for (const timer of this.#timers.filter(({ at }) => at <= this.#now)) {
      this.#timers.splice(this.#timers.indexOf(timer), 1)
      timer.task()
    }
  }
}

type Stall = [reason: string, kind: string, durationMs: number]

function createGate(): { gate: WriteGate; clock: HandClock; stalls: Stall[]; press: (pressure: Pressure) => void } {
  const clock = new HandClock()
  const stalls: Stall[] = []
  let pressure: Pressure = { level: 'open' }
  const gate = new WriteGate({
    scheduler: clock,
    pressure: () => pressure,
    onStall: (...stall) => stalls.push(stall),
  })
  const press = (next: Pressure): void => {
    pressure = next
    gate.update()
  }
  return { gate, clock, stalls, press }
}

const STOPPED: Pressure = { level: 'stopped', reason: 'memtables' }

describe('a write that has to stop', () => {
  it('is reported once, with all the time that it waited', async () => {
    const { gate, clock, stalls, press } = createGate()
    press(STOPPED)
    const first = gate.wait(100, () => {})
    clock.advance(30)
    const second = gate.wait(100, () => {})
    clock.advance(10)
    expect(gate.isOpen).toBe(false)
    expect(stalls).toEqual([])
    press({ level: 'open' })
    await Promise.all([first, second])
    expect(stalls).toEqual([
      ['memtables', 'stopped', 40],
      ['memtables', 'stopped', 10],
    ])
    expect(gate.isOpen).toBe(true)
  })

  it('stays a stop when it is only delayed in the end', async () => {
    const { gate, clock, stalls, press } = createGate()
    press(STOPPED)
    const writes = [gate.wait(1024 * 1024, () => {}), gate.wait(1024 * 1024, () => {})]
    clock.advance(5)
    press({ level: 'delayed', share: 1, reason: 'level 0' })
    // One second a mebibyte at the slowest rate.
    clock.advance(999)
    expect(stalls).toEqual([['memtables', 'stopped', 5]])
    clock.advance(1)
    await Promise.all(writes)
    expect(stalls).toEqual([
      ['memtables', 'stopped', 5],
      ['memtables', 'stopped', 1005],
    ])
  })

  it('is reported when it is called off or sent away', async () => {
    const { gate, clock, stalls, press } = createGate()
    press(STOPPED)
    const controller = new AbortController()
    const calledOff = gate.wait(1, () => {}, controller.signal)
    const sentAway = gate.wait(1, () => {})
    clock.advance(7)
    controller.abort(new Error('called off'))
    clock.advance(3)
    gate.fail(new Error('sent away'))
    await expect(calledOff).rejects.toThrow('called off')
    await expect(sentAway).rejects.toThrow('sent away')
    expect(stalls).toEqual([
      ['memtables', 'stopped', 7],
      ['memtables', 'stopped', 10],
    ])
  })
})

it('an engine tells of its stops, and counts them', async () => {
  const options = { memtableSizeBytes: 4096, maxFrozenMemtables: 1 }
  const engine = await Engine.open('memory', options, { storage: new MemoryStorage() })
  const stalls: EngineEvents['stall'][] = []
  engine.on('stall', (event) => stalls.push(event))
  const client = async (_: unknown, name: number): Promise<void> => {
    for (let i = 0; i < 100; i++) await engine.put(`key-${name}-${i}`, 'v'.repeat(100))
  }
  await Promise.all(Array.from({ length: 16 }, client))
  const stopped = stalls.filter(({ kind }) => kind === 'stopped')
  expect(stopped.length).toBeGreaterThan(0)
  for (const { durationMs } of stopped) expect(durationMs).toBeGreaterThan(0)
  const { stalls: counted } = engine.stats()
  expect(counted.stopped).toBe(stopped.length)
  expect(counted.latency.count).toBe(stalls.length)
  await engine.close()
})

describe('writes that nobody waits for', () => {
  it('wait once a batch too many is queued, in their order, and all get through', async () => {
    const options = { durability: 'sync', maxBatchSizeBytes: 64 * 1024, memtableSizeBytes: 1024 ** 3 } as const
    const engine = await Engine.open('memory', options, { storage: new MemoryStorage() })
    const stalls: EngineEvents['stall'][] = []
    engine.on('stall', (event) => stalls.push(event))
    const value = new Uint8Array(1000)
    const order: number[] = []
    const writes = Array.from({ length: 2000 }, (_, i) => {
      value[0] = i & 0xff
      return engine.put('the same key', value.slice()).then(() => order.push(i))
    })
    await Promise.all(writes)
    expect(order).toEqual(order.toSorted((a, b) => a - b))
    expect((await engine.get('the same key'))?.[0]).toBe(1999 & 0xff)
    expect(stalls.length).toBeGreaterThan(1000)
    expect(stalls.every(({ reason, kind }) => reason === 'batch bytes' && kind === 'stopped')).toBe(true)
    await engine.close()
  })

  it('are not overtaken by one that comes when the way is free again', async () => {
    const { gate, press } = createGate()
    press(STOPPED)
    const order: string[] = []
    const waited = gate.wait(1, () => order.push('waited'))
    press({ level: 'open' })
    // What a put does that finds the gate open.
    if (gate.isOpen) order.push('came later')
    await waited
    expect(order).toEqual(['waited', 'came later'])
  })
})
