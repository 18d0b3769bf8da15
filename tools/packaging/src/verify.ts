/** Takes packed packages through all checks, a few at a time, and says for each what is wrong. */
import { join } from 'node:path'
import { browser, size } from './checks/bundle.ts'
import { contents } from './checks/contents.ts'
import { attw, publint } from './checks/lint.ts'
import { commands, entries, example, types } from './checks/use.ts'
import { installAlone } from './install.ts'
import type { Packed } from './pack.ts'
import { type Check, fileText, type Outcome, type Subject } from './subject.ts'

/** Looking at the tarball needs no install; the other checks work where it is installed. */
const ON_TARBALL: readonly Check[] = [contents, publint, attw]
const ON_INSTALLED: readonly Check[] = [entries, size, browser, example, commands, types]

export const CHECKS: readonly string[] = [...ON_TARBALL, { name: 'install' }, ...ON_INSTALLED].map(({ name }) => name)

export interface Verdict {
  readonly packageName: string
  /** `[check] what is wrong` */
  readonly problems: readonly string[]
  readonly notes: readonly string[]
}

export interface Setting {
  readonly top: string
  /** Folder in which each package gets one of its own. */
  readonly scratch: string
  /** Names of the checks to make; all of them when it is left out. Installing is part of those that need it. */
  readonly only?: readonly string[]
  /** Told which check of which package begins. */
  onStep(packageName: string, check: string): void
}

export async function verify(packed: Packed, all: readonly Packed[], setting: Setting): Promise<Verdict> {
  const folder = join(setting.scratch, packed.name)
  const subject: Subject = { ...packed, top: setting.top, folder, readme: fileText(packed.files, 'README.md') }
  const problems: string[] = []
  const notes: string[] = []
  const attempt = async (name: string, work: () => Promise<Outcome>): Promise<boolean> => {
    setting.onStep(packed.packageName, name)
    // A check that throws has found something too: the others still have their say.
    const outcome = await work().catch((error: unknown): Outcome => ({ problems: [String(error)] }))
    problems.push(...outcome.problems.map((problem) => `[${name}] ${problem}`))
    if (outcome.note !== undefined) notes.push(outcome.note)
    return outcome.problems.length === 0
  }
  if (!isBuilt(packed)) return { packageName: packed.packageName, problems: [NOT_BUILT], notes }
  const wanted = ({ name, isFor }: Pick<Check, 'name' | 'isFor'>): boolean =>
    (setting.only?.includes(name) ?? true) && (isFor?.(packed.manifest) ?? true)
  for (const check of ON_TARBALL.filter(wanted)) await attempt(check.name, () => check.run(subject))
  const rest = ON_INSTALLED.filter(wanted)
  if (rest.length > 0 || wanted({ name: 'install' })) {
    const install = async (): Promise<Outcome> => ({ problems: await installAlone(packed, all, folder) })
    if (await attempt('install', install)) for (const check of rest) await attempt(check.name, () => check.run(subject))
  }
  return { packageName: packed.packageName, problems, notes }
}

const NOT_BUILT = '[contents] the tarball has no dist/index.js: build first'

function isBuilt({ files }: Packed): boolean {
  return files.has('dist/index.js')
}

/** Runs `work` over `items`, at most `limit` at a time; results keep the order of the items. */
export async function inParallel<T, R>(
  items: readonly T[],
  { limit, work }: { limit: number; work: (item: T) => Promise<R> },
): Promise<R[]> {
  const results: R[] = []
  const queue = items.entries()
  const worker = async (): Promise<void> => {
    for (const [index, item] of queue) results[index] = await work(item)
  }
  await Promise.all(Array.from({ length: limit }, worker))
  return results
}
