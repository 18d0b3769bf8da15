/** The anatomy of a package's README, so that a reader finds the same things in the same words everywhere. */
import { type Finding, finding, lineOf, type Rule } from '../finding.ts'
import { codeBlocks, extractExample, headings } from '../markdown.ts'
import { type Project, packagesOf, type Workspace } from '../workspace.ts'

export const readmes: Rule = {
  name: 'readmes',
  says: 'a README has at most 120 lines, an example of at most 15, and says when, what, how much, what fails and how fast',
  check: (workspace) =>
    packagesOf(workspace)
      .filter(({ folder, manifest }) => manifest.private !== true && workspace.has(`${folder}/README.md`))
      .flatMap((project) => checkReadme(workspace, project)),
}

const MAX_LINES = 120
const MAX_EXAMPLE_LINES = 15
const BENCH_START = '<!-- bench:start -->'
const BENCH_END = '<!-- bench:end -->'

const SECTIONS: readonly (readonly [string, RegExp])[] = [
  ['When to use it alone', /^when to use it alone/i],
  ['API', /\bAPI\b/],
  ['Guarantees and limits', /\b(guarantees|limits)\b/i],
  ['Errors', /\berrors\b/i],
  ['Measured', /^measured/i],
]

function checkReadme(workspace: Workspace, { folder, name }: Project): Finding[] {
  const file = `${folder}/README.md`
  const text = workspace.read(file)
  const lines = text.replace(/\n$/, '').split('\n')
  const findings: Finding[] = []
  const complain = (message: string, line = 0): void => {
    findings.push(finding(file, message, line))
  }

  if (lines.length > MAX_LINES) complain(`${lines.length} lines, more than ${MAX_LINES}`, lines.length)
  if (lines[0] !== `# @lsm/${name}`) complain(`the first line is not "# @lsm/${name}"`, 1)
  const titles = headings(text)
  for (const [title, pattern] of SECTIONS)
    if (!titles.some((heading) => pattern.test(heading.text))) complain(`no section "${title}"`)
  const sentence = lines.slice(1).find((line) => line.trim() !== '') ?? ''
  if (!/^(?!```)[\p{L}`*_[]/u.test(sentence)) complain('no sentence under the title says what it is', 2)
  findings.push(
    ...checkInstall(file, text, name),
    ...checkExample(file, text, name),
    ...checkMeasured(file, text, lines),
  )
  return findings
}

/** What the README tells its reader to install: the package first, and perhaps others of the workspace. */
function installed(code: string, name: string): readonly string[] | undefined {
  const command = new RegExp(`^npm install (@lsm/${name}(?: @lsm/[a-z-]+)*)$`, 'm').exec(code)
  return command?.[1]?.split(' ')
}

/** How to get it comes before how to use it. */
function checkInstall(file: string, text: string, name: string): Finding[] {
  const blocks = codeBlocks(text)
  const command = blocks.findIndex(({ code }) => installed(code, name) !== undefined)
  if (command < 0) return [finding(file, `no block says "npm install @lsm/${name}"`)]
  const example = blocks.findIndex(({ language }) => language === 'ts')
  if (example < 0 || command < example) return []
  return [finding(file, 'the example comes before the install command', blocks[command]?.line)]
}

function checkExample(file: string, text: string, name: string): Finding[] {
  const example = extractExample(text)
  if (example === undefined) return [finding(file, 'no example: no block of ```ts')]
  const { code, line } = example
  const imported = [...code.matchAll(/(?:from|import)\s*\(?\s*['"]([^'"]+)['"]/g)].map((match) => match[1] ?? '')
  const own = (specifier: string): boolean => specifier === `@lsm/${name}` || specifier.startsWith(`@lsm/${name}/`)
  const others = codeBlocks(text).flatMap((block) => installed(block.code, name) ?? [])
  const isInstalled = (specifier: string): boolean =>
    others.some((each) => specifier === each || specifier.startsWith(`${each}/`))
  const foreign = imported.filter((specifier) => !isInstalled(specifier) && !specifier.startsWith('node:'))
  const length = code.trim().split('\n').length
  return [
    ...(length > MAX_EXAMPLE_LINES
      ? [finding(file, `the example has ${length} lines, more than ${MAX_EXAMPLE_LINES}`, line)]
      : []),
    ...(imported.some(own) ? [] : [finding(file, `the example does not import @lsm/${name}`, line)]),
    ...foreign.map((each) =>
      finding(file, `the example imports "${each}": the install command does not name it`, line),
    ),
    ...(code.includes('console.log(') ? [] : [finding(file, 'the example prints nothing', line)]),
    ...(/^\s*(await\s+)?using\s/m.test(code)
      ? [finding(file, 'the example says "using", which Node.js 20 cannot parse', line)]
      : []),
  ]
}

function checkMeasured(file: string, text: string, lines: readonly string[]): Finding[] {
  const starts = lines.flatMap((line, index) => (line === BENCH_START ? [index + 1] : []))
  const ends = lines.flatMap((line, index) => (line === BENCH_END ? [index + 1] : []))
  const [start = 0] = starts
  const [end = 0] = ends
  if (starts.length !== 1 || ends.length !== 1 || end < start)
    return [
      finding(
        file,
        `not exactly one "${BENCH_START}" line with one "${BENCH_END}" line after it`,
        lineOf(text, 'bench:'),
      ),
    ]
  const section = headings(text).findLast((heading) => heading.line < start)
  if (section === undefined || !/^measured/i.test(section.text))
    return [finding(file, `"${BENCH_START}" does not stand in the section "Measured"`, start)]
  return []
}
