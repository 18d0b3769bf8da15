/** What Nx, TypeScript and pnpm are told about a project must be the same story as the layer table's. */
import { posix } from 'node:path'
import { type Finding, finding, lineOf, type Rule } from '../finding.ts'
import { LAYERS, type LayerRow, layerOf, SHARED_TOOLS } from '../layers.ts'
import { type Manifest, type Project, packagesOf, readJson, type Workspace } from '../workspace.ts'

export const projects: Rule = {
  name: 'projects',
  says: 'Nx tags, tsconfig references and dependencies agree with the layer table and with each other',
  check: (workspace) => [
    ...tableMistakes(LAYERS),
    ...foldersWithoutManifest(workspace),
    ...packagesOf(workspace).flatMap((project) => [
      ...checkTags(workspace, project),
      ...checkDependencies(workspace, project),
    ]),
    ...workspace.projects.flatMap((project) => checkReferences(workspace, project)),
  ],
}

/** The table itself: every use is of a known package in a lower layer, and no name stands twice. */
export function tableMistakes(rows: readonly LayerRow[]): readonly Finding[] {
  const table = 'tools/tidy/src/layers.ts'
  return rows.flatMap((row, index) => {
    const twice = rows.findIndex(({ name }) => name === row.name) !== index
    const wrong = row.uses.filter((use) => {
      const other = rows.find(({ name }) => name === use)
      return other === undefined || other.layer >= row.layer
    })
    return [
      ...(twice ? [finding(table, `"${row.name}" stands twice in the table`)] : []),
      ...wrong.map((use) => finding(table, `"${row.name}" of layer ${row.layer} uses "${use}", which is not below it`)),
    ]
  })
}

function foldersWithoutManifest(workspace: Workspace): Finding[] {
  const folders = new Set(workspace.files.flatMap((file) => /^packages\/[^/]+(?=\/)/.exec(file) ?? []))
  for (const { folder } of workspace.projects) folders.delete(folder)
  return [...folders].map((folder) => finding(folder, 'a folder of packages/ without a package.json'))
}

function checkTags(workspace: Workspace, { name, folder }: Project): Finding[] {
  const row = layerOf(name)
  if (row === undefined) return [finding(`${folder}/package.json`, `"${name}" has no row in tools/tidy/src/layers.ts`)]
  const file = `${folder}/project.json`
  if (!workspace.has(file)) return [finding(file, 'missing: Nx does not know the layer of the package')]
  const { tags = [] } = readJson(workspace, file) as { tags?: readonly string[] }
  const layers = tags.filter((tag) => tag.startsWith('layer:'))
  if (layers.length === 1 && layers[0] === `layer:${row.layer}`) return []
  const line = lineOf(workspace.read(file), '"layer:')
  return [finding(file, `tagged ${layers.join(', ') || 'with no layer'}, but its layer is ${row.layer}`, line)]
}

function checkDependencies(workspace: Workspace, { name, folder, manifest }: Project): Finding[] {
  const row = layerOf(name)
  if (row === undefined) return []
  const file = `${folder}/package.json`
  const complain = (dependency: string, message: string): Finding =>
    finding(file, message, lineOf(workspace.read(file), `"${dependency}":`))
  const wrongLayer = (dependency: string): boolean =>
    dependency.startsWith('@lsm/') && !row.uses.includes(dependency.slice('@lsm/'.length))
  const runtime = { ...manifest.dependencies, ...manifest.peerDependencies, ...manifest.optionalDependencies }
  const atRunTime = Object.entries(runtime).flatMap(([dependency, range]) => {
    if (wrongLayer(dependency)) return [complain(dependency, `depends on ${dependency}, against the layer table`)]
    if (dependency.startsWith('@lsm/'))
      return range === 'workspace:^' ? [] : [complain(dependency, `${dependency} is "${range}", not "workspace:^"`)]
    if (row.external.includes(dependency)) return []
    return [complain(dependency, `runtime dependency on ${dependency}, which is not on the allow-list`)]
  })
  const inDevelopment = Object.keys(manifest.devDependencies ?? {}).flatMap((dependency) =>
    wrongLayer(dependency) && !SHARED_TOOLS.includes(dependency)
      ? [complain(dependency, `its tests depend on ${dependency}, against the layer table`)]
      : [],
  )
  return [...atRunTime, ...inDevelopment]
}

interface TsConfig {
  readonly references?: readonly { readonly path: string }[]
}

/** `tsc -b` builds what is referenced: a missing reference builds in the wrong order, a spare one for nothing. */
function checkReferences(workspace: Workspace, project: Project): Finding[] {
  const { folder, manifest, kind } = project
  const runtime = workspaceFolders(workspace, manifest.dependencies)
  const all = [...runtime, ...workspaceFolders(workspace, manifest.devDependencies)]
  const lib = (folders: readonly string[]): string[] => folders.map((each) => `${each}/tsconfig.lib.json`)
  const shared = workspaceFolders(workspace, Object.fromEntries(SHARED_TOOLS.map((name) => [name, ''])))
  return [
    ...compare(workspace, `${folder}/tsconfig.lib.json`, lib(kind === 'package' ? runtime : all), []),
    ...compare(workspace, `${folder}/tsconfig.test.json`, [`${folder}/tsconfig.lib.json`, ...lib(all)], lib(shared)),
  ]
}

function workspaceFolders(workspace: Workspace, dependencies: Manifest['dependencies'] = {}): string[] {
  return Object.keys(dependencies).flatMap(
    (name) => workspace.projects.find((each) => each.manifest.name === name)?.folder ?? [],
  )
}

function compare(
  workspace: Workspace,
  file: string,
  wanted: readonly string[],
  optional: readonly string[],
): Finding[] {
  if (!workspace.has(file)) return file.endsWith('tsconfig.lib.json') ? [finding(file, 'missing')] : []
  const text = workspace.read(file)
  const { references = [] } = readJson(workspace, file) as TsConfig
  const actual = new Map(references.map(({ path }) => [posix.join(posix.dirname(file), path), path]))
  const missing = wanted.filter((target) => !actual.has(target))
  const spare = [...actual].filter(([target]) => !wanted.includes(target) && !optional.includes(target))
  return [
    ...missing.map((target) => finding(file, `no reference to ${target}, which package.json depends on`)),
    ...spare.map(([target, path]) =>
      finding(file, `references ${target}, which package.json does not depend on`, lineOf(text, `"${path}"`)),
    ),
  ]
}
