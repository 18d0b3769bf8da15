/** Packs every package as `pnpm publish` would, with the pnpm that the workspace pins. */
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type Manifest, openWorkspace, type Project, packagesOf } from '@lsm/tidy'
import { failure, run } from './process.ts'
import { fileText } from './subject.ts'
import { readTarball } from './tarball.ts'

export interface Packed {
  readonly name: string
  readonly packageName: string
  readonly tarball: string
  readonly files: ReadonlyMap<string, Uint8Array>
  readonly manifest: Manifest
}

/** All packages: one that still says "private" is held to what its users will rely on, too. */
export function findPackages(top: string): readonly Project[] {
  return packagesOf(openWorkspace(top))
}

/** The name that npm and pnpm give a tarball. */
export function tarballName(packageName: string, version: string): string {
  return `${packageName.replace(/^@/, '').replace('/', '-')}-${version}.tgz`
}

export async function packAll(top: string, projects: readonly Project[], into: string): Promise<Packed[]> {
  mkdirSync(into, { recursive: true })
  // The bootstrap is plain JavaScript, because it runs before anything is installed: so it is loaded by its address.
  const bootstrap = (await import(pathToFileURL(join(top, 'tools', 'bootstrap', 'install.mjs')).href)) as {
    pnpmCommand(args: readonly string[]): string[]
  }
  const filters = projects.map(({ manifest }) => `--filter=${manifest.name}`)
  const ended = await run(bootstrap.pnpmCommand(['--recursive', ...filters, 'pack', '--pack-destination', into]), {
    cwd: top,
  })
  if (ended.code !== 0) throw new Error(failure('pnpm pack', ended))
  return projects.map(({ name, manifest: { name: packageName = name, version } }) => {
    const tarball = join(into, tarballName(packageName, String(version)))
    const files = readTarball(readFileSync(tarball))
    return { name, packageName, tarball, files, manifest: JSON.parse(fileText(files, 'package.json')) as Manifest }
  })
}
