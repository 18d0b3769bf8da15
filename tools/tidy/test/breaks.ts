import { type Changes, manifest, readme, references } from './good-workspace.ts'

const inReadme = (from: string | RegExp, to: string): Changes => {
  const text = readme('crc')
  const changed = text.replace(from, to)
  if (changed === text) throw new Error(`the README has no ${from}`)
  return { 'packages/crc/README.md': changed }
}

const elsewhere = ['', 'work', 'main', 'x'].join('/')

/** Each row: what is broken, the rule that must see it, the change that breaks it, and what the finding says. */
export const breaks: readonly (readonly [string, string, Changes, RegExp])[] = [
  [
    'a package the table does not know',
    'projects',
    { 'packages/odd/package.json': manifest('odd') },
    /odd\/package\.json {2}"odd" has no row/,
  ],
  ['a folder without a package.json', 'projects', { 'packages/odd/README.md': '# odd\n' }, /packages\/odd {2}a folder/],
  [
    'a tag of the wrong layer',
    'projects',
    { 'packages/crc/project.json': '{ "tags": ["layer:3"] }' },
    /project\.json:1 {2}tagged layer:3, but its layer is 0/,
  ],
  ['no tag', 'projects', { 'packages/crc/project.json': '{}' }, /tagged with no layer/],
  ['two tags', 'projects', { 'packages/crc/project.json': '{ "tags": ["layer:0", "layer:1"] }' }, /layer:0, layer:1/],
  ['no project.json', 'projects', { 'packages/crc/project.json': undefined }, /missing: Nx/],
  [
    'a dependency upwards',
    'projects',
    { 'packages/crc/package.json': manifest('crc', { dependencies: { '@lsm/encoding': 'workspace:^' } }) },
    /depends on @lsm\/encoding, against/,
  ],
  [
    'a development dependency upwards',
    'projects',
    { 'packages/crc/package.json': manifest('crc', { devDependencies: { '@lsm/engine': 'workspace:^' } }) },
    /its tests depend on @lsm\/engine/,
  ],
  [
    'a pinned workspace dependency',
    'projects',
    { 'packages/encoding/package.json': manifest('encoding', { dependencies: { '@lsm/crc': '1.0.0' } }) },
    /is "1\.0\.0", not "workspace:\^"/,
  ],
  [
    'a runtime dependency off the list',
    'projects',
    { 'packages/crc/package.json': manifest('crc', { dependencies: { lodash: '4.0.0' } }) },
    /runtime dependency on lodash/,
  ],
  [
    'an optional dependency off the list',
    'projects',
    { 'packages/crc/package.json': manifest('crc', { optionalDependencies: { snappy: '1.0.0' } }) },
    /runtime dependency on snappy/,
  ],
  [
    'a missing reference',
    'projects',
    { 'packages/encoding/tsconfig.lib.json': references() },
    /no reference to packages\/crc\/tsconfig\.lib\.json/,
  ],
  [
    'a spare reference',
    'projects',
    { 'packages/crc/tsconfig.lib.json': references('../encoding/tsconfig.lib.json') },
    /tsconfig\.lib\.json:4 {2}references packages\/encoding/,
  ],
  [
    'a test without its own sources',
    'projects',
    { 'packages/crc/tsconfig.test.json': references() },
    /no reference to packages\/crc\/tsconfig\.lib\.json/,
  ],

  [
    'another name',
    'manifests',
    { 'packages/crc/package.json': manifest('crc', { name: 'crc' }) },
    /name is "crc", not "@lsm\/crc"/,
  ],
  [
    'another license',
    'manifests',
    { 'packages/crc/package.json': manifest('crc', { license: 'ISC' }) },
    /license is "ISC"/,
  ],
  [
    'CommonJS',
    'manifests',
    { 'packages/crc/package.json': manifest('crc', { type: 'commonjs' }) },
    /type is "commonjs"/,
  ],
  [
    'side effects',
    'manifests',
    { 'packages/crc/package.json': manifest('crc', { sideEffects: true }) },
    /sideEffects is true/,
  ],
  ['engines', 'manifests', { 'packages/crc/package.json': manifest('crc', { engines: { node: '*' } }) }, /engines is/],
  [
    'no repository',
    'manifests',
    { 'packages/crc/package.json': manifest('crc', { repository: undefined }) },
    /repository\.url/,
  ],
  ['no description', 'manifests', { 'packages/crc/package.json': manifest('crc', { description: '' }) }, /description/],
  ['no keywords', 'manifests', { 'packages/crc/package.json': manifest('crc', { keywords: [] }) }, /keywords/],
  [
    'no dist',
    'manifests',
    { 'packages/crc/package.json': manifest('crc', { files: ['src'] }) },
    /files does not name "dist"/,
  ],
  [
    'published tests',
    'manifests',
    { 'packages/crc/package.json': manifest('crc', { files: ['dist', 'test'] }) },
    /tests are not published/,
  ],
  [
    'an install script',
    'manifests',
    { 'packages/crc/package.json': manifest('crc', { scripts: { postinstall: 'node x.js' } }) },
    /"postinstall" script/,
  ],
  [
    'the source condition published',
    'manifests',
    {
      'packages/crc/package.json': manifest('crc').replace(
        '"publishConfig": {\n    "access": "public",\n    "provenance": true,\n    "exports": {\n      ".": {',
        '$&\n        "@lsm/source": "./src/index.ts",',
      ),
    },
    /publishConfig\.exports is not exports without/,
  ],
  [
    'an entry without a source',
    'manifests',
    { 'packages/crc/src/index.ts': undefined },
    /leads to \.\/src\/index\.ts, which is not there/,
  ],
  [
    'an entry that is built elsewhere',
    'manifests',
    { 'packages/crc/package.json': manifest('crc').replaceAll('./dist/index.js', './dist/main.js') },
    /exports\["\."\] is not .*"default":"\.\/dist\/index\.js"/,
  ],

  [
    'a tool that could be published',
    'manifests',
    { 'tools/fuzz/package.json': '{ "name": "@lsm/fuzz" }' },
    /a tool is never published/,
  ],

  ['no README', 'files', { 'packages/crc/README.md': undefined }, /packages\/crc\/README\.md {2}missing/],
  ['no license file', 'files', { 'packages/crc/LICENSE': undefined }, /packages\/crc\/LICENSE {2}missing/],
  ['no changelog', 'files', { 'packages/crc/CHANGELOG.md': undefined }, /CHANGELOG\.md {2}missing/],
  ['no test', 'files', { 'packages/crc/test/thing.test.ts': undefined }, /test\/\*\.test\.ts {2}missing/],
  ['no property', 'files', { 'packages/crc/test/thing.property.test.ts': undefined }, /property\.test\.ts {2}missing/],
  ['no benchmark', 'files', { 'packages/crc/bench/thing.bench.ts': undefined }, /bench\.ts {2}missing/],
  ['no changeset', 'files', { '.changeset/crc.md': undefined }, /no changeset in \.changeset\/ names the package/],
  [
    'a changeset that only mentions it',
    'files',
    { '.changeset/crc.md': '---\n"@lsm/encoding": minor\n---\n\nUses "@lsm/crc".\n' },
    /no changeset/,
  ],
  [
    'code in the index',
    'files',
    { 'packages/crc/src/index.ts': "export { thing } from './thing.ts'\n\nexport const more = 1\n" },
    /index\.ts:3 {2}an index only re-exports/,
  ],

  [
    'a long file',
    'file-length',
    { 'packages/crc/src/long.ts': 'export {}\n'.repeat(401) },
    /long\.ts:401 {2}401 lines/,
  ],
  ['a long file of a tool', 'file-length', { 'tools/fuzz/src/long.ts': 'export {}\n'.repeat(500) }, /500 lines/],
  ['utils', 'file-names', { 'packages/crc/src/utils.ts': '' }, /"utils" says nothing/],
  ['a helper', 'file-names', { 'packages/crc/test/test-helpers.ts': '' }, /"test-helpers" says nothing/],
  ['a manager', 'file-names', { 'tools/fuzz/src/seed-manager.ts': '' }, /"seed-manager"/],
  ['a second version', 'file-names', { 'packages/crc/src/table-v2.ts': '' }, /"table-v2": one version/],
  ['a second version, otherwise', 'file-names', { 'packages/crc/src/tableV2.test.ts': '' }, /"tableV2"/],
  ['a folder of helpers', 'file-names', { 'packages/crc/src/helpers/a.ts': '' }, /a folder called "helpers"/],

  [
    'a long README',
    'readmes',
    { 'packages/crc/README.md': `${readme('crc')}${'more\n'.repeat(100)}` },
    /more than 120/,
  ],
  ['another title', 'readmes', inReadme('# @lsm/crc', '# CRC'), /README\.md:1 {2}the first line/],
  [
    'no install command',
    'readmes',
    inReadme('npm install @lsm/crc', 'npm install @lsm/crc-other'),
    /no block says "npm install @lsm\/crc"/,
  ],
  [
    'an example before the install command',
    'readmes',
    inReadme(/(```sh[^`]*```)\n\n(```ts[^`]*```)/, '$2\n\n$1'),
    /README\.md:10 {2}the example comes before/,
  ],
  ['no sentence', 'readmes', inReadme('One sentence.\n\n', ''), /no sentence under the title/],
  ['no section on use', 'readmes', inReadme('## When to use it alone', '## Use'), /no section "When to use it alone"/],
  ['no section on the API', 'readmes', inReadme('## API', '## Calls'), /no section "API"/],
  [
    'no section on limits',
    'readmes',
    inReadme('## Guarantees and limits', '## More'),
    /no section "Guarantees and limits"/,
  ],
  ['no section on errors', 'readmes', inReadme('## Errors', '## More'), /no section "Errors"/],
  ['no section on speed', 'readmes', inReadme('## Measured', '## Fast'), /no section "Measured"/],
  ['no example', 'readmes', inReadme('```ts', '```js'), /no example/],
  [
    'a long example',
    'readmes',
    inReadme('console.log(thing)', 'console.log(thing)\n'.repeat(15)),
    /README\.md:9 {2}the example has 16 lines/,
  ],
  [
    'an example of something else',
    'readmes',
    inReadme("from '@lsm/crc'", "from '@lsm/crc-more'"),
    /does not import @lsm\/crc/,
  ],
  [
    'an example with other packages',
    'readmes',
    inReadme('console.log', "import 'chalk'\nconsole.log"),
    /imports "chalk"/,
  ],
  ['an example that is silent', 'readmes', inReadme('console.log(thing)', 'thing.toString()'), /prints nothing/],
  [
    'an example with using',
    'readmes',
    inReadme('console.log(thing)', 'using a = thing\nconsole.log(a)'),
    /says "using"/,
  ],
  ['no place for figures', 'readmes', inReadme('<!-- bench:start -->', ''), /not exactly one "<!-- bench:start -->"/],
  [
    'two places for figures',
    'readmes',
    inReadme('<!-- bench:end -->', '<!-- bench:end -->\n<!-- bench:end -->'),
    /not exactly one/,
  ],
  [
    'figures in another section',
    'readmes',
    inReadme('## Measured\n\n', '## Measured\n\n## Thanks\n\n'),
    /does not stand in the section "Measured"/,
  ],

  [
    'a dead link',
    'links',
    { 'docs/a.md': '# A\n\n[b](./b.md)\n' },
    /docs\/a\.md:3 {2}the link to "\.\/b\.md" leads nowhere/,
  ],
  ['a dead link of the site', 'links', { 'docs/a.md': '[b](/format/b)\n' }, /"\/format\/b" leads nowhere/],
  ['a dead link definition', 'links', { 'docs/a.md': '[b][1]\n\n[1]: ../b.md\n' }, /docs\/a\.md:3/],
  ['a dead anchor', 'links', { 'docs/a.md': '[b](glossary.md#no-word)\n' }, /has no such heading/],
  ['a dead link of a README', 'links', inReadme('#a-word', '#no-word'), /packages\/crc\/README\.md:16/],

  ['a path of one machine', 'leaks', { 'docs/a.md': `Run it in ${elsewhere}.\n` }, /docs\/a\.md:1 {2}the path/],
  [
    'a home folder',
    'leaks',
    { 'tools/fuzz/src/index.ts': `export const home = '/${'home'}/someone/x'\n` },
    /the path "\/home\/someone\/…"/,
  ],
  ['a root folder', 'leaks', { 'tools/fuzz/src/index.ts': `export const home = '/${'root'}/x'\n` }, /the path/],
  [
    'a temporary folder',
    'leaks',
    { 'pnpm-lock.yaml': `a: file:/${'tmp'}/bash_jobs/x\n` },
    /pnpm-lock\.yaml:1 {2}the path/,
  ],
  [
    'a registry in .npmrc',
    'leaks',
    { '.npmrc': 'registry=https://npm.example.com/\n' },
    /\.npmrc:1 {2}settles on a registry/,
  ],
  ['a registry of a scope', 'leaks', { 'packages/crc/.npmrc': '@lsm:registry=//x\n' }, /settles on a registry/],
  [
    'a registry in package.json',
    'leaks',
    { 'packages/crc/package.json': manifest('crc', { publishConfig: { registry: '//x' } }) },
    /settles on a registry/,
  ],
  [
    'an address in the lockfile',
    'leaks',
    { 'pnpm-lock.yaml': 'a:\n  resolution: {tarball: https://npm.example.com/a.tgz}\n' },
    /pnpm-lock\.yaml:2 {2}the address https:\/\/npm\.example\.com/,
  ],
  [
    'a dependency from an address',
    'leaks',
    { 'package.json': '{ "dependencies": { "a": "https://example.com/a.tgz" } }' },
    /the address https:\/\/example\.com/,
  ],

  ['a silenced error', 'marks', { 'tools/fuzz/src/a.ts': `// @ts-${'ignore'}\n` }, /a\.ts:1 {2}"@ts-[a-z]{6}"/],
  ['a cast to any', 'marks', { 'tools/fuzz/src/a.ts': `export const a = 1 as ${'any'}\n` }, /"as [a-z]{3}"/],
  ['a test alone', 'marks', { 'packages/crc/test/a.test.ts': `it.${'only'}('x', () => {})\n` }, /"it\.only"/],
  [
    'a test left out',
    'marks',
    { 'packages/crc/test/a.test.ts': `describe.${'skip'}('x', () => {})\n` },
    /"describe\.skip"/,
  ],
  ['work left over', 'marks', { 'tools/fuzz/src/a.ts': `// ${'TODO'}: more\n` }, /"TODO"/],

  [
    'a command in a workflow',
    'workflows',
    { '.github/workflows/a.yml': 'steps:\n  - run: node x.js\n' },
    /a\.yml:2 {2}"node x\.js" is not an npm script/,
  ],
  [
    'a block of commands in a workflow',
    'workflows',
    { '.github/workflows/a.yml': '  - run: |\n      npm test\n' },
    /"\|" is not an npm script/,
  ],
  [
    'a script that is not there',
    'workflows',
    { '.github/workflows/a.yml': '          publish: npm run gone\n' },
    /no script "gone"/,
  ],
  ['a command in .ci/run', 'workflows', { '.ci/run': '#!/bin/sh\nset -e\nnpm test\nmake\n' }, /\.ci\/run:4 {2}"make"/],
]
