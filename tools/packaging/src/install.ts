/**
 * Installs one package as its user would: npm, an empty folder, nothing else named. The packages of this project that
 * it depends on are not on the registry yet, so overrides say where their tarballs are; all else comes from there.
 */
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Packed } from './pack.ts'
import { failure, run } from './process.ts'

/** The packages of the project that `packed` needs, directly or not, without itself. */
export function neededBy(packed: Packed, all: readonly Packed[]): Packed[] {
  const needed = new Set<Packed>()
  const visit = ({ manifest }: Packed): void => {
    for (const dependency of Object.keys(manifest.dependencies ?? {})) {
      const found = all.find(({ packageName }) => packageName === dependency)
      if (found === undefined || needed.has(found)) continue
      needed.add(found)
      visit(found)
    }
  }
  visit(packed)
  needed.delete(packed)
  return [...needed]
}

export async function installAlone(packed: Packed, all: readonly Packed[], folder: string): Promise<string[]> {
  mkdirSync(folder, { recursive: true })
  const above = nodeModulesAbove(folder)
  if (above !== undefined) return [`${folder} is not alone: ${above} would lend it packages`]
  const needed = neededBy(packed, all)
  const manifest = {
    private: true,
    type: 'module',
    dependencies: { [packed.packageName]: `file:${packed.tarball}` },
    overrides: Object.fromEntries(needed.map(({ packageName, tarball }) => [packageName, `file:${tarball}`])),
  }
  writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest, null, 2))
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm'
  const ended = await run([npm, 'install', '--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: folder,
  })
  if (ended.code !== 0) return [failure('npm install', ended)]
  const installed = readdirSync(join(folder, 'node_modules', '@lsm'))
  const expected = [packed, ...needed].map(({ name }) => name)
  const missing = expected.filter((name) => !installed.includes(name))
  return missing.length === 0 ? [] : [`npm install left out ${missing.join(', ')}`]
}

function nodeModulesAbove(folder: string): string | undefined {
  for (let at = dirname(folder); ; at = dirname(at)) {
    const candidate = join(at, 'node_modules')
    if (existsSync(candidate)) return candidate
    if (dirname(at) === at) return undefined
  }
}
