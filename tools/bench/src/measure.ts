/** Runs a suite's contenders in processes of their own, in turn and several rounds, and takes medians. */
import { spawn } from 'node:child_process'
import { availableParallelism, cpus, platform, release, totalmem } from 'node:os'
import { join } from 'node:path'
import type { Suite } from './suite.ts'

export interface Measurement {
  /** Median over the rounds. */
  readonly nsPerOperation: number
  readonly minNs: number
  readonly maxNs: number
  /** Bytes of heap and array buffers that one operation allocates. */
  readonly bytesPerOperation: number
  readonly megabytesPerSecond?: number
}

export interface CaseResult {
  readonly name: string
  readonly operations: number
  readonly ours: string
  /** The fastest of the others, references left out. */
  readonly best: string
  /** Its time over ours: more than 1 says that ours is faster. */
  readonly ratio: number
  readonly contenders: Readonly<Record<string, Measurement>>
  readonly reference: readonly string[]
}

export interface Machine {
  readonly cpu: string
  readonly cores: number
  readonly memoryGiB: number
  readonly os: string
  readonly node: string
}

export interface SuiteResult {
  readonly suite: string
  readonly command: string
  readonly date: string
  readonly rounds: number
  readonly machine: Machine
  readonly cases: readonly CaseResult[]
}

export function describeMachine(): Machine {
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    os: `${platform()} ${release().split('-')[0]}`,
    node: process.version,
  }
}

export interface RunOptions {
  readonly file: string
  readonly command: string
  readonly rounds: number
  readonly onProgress: (text: string) => void
}

export async function runSuite(loaded: Suite, { file, command, rounds, onProgress }: RunOptions): Promise<SuiteResult> {
  const contenders = [...new Set(loaded.cases.flatMap((each) => Object.keys(each.contenders)))]
  const times = new Map<string, number[]>()
  const allocations = new Map<string, number>()
  const key = (caseName: string, contender: string): string => JSON.stringify([caseName, contender])

  for (let round = 1; round <= rounds; round++) {
    for (const contender of contenders) {
      onProgress(`${loaded.name}: round ${round} of ${rounds}: ${contender}`)
      for (const { case: name, value } of await runChild(file, contender, 'time')) {
        const list = times.get(key(name, contender)) ?? []
        list.push(value)
        times.set(key(name, contender), list)
      }
    }
  }
  for (const contender of contenders) {
    onProgress(`${loaded.name}: allocations: ${contender}`)
    for (const { case: name, value } of await runChild(file, contender, 'allocations')) {
      allocations.set(key(name, contender), value)
    }
  }

  const cases = loaded.cases.map((each): CaseResult => {
    const operations = each.operations ?? 1
    const measurements: Record<string, Measurement> = {}
    for (const contender of Object.keys(each.contenders)) {
      const list = (times.get(key(each.name, contender)) ?? []).sort((a, b) => a - b)
      const median = list[list.length >> 1]
      if (median === undefined) throw new Error(`"${contender}" gave no figure for "${each.name}"`)
      measurements[contender] = {
        nsPerOperation: round3(median),
        minNs: round3(list[0]!),
        maxNs: round3(list.at(-1)!),
        bytesPerOperation: round3(allocations.get(key(each.name, contender)) ?? Number.NaN),
        ...(each.bytes === undefined
          ? {}
          : { megabytesPerSecond: round3((each.bytes / (median * operations)) * 1000) }),
      }
    }
    const [ours = '', ...others] = Object.keys(each.contenders)
    const reference = each.reference ?? []
    const rivals = others.filter((name) => !reference.includes(name))
    const time = (name: string): number => measurements[name]?.nsPerOperation ?? Number.POSITIVE_INFINITY
    const best = rivals.reduce((a, b) => (time(b) < time(a) ? b : a), rivals[0] ?? others[0] ?? ours)
    return {
      name: each.name,
      operations,
      ours,
      best,
      ratio: round3(time(best) / time(ours)),
      contenders: measurements,
      reference,
    }
  })
  const date = new Date().toISOString().slice(0, 10)
  return { suite: loaded.name, command, date, rounds, machine: describeMachine(), cases }
}

function round3(value: number): number {
  return Number(value.toPrecision(3))
}

interface Line {
  readonly case: string
  readonly value: number
}

async function runChild(file: string, contender: string, mode: 'time' | 'allocations'): Promise<Line[]> {
  const space = mode === 'allocations' ? ['--min-semi-space-size=256', '--max-semi-space-size=256'] : []
  const args = [
    '--expose-gc',
    ...space,
    '--import',
    'tsx',
    join(import.meta.dirname, 'child.ts'),
    file,
    contender,
    mode,
  ]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  let output = ''
  for await (const chunk of child.stdout) output += chunk
  const code = child.exitCode ?? (await new Promise<number | null>((resolve) => child.once('exit', resolve)))
  if (code !== 0) throw new Error(`"${contender}" of ${file} ended with exit code ${code}`)
  return output
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Line)
}
