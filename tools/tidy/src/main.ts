/**
 * The rules of the house, checked: `node --conditions=@lsm/source --import tsx tools/tidy/src/main.ts [--rules]`.
 * Prints each place that breaks a rule as `file:line  what  [rule]`, and ends with exit code 1 when there is one.
 */
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type Finding, finding, format, type Rule } from './finding.ts'
import { RULES } from './rules.ts'
import { openWorkspace } from './workspace.ts'

const { values } = parseArgs({
  options: {
    root: { type: 'string', default: join(import.meta.dirname, '..', '..', '..') },
    rules: { type: 'boolean', default: false },
  },
})

if (values.rules) {
  const width = Math.max(...RULES.map(({ name }) => name.length))
  for (const { name, says } of RULES) console.log(`${name.padEnd(width)}  ${says}`)
} else {
  const workspace = openWorkspace(values.root)
  // A rule that throws holds nobody to anything, so it counts as broken; the others still have their say.
  const attempt = async (rule: Rule): Promise<readonly Finding[]> => {
    try {
      return await rule.check(workspace)
    } catch (error) {
      return [finding('tools/tidy', `the rule itself failed: ${(error as Error).stack}`)]
    }
  }
  let broken = 0
  for (const rule of RULES) {
    for (const found of await attempt(rule)) {
      broken += 1
      console.log(format(rule.name, found))
    }
  }
  if (broken > 0) {
    console.error(`\n${broken} ${broken === 1 ? 'place breaks' : 'places break'} a rule`)
    process.exitCode = 1
  } else {
    console.log(`tidy: ${RULES.length} rules hold over ${workspace.files.length} files`)
  }
}
