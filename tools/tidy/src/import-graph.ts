/**
 * Who imports whom, read by dependency-cruiser and put into plain data. The rules about imports work on that data,
 * so that their tests need no files.
 */

import { join } from 'node:path'
import { cruise, type ICruiseOptions, type ICruiseResult, type IDependency } from 'dependency-cruiser'
import extractTSConfig from 'dependency-cruiser/config-utl/extract-ts-config'
import type { Workspace } from './workspace.ts'

export interface ImportEdge {
  readonly from: string
  /** As written, without `node:`. */
  readonly specifier: string
  /** Path from the workspace's top for a file, the bare name for a module of Node.js. */
  readonly to: string
  readonly core: boolean
  readonly unresolved: boolean
  /** The files on the way back to `from`, when there is a way. */
  readonly cycle?: readonly string[]
}

export interface ImportGraph {
  /** Files that were to be read. */
  readonly asked: readonly string[]
  /** Files that were read. */
  readonly read: readonly string[]
  readonly edges: readonly ImportEdge[]
}

const CODE = /^(packages|tools)\/[^/]+\/(?:(?:src|test|bench)\/.+|[^/]+)\.m?[jt]s$/
const NOT_CODE = /\/test\/(vectors|golden|corpus)\/|\.config\.m?[jt]s$/
const BUILT = '(^|/)(node_modules|dist|out-tsc)/'

/** Files whose imports the rules look at: sources, tests and benchmarks of every package and tool. */
export function codeFiles(workspace: Workspace): readonly string[] {
  return workspace.files.filter((file) => CODE.test(file) && !NOT_CODE.test(file))
}

export async function readImportGraph(workspace: Workspace): Promise<ImportGraph> {
  const asked = codeFiles(workspace)
  if (asked.length === 0) return { asked, read: [], edges: [] }
  const options: ICruiseOptions = {
    baseDir: workspace.root,
    // Imports of types only are imports too: a reader follows them, and so does a declaration file.
    tsPreCompilationDeps: true,
    doNotFollow: { path: BUILT },
    exclude: { path: '^(packages|tools)/[^/]+/(dist|out-tsc)/.*\\.d\\.ts$' },
  }
  const { output } = await cruise(
    [...asked],
    options,
    {
      // Without the source condition, a package's name leads to its built output, or to nothing before a build.
      conditionNames: ['@lsm/source', 'import', 'types', 'default'],
      exportsFields: ['exports'],
      extensions: ['.ts', '.mts', '.js', '.mjs', '.json', '.d.ts'],
    },
    { tsConfig: extractTSConfig(join(workspace.root, 'tsconfig.base.json')) },
  )
  const { modules } = output as ICruiseResult
  const wanted = new Set(asked)
  const sources = modules.filter((module) => wanted.has(module.source))
  return {
    asked,
    read: sources.map((module) => module.source),
    edges: sources.flatMap((module) => module.dependencies.map((dependency) => edge(module.source, dependency))),
  }
}

function edge(from: string, dependency: IDependency): ImportEdge {
  const { module: specifier, resolved: to, couldNotResolve: unresolved, cycle } = dependency
  const core = dependency.dependencyTypes.includes('core')
  return { from, specifier, to, core, unresolved, ...(cycle && { cycle: cycle.map((step) => step.name) }) }
}
