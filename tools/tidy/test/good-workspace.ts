import { describe, type Workspace } from '../src/workspace.ts'

/** Files by path; `undefined` takes one out of the good ones. */
export type Changes = Readonly<Record<string, string | undefined>>

const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`

export function manifest(name: string, changes: Readonly<Record<string, unknown>> = {}): string {
  const entry = { types: './dist/index.d.ts', default: './dist/index.js' }
  return json({
    name: `@lsm/${name}`,
    version: '0.0.0',
    description: 'A package that keeps every rule of the house.',
    keywords: ['one', 'two', 'three'],
    license: 'MIT',
    repository: { type: 'git', url: 'git+https://github.com/someone/something.git', directory: `packages/${name}` },
    type: 'module',
    sideEffects: false,
    engines: { node: '>=20.16' },
    files: ['dist', 'src'],
    exports: { '.': { '@lsm/source': './src/index.ts', ...entry } },
    publishConfig: { access: 'public', provenance: true, exports: { '.': entry } },
    ...changes,
  })
}

export function readme(name: string): string {
  return `# @lsm/${name}

One sentence.

\`\`\`sh
npm install @lsm/${name}
\`\`\`

\`\`\`ts
import { thing } from '@lsm/${name}'
console.log(thing)
\`\`\`

## When to use it alone

For [this](../../docs/glossary.md#a-word).

## API

## Guarantees and limits

## Errors

## Measured

<!-- bench:start -->
<!-- bench:end -->
`
}

export const references = (...paths: string[]): string => json({ references: paths.map((path) => ({ path })) })

function goodPackage(name: string, layer: number, uses: readonly string[]): Record<string, string> {
  const at = `packages/${name}`
  const lower = uses.map((use) => `../${use}/tsconfig.lib.json`)
  return {
    [`${at}/package.json`]: manifest(name, {
      dependencies: Object.fromEntries(uses.map((use) => [`@lsm/${use}`, 'workspace:^'])),
    }),
    [`${at}/project.json`]: json({ name, tags: [`layer:${layer}`, 'kind:package'] }),
    [`${at}/tsconfig.lib.json`]: references(...lower),
    [`${at}/tsconfig.test.json`]: references('./tsconfig.lib.json', '../../tools/fuzz/tsconfig.lib.json', ...lower),
    [`${at}/README.md`]: readme(name),
    [`${at}/LICENSE`]: 'MIT\n',
    [`${at}/CHANGELOG.md`]: `# @lsm/${name}\n`,
    [`${at}/src/index.ts`]: "/** What it is. */\nexport { thing, type Thing } from './thing.ts'\n",
    [`${at}/src/thing.ts`]: 'export type Thing = number\nexport const thing: Thing = 1\n',
    [`${at}/test/thing.test.ts`]: `import { thing } from '../src/index.ts'\nexport const seen: number = thing\n`,
    [`${at}/test/thing.property.test.ts`]: `import { thing } from '@lsm/${name}'\nexport const seen: number = thing\n`,
    [`${at}/bench/thing.bench.ts`]: `export const nothing = 0\n`,
    [`.changeset/${name}.md`]: `---\n"@lsm/${name}": minor\n---\n\nFirst release.\n`,
  }
}

/** Files of a small workspace that keeps every rule: two packages, of which `encoding` stands on `crc`. */
export const GOOD_FILES: Readonly<Record<string, string>> = {
  'package.json': json({
    name: 'lsm',
    private: true,
    scripts: { test: 'x', release: 'y' },
    devDependencies: { vitest: '4.1.12' },
  }),
  'pnpm-lock.yaml': "lockfileVersion: '9.0'\n",
  'tsconfig.base.json': json({ compilerOptions: { module: 'nodenext', moduleResolution: 'nodenext' } }),
  '.ci/run': '#!/usr/bin/env bash\nset -euo pipefail\ncd .\nnpm test\n',
  '.github/workflows/release.yml':
    'steps:\n  - run: npm test\n    with:\n      publish: npm run release -- --tag next\n',
  'docs/glossary.md': '# Glossary\n\n## A word\n\nSee [crc](../packages/crc/README.md) and [here](#a-word).\n',
  'tools/fuzz/package.json': json({ name: '@lsm/fuzz', private: true, exports: './src/index.ts' }),
  'tools/fuzz/tsconfig.lib.json': references(),
  'tools/fuzz/src/index.ts': 'export const fuzz = 1\n',
  ...goodPackage('crc', 0, []),
  ...goodPackage('encoding', 1, ['crc']),
  'packages/encoding/src/thing.ts':
    "import { thing as crc } from '@lsm/crc'\nexport type Thing = number\nexport const thing: Thing = crc\n",
}

export function changedFiles(changes: Changes = {}): Record<string, string> {
  const merged = Object.entries({ ...GOOD_FILES, ...changes })
  return Object.fromEntries(merged.filter((each): each is [string, string] => each[1] !== undefined))
}

/** The good workspace with some files changed, added or taken out, all in memory. */
export function workspaceWith(changes: Changes = {}): Workspace {
  const files = changedFiles(changes)
  return describe('', Object.keys(files), (path) => {
    const text = files[path]
    if (text === undefined) throw new Error(`no file ${path}`)
    return text
  })
}
