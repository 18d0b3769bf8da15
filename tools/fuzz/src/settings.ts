/**
 * How much the tests do. The test command takes the defaults, so that it gives the same answer twice; `npm run fuzz`
 * sets the variables of a property's seed and time, and `npm run test:quick` sets LSM_QUICK.
 */

/** Whether this is the day's check, meant to be over in three minutes: the same tests, with fewer cases in the long ones. */
export const IS_QUICK: boolean = process.env.LSM_QUICK === '1'

export interface FuzzSettings {
  /** Seed of every property in the run. */
  readonly seed: number
  /** Milliseconds for each property, or `undefined` for a fixed number of runs. */
  readonly budgetMs: number | undefined
  /** fast-check's path to one counterexample, to replay it. */
  readonly path: string | undefined
  /** Whether a counterexample is added to the corpus. */
  readonly save: boolean
}

const DEFAULT_SEED = 20_26_11

export function readSettings(environment: Record<string, string | undefined>): FuzzSettings {
  const number = (name: string): number | undefined => {
    const text = environment[name]
    if (text === undefined || text === '') return undefined
    const value = Number(text)
    if (!Number.isFinite(value)) throw new RangeError(`${name} is "${text}", not a number`)
    return value
  }
  return {
    seed: number('LSM_FUZZ_SEED') ?? DEFAULT_SEED,
    budgetMs: number('LSM_FUZZ_BUDGET_MS'),
    path: environment.LSM_FUZZ_PATH || undefined,
    save: environment.LSM_FUZZ_SAVE === '1',
  }
}
