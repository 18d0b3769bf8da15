/** Short random workloads as plain data, and the states that their writes lead to. */
import type { Durability, Engine, EngineOptions, Operation, Snapshot } from '../src/index.ts'
import { digestOf, SimRandom } from './crash-sim.ts'

export type WorkOperation =
  | { readonly type: 'put'; readonly key: string; readonly size: number }
  | { readonly type: 'delete'; readonly key: string }
  | { readonly type: 'deleteRange'; readonly from: string; readonly to: string }

export type WorkStep =
  /** `wait: false` goes on while the write is under way. */
  | {
      readonly step: 'write'
      readonly operations: readonly WorkOperation[]
      readonly durability: Durability
      readonly wait: boolean
    }
  | { readonly step: 'settle' | 'sync' | 'flush' | 'compact' | 'reopen' | 'snapshot' | 'endSnapshot' }

export interface Workload {
  readonly seed: number
  readonly options: EngineOptions
  readonly steps: readonly WorkStep[]
}

/** Written by every batch, so that no two prefixes of the writes lead to the same state. */
const COUNTER_KEY = '~count'

export function makeWorkload(seed: number, length = 36): Workload {
  const random = new SimRandom(seed)
  // Large values are what makes the log move on to a new segment.
  const isLarge = seed % 3 === 0
  const keys = Array.from({ length: 14 }, (_, i) => `key${String(i).padStart(2, '0')}`)
  const key = (): string => random.pick(keys)
  const size = (): number => {
    if (isLarge && random.chance(0.3)) return 8_000 + random.below(30_000)
    return random.chance(0.4) ? 200 + random.below(1500) : random.below(60)
  }
  const operation = (): WorkOperation => {
    const kind = random.below(12)
    if (kind < 9) return { type: 'put', key: key(), size: size() }
    if (kind < 11) return { type: 'delete', key: key() }
    const [from, to] = [key(), key()].sort() as [string, string]
    return { type: 'deleteRange', from, to }
  }
  const durability = (): Durability => random.pick<Durability>(['sync', 'sync', 'os', 'os', 'os', { intervalMs: 20 }])
  const steps: WorkStep[] = []
  while (steps.length < length) {
    const kind = random.below(30)
    if (kind < 24) {
      const count = random.chance(0.4) ? 2 + random.below(4) : 1
      const operations = Array.from({ length: count }, operation)
      steps.push({ step: 'write', operations, durability: durability(), wait: random.chance(0.6) })
    } else if (kind === 24) steps.push({ step: 'sync' })
    else if (kind === 25) steps.push({ step: 'flush' })
    else if (kind === 26) steps.push({ step: 'compact' })
    else if (kind === 27) steps.push({ step: 'reopen' })
    else steps.push({ step: kind === 28 ? 'snapshot' : 'endSnapshot' })
  }
  const options: EngineOptions = {
    memtableSizeBytes: 4096,
    maxWalSizeBytes: 65_536,
    maxFrozenMemtables: 1 + random.below(2),
    cacheSizeBytes: random.pick([0, 65_536]),
    keyspaceDefaults: {
      blockSizeBytes: random.pick([64, 512, 4096]),
      tableSizeBytes: 4096,
      l0Compact: 1 + random.below(3),
      l0Slow: 4,
      l0Stop: 6,
      level1SizeBytes: 4096,
      levelMultiplier: 2,
      filterFalsePositiveRate: random.pick<number | false>([0.01, false]),
    },
  }
  return { seed, options, steps }
}

const encoder = new TextEncoder()

function valueFor(count: number, size: number): Uint8Array {
  return encoder.encode(`${count}.`.repeat(Math.ceil(size / 2))).subarray(0, size)
}

