/**
 * `npm run fuzz -- [--package NAME …] [--minutes N] [--seed N] [--property "NAME"] [--path P]`: runs the packages'
 * properties with a time budget. A failure is shrunk, printed with its seed and the command that replays it, and
 * added to the package's corpus, which runs first from then on.
 */
import { spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

const top = join(import.meta.dirname, '..', '..', '..')

const { values } = parseArgs({
  options: {
    package: { type: 'string', multiple: true },
    minutes: { type: 'string', default: '1' },
    seed: { type: 'string' },
    property: { type: 'string' },
    path: { type: 'string' },
  },
})

interface Target {
  readonly name: string
  readonly properties: number
}

/** The packages that have property tests, with the number of properties in each. */
function findTargets(): Target[] {
  return readdirSync(join(top, 'packages')).flatMap((name) => {
    const folder = join(top, 'packages', name, 'test')
    if (!existsSync(folder)) return []
    const sources = readdirSync(folder).filter((file) => file.endsWith('.property.test.ts'))
    const calls = sources.flatMap((file) => readFileSync(join(folder, file), 'utf8').match(/^\s*fuzz\(/gm) ?? [])
    return calls.length === 0 ? [] : [{ name, properties: calls.length }]
  })
}

function positive(option: string, text: string): number {
  const value = Number(text)
  if (!(value > 0)) throw new RangeError(`--${option} is "${text}", not a number above 0`)
  return value
}

const known = findTargets()
const wanted = values.package ?? known.map(({ name }) => name)
const targets = wanted.map((name) => {
  const target = known.find((each) => each.name === name)
  if (!target) throw new RangeError(`no properties in "${name}": one of ${known.map((each) => each.name).join(', ')}`)
  return target
})
if (targets.length === 0) throw new Error('no package has properties')

const minutes = positive('minutes', values.minutes)
const seed = values.seed === undefined ? randomInt(2 ** 31) : Number(values.seed)
if (!Number.isInteger(seed)) throw new RangeError(`--seed is "${values.seed}", not an integer`)
console.log(`seed ${seed}, ${minutes} minutes for ${targets.map(({ name }) => name).join(', ')}`)

let failures = 0
for (const { name, properties } of targets) {
  const shared = values.property === undefined ? targets.length * properties : targets.length
  const budgetMs = Math.max(500, Math.floor((minutes * 60_000) / shared))
  const args = ['run', '--root', join('packages', name), '--reporter=verbose', 'property.test']
  if (values.property !== undefined) args.push('--testNamePattern', `^${escapePattern(values.property)}$`)
  const child = spawn(process.execPath, [join(top, 'node_modules', 'vitest', 'vitest.mjs'), ...args], {
    cwd: top,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: {
      ...process.env,
      LSM_FUZZ_SEED: String(seed),
      LSM_FUZZ_BUDGET_MS: String(budgetMs),
      LSM_FUZZ_PATH: values.path ?? '',
      LSM_FUZZ_SAVE: '1',
    },
  })
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', resolve)
  })
  if (code !== 0) failures++
}
console.log(failures === 0 ? `no counterexample, seed ${seed}` : `${failures} packages failed, seed ${seed}`)
process.exitCode = failures === 0 ? 0 : 1

function escapePattern(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
}
