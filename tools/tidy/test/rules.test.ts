import { describe, expect, it } from 'vitest'
import { format, type Rule } from '../src/finding.ts'
import { LAYERS } from '../src/layers.ts'
import { tableMistakes } from '../src/rules/projects.ts'
import { RULES } from '../src/rules.ts'
import { breaks } from './breaks.ts'
import { type Changes, GOOD_FILES, manifest, workspaceWith } from './good-workspace.ts'

/** The rule about imports reads real files: imports.test.ts shows it. */
const inMemory = RULES.filter(({ name }) => name !== 'imports')

function rule(name: string): Rule {
  const found = inMemory.find((each) => each.name === name)
  if (found === undefined) throw new Error(`no rule ${name}`)
  return found
}

async function report(changes: Changes): Promise<string[]> {
  const workspace = workspaceWith(changes)
  const all = await Promise.all(
    inMemory.map(async (each) => (await each.check(workspace)).map((found) => format(each.name, found))),
  )
  return all.flat()
}

describe('rules', () => {
  it('find nothing in a workspace that keeps them', async () => {
    expect(await report({})).toEqual([])
  })

  it.each(breaks)('see %s', async (_, name, changes, message) => {
    const found = await rule(name).check(workspaceWith(changes))
    expect(found.map((each) => format(name, each))).toContainEqual(expect.stringMatching(message))
  })

  it('are each shown to fail', () => {
    const shown = new Set(breaks.map(([, name]) => name))
    expect(inMemory.map(({ name }) => name).filter((name) => !shown.has(name))).toEqual([])
  })

  it('leave alone what only looks like a break', async () => {
    const changes: Changes = {
      'packages/crc/src/data-block.ts': 'export const block = 1\n',
      'packages/crc/test/golden/v1/table.json': '{}',
      'packages/crc/test/sub/other.test.ts': '// skips three records, then one\n',
      'packages/crc/src/long.ts': 'export {}\n'.repeat(400),
      'docs/a.md':
        '# A\n\n`[no](link.md)` [site](/glossary) [out](https://example.com/x.md) docs/work/x\n\n```md\n[no](link.md)\n```\n',
      'pnpm-lock.yaml': "a:\n  deprecated: see https://example.com\n  '@lsm/sstable-registry':\n",
      '.changeset/crc.md': undefined,
      'packages/crc/CHANGELOG.md': '# @lsm/crc\n\n## 0.1.0\n\nFirst release.\n',
    }
    expect(await report(changes)).toEqual([])
  })

  it('let an entry have a source of its own for browsers', async () => {
    const built = { types: './dist/a.d.ts', browser: './dist/b.js', default: './dist/a.js' }
    const source = { browser: './src/b.ts', default: './src/a.ts' }
    const { exports: entries, publishConfig } = JSON.parse(manifest('crc'))
    const withEntry = (conditions: object): Changes => ({
      'packages/crc/src/a.ts': 'export const a = 1\n',
      'packages/crc/src/b.ts': 'export const a = 2\n',
      'packages/crc/package.json': manifest('crc', {
        exports: { ...entries, './a': { '@lsm/source': source, ...conditions } },
        publishConfig: { ...publishConfig, exports: { ...publishConfig.exports, './a': conditions } },
      }),
    })
    expect(await report(withEntry(built))).toEqual([])
    expect(await report(withEntry({ ...built, browser: './dist/a.js' }))).toHaveLength(1)
    expect(
      await report(withEntry({ types: built.types, default: built.default, browser: built.browser })),
    ).toHaveLength(1)
    expect(await report({ ...withEntry(built), 'packages/crc/src/b.ts': undefined })).toHaveLength(1)
  })

  it('ask less of a private package', async () => {
    const changes: Changes = {
      'packages/crc/package.json': manifest('crc', { private: true }),
      'packages/crc/README.md': '# Not ready\n',
      'packages/crc/CHANGELOG.md': undefined,
      'packages/crc/bench/thing.bench.ts': undefined,
      'packages/crc/test/thing.property.test.ts': undefined,
      '.changeset/crc.md': undefined,
    }
    expect(await report(changes)).toEqual([])
    expect(await report({ ...changes, 'packages/crc/test/thing.test.ts': undefined })).toHaveLength(1)
  })

  it('name the file that is not JSON', () => {
    expect(() => workspaceWith({ 'packages/crc/package.json': '{' })).toThrow(
      /packages\/crc\/package\.json is not JSON/,
    )
  })
})

describe('the layer table', () => {
  it('goes down only', () => {
    expect(tableMistakes(LAYERS)).toEqual([])
  })

  it('is refused when it goes up, sideways, nowhere, or says a name twice', () => {
    const row = { external: [], platform: 'any' } as const
    const rows = [
      { ...row, name: 'a', layer: 0, uses: ['b', 'c'] },
      { ...row, name: 'b', layer: 0, uses: [] },
      { ...row, name: 'b', layer: 1, uses: ['a', 'd'] },
    ]
    const messages = tableMistakes(rows).map(({ message }) => message)
    expect(messages).toEqual([
      '"a" of layer 0 uses "b", which is not below it',
      '"a" of layer 0 uses "c", which is not below it',
      '"b" stands twice in the table',
      '"b" of layer 1 uses "d", which is not below it',
    ])
  })
})

it('the good files themselves are what the rules see', () => {
  expect(workspaceWith().files).toHaveLength(Object.keys(GOOD_FILES).length)
  expect(workspaceWith().projects.map(({ folder }) => folder)).toEqual([
    'packages/crc',
    'packages/encoding',
    'tools/fuzz',
  ])
})
