/** `lsm bench`. */
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { availableParallelism, cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { type Command, Option } from 'commander'
import { RandomNumbers, Values } from '../bench/dataset.ts'
import { type Measured, Meter } from '../bench/meter.ts'
import { WORKLOADS, type Workload } from '../bench/workload.ts'
import { addCommonOptions, addDurability, type Cli, type CommonFlags, parseWhole, useStore } from '../cli.ts'
import type { OpenStore } from '../engines.ts'
import { CliError, codeOf } from '../failure.ts'
import { startProgress } from '../progress.ts'
import { readable } from '../quantity.ts'
import { type Column, formatTable } from '../table.ts'

interface BenchFlags extends CommonFlags {
  readonly num: number
  readonly valueSize: number
  readonly batch?: number
  readonly concurrency: number
  readonly reads: 'sync' | 'async'
  readonly seekNexts: number
  readonly seed: number
  readonly compact: boolean
  readonly destroy?: boolean
}

interface Result extends Measured {
  readonly name: string
  readonly note?: string
}

/** Random numbers have 32 bits. */
const MAX_NUM = 2 ** 32

/** The engine takes no larger ones, whatever its options are. */
const MAX_VALUE_BYTES = 1024 ** 3

/** What is written or awaited together is in memory together. */
const MAX_TOGETHER = 1_000_000

/** A benchmark's store: where it is, and whether what is there may go. */
interface Place {
  readonly path: string
  isOwn: boolean
}

export function addBenchCommand(program: Command, cli: Cli): void {
  const whole = (flags: string, text: string, low: number, high?: number): Option =>
    new Option(flags, text).argParser(parseWhole('It', low, high))
  const bench = program
    .command('bench [workloads...]')
    .description('measure the engine: by default with every workload')
  addDurability(addCommonOptions(bench), 'os')
    .addOption(whole('--num <n>', 'records, and operations a workload', 1, MAX_NUM).default(100_000))
    .addOption(whole('--value-size <bytes>', 'bytes of a value', 0, MAX_VALUE_BYTES).default(100))
    .addOption(whole('--batch <n>', 'operations of one write (default: 1, and 1000 in fillbatch)', 1, MAX_TOGETHER))
    .addOption(
      whole('--concurrency <n>', 'writes that are awaited together, at most --num', 1, MAX_TOGETHER).default(1),
    )
    .addOption(
      new Option('--reads <how>', 'getSync, or get awaited one at a time').choices(['sync', 'async']).default('sync'),
    )
    .addOption(whole('--seek-nexts <n>', 'records that seekrandom reads after each seek', 0).default(0))
    .addOption(whole('--seed <n>', 'of the random keys', 0).default(301))
    .option('--no-compact', 'read the store as the writes left it')
    .option('--destroy', 'a workload that begins with an empty store may destroy the one at --db')
    .addHelpText(
      'after',
      `
Workloads, as in LevelDB's db_bench: keys of 16 digits, values that compress to a half.
${WORKLOADS.map(({ name, says }) => `  ${name.padEnd(13)} ${says}`).join('\n')}

Each one opens the store anew. A fill counts until everything is flushed to tables; before reads that follow writes,
the store is compacted. Without --db, a folder for temporary files is used and removed; LSM_DB is not looked at.`,
    )
    .action(async (names: string[], _: unknown, command: Command) => {
      await runBench(cli, command.optsWithGlobals(), names)
    })
}

async function runBench(cli: Cli, flags: BenchFlags, names: readonly string[]): Promise<void> {
  const workloads = names.length === 0 ? WORKLOADS : names.flatMap((each) => each.split(',')).map(workloadOf)
  if (flags.concurrency > flags.num) {
    throw new CliError('CLI_USAGE', `--concurrency is at most --num, which is ${flags.num}`)
  }
  const { out, world } = cli
  const temporary = flags.db === undefined ? await makeTemporaryFolder() : undefined
  const place: Place = {
    path: join(temporary ?? flags.db ?? '', ...(temporary === undefined ? [] : ['store'])),
    isOwn: temporary !== undefined || flags.destroy === true,
  }
  try {
    await mayBegin(place, workloads)
    const results: Result[] = []
    let isSettled = !workloads[0]!.isFresh
    for (const workload of workloads) {
      world.interrupted.throwIfAborted()
      if (workload.isFresh) await world.engines.destroy(place.path).catch(ignoreMissing)
      if (!workload.writes && !isSettled && flags.compact) {
        await openAnd(cli, flags, place, (store) => store.compact())
        isSettled = true
      }
      if (workload.writes) isSettled = false
      const result = await measure(cli, flags, place, workload)
      results.push(result)
      if (out.isTerminal && flags.json !== true) continue
      cli.say(flags, `${result.name}: ${readable(result.opsPerSecond, 'count')} operations a second`)
    }
    await out.write(
      flags.json === true
        ? `${JSON.stringify(report(flags, results))}\n`
        : formatTable(COLUMNS, results.map(rowOf), out),
    )
  } finally {
    if (temporary !== undefined) await rm(temporary, { recursive: true, force: true })
  }
}

async function makeTemporaryFolder(): Promise<string> {
  try {
    return await mkdtemp(join(tmpdir(), 'lsm-bench-'))
  } catch (cause) {
    const why = (cause as Error).message
    throw new CliError('CLI_USAGE', `no folder can be made in ${tmpdir()}: ${why}; set TMPDIR or give --db`, { cause })
  }
}

function workloadOf(name: string): Workload {
  const found = WORKLOADS.find((each) => each.name === name)
  if (found !== undefined) return found
  throw new CliError('CLI_USAGE', `no workload "${name}": there are ${WORKLOADS.map((each) => each.name).join(', ')}`)
}

/** Nothing of somebody else's is destroyed: only a folder that is empty or that `--destroy` gave up. */
async function mayBegin(place: Place, workloads: readonly Workload[]): Promise<void> {
  const entries = await readdir(place.path).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return []
    throw new CliError('CLI_USAGE', `cannot use ${place.path}: ${(error as Error).message}`, { cause: error })
  })
  const fresh = workloads.find(({ isFresh }) => isFresh)
  if (fresh === undefined) {
    if (entries.length > 0) return
    throw new CliError(
      'CLI_USAGE',
      `${workloads[0]!.name} needs a store that is there: begin with a fill, or name one with --db`,
    )
  }
  if (!workloads[0]!.isFresh && entries.length === 0) {
    throw new CliError('CLI_USAGE', `${workloads[0]!.name} needs records: put a fill before it`)
  }
  if (entries.length > 0 && !place.isOwn) {
    throw new CliError(
      'CLI_USAGE',
      `${fresh.name} begins with an empty store and ${place.path} is not empty: pass --destroy if what is there may go`,
    )
  }
}

