/**
 * T1: short workloads on a disk that loses power after every one of their operations, those of recovery included.
 * Whatever was lost, the store opens, holds a prefix of the writes that is at least as long as what was promised, with
 * every batch whole, checks out in full, has no file too many, and goes on.
 *
 * CRASH_SEEDS="from-to" runs other workloads; a failure prints the environment that replays its state alone.
 */
import { IS_QUICK } from '@lsm/fuzz'
import { CrashDisk, type CrashDiskOptions, type LossStyle } from '@lsm/storage/testing'
import { afterAll, expect, test } from 'vitest'
import { Engine } from '../src/index.ts'
import { contentsOf, namesOf, SimRandom, simComponents } from './crash-sim.ts'
import { History, makeWorkload, runWorkload, type Workload } from './crash-workload.ts'

/** How the machine stopped. `'restart'`: only the process died; nothing is lost, and nothing more is durable. */
type Stop = LossStyle | 'restart'

interface CrashState {
  readonly disk: CrashDisk
  readonly stop: Stop
  /** Names the state: the operation after which the machine stopped, how, and which of the ways by chance. */
  readonly path: string
  /** Decides what is done with the state. */
  readonly seed: number
  /** So many writes must be there even after a further power cut … */
  readonly durable: number
  /** … so many as long as there is none … */
  readonly least: number
  /** … and no more than these. */
  readonly most: number
}

const { CRASH_SEEDS = IS_QUICK ? '4' : '1-7', CRASH_STATE } = process.env
const [FIRST_SEED, LAST_SEED] = CRASH_SEEDS.split('-').map(Number) as [number, number | undefined]
/** One in so many recoveries is itself stopped after each of its operations. */
const RECOVERY_SHARE = 25
let states = 0
let operations = 0

afterAll(() => console.log(`crash: ${states} states, over ${operations} operations of workloads`))

for (let seed = FIRST_SEED; seed <= (LAST_SEED ?? FIRST_SEED); seed++) {
  test(`workload ${seed} stops after every operation`, async () => {
    const workload = makeWorkload(seed)
    const { history, found } = await crashEverywhere(workload)
    for (const state of found) await replayable(workload, state, () => check(workload, history, state))
    expect(found.length).toBeGreaterThan(0)
  })
}

function isWanted(path: string): boolean {
  return CRASH_STATE === undefined || CRASH_STATE === path || CRASH_STATE.startsWith(`${path}>`)
}

async function replayable(workload: Workload, state: CrashState, run: () => Promise<void>): Promise<void> {
  try {
    await run()
  } catch (error) {
    const replay = `CRASH_SEEDS=${workload.seed} CRASH_STATE='${state.path}' vitest run --root packages/engine test/crash.test.ts`
    const range = `${state.durable} durable, ${state.least} acknowledged and kept, ${state.most} submitted`
    throw new Error(`workload ${workload.seed}, state ${state.path} (${range}): ${String(error)}\nreplay: ${replay}`, {
      cause: error,
    })
  }
}

/** Runs the workload once and returns what a crash after each of its operations leaves, in several ways. */
async function crashEverywhere(workload: Workload): Promise<{ history: History; found: CrashState[] }> {
  const found: CrashState[] = []
  const history = new History()
  const onOperation: CrashDiskOptions['onOperation'] = ({ index: point }, disk) => {
    operations++
    const { durable, acknowledged, submitted: most } = history
    const add = (stop: Stop, variant: number): void => {
      const path = `${point}:${stop}:${variant}`
      if (!isWanted(path)) return
      const seed = workload.seed * 1_000_003 + point * 101 + variant
      const copy = stop === 'restart' ? disk.restart() : disk.crash({ seed, style: stop })
      const least = stop === 'restart' || stop === 'nothing' ? acknowledged : durable
      found.push({ disk: copy, stop, path, seed, durable: stop === 'restart' ? durable : least, least, most })
    }
    add('everything', 0)
    add('mixed', 0)
    add(point % 2 === 0 ? 'mixed' : 'after', 1)
    if (point % 3 === 0) add('restart', 0)
    if (point % 5 === 0) add('nothing', 0)
  }
  const disk = new CrashDisk({ onOperation, keepTrace: false })
  const components = simComponents(workload.seed)
  const open = (): Promise<Engine> => Engine.open('sim', workload.options, { ...components, storage: disk.storage() })
  await runWorkload(workload.steps, { open, history })
  return { history, found }
}