/** Applies operations to the contents by key, and returns them with their values as the engine takes them. */
export function applyOperations(
  current: Map<string, string>,
  operations: readonly WorkOperation[],
  count: number,
): Operation[] {
  return operations.map((operation, index) => {
    if (operation.type === 'delete') {
      current.delete(operation.key)
      return operation
    }
    if (operation.type === 'put') {
      const value = valueFor(count * 100 + index, operation.size)
      current.set(operation.key, digestOf(value))
      return { type: 'put', key: operation.key, value }
    }
    const { from, to } = operation
    for (const key of [...current.keys()]) if (key >= from && key < to) current.delete(key)
    return { type: 'deleteRange', range: { gte: from, lt: to } }
  })
}

/** The contents as `contentsOf` shows them. */
export function stateOf(current: ReadonlyMap<string, string>): string {
  const pairs = [...current].sort(([a], [b]) => (a < b ? -1 : 1))
  return pairs.map(([key, digest]) => `${key}=${digest}`).join(' ')
}

/** The writes of a workload in order, and the state after each prefix of them. */
export class History {
  /** States after 0, 1, 2 … writes. */
  readonly states: string[] = ['']
  readonly #current = new Map<string, string>()
  /** How many writes are known to be durable. */
  durable = 0
  /** How many were acknowledged under any durability. */
  acknowledged = 0

  get submitted(): number {
    return this.states.length - 1
  }

  /** Starts a write as the next one, and notes what its acknowledgement promises. */
  submit(engine: Engine, operations: readonly WorkOperation[], durability: Durability): Promise<void> {
    const count = this.states.length
    const counted = [...operations, { type: 'put', key: COUNTER_KEY, size: 12 } as const]
    const batch = applyOperations(this.#current, counted, count)
    this.states.push(stateOf(this.#current))
    return engine.write(batch, { durability }).then(() => {
      this.acknowledged = Math.max(this.acknowledged, count)
      if (durability === 'sync') this.durable = Math.max(this.durable, count)
    })
  }

  /** Runs something after which everything that was acknowledged before it is durable. */
  async makeDurable(run: () => Promise<unknown>): Promise<void> {
    const { acknowledged } = this
    await run()
    this.durable = Math.max(this.durable, acknowledged)
  }

  /** Ends after `count` writes: what came later was lost, for good. */
  cutTo(count: number): History {
    const history = new History()
    history.states.splice(0, 1, ...this.states.slice(0, count + 1))
    history.durable = count
    history.acknowledged = count
    for (const pair of this.states[count]!.split(' ').filter(Boolean)) {
      const [key, digest] = pair.split('=') as [string, string]
      history.#current.set(key, digest)
    }
    return history
  }
}

export type OpenEngine = () => Promise<Engine>

/** Runs the steps to their end and closes the engine. `onWrite` sees the errors of writes, which else end the run. */
export async function runWorkload(
  steps: readonly WorkStep[],
  { open, history }: { readonly open: OpenEngine; readonly history: History },
): Promise<void> {
  let engine = await open()
  let pending: Promise<void>[] = []
  let snapshots: Snapshot[] = []
  const settle = async (): Promise<void> => {
    await Promise.all(pending)
    pending = []
  }
  const close = async (): Promise<void> => {
    await settle()
    for (const snapshot of snapshots) snapshot.close()
    snapshots = []
    await history.makeDurable(() => engine.close())
  }
  for (const each of steps) {
    switch (each.step) {
      case 'write': {
        const write = history.submit(engine, each.operations, each.durability)
        if (each.wait) await write
        else {
          write.catch(() => {})
          pending.push(write)
        }
        break
      }
      case 'settle':
        await settle()
        break
      case 'sync':
        await history.makeDurable(() => engine.sync())
        break
      case 'flush':
        await history.makeDurable(() => engine.flush())
        break
      case 'compact':
        await history.makeDurable(() => engine.compact())
        break
      case 'reopen':
        await close()
        engine = await open()
        break
      case 'snapshot':
        snapshots.push(engine.snapshot())
        break
      case 'endSnapshot':
        snapshots.shift()?.close()
        break
    }
  }
  await close()
}
