/** What a package.json must say, so that what npm shows and what a user gets are right. */
import { posix } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { type Finding, finding, lineOf, type Rule } from '../finding.ts'
import { type Project, packagesOf, type Workspace } from '../workspace.ts'

export const manifests: Rule = {
  name: 'manifests',
  says: 'package.json: name, license, repository, ESM, no side effects, engines, exports for users and for the workspace',
  check: (workspace) => [
    ...packagesOf(workspace).flatMap((project) => checkManifest(workspace, project)),
    ...workspace.projects
      .filter(({ kind, manifest }) => kind === 'tool' && manifest.private !== true)
      .map(({ folder }) => finding(`${folder}/package.json`, 'a tool is never published: it says "private": true')),
  ],
}

const SOURCE = '@lsm/source'
const INSTALL_SCRIPTS = ['preinstall', 'install', 'postinstall', 'prepare']

function checkManifest(workspace: Workspace, { folder, name, manifest }: Project): Finding[] {
  const file = `${folder}/package.json`
  const text = workspace.read(file)
  const findings: Finding[] = []
  const complain = (field: string, message: string): void => {
    findings.push(finding(file, message, lineOf(text, `"${field}"`)))
  }
  const expect = (field: string, actual: unknown, wanted: unknown): void => {
    if (!isDeepStrictEqual(actual, wanted))
      complain(field, `${field} is ${JSON.stringify(actual)}, not ${JSON.stringify(wanted)}`)
  }

  expect('name', manifest.name, `@lsm/${name}`)
  expect('license', manifest.license, 'MIT')
  expect('type', manifest.type, 'module')
  expect('sideEffects', manifest.sideEffects, false)
  expect('engines', manifest.engines, { node: '>=20.16' })
  const repository = manifest.repository as { type?: unknown; url?: unknown; directory?: unknown } | undefined
  expect('repository', repository?.type, 'git')
  expect('directory', repository?.directory, folder)
  if (!/^git\+https:\/\/github\.com\/.+\.git$/.test(String(repository?.url)))
    complain('repository', 'repository.url is not of the form git+https://github.com/OWNER/NAME.git')
  if (String(manifest.description ?? '').length < 20) complain('description', 'description is missing or says nothing')
  if (!Array.isArray(manifest.keywords) || manifest.keywords.length < 3)
    complain('keywords', 'fewer than three keywords')
  expect('access', manifest.publishConfig?.access, 'public')
  expect('provenance', manifest.publishConfig?.provenance, true)
  const files = Array.isArray(manifest.files) ? manifest.files : []
  if (!files.includes('dist')) complain('files', 'files does not name "dist": the build would not be published')
  if (files.some((each) => /^\.?\/?(test|bench)\b/.test(String(each)))) complain('files', 'tests are not published')
  for (const script of INSTALL_SCRIPTS)
    if (Object.hasOwn((manifest.scripts as object | undefined) ?? {}, script))
      complain(script, `a "${script}" script runs on every user's machine: not in this project`)

  findings.push(...checkExports(workspace, file, text, manifest.exports, manifest.publishConfig?.exports))
  return findings
}

function checkExports(
  workspace: Workspace,
  file: string,
  text: string,
  entries: Readonly<Record<string, unknown>> = {},
  published: Readonly<Record<string, unknown>> = {},
): Finding[] {
  const findings: Finding[] = []
  const folder = file.slice(0, file.lastIndexOf('/'))
  if (!Object.hasOwn(entries, '.')) findings.push(finding(file, 'exports has no "." entry', lineOf(text, '"exports"')))
  const withoutSource: Record<string, unknown> = {}
  for (const [path, entry] of Object.entries(entries)) {
    const line = lineOf(text, `"${path}"`)
    if (typeof entry !== 'object' || entry === null) {
      withoutSource[path] = entry
      continue
    }
    const { [SOURCE]: source, ...conditions } = entry as Record<string, unknown>
    withoutSource[path] = conditions
    const gone = leaves(source).filter((leaf) => !workspace.has(posix.join(folder, leaf)))
    for (const leaf of gone)
      findings.push(finding(file, `exports["${path}"] leads to ${leaf}, which is not there`, line))
    // Compared as text, because the order of conditions is what decides.
    const wanted = JSON.stringify({ [SOURCE]: source, ...builtFrom(source) })
    if (JSON.stringify(entry) !== wanted) findings.push(finding(file, `exports["${path}"] is not ${wanted}`, line))
  }
  if (!isDeepStrictEqual(withoutSource, published)) {
    const message = `publishConfig.exports is not exports without ${SOURCE}: users would get other entries than the tests`
    findings.push(finding(file, message, lineOf(text, '"publishConfig"')))
  }
  return findings
}

/** What a source is built to: its types, then each condition that it has of its own, then the default. */
function builtFrom(source: unknown): Record<string, unknown> {
  const built = (leaf: unknown, ending: string): string =>
    String(leaf)
      .replace(/^\.\/src\//, './dist/')
      .replace(/\.ts$/, ending)
  const byCondition: Record<string, unknown> =
    typeof source === 'object' && source !== null ? { ...source } : { default: source }
  const { default: main, ...others } = byCondition
  const conditions = Object.entries(others).map(([condition, leaf]) => [condition, built(leaf, '.js')])
  return { types: built(main, '.d.ts'), ...Object.fromEntries(conditions), default: built(main, '.js') }
}

function leaves(value: unknown): string[] {
  if (typeof value === 'string') return [value]
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(leaves) : []
}
