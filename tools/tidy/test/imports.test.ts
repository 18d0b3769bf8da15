import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { format } from '../src/finding.ts'
import { checkImports, imports } from '../src/rules/imports.ts'
import { openWorkspace } from '../src/workspace.ts'
import { type Changes, changedFiles, manifest, workspaceWith } from './good-workspace.ts'

const roots: string[] = []

afterAll(() => {
  for (const root of roots) rmSync(root, { recursive: true, force: true })
})

/** Writes the good workspace with changes to a folder of its own, with the links that an install would make. */
function write(changes: Changes = {}): string {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'lsm-tidy-')))
  roots.push(root)
  for (const [path, text] of Object.entries(changedFiles(changes))) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  for (const name of ['crc', 'encoding', 'fuzz']) {
    const target = join(root, name === 'fuzz' ? 'tools' : 'packages', name)
    mkdirSync(join(root, 'node_modules', '@lsm'), { recursive: true })
    symlinkSync(target, join(root, 'node_modules', '@lsm', name), 'junction')
  }
  mkdirSync(join(root, 'node_modules', 'left-pad'), { recursive: true })
  writeFileSync(join(root, 'node_modules', 'left-pad', 'package.json'), '{ "name": "left-pad", "main": "index.js" }')
  writeFileSync(join(root, 'node_modules', 'left-pad', 'index.js'), 'module.exports = 1\n')
  return root
}

async function report(changes: Changes): Promise<string[]> {
  const found = await imports.check(openWorkspace(write(changes)))
  return found.map((each) => format('imports', each))
}

const thing = (line: string): string => `${line}\nexport type Thing = number\nexport const thing: Thing = 1\n`

/** Each row: what is broken, the change that breaks it, and what the finding says. */
const breaks: readonly (readonly [string, Changes, RegExp])[] = [
  [
    'a layer above',
    { 'packages/crc/src/thing.ts': thing("import { thing as up } from '@lsm/encoding'\nup") },
    /^packages\/crc\/src\/thing\.ts:1 {2}@lsm\/crc of layer 0 may not import @lsm\/encoding, of layer 1/,
  ],
  [
    'a type from a layer above',
    { 'packages/crc/src/thing.ts': thing("import type { Thing as Up } from '@lsm/encoding'\nexport type X = Up") },
    /crc\/src\/thing\.ts:1 {2}@lsm\/crc of layer 0 may not import/,
  ],
  [
    'a test on a layer above',
    { 'packages/crc/test/up.test.ts': "await import('@lsm/encoding')\n" },
    /crc\/test\/up\.test\.ts:1 {2}@lsm\/crc of layer 0/,
  ],
  [
    'a benchmark on a layer above',
    { 'packages/crc/bench/thing.bench.ts': "export * from '@lsm/encoding'\n" },
    /crc\/bench\/thing\.bench\.ts:1/,
  ],
  [
    'another package by path',
    { 'packages/encoding/src/thing.ts': thing("export * from '../../crc/src/thing.ts'") },
    /reaches into another folder/,
  ],
  [
    'a test in a source',
    {
      'packages/crc/src/thing.ts': thing("export * from '../test/other.ts'"),
      'packages/crc/test/other.ts': 'export const a = 1\n',
    },
    /is not published/,
  ],
  [
    'the package itself by name',
    { 'packages/crc/src/other.ts': "export * from '@lsm/crc'\n" },
    /import each other by path/,
  ],
  [
    'a kit for tests in a source',
    { 'packages/crc/src/thing.ts': thing("import '@lsm/fuzz'") },
    /may not import @lsm\/fuzz, which is in no layer/,
  ],
  [
    'Node.js in a primitive',
    { 'packages/crc/src/thing.ts': thing("import { crc32 } from 'node:zlib'\ncrc32") },
    /thing\.ts:1 {2}"node:zlib" ties the package to Node\.js/,
  ],
  [
    'Node.js in a primitive, later',
    { 'packages/crc/src/thing.ts': thing("\nawait import('node:fs')") },
    /thing\.ts:2 {2}"node:fs" ties/,
  ],
  ['something not declared', { 'packages/crc/test/pad.test.ts': "import 'left-pad'\n" }, /"left-pad" is not declared/],
  [
    'a devDependency in a source',
    {
      'packages/crc/src/thing.ts': thing("import 'left-pad'"),
      'packages/crc/package.json': manifest('crc', { devDependencies: { 'left-pad': '1.0.0' } }),
    },
    /"left-pad" is a devDependency/,
  ],
  [
    'something not declared by a tool',
    { 'tools/fuzz/src/index.ts': "import 'left-pad'\nexport const fuzz = 1\n" },
    /fuzz\/src\/index\.ts:1 {2}"left-pad" is not declared/,
  ],
  [
    'a file that is not there',
    { 'packages/crc/src/thing.ts': thing("import './gone.ts'") },
    /"\.\/gone\.ts" leads nowhere/,
  ],
  [
    'a circle',
    {
      'packages/crc/src/thing.ts': thing("export * from './a.ts'"),
      'packages/crc/src/a.ts': "export * from './b.ts'\n",
      'packages/crc/src/b.ts': "import type { Thing } from './thing.ts'\nexport type T = Thing\n",
    },
    /a\.ts:1 {2}imports go in a circle: \S+a\.ts → \S+b\.ts → \S+thing\.ts → \S+a\.ts/,
  ],
]

