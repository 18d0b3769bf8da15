import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { Packed } from '../src/pack.ts'
import type { Verdict } from '../src/verify.ts'
import { CHECKS, verify } from '../src/verify.ts'
import { writeTarball } from './write-tarball.ts'

export type Changes = Readonly<Record<string, string | undefined>>

export const top: string = join(import.meta.dirname, '..', '..', '..')

/** A folder that is gone when the test that asked for it is done. */
export function temporaryFolder(): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'lsm-packaging-test-')))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

export function manifest(changes: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify({
    name: '@lsm/crc',
    version: '1.2.3',
    license: 'MIT',
    repository: { type: 'git', url: 'git+https://github.com/someone/something.git', directory: 'packages/crc' },
    type: 'module',
    sideEffects: false,
    engines: { node: '>=20.16' },
    exports: { '.': { types: './dist/index.d.ts', default: './dist/index.js' } },
    ...changes,
  })
}

export const README = (example: string): string => `# @lsm/crc\n\n\`\`\`ts\n${example}\n\`\`\`\n`

/** The files of a small package that passes every check. */
export const GOOD_FILES: Readonly<Record<string, string>> = {
  'package.json': manifest(),
  'README.md': README("import { double } from '@lsm/crc'\nconst four: number = double(2)\nconsole.log(four)"),
  LICENSE: 'MIT\n',
  'CHANGELOG.md': '# @lsm/crc\n',
  'src/index.ts': 'export const double = (n: number): number => 2 * n\n',
  'dist/index.js': 'export const double = (n) => 2 * n\n//# sourceMappingURL=index.js.map\n',
  'dist/index.js.map': '{"version":3,"sources":["../src/index.ts"],"mappings":""}',
  'dist/index.d.ts': 'export declare const double: (n: number) => number\n',
}

export function packedWith(changes: Changes, folder: string): Packed {
  const entries = Object.entries({ ...GOOD_FILES, ...changes })
  const texts = Object.fromEntries(entries.filter((each): each is [string, string] => each[1] !== undefined))
  const tarball = join(folder, 'package.tgz')
  mkdirSync(folder, { recursive: true })
  writeFileSync(tarball, writeTarball(texts))
  const files = new Map(Object.entries(texts).map(([path, text]) => [path, new TextEncoder().encode(text)]))
  return { name: 'crc', packageName: '@lsm/crc', tarball, files, manifest: JSON.parse(texts['package.json'] ?? '{}') }
}

/** The verdict on the good package with some files changed, added or taken out, by all checks or by some. */
export function verdictOn(changes: Changes = {}, only: readonly string[] = CHECKS): Promise<Verdict> {
  const folder = temporaryFolder()
  const packed = packedWith(changes, folder)
  return verify(packed, [packed], { top, scratch: folder, only, onStep: () => {} })
}
