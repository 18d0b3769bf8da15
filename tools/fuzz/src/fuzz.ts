/**
 * Runs fast-check properties as vitest tests: a fixed seed and number of runs inside the test command, a time
 * budget and a fresh seed under `npm run fuzz`. The saved counterexamples of a property always run first.
 */
import fc from 'fast-check'
import { test } from 'vitest'
import { Corpus } from './corpus.ts'
import { IS_QUICK, readSettings } from './settings.ts'

export interface FuzzOptions {
  /** Runs inside the test command, where no time budget is set. Default 200. */
  readonly runs?: number
  /** Most milliseconds inside the test command, however many runs are left. Default 10,000. */
  readonly capMs?: number
}

/** Of a property's runs and of its time: what the day's check takes. */
const QUICK_SHARE = 0.2

type Property<Arguments> = fc.IRawProperty<Arguments, boolean>

/**
 * Registers `property` as a test called `name`. `testFileUrl` is the caller's `import.meta.url`.
 * A failure reports the seed, the shrunk counterexample and the command that replays it.
 */
export function fuzz<Arguments extends [unknown, ...unknown[]]>(
  testFileUrl: string,
  name: string,
  property: Property<Arguments>,
  options: FuzzOptions = {},
): void {
  const share = IS_QUICK ? QUICK_SHARE : 1
  const runs = Math.ceil((options.runs ?? 200) * share)
  const capMs = (options.capMs ?? 10_000) * share
  const settings = readSettings(process.env)
  const corpus = new Corpus<Arguments>(testFileUrl, name)
  const limitMs = settings.budgetMs ?? capMs

  test(
    name,
    async () => {
      const past = corpus.load()
      if (past.length > 0) {
        // A separate check, so that the path of a random counterexample does not shift when the corpus grows.
        const replayed = await fc.check(property, { examples: past, numRuns: past.length, seed: settings.seed })
        if (replayed.failed) throw failure('a saved counterexample fails again', replayed)
      }
      const from = { seed: settings.seed, ...(settings.path !== undefined && { path: settings.path }) }
      let details = await fc.check(property, {
        ...from,
        numRuns: settings.budgetMs === undefined ? runs : Number.MAX_SAFE_INTEGER,
        interruptAfterTimeLimit: limitMs,
        markInterruptAsFailure: false,
      })
      // Not one run in all that time, as on a machine that was busy elsewhere, is a failure to fast-check: the first
      // run then takes as long as it takes.
      if (details.interrupted && details.numRuns === 0) details = await fc.check(property, { ...from, numRuns: 1 })
      if (details.failed) {
        const saved = settings.save && details.counterexample ? corpus.add(details.counterexample) : undefined
        throw failure(saved ? `saved in ${saved}` : 'new', details)
      }
      if (settings.budgetMs !== undefined) console.log(`fuzz: ${name}: ${details.numRuns} runs`)
    },
    // Shrinking and a last slow run come on top of the time limit.
    limitMs * 2 + 60_000,
  )

  function failure(what: string, details: fc.RunDetails<Arguments>): Error {
    const packageName = /\/packages\/([^/]+)\//.exec(testFileUrl)?.[1] ?? '?'
    const path = details.counterexamplePath === null ? '' : ` --path ${details.counterexamplePath}`
    const replay = `npm run fuzz -- --package ${packageName} --property "${name}" --seed ${details.seed}${path}`
    const report = [
      `"${name}" fails (${what}) after ${details.numRuns} runs, seed ${details.seed}`,
      `counterexample: ${fc.stringify(details.counterexample)}`,
      `replay: ${replay}`,
    ].join('\n')
    return new Error(report, { cause: details.errorInstance })
  }
}