describe('imports', () => {
  it('of a good workspace are all found and all allowed', async () => {
    expect(await report({})).toEqual([])
  })

  it('may be of what is declared, of Node.js in tests, and of the kits in tests', async () => {
    const changes: Changes = {
      'packages/crc/test/more.test.ts': "import 'node:fs'\nimport '@lsm/fuzz'\nimport 'left-pad'\n",
      'packages/crc/package.json': manifest('crc', { devDependencies: { 'left-pad': '1.0.0' } }),
    }
    expect(await report(changes)).toEqual([])
  })

  it.each(breaks)('of %s are seen', async (_, changes, message) => {
    expect(await report(changes)).toContainEqual(expect.stringMatching(message))
  })

  it('go in a circle once, however many files are in it', async () => {
    const [, changes = {}] = breaks.find(([name]) => name === 'a circle') ?? []
    expect(await report(changes)).toHaveLength(1)
  })

  it('that nobody read are not all well', () => {
    const workspace = workspaceWith()
    const asked = ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => `packages/crc/src/${name}.ts`)
    const messages = (graph: Parameters<typeof checkImports>[1]): string[] =>
      checkImports(workspace, graph).map(({ message }) => message)
    expect(messages({ asked: [], read: [], edges: [] })).toEqual([expect.stringContaining('nothing was checked')])
    expect(messages({ asked, read: asked.slice(1), edges: [] })).toEqual(['its imports could not be read'])
    expect(messages({ asked, read: asked, edges: [] })).toEqual([expect.stringContaining('is broken')])
  })
})

describe('the command', () => {
  const main = join(import.meta.dirname, '..', 'src', 'main.ts')
  const tidy = (...flags: string[]): ReturnType<typeof spawnSync> =>
    spawnSync(process.execPath, ['--conditions=@lsm/source', '--import', 'tsx', main, ...flags], {
      cwd: join(import.meta.dirname, '..'),
      encoding: 'utf8',
    })

  it('is silent about a good workspace, and ends with 1 over a bad one', () => {
    const good = tidy('--root', write())
    expect(good.stdout).toMatch(/^tidy: \d+ rules hold over \d+ files\n$/)
    expect(good.status).toBe(0)
    const bad = tidy('--root', write({ 'packages/crc/LICENSE': undefined, 'packages/crc/src/utils.ts': 'export {}\n' }))
    expect(bad.stdout).toContain('packages/crc/LICENSE  missing  [files]\n')
    expect(bad.stdout).toContain('packages/crc/src/utils.ts  "utils" says nothing about what is inside  [file-names]\n')
    expect(bad.stderr).toContain('2 places break a rule')
    expect(bad.status).toBe(1)
  })

  it('lists the rules', () => {
    expect(tidy('--rules').stdout).toMatch(/^imports +imports go down the layer table/)
  })
})
