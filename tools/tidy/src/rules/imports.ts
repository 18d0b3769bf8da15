/** What may import what. `checkImports` is the rule over plain data; the graph is read from the files beside it. */
import { type Finding, finding, lineOf, type Rule } from '../finding.ts'
import { type ImportEdge, type ImportGraph, readImportGraph } from '../import-graph.ts'
import { layerOf, SHARED_TEST_DEPENDENCIES, SHARED_TOOLS } from '../layers.ts'
import { type Manifest, type Project, readJson, type Workspace } from '../workspace.ts'

export const imports: Rule = {
  name: 'imports',
  says: 'imports go down the layer table, name what package.json declares, stay inside the package and make no circle',
  check: async (workspace) => checkImports(workspace, await readImportGraph(workspace)),
}

export function checkImports(workspace: Workspace, graph: ImportGraph): readonly Finding[] {
  return [
    ...unread(graph),
    ...graph.edges.flatMap((edge) => {
      const message = judge(workspace, edge)
      return message === undefined ? [] : [at(workspace, edge, message)]
    }),
    ...cycles(workspace, graph),
  ]
}

/** A checker that read nothing finds nothing: so every file must have been read, and some must import something. */
function unread({ asked, read, edges }: ImportGraph): Finding[] {
  if (asked.length === 0) return [finding('packages', 'no source file found: nothing was checked')]
  const done = new Set(read)
  const missed = asked.filter((file) => !done.has(file)).map((file) => finding(file, 'its imports could not be read'))
  if (missed.length === 0 && asked.length > 5 && edges.length === 0)
    return [finding('packages', `not one import found in ${asked.length} files: the reader of imports is broken`)]
  return missed
}

function at(workspace: Workspace, edge: ImportEdge, message: string): Finding {
  const text = workspace.has(edge.from) ? workspace.read(edge.from) : ''
  const quoted = [`'${edge.specifier}'`, `"${edge.specifier}"`, `'node:${edge.specifier}'`, `"node:${edge.specifier}"`]
  const line = quoted.map((each) => lineOf(text, each)).find((each) => each > 0) ?? 0
  return finding(edge.from, message, line)
}

function judge(workspace: Workspace, edge: ImportEdge): string | undefined {
  if (edge.unresolved) return `"${edge.specifier}" leads nowhere`
  const project = workspace.projects.find(({ folder }) => edge.from.startsWith(`${folder}/`))
  if (project === undefined) return undefined
  const inSource = edge.from.startsWith(`${project.folder}/src/`)
  if (edge.specifier.startsWith('.')) return judgePath(project, edge, inSource)
  return project.kind === 'package' ? judgePackage(project, edge, inSource) : judgeTool(workspace, project, edge)
}

function judgePath({ folder }: Project, { specifier, to }: ImportEdge, inSource: boolean): string | undefined {
  if (!to.startsWith(`${folder}/`)) return `"${specifier}" reaches into another folder: import the package by its name`
  if (to.startsWith(`${folder}/dist/`)) return `"${specifier}" is built output: import the source`
  if (inSource && !to.startsWith(`${folder}/src/`))
    return `"${specifier}" is not published: sources import only sources`
  return undefined
}

function judgePackage(project: Project, { specifier, core }: ImportEdge, inSource: boolean): string | undefined {
  const row = layerOf(project.name)
  if (row === undefined) return undefined // The rule about projects reports that once.
  if (core) {
    if (!inSource || row.platform === 'node') return undefined
    return `"node:${specifier}" ties the package to Node.js: use globalThis.process?.getBuiltinModule with a fallback`
  }
  const name = packageName(specifier)
  const ownName = `@lsm/${project.name}`
  if (name === ownName) return inSource ? `sources import each other by path, not as "${specifier}"` : undefined
  if (!inSource && [...SHARED_TOOLS, ...SHARED_TEST_DEPENDENCIES].includes(name)) return undefined
  if (name.startsWith('@lsm/') && !row.uses.includes(name.slice('@lsm/'.length))) {
    const other = layerOf(name.slice('@lsm/'.length))
    const where = other === undefined ? 'which is in no layer' : `of layer ${other.layer}`
    return `@lsm/${project.name} of layer ${row.layer} may not import ${name}, ${where}: see the layer table`
  }
  return declared(project.manifest, name, inSource)
}

function judgeTool(workspace: Workspace, project: Project, { specifier, core }: ImportEdge): string | undefined {
  const name = packageName(specifier)
  if (core || name === `@lsm/${project.name}`) return undefined
  const root = workspace.has('package.json') ? (readJson(workspace, 'package.json') as Manifest) : {}
  return declared(root, name, false) && declared(project.manifest, name, false)
}

function declared(manifest: Manifest, name: string, runtimeOnly: boolean): string | undefined {
  const runtime = { ...manifest.dependencies, ...manifest.peerDependencies }
  if (Object.hasOwn(runtime, name)) return undefined
  const development = Object.hasOwn(manifest.devDependencies ?? {}, name)
  if (!development) return `"${name}" is not declared in package.json`
  return runtimeOnly ? `"${name}" is a devDependency: users of the package would not have it` : undefined
}

/** `@scope/name/part` and `name/part` without the part. */
export function packageName(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')
}

function cycles(workspace: Workspace, { edges }: ImportGraph): Finding[] {
  const seen = new Set<string>()
  return edges.flatMap((edge) => {
    if (edge.cycle === undefined) return []
    const key = [...new Set([edge.from, ...edge.cycle])].sort().join(' ')
    if (seen.has(key)) return []
    seen.add(key)
    return [at(workspace, edge, `imports go in a circle: ${[edge.from, ...edge.cycle].join(' → ')}`)]
  })
}
