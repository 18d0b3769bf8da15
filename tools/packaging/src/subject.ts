import type { Manifest } from '@lsm/tidy'

/** A packed package on its way through the checks. */
export interface Subject {
  /** `crc` */
  readonly name: string
  /** `@lsm/crc` */
  readonly packageName: string
  /** Absolute path of the workspace's top. */
  readonly top: string
  /** Absolute path of the tarball. */
  readonly tarball: string
  /** What is in the tarball, by path. */
  readonly files: ReadonlyMap<string, Uint8Array>
  /** The package.json in the tarball, which is not quite the one in the workspace. */
  readonly manifest: Manifest
  readonly readme: string
  /** Absolute path of the otherwise empty folder where npm installed it. */
  readonly folder: string
}

export interface Outcome {
  readonly problems: readonly string[]
  /** A word for the summary. */
  readonly note?: string
}

/** One thing that must be so of every package. */
export interface Check {
  readonly name: string
  /** Whether it says something of such a package. Default: of every one. */
  isFor?(manifest: Manifest): boolean
  run(subject: Subject): Promise<Outcome>
}

/** Whether it is a command that people run, and no library for a browser. */
export function isCommand({ bin }: Manifest): boolean {
  return bin !== undefined
}

/** The code that users import: each path of `exports` with the specifier that leads there. */
export function entriesOf(packageName: string, manifest: Manifest): { path: string; specifier: string }[] {
  return Object.keys(manifest.exports ?? {})
    .filter((path) => !path.endsWith('.json') && !path.includes('*'))
    .map((path) => ({ path, specifier: `${packageName}${path.slice(1)}` }))
}

export function fileText(files: ReadonlyMap<string, Uint8Array>, path: string): string {
  const bytes = files.get(path)
  return bytes === undefined ? '' : new TextDecoder().decode(bytes)
}