function ignoreMissing(error: unknown): void {
  if (codeOf(error) !== 'LSM_NOT_FOUND') throw error
}

async function openAnd<T>(
  { world }: Cli,
  flags: BenchFlags,
  { path }: Place,
  work: (store: OpenStore) => Promise<T>,
): Promise<T> {
  const options = { durability: flags.durability ?? ('os' as const), ...flags.option }
  return useStore(world, await world.engines.open(path, options), work)
}

async function measure(cli: Cli, flags: BenchFlags, place: Place, workload: Workload): Promise<Result> {
  const { world } = cli
  const { num, batch } = flags
  // Awaited operations take long beside a look at the clock, reads that never wait do not.
  const meter = new Meter({ operations: num, minStride: workload.writes || flags.reads === 'async' ? 1 : 8 })
  // Were all to draw the same numbers, reads would follow the writes key by key.
  const random = new RandomNumbers(flags.seed + WORKLOADS.indexOf(workload))
  const bar = flags.quiet === true ? undefined : startProgress(world.stderr, { label: workload.name, total: num })
  try {
    return await openAnd(cli, flags, place, async (store) => {
      const note = await workload.run({
        store,
        num,
        batch,
        concurrency: flags.concurrency,
        reads: flags.reads,
        seekNexts: flags.seekNexts,
        random,
        values: new Values(flags.valueSize, new RandomNumbers(flags.seed)),
        meter,
        async turn() {
          await setImmediate()
          world.interrupted.throwIfAborted()
          bar?.update(meter.operations, meter.operations)
        },
      })
      return { name: workload.name, ...meter.result(), ...(note !== undefined && { note }) }
    })
  } finally {
    bar?.stop()
  }
}

const COLUMNS: readonly Column[] = [
  { name: 'workload', unit: 'text' },
  { name: 'ops/s', unit: 'count' },
  { name: 'MB/s', unit: 'ratio' },
  { name: 'p50 µs', unit: 'ratio' },
  { name: 'p99 µs', unit: 'ratio' },
  { name: 'seconds', unit: 'ratio' },
  { name: '', unit: 'text' },
]

function rowOf({ name, opsPerSecond, megabytesPerSecond, p50Us, p99Us, seconds, note }: Result): (string | number)[] {
  return [name, Math.round(opsPerSecond), megabytesPerSecond, p50Us, p99Us, seconds, note ?? '']
}

function report(flags: BenchFlags, results: readonly Result[]): unknown {
  const { num, valueSize, batch, concurrency, reads, seekNexts, seed, durability = 'os' } = flags
  return {
    machine: {
      runtime: `Node.js ${process.versions.node}`,
      platform: `${process.platform} ${process.arch}`,
      cpu: cpus()[0]?.model ?? 'unknown',
      cores: availableParallelism(),
    },
    settings: {
      num,
      valueSize,
      batch: batch ?? null,
      concurrency,
      reads,
      seekNexts,
      seed,
      durability,
      options: flags.option ?? {},
    },
    results,
  }
}
