/**
 * The workspace as the rules see it: a list of files, their text, and the projects among them. Built from a folder,
 * or by a test from strings. It refuses to know what a rule wants.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export interface Manifest {
  readonly name?: string
  readonly private?: boolean
  readonly exports?: Readonly<Record<string, unknown>>
  readonly publishConfig?: { readonly exports?: Readonly<Record<string, unknown>>; readonly [field: string]: unknown }
  readonly dependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
  readonly [field: string]: unknown
}

/** A folder of `packages/` or `tools/` with a package.json. */
export interface Project {
  readonly kind: 'package' | 'tool'
  /** The last part of its folder. */
  readonly name: string
  /** `packages/crc` */
  readonly folder: string
  readonly manifest: Manifest
}

export interface Workspace {
  /** Absolute path of the top; empty for one made of strings. */
  readonly root: string
  /** Every file that is part of the project: tracked, or new and not ignored. Sorted, with `/`. */
  readonly files: readonly string[]
  readonly projects: readonly Project[]
  has(path: string): boolean
  read(path: string): string
}

/** Files below a project's folder. */
export function filesIn(workspace: Workspace, folder: string): readonly string[] {
  return workspace.files.filter((file) => file.startsWith(`${folder}/`))
}

export function packagesOf(workspace: Workspace): readonly Project[] {
  return workspace.projects.filter((project) => project.kind === 'package')
}

/** Parses a JSON file of the workspace; the error of a bad one names the file. */
export function readJson(workspace: Workspace, path: string): unknown {
  try {
    return JSON.parse(workspace.read(path))
  } catch (cause) {
    throw new SyntaxError(`${path} is not JSON: ${(cause as Error).message}`, { cause })
  }
}

/** Makes a workspace from the list of its files and a way to read one. */
export function describe(root: string, paths: Iterable<string>, read: (path: string) => string): Workspace {
  const files = [...paths].sort()
  const known = new Set(files)
  const workspace = { root, files, projects: [], has: (path: string) => known.has(path), read }
  const projects: Project[] = []
  for (const file of files) {
    const [, group, name] = /^(packages|tools)\/([^/]+)\/package\.json$/.exec(file) ?? []
    if (group === undefined || name === undefined) continue
    const manifest = readJson(workspace, file) as Manifest
    projects.push({ kind: group === 'packages' ? 'package' : 'tool', name, folder: `${group}/${name}`, manifest })
  }
  return { ...workspace, projects }
}

const NEVER_TRACKED = new Set(['node_modules', 'dist', 'out-tsc', 'coverage', '.git', '.nx', '.cache'])

function walk(root: string, folder = ''): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`
    if (entry.isDirectory()) return NEVER_TRACKED.has(entry.name) ? [] : walk(root, path)
    return entry.isFile() ? [path] : []
  })
}

function listedByGit(root: string): string[] {
  const list = (...flags: string[]): string[] =>
    execFileSync('git', ['ls-files', '-z', ...flags], { cwd: root, encoding: 'utf8', maxBuffer: 1 << 28 })
      .split('\0')
      .filter((path) => path !== '')
  return list('--cached', '--others', '--exclude-standard').filter((path) => existsSync(join(root, path)))
}

/**
 * The workspace in a folder. In a clone, git says which files count: the tracked ones and the new ones that are not
 * ignored. Elsewhere (an unpacked archive) all files do, but for what a build leaves behind.
 */
export function openWorkspace(root: string): Workspace {
  const files = existsSync(join(root, '.git')) ? listedByGit(root) : walk(root)
  const texts = new Map<string, string>()
  return describe(root, new Set(files), (path) => {
    const text = texts.get(path) ?? readFileSync(join(root, path), 'utf8')
    texts.set(path, text)
    return text
  })
}