/** Recovers the store of a state, and some of them again after every operation of that recovery. */
async function check(workload: Workload, history: History, state: CrashState): Promise<void> {
  states++
  const inner: CrashState[] = []
  const isDeep = CRASH_STATE?.startsWith(`${state.path}>`) ?? state.seed % RECOVERY_SHARE === 0
  let isOpening = true
  const onOperation: CrashDiskOptions['onOperation'] = ({ index: point }, disk) => {
    if (!isOpening) return
    const stop = point % 4 === 0 ? 'restart' : point % 4 === 1 ? 'everything' : 'mixed'
    const path = `${state.path}>${point}:${stop}`
    if (!isWanted(path)) return
    const seed = state.seed + point
    inner.push({
      ...state,
      disk: stop === 'restart' ? disk.restart() : disk.crash({ seed, style: stop }),
      stop,
      path,
      seed,
    })
  }
  // The states themselves may be needed again: recovery goes on a copy.
  const disk = isDeep ? state.disk.restart({ keepTrace: false, onOperation }) : state.disk
  const found = await recover(workload, history, { ...state, disk }, () => {
    isOpening = false
  })
  for (const each of inner) {
    states++
    // Recovering again finds the same, unless the power takes what was never durable.
    const hasLost = state.stop === 'restart' && each.stop !== 'restart'
    const again = hasLost ? { ...each, least: state.durable, most: found } : { ...each, least: found, most: found }
    await replayable(workload, again, async () => void (await recover(workload, history, again)))
  }
}

/** Opens the store, checks it, writes on, closes or stops again, and checks that. Returns how many writes were there. */
async function recover(
  { options }: Workload,
  history: History,
  { disk, seed, least, most }: CrashState,
  onOpen: () => void = () => {},
): Promise<number> {
  const random = new SimRandom(seed)
  const open = (on: CrashDisk): Promise<Engine> =>
    Engine.open('sim', options, { ...simComponents(random.below(1e9)), storage: on.storage() })
  const engine = await open(disk)
  onOpen()
  const count = prefixOf(history, await contentsOf(engine))
  expect(count, 'writes that are there').toBeGreaterThanOrEqual(least)
  expect(count, 'writes that are there').toBeLessThanOrEqual(most)
  await engine.verify()
  // What was recovered is durable now, whatever it was before.
  const next = history.cutTo(count)
  const operations = Array.from({ length: 1 + random.below(3) }, (_, i) => {
    return { type: 'put', key: `new${i}`, size: random.below(3000) } as const
  })
  const ending = random.pick(['close', 'everything', 'mixed', 'restart'] as const)
  if (random.chance(0.5)) await next.submit(engine, operations, 'os')
  if (random.chance(0.5)) await next.submit(engine, operations, 'sync')
  const { durable, acknowledged, submitted } = next
  if (ending !== 'close') {
    const after = ending === 'restart' ? disk.restart() : disk.crash({ seed, style: ending })
    const last = await open(after)
    const there = prefixOf(next, await contentsOf(last))
    expect(there, 'writes that are there after a second crash').toBeGreaterThanOrEqual(
      ending === 'restart' ? acknowledged : durable,
    )
    expect(there, 'writes that are there after a second crash').toBeLessThanOrEqual(submitted)
    await last.close()
    await checkNames(after)
  }
  await engine.close()
  await checkNames(disk)
  if (ending === 'close') {
    const last = await open(disk)
    expect(await contentsOf(last)).toBe(next.states[submitted])
    await last.close()
  }
  return count
}

function prefixOf(history: History, contents: string): number {
  const count = history.states.lastIndexOf(contents)
  if (count >= 0) return count
  const near = history.states.findIndex((each) => each.split(' ').at(-1) === contents.split(' ').at(-1))
  throw new Error(`no prefix of the writes gives\n${contents}\nthe nearest, after ${near}:\n${history.states[near]}`)
}

async function checkNames(disk: CrashDisk): Promise<void> {
  const { expected, found } = await namesOf(disk)
  expect(found, 'names of files').toEqual(expected)
}
