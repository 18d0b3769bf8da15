/** Which files there must be, what they may be called, and how long they may get. */
import { type Finding, finding, type Rule } from '../finding.ts'
import { filesIn, type Project, packagesOf, type Workspace } from '../workspace.ts'

export const files: Rule = {
  name: 'files',
  says: 'every package has its README, license, changelog, tests, properties and benchmark; index.ts only exports',
  check: (workspace) => packagesOf(workspace).flatMap((project) => checkPresence(workspace, project)),
}

export const fileLength: Rule = {
  name: 'file-length',
  says: 'no source file is longer than 400 lines',
  check: (workspace) =>
    workspace.files.filter((file) => LIMITED.test(file)).flatMap((file) => checkLength(workspace, file)),
}

export const fileNames: Rule = {
  name: 'file-names',
  says: 'no file is called utils, helpers, manager, data, info or v2: a name says what is inside',
  check: (workspace) => workspace.files.filter((file) => /^(packages|tools|docs)\//.test(file)).flatMap(checkName),
}

const MAX_LINES = 400
const LIMITED = /^(packages\/[^/]+\/src|tools\/[^/]+)\/.*\.m?[jt]s$/

/** A private package is not published: it needs no changelog, no benchmark and no properties, but it has tests. */
function checkPresence(workspace: Workspace, { folder, manifest }: Project): Finding[] {
  const own = filesIn(workspace, folder).map((file) => file.slice(folder.length + 1))
  const findings: Finding[] = []
  const need = (what: string, present: boolean): void => {
    if (!present) findings.push(finding(`${folder}/${what}`, 'missing'))
  }
  const some = (pattern: RegExp): boolean => own.some((file) => pattern.test(file))

  for (const name of ['src/index.ts', 'README.md', 'LICENSE']) need(name, own.includes(name))
  need('test/*.test.ts', some(/^test\/(.+\/)?(?!.*\.property\.test\.ts$)[^/]+\.test\.ts$/))
  if (manifest.private !== true) {
    need('CHANGELOG.md', own.includes('CHANGELOG.md'))
    need('test/*.property.test.ts', some(/^test\/.*\.property\.test\.ts$/))
    need('bench/*.bench.ts', some(/^bench\/.*\.bench\.ts$/))
    if (!isReleasedOrPending(workspace, folder, manifest.name ?? folder))
      findings.push(
        finding(`${folder}/CHANGELOG.md`, 'names no release, and no changeset in .changeset/ names the package'),
      )
  }
  if (own.includes('src/index.ts')) findings.push(...checkIndex(workspace, `${folder}/src/index.ts`))
  return findings
}

function isReleasedOrPending(workspace: Workspace, folder: string, name: string): boolean {
  const changelog = `${folder}/CHANGELOG.md`
  if (workspace.has(changelog) && /^## \d/m.test(workspace.read(changelog))) return true
  return workspace.files.some((file) => {
    if (!/^\.changeset\/(?!README)[^/]+\.md$/.test(file)) return false
    const [, frontMatter = ''] = workspace.read(file).split(/^---$/m)
    return frontMatter.includes(`"${name}"`) || frontMatter.includes(`'${name}'`)
  })
}

/** What is left of an index when comments and re-exports are taken out is code, which has no place there. */
function checkIndex(workspace: Workspace, file: string): Finding[] {
  const text = workspace.read(file)
  const blank = (match: string): string => match.replace(/[^\n]/g, '')
  const rest = text
    .replace(/\/\*[\s\S]*?\*\//g, blank)
    .replace(/\/\/.*$/gm, '')
    .replace(/export\s+(type\s+)?(\{[^}]*\}|\*(\s+as\s+\w+)?)\s+from\s+(['"])[^'"\n]+\4;?/g, blank)
  const line = rest.split('\n').findIndex((each) => each.trim() !== '')
  return line < 0 ? [] : [finding(file, 'an index only re-exports: this belongs in a file of its own', line + 1)]
}

function checkLength(workspace: Workspace, file: string): Finding[] {
  const lines = workspace.read(file).replace(/\n$/, '').split('\n').length
  return lines <= MAX_LINES ? [] : [finding(file, `${lines} lines, more than ${MAX_LINES}: it wants splitting`, lines)]
}

const BANNED = /^(.+[-.])?(utils?|helpers?|managers?|data|info)$/i
const NUMBERED = /(^|[-._])v\d+($|[-._])|[a-z]V\d+$/

function checkName(path: string): Finding[] {
  const parts = path.split('/')
  const last = parts.pop() ?? ''
  const folder = parts.find((part) => BANNED.test(part))
  if (folder !== undefined) return [finding(path, `a folder called "${folder}" says nothing about what is inside`)]
  if (!/\.(m?[jt]s|md|vue)$/.test(last)) return []
  const stem = last.replace(/(\.(test|property|bench|config|d))*\.\w+$/, '')
  if (BANNED.test(stem)) return [finding(path, `"${stem}" says nothing about what is inside`)]
  if (NUMBERED.test(stem))
    return [finding(path, `"${stem}": one version of a thing stands in the project, without a number`)]
  return []
}
