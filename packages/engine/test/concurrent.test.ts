/**
 * Clients at work side by side, on a disk that fails now and then or never. Every answer is one that their writes
 * allow, nobody waits for ever, and all that was acknowledged is there when the store is opened again.
 *
 * CONCURRENT_SEEDS="from-to" runs other histories; a failure names its seed.
 */

import { IS_QUICK } from '@lsm/fuzz'
import { CrashDisk, type Fault, type FaultOperation, FaultPlan, FaultStorage } from '@lsm/storage/testing'
import { afterAll, expect, test } from 'vitest'
import { Engine, type EngineOptions } from '../src/index.ts'
import { ConcurrentClient, expectCoded } from './concurrent-client.ts'
import { SimRandom, type SimScheduler, simComponents } from './crash-sim.ts'

const { CONCURRENT_SEEDS = IS_QUICK ? '1-8' : '1-150' } = process.env
const [FIRST_SEED, LAST_SEED = FIRST_SEED] = CONCURRENT_SEEDS.split('-').map(Number) as [number, number?]
const CLIENTS = 6
/** Longer than any retry waits; nothing may take this much virtual time. */
const HANG_MS = 10 * 60_000
const KINDS: readonly FaultOperation['kind'][] = [
  ...(['open', 'create', 'read', 'write', 'truncate', 'datasync'] as const),
  ...(['stat', 'close', 'list', 'link', 'unlink', 'syncDirectory'] as const),
]
const FAULTS: readonly Fault[] = ['EIO', 'EMFILE', 'ENOSPC', 'ENOSPC', 'ENOSPC']

let histories = 0
let failures = 0
afterAll(() => console.log(`concurrent: ${histories} histories of ${CLIENTS} clients, ${failures} operations failed`))

test.each([
  ['a disk that never fails', false],
  ['a disk that fails now and then', true],
])('clients side by side on %s', { timeout: 120_000 + (LAST_SEED - FIRST_SEED) * 2000 }, async (_, hasFaults) => {
  for (let seed = FIRST_SEED; seed <= LAST_SEED; seed++) {
    await runHistory(seed, hasFaults).catch((error: unknown) => {
      throw new Error(`CONCURRENT_SEEDS=${seed}: ${String(error)}`, { cause: error })
    })
    histories++
  }
})

function optionsOf(random: SimRandom): EngineOptions {
  return {
    durability: random.pick(['sync', 'os'] as const),
    compactionWorkers: 0,
    memtableSizeBytes: 4096,
    maxFrozenMemtables: 1 + random.below(2),
    maxWalSizeBytes: 65_536,
    maxOpenFiles: 16,
    cacheSizeBytes: random.pick([0, 100_000]),
    keyspaceDefaults: {
      blockSizeBytes: 256,
      tableSizeBytes: 4096,
      l0Compact: 2,
      l0Slow: 2 + random.below(2),
      l0Stop: 3 + random.below(3),
      level1SizeBytes: 8192,
      levelMultiplier: 2,
    },
  }
}

async function runHistory(seed: number, hasFaults: boolean): Promise<void> {
  const random = new SimRandom(seed)
  const options = optionsOf(random)
  const components = simComponents(seed)
  const { scheduler } = components
  const turn = (): Promise<void> => new Promise((resolve) => scheduler.macrotask(resolve))
  const turns = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i++) await turn()
  }
  const plan = new FaultPlan()
  const disk = new CrashDisk({ keepTrace: false, pause: () => (random.chance(0.25) ? turn() : Promise.resolve()) })
  const storage = new FaultStorage(plan, disk)
  const engine = await Engine.open('sim', options, { ...components, storage })

  const clients = Array.from({ length: CLIENTS }, (_, i) => {
    const settle = async <T>(what: string, run: () => Promise<T>): Promise<T | undefined> => {
      try {
        return await inTime(scheduler, what, run)
      } catch (error) {
        expectCoded(error)
        return undefined
      }
    }
    return new ConcurrentClient(`client${i}`, { engine, random, pause: turn, settle })
  })
  let isOver = false
  const work = Promise.all(clients.map((client) => client.run()))
  const trouble = (async () => {
    while (hasFaults && !isOver) {
      await turns(20 + random.below(150))
      const [kind, fault] = [random.pick(KINDS), random.pick(FAULTS)]
      // A name that was given, with an answer that was lost.
      const afterEffect = kind === 'link' && random.chance(0.5)
      plan.add({ fault, afterEffect, when: (operation) => operation.kind === kind })
      await turns(random.below(60))
      plan.heal()
    }
  })()
  // Some are closed in the middle of it.
  if (random.chance(0.25)) await turns(random.below(300))
  else await work
  await inTime(scheduler, 'close', () => engine.close()).catch(expectCoded)
  await work
  isOver = true
  await trouble
  failures += plan.failures
  plan.heal()
  const again = await Engine.open('sim', options, { ...simComponents(seed + 1), storage: new FaultStorage(plan, disk) })
  for (const client of clients) await client.check(again)
  await again.verify()
  await again.close()
  expect(clients.flatMap(({ wrong }) => wrong)).toEqual([])
  if (!hasFaults) expect(storage.openFiles).toEqual([])
}

/** Rejects when what `run` begins does not settle in a time that nothing takes. */
async function inTime<T>(scheduler: SimScheduler, what: string, run: () => Promise<T>): Promise<T> {
  let cancel: (() => void) | undefined
  const hung = new Promise<never>((_, reject) => {
    cancel = scheduler.delay(() => reject(new Error(`${what} never settles`)), HANG_MS)
  })
  try {
    return await Promise.race([run(), hung])
  } finally {
    cancel?.()
  }
}
