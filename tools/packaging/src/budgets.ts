/**
 * How many bytes each package may weigh in a bundle: its main entry, minified by esbuild, compressed by gzip at
 * level 9, its dependencies apart. A raised budget needs a reason in the package's README.
 */

export interface Budget {
  readonly standardBytes: number
  /** In place of the standard one. The README says why, in a line with "budget" and the figure ("4 kB"). */
  readonly raisedBytes?: number
}

const primitive: Budget = { standardBytes: 3000 }
const small: Budget = { standardBytes: 1500 }
const part: Budget = { standardBytes: 8000 }
/** Nobody bundles these for their size; the budget is there so that growth is noticed. */
const whole: Budget = { standardBytes: 32_000 }

export const BUDGETS: Readonly<Record<string, Budget>> = {
  crc: small,
  rwlock: small,
  'merge-iterator': { ...primitive, raisedBytes: 5400 },
  'block-cache': { ...primitive, raisedBytes: 3100 },
  'sstable-registry': primitive,
  encoding: primitive,
  bloom: primitive,
  'sparse-index': primitive,
  storage: part,
  wal: part,
  memtable: part,
  sstable: { ...part, raisedBytes: 14_000 },
  'range-tombstones': primitive,
  engine: whole,
  cli: whole,
}

/** The bytes that a package may weigh, or `undefined` when the table does not know it. */
export function allowedBytes(budget: Budget | undefined): number | undefined {
  return budget?.raisedBytes ?? budget?.standardBytes
}

/** What is wrong with a package of this size under this budget. */
export function judgeSize(bytes: number, budget: Budget | undefined, readme: string): string[] {
  const allowed = allowedBytes(budget)
  if (budget === undefined || allowed === undefined)
    return ['has no size budget: add a row to tools/packaging/src/budgets.ts']
  const problems = bytes > allowed ? [`weighs ${bytes} bytes, over its budget of ${allowed}`] : []
  if (allowed > budget.standardBytes) {
    const figure = `${allowed / 1000} kB`
    const explained = readme.split('\n').some((line) => /budget/i.test(line) && line.includes(figure))
    if (!explained)
      problems.push(`its budget is raised to ${figure}, and no line of the README says why ("budget … ${figure}")`)
  }
  return problems
}
