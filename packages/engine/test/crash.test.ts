/**
 * T1: short workloads on a disk that loses power after every one of their operations, those of recovery included.
 * Whatever was lost, the store opens, holds a prefix of the writes that is at least as long as what was promised, with
 * every batch whole, checks out in full, has no file too many, and goes on.
 *
 * CRASH_SEEDS="from-to" runs other workloads; a failure prints the environment that replays its state alone.
 */
import { CrashDisk, type CrashDiskOptions, type LossStyle } from '@lsm/storage/testing'
import { afterAll, expect, test } from 'vitest'
import { Engine } from '../src/index.ts'
import { contentsOf, namesOf, SimRandom, simComponents } from './crash-sim.ts'
import { History, makeWorkload, runWorkload, type Workload } from './crash-workload.ts'

/** How the machine stopped. `'restart'`: only the process died; nothing is lost, and nothing more is durable. */
type Stop = LossStyle | 'restart'

interface CrashState {
  readonly disk: CrashDisk
  /** The operation after which it stopped. */
  readonly point: number
  readonly stop: Stop
  readonly variant: number
  /** So many writes at least must be there, and no more than `most`. */
  readonly least: number
  readonly most: number
  readonly path: string
}

const { CRASH_SEEDS = '1-9', CRASH_STATE } = process.env
const [FIRST_SEED, LAST_SEED] = CRASH_SEEDS.split('-').map(Number) as [number, number]
const RECOVERY_SHARE = 12
let states = 0
let operations = 0

afterAll(() => console.log(`crash states reached: ${states}, over ${operations} operations of workloads`))

for (let seed = FIRST_SEED; seed <= LAST_SEED; seed++) {
  test(`workload ${seed} loses power after every operation`, async () => {
    const workload = makeWorkload(seed)
    for (const state of await crashEverywhere(workload)) {
      if (CRASH_STATE !== undefined && !CRASH_STATE.startsWith(state.path)) continue
      await replayable(workload, state, () => checkState(workload, state))
    }
  })
}

/** Histories by workload, for the states that their crashes are checked against. */
const histories = new Map<number, History>()

async function crashEverywhere(workload: Workload): Promise<CrashState[]> {
  const found: CrashState[] = []
  const history = new History()
  histories.set(workload.seed, history)
  const onOperation: CrashDiskOptions['onOperation'] = ({ index: point }, disk) => {
    operations++
    const { durable: least, acknowledged, submitted: most } = history
    const add = (stop: Stop, variant: number): void => {
      const path = `${point}:${stop}:${variant}`
      if (CRASH_STATE !== undefined && !CRASH_STATE.startsWith(path)) return
      const seed = workload.seed * 1_000_003 + point * 101 + variant
      const copy = stop === 'restart' ? disk.restart() : disk.crash({ seed, style: stop })
      found.push({ disk: copy, point, stop, variant, least: stop === 'restart' ? acknowledged : least, most, path })
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
  return found
}

/** Opens the store that a crash left, and on some of them crashes again inside that opening. */
async function checkState(workload: Workload, state: CrashState): Promise<void> {
  states++
  const history = histories.get(workload.seed)!
  const again: CrashState[] = []
  const deep = (CRASH_STATE ?? '').includes('>') || (state.point + state.variant) % RECOVERY_SHARE === 0
  let disk = state.disk
  if (deep) {
    // Only a disk that was told so reports its operations.
    disk = state.disk.restart({
      keepTrace: false,
      onOperation: ({ index: point }, now) => {
        const isPowerCut = point % 4 !== 0
        const copy = isPowerCut ? now.crash({ seed: point + state.point, style: 'mixed' }) : now.restart()
        const stop = isPowerCut ? 'mixed' : 'restart'
        const path = `${state.path}>${point}:${stop}`
        again.push({ ...state, disk: copy, point, stop, path })
      },
    })
  }
  const { least, most } = state
  const found = await recover(workload, { disk, history, least, most })
  // What one recovery found, the next one finds too; only after a mere restart the power can still take something.
  const bounds = state.stop === 'restart' ? { least: history.durable >= 0 ? 0 : 0, most } : { least: found, most: found }
  for (const inner of again) {
    if (CRASH_STATE?.includes('>') && CRASH_STATE !== inner.path) continue
    const limits = state.stop === 'restart' ? { least: inner.stop === 'restart' ? found : durableAt(state), most } : bounds
    await replayable(workload, inner, async () => {
      states++
      await recover(workload, { disk: inner.disk, history, ...limits })
    })
  }
}
