/** What is in the tarball: all that a user needs, and nothing of the workshop. */
import { join, posix } from 'node:path'
import { type Manifest, machinePath } from '@lsm/tidy'
import { type Check, fileText } from '../subject.ts'

export const contents: Check = {
  name: 'contents',
  run: ({ files, top }) => Promise.resolve({ problems: judgeContents(files, [join(top, 'packages')]) }),
}

const REQUIRED = ['package.json', 'README.md', 'LICENSE']
const EXPECTED = /^(package\.json|README\.md|LICENSE|CHANGELOG\.md|dist\/.+\.(js|d\.ts)(\.map)?|src\/.+\.ts)$/

export function judgeContents(files: ReadonlyMap<string, Uint8Array>, machinePaths: readonly string[] = []): string[] {
  const isPrivate = (JSON.parse(fileText(files, 'package.json') || '{}') as Manifest).private === true
  // The first release makes it.
  const required = isPrivate ? REQUIRED : [...REQUIRED, 'CHANGELOG.md']
  const problems = required.filter((path) => !files.has(path)).map((path) => `the tarball has no ${path}`)
  for (const path of files.keys()) {
    if (!EXPECTED.test(path) || /\.(test|bench)\./.test(path))
      problems.push(`the tarball has ${path}, which no user needs`)
    const text = fileText(files, path)
    const found = machinePath(text) ?? machinePaths.find((each) => text.includes(each))
    if (found !== undefined) problems.push(`${path} has "${found}", a path of the machine that built it`)
    if (isLeftOver(path, files)) {
      if (path.endsWith('.js'))
        problems.push(`${path} is left over from a source that is gone: take dist away and build`)
    } else if (path.endsWith('.map')) problems.push(...judgeMap(path, text, files))
  }
  return [...problems, ...judgeManifest(files)]
}

/** The compiler builds what there is and takes nothing away, so a renamed file is built under both names. */
function isLeftOver(path: string, files: ReadonlyMap<string, Uint8Array>): boolean {
  const [, stem] = /^dist\/(.+?)\.(?:js|d\.ts)(?:\.map)?$/.exec(path) ?? []
  return stem !== undefined && files.has('src/index.ts') && !files.has(`src/${stem}.ts`)
}

function judgeMap(path: string, text: string, files: ReadonlyMap<string, Uint8Array>): string[] {
  const { sources = [], sourcesContent } = JSON.parse(text) as { sources?: string[]; sourcesContent?: unknown }
  if (sourcesContent !== undefined) return []
  const targets = sources.map((source) => posix.join(posix.dirname(path), source))
  return targets
    .filter((each) => !files.has(each))
    .map((each) => `${path} leads to ${each}, which is not in the tarball`)
}

function judgeManifest(files: ReadonlyMap<string, Uint8Array>): string[] {
  const text = fileText(files, 'package.json')
  if (text === '') return []
  const manifest = JSON.parse(text) as Manifest
  const problems: string[] = []
  if (text.includes('"workspace:')) problems.push('package.json has a "workspace:" range, which npm does not know')
  if (text.includes('"link:') || text.includes('"file:'))
    problems.push('package.json depends on a folder of this machine')
  if (JSON.stringify(manifest.exports ?? {}).includes('@lsm/source'))
    problems.push('package.json exports the condition @lsm/source, which is for the workspace')
  for (const target of targetsOf(manifest.exports))
    if (!files.has(target.replace(/^\.\//, '')))
      problems.push(`package.json exports ${target}, which is not in the tarball`)
  return problems
}

function targetsOf(value: unknown): string[] {
  if (typeof value === 'string') return [value]
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(targetsOf) : []
}
