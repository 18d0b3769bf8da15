/** Nothing of the machine that a file was written on stands in it: no path of its disk, no address of its registry. */
import { type Finding, finding, type Rule } from '../finding.ts'
import type { Workspace } from '../workspace.ts'

export const leaks: Rule = {
  name: 'leaks',
  says: 'no absolute path of a machine in any file; no address of a package registry where packages are named',
  check: (workspace) =>
    workspace.files.flatMap((file) => [...checkPaths(workspace, file), ...checkAddresses(workspace, file)]),
}

/** Homes and work folders of common machines, at the start of a path: `docs/work/` is none. */
const MACHINE_PATH =
  /(?<![\w.\-/\])}])(?:\/(?:work|farm|root|home\/[\w.-]+|Users\/[\w.-]+)\/|\/tmp\/bash|[A-Z]:\\{1,2}Users\\)/

/** The first path of a machine in a text, as far as it gives the machine away. */
export function machinePath(text: string): string | undefined {
  return MACHINE_PATH.exec(text)?.[0]
}

const BINARY = /\.(png|jpe?g|gif|ico|webp|woff2?|gz|tgz|zip|bin|sst|wal|node|wasm)$/i

function checkPaths(workspace: Workspace, file: string): Finding[] {
  if (BINARY.test(file)) return []
  return matchLines(workspace, file, (line) => {
    const path = machinePath(line)
    return path === undefined ? undefined : `the path "${path}…" exists on one machine only`
  })
}

const NAMES_PACKAGES =
  /(^|\/)(package\.json|pnpm-lock\.yaml|pnpm-workspace\.yaml|\.npmrc|\.yarnrc.*|package-lock\.json)$/
const HOMEPAGES = /^\s*"(url|homepage|bugs|funding|author|\$schema)"\s*:/
const DEPRECATION = /^\s*deprecated:/

/** A lockfile without addresses installs from whatever registry its user has. */
function checkAddresses(workspace: Workspace, file: string): Finding[] {
  if (!NAMES_PACKAGES.test(file)) return []
  return matchLines(workspace, file, (line) => {
    if (/rc(\.\w+)?$/.test(file) && /(registry|_authToken)\s*[=:]/i.test(line)) return 'settles on a registry'
    if (/(^|[\s"'{])registry["']?\s*:/.test(line)) return 'settles on a registry'
    const [address] = /https?:\/\/[^\s"',)]+/.exec(line) ?? []
    if (address === undefined || HOMEPAGES.test(line) || DEPRECATION.test(line)) return undefined
    return `the address ${new URL(address).origin} ties installing to one server`
  })
}

function matchLines(workspace: Workspace, file: string, judge: (line: string) => string | undefined): Finding[] {
  return workspace
    .read(file)
    .split('\n')
    .flatMap((line, index) => {
      const message = judge(line)
      return message === undefined ? [] : [finding(file, message, index + 1)]
    })
}
