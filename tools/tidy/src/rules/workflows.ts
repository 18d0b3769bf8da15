/** Workflows run elsewhere, where nobody here can try them: so they call nothing but scripts that run here too. */
import { type Finding, finding, type Rule } from '../finding.ts'
import { readJson, type Workspace } from '../workspace.ts'

export const workflows: Rule = {
  name: 'workflows',
  says: 'workflows and .ci/run call only scripts of the root package.json',
  check: (workspace) =>
    workspace.files
      .filter((file) => /^\.github\/workflows\/.+\.ya?ml$/.test(file) || file === '.ci/run')
      .flatMap((file) => checkCommands(workspace, file)),
}

const STEP = /^\s*(?:- )?(?:run|version|publish): *(.*)$/
const SHELL_SETUP = /^(#.*|set -.*|cd .*|)$/

function checkCommands(workspace: Workspace, file: string): Finding[] {
  const { scripts = {} } = readJson(workspace, 'package.json') as { scripts?: Record<string, string> }
  const lines = workspace.read(file).split('\n')
  return lines.flatMap((text, index) => {
    const command = file === '.ci/run' ? text.trim() : STEP.exec(text)?.[1]
    if (command === undefined || (file === '.ci/run' && SHELL_SETUP.test(command))) return []
    const script = /^npm (?:run )?([\w:-]+)( -- [\w -]+)?$/.exec(command)?.[1]
    if (script === undefined) return [finding(file, `"${command}" is not an npm script: put it into one`, index + 1)]
    return Object.hasOwn(scripts, script) ? [] : [finding(file, `package.json has no script "${script}"`, index + 1)]
  })
}
