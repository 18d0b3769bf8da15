/**
 * T2: every I/O operation of short workloads fails, once and for ever, in each way in which a system call of its kind
 * can. What was acknowledged survives, what was refused is not there, every promise settles with a coded error, and no
 * descriptor is left.
 *
 * FAULT_CASE="seed:operation:fault:times:visibility" runs one case; a failure prints it.
 */
import { IS_QUICK } from '@lsm/fuzz'
import { CrashDisk, type Fault, type FaultOperation, FaultPlan, FaultStorage } from '@lsm/storage/testing'
import { afterAll, describe, expect, test } from 'vitest'
import { Engine, type EngineOptions, LsmError, type WriteOptions } from '../src/index.ts'
import { contentsOf, namesOf, type SimComponents, simComponents } from './crash-sim.ts'
import { applyOperations, makeWorkload, stateOf, type WorkOperation, type WorkStep } from './crash-workload.ts'

const { FAULT_CASE } = process.env
const SEEDS = IS_QUICK && FAULT_CASE === undefined ? [2] : [2, 3, 5]

/** What a system call of each kind can answer. */
const FAULTS: Readonly<Record<FaultOperation['kind'], readonly Fault[]>> = {
  open: ['EIO', 'EMFILE'],
  create: ['EIO', 'EMFILE', 'ENOSPC', 'EACCES'],
  read: ['EIO', 'short'],
  write: ['EIO', 'ENOSPC', 'short'],
  truncate: ['EIO'],
  datasync: ['EIO', 'ENOSPC'],
  stat: ['EIO'],
  close: ['EIO'],
  list: ['EIO', 'EMFILE'],
  link: ['EIO', 'ENOSPC'],
  unlink: ['EIO'],
  syncDirectory: ['EIO'],
  lock: ['EIO'],
}

/** Longer than any retry waits; nothing may take this much virtual time. */
const HANG_MS = 10 * 60_000

let cases = 0
let failures = 0
afterAll(() => console.log(`faults: ${cases} cases, ${failures} operations failed or were cut short`))

interface Write {
  readonly operations: readonly WorkOperation[]
  outcome: 'pending' | 'acknowledged' | 'unknown' | 'refused'
}

/** Runs steps on an engine that may fail at any of them, and keeps account. */
class FaultRun {
  readonly writes: Write[] = []
  readonly errors: unknown[] = []
  /** Of `writes`: these are durable. */
  durable = 0
  engine: Engine | undefined
  readonly #components: SimComponents
  readonly #options: EngineOptions
  readonly #open: () => FaultStorage
  storage: FaultStorage

  constructor(options: EngineOptions, components: SimComponents, open: () => FaultStorage) {
    this.#options = options
    this.#components = components
    this.#open = open
    this.storage = open()
  }

  async open(): Promise<void> {
    this.engine = await this.attempt('open', () =>
      Engine.open('sim', this.#options, { ...this.#components, storage: this.storage }),
    )
  }

  /** Settles in time; its error is coded. */
  async attempt<T>(what: string, run: () => Promise<T>): Promise<T | undefined> {
    let cancel: (() => void) | undefined
    const hung = new Promise<never>((_, reject) => {
      cancel = this.#components.scheduler.delay(() => reject(new Error(`${what} never settles`)), HANG_MS)
    })
    try {
      return await Promise.race([run(), hung])
    } catch (error) {
      this.note(error)
      return undefined
    } finally {
      cancel?.()
    }
  }

  note(error: unknown): void {
    if (!(error instanceof LsmError)) throw new Error(`not a coded error: ${String(error)}`, { cause: error })
    this.errors.push(error)
    // Nothing was damaged: an operation that fails is not damage.
    if (!['LSM_IO', 'LSM_NO_SPACE', 'LSM_FAILED', 'LSM_PERMISSION', 'LSM_CLOSED'].includes(error.code)) {
      throw new Error(`unexpected ${error.code}: ${error.message}`, { cause: error })
    }
  }

  async write(operations: readonly WorkOperation[], durability: WriteOptions['durability']): Promise<void> {
    const write: Write = { operations, outcome: 'pending' }
    this.writes.push(write)
    const position = this.writes.length
    try {
      await this.engine!.write(batchOf(operations, position), { durability: durability ?? 'sync' })
      write.outcome = 'acknowledged'
      if (durability === 'sync') this.durable = Math.max(this.durable, position)
    } catch (error) {
      this.note(error)
      write.outcome = (error as LsmError).outcome === 'unknown' ? 'unknown' : 'refused'
    }
  }

  async steps(steps: readonly WorkStep[]): Promise<void> {
    await this.open()
    let pending: Promise<void>[] = []
    for (const each of steps) {
      const { engine } = this
      if (engine === undefined) return
      if (each.step === 'write') {
        const write = this.attempt('write', () => this.write(each.operations, each.durability))
        if (each.wait) await write
        else pending.push(write.then(() => {}))
      } else if (each.step === 'sync' || each.step === 'flush') {
        await this.attempt(each.step, () => engine[each.step as 'sync' | 'flush']())
      } else if (each.step === 'compact') {
        await this.attempt('compact', () => engine.compact())
      } else if (each.step === 'reopen') {
        await Promise.all(pending)
        pending = []
        await this.close()
        this.storage = this.#open()
        await this.open()
        if (this.engine !== undefined) await this.learn()
      }
    }
    await Promise.all(pending)
    expect(this.writes.map(({ outcome }) => outcome)).not.toContain('pending')
  }

  /** After an opening it is known which writes there are. */
  async learn(): Promise<void> {
    const contents = await this.attempt('scan', () => contentsOf(this.engine!))
    if (contents === undefined) return
    const there = this.states().lastIndexOf(contents)
    expect(there, 'a state after the durable writes').toBeGreaterThanOrEqual(this.durableCount)
    for (const [index, write] of this.inOrder.entries()) write.outcome = index < there ? 'acknowledged' : 'refused'
  }

  get durableCount(): number {
    return this.writes.slice(0, this.durable).filter(({ outcome }) => outcome === 'acknowledged').length
  }

  /** Reads show what was acknowledged and nothing else; they may fail. */
  async checkVisible(): Promise<void> {
    const seen = await this.attempt('scan', () => contentsOf(this.engine!))
    if (seen !== undefined) expect(seen, 'what reads show').toBe(this.states().at(this.acknowledged.length))
  }

  async close(): Promise<void> {
    const acknowledged = this.writes.filter(({ outcome }) => outcome === 'acknowledged').length
    const { engine } = this
    this.engine = undefined
    const closed = await this.attempt('close', async () => {
      await engine?.close()
      return true
    })
    if (closed && engine && this.errors.length === 0) this.durable = Math.max(this.durable, acknowledged)
    this.checkClosed()
  }

  checkClosed(): void {
    expect(this.storage.openFiles, 'open files after close').toEqual([])
    expect(this.storage.plan.openDescriptors, 'descriptors after close').toBe(0)
  }

  get acknowledged(): Write[] {
    return this.writes.filter(({ outcome }) => outcome === 'acknowledged')
  }

  /** The writes that there can be: those that are acknowledged come before those of which nothing is known. */
  get inOrder(): Write[] {
    return [...this.acknowledged, ...this.writes.filter(({ outcome }) => outcome === 'unknown')]
  }

  /** The states that there can be: after each prefix of the acknowledged writes and then of those that are unknown. */
  states(): string[] {
    const current = new Map<string, string>()
    const states = [stateOf(current)]
    const apply = (write: Write): void => {
      applyOperations(current, withCounter(write.operations), this.writes.indexOf(write) + 1)
      states.push(stateOf(current))
    }
    for (const write of this.inOrder) apply(write)
    return states
  }
}

function withCounter(operations: readonly WorkOperation[]): WorkOperation[] {
  return [...operations, { type: 'put', key: '~count', size: 12 }]
}

function batchOf(operations: readonly WorkOperation[], position: number): Parameters<Engine['write']>[0] {
  return applyOperations(new Map(), withCounter(operations), position)
}

/** Runs a workload with one rule, then checks what is left of it, as the next process and after a power cut. */
async function runCase(
  workload: { seed: number; options: EngineOptions; steps: readonly WorkStep[] },
  rule: { at: number; fault: Fault; forever: boolean; keepVisible: boolean; kind: FaultOperation['kind'] },
): Promise<void> {
  cases++
  const disk = new CrashDisk({ keepTrace: false })
  const plan = new FaultPlan({ keepVisible: rule.keepVisible })
  // A full disk does not fail a read, nor a process without descriptors a write; a sync that fails is a case of its own.
  const isOfItsKind = ({ kind }: FaultOperation): boolean =>
    FAULTS[kind].includes(rule.fault) && (kind === 'datasync') === (rule.kind === 'datasync')
  plan.add({ fault: rule.fault, at: rule.at, forever: rule.forever, when: isOfItsKind })
  const components = simComponents(workload.seed)
  const run = new FaultRun(workload.options, components, () => new FaultStorage(plan, disk))
  await run.steps(workload.steps)
  if (run.engine !== undefined) await run.checkVisible()
  // Only what happens in closing may still be to come.
  const hasStruck = plan.failures > 0
  if (hasStruck) plan.heal()
  // A full disk that has room again is no reason to stop, unless a sync met it.
  const isPassing = rule.fault === 'ENOSPC' && rule.kind !== 'datasync'
  if (run.engine !== undefined && hasStruck && (isPassing || rule.fault === 'short')) {
    const before = run.acknowledged.length
    await new Promise<void>((resolve) => components.scheduler.delay(resolve, 60_000))
    await run.attempt('last write', () => run.write([{ type: 'put', key: 'after', size: 5000 }], 'sync'))
    await run.attempt('last flush', () => run.engine!.flush())
    const last = run.errors.at(-1)
    expect(run.acknowledged.length, `writes go on when there is room again: ${String(last)}`).toBe(before + 1)
  }
  if (rule.fault === 'short') expect(run.errors, 'short reads and writes are no errors').toEqual([])
  await run.close()
  failures += plan.failures
  expect(plan.failures, 'the rule struck').toBeGreaterThan(0)
  plan.heal()
  const states = run.states()
  // What a failed sync took from the system's memory is gone for the next process too.
  const isGone = rule.kind === 'datasync' && !rule.keepVisible
  const acknowledged = isGone ? run.durableCount : run.acknowledged.length
  const durable = run.durableCount
  const afterPowerCut = disk.crash({ seed: rule.at, style: rule.at % 2 === 0 ? 'everything' : 'mixed' })
  await checkLeft(workload.options, disk.restart(), states, acknowledged).catch((error: unknown) => {
    throw new Error(`as the next process: ${String(error)}; before: ${run.errors.map(String).join(' | ')}`, {
      cause: error,
    })
  })
  await checkLeft(workload.options, afterPowerCut, states, durable)
}

async function checkLeft(options: EngineOptions, disk: CrashDisk, states: string[], least: number): Promise<void> {
  const open = (): Promise<Engine> => Engine.open('sim', options, { ...simComponents(7), storage: disk.storage() })
  const engine = await open()
  const contents = await contentsOf(engine)
  expect(states.lastIndexOf(contents), `a state after at least ${least} writes`).toBeGreaterThanOrEqual(least)
  await engine.verify()
  await engine.close()
  const { expected, found } = await namesOf(disk)
  expect(found, 'names of files').toEqual(expected)
}

describe.each(SEEDS)('workload %d', (seed) => {
  const workload = makeWorkload(seed + 40, 16)

  test('every operation fails in every way', async () => {
    const kinds: FaultOperation['kind'][] = []
    const plan = new FaultPlan({ onOperation: ({ kind }) => kinds.push(kind) })
    const disk = new CrashDisk({ keepTrace: false })
    const run = new FaultRun(workload.options, simComponents(workload.seed), () => new FaultStorage(plan, disk))
    await run.steps(workload.steps)
    await run.checkVisible()
    await run.close()
    expect(run.errors).toEqual([])
    const problems: string[] = []
    for (const [index, kind] of kinds.entries()) {
      if (IS_QUICK && FAULT_CASE === undefined && index % 2 === 1) continue
      for (const fault of FAULTS[kind]) {
        for (const forever of [false, true]) {
          const keepVisible = (index + (forever ? 1 : 0)) % 2 === 0
          const rule = { at: index + 1, fault, forever, keepVisible, kind }
          if (forever && fault === 'short' && index % 10 !== 0) continue
          const name = `${seed}:${rule.at}:${fault}:${forever ? 'forever' : 'once'}:${keepVisible ? 'visible' : 'gone'}`
          if (FAULT_CASE !== undefined && FAULT_CASE !== name) continue
          await runCase(workload, rule).catch((error: unknown) => {
            if (FAULT_CASE) throw error
            problems.push(`FAULT_CASE=${name} (${kind}): ${String(error)}`)
          })
        }
      }
    }
    expect(problems.slice(0, 8).join('\n'), `${problems.length} of the cases fail`).toBe('')
  })
})
