import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { BUDGETS, judgeSize } from '../src/budgets.ts'
import { judgeContents } from '../src/checks/contents.ts'
import { installAlone, neededBy } from '../src/install.ts'
import { findPackages, type Packed, tarballName } from '../src/pack.ts'
import { failure, plainEnvironment, run } from '../src/process.ts'
import { entriesOf } from '../src/subject.ts'
import { readTarball } from '../src/tarball.ts'
import { type Changes, GOOD_FILES, manifest, packedWith, temporaryFolder, top } from './good-package.ts'
import { writeTarball } from './write-tarball.ts'

describe('the size budget', () => {
  const budget = { standardBytes: 3000 }

  it('is kept at the budget and broken by one byte more', () => {
    expect(judgeSize(3000, budget, '')).toEqual([])
    expect(judgeSize(3001, budget, '')).toEqual(['weighs 3001 bytes, over its budget of 3000'])
  })

  it('is raised only with a reason in the README', () => {
    const raised = { ...budget, raisedBytes: 4500 }
    expect(judgeSize(4400, raised, 'Its budget is 4.5 kB, because it has two tables.')).toEqual([])
    expect(judgeSize(4400, raised, 'Its budget is 4 kB.')).toEqual([
      expect.stringContaining('no line of the README says why'),
    ])
    expect(judgeSize(4501, raised, 'budget 4.5 kB')).toEqual(['weighs 4501 bytes, over its budget of 4500'])
  })

  it('is there for every package', () => {
    expect(judgeSize(1, undefined, '')).toEqual([expect.stringContaining('no size budget')])
    expect(findPackages(top).filter(({ name }) => BUDGETS[name] === undefined)).toEqual([])
  })
})

describe('readTarball', () => {
  const long = `dist/${'long/'.repeat(30)}name.js`

  it('gives back every file, whatever its size and name', () => {
    const files = { 'package.json': '{}', empty: '', block: 'x'.repeat(512), more: 'ü'.repeat(700), [long]: 'far' }
    const read = readTarball(writeTarball(files))
    expect(Object.fromEntries([...read].map(([path, bytes]) => [path, new TextDecoder().decode(bytes)]))).toEqual(files)
  })

  it('refuses an archive that is cut short', () => {
    const tarball = writeTarball({ a: 'x'.repeat(5000) })
    expect(() => readTarball(tarball.subarray(0, tarball.length / 2))).toThrow(/unexpected end of file/)
  })
})

describe('judgeContents', () => {
  const judge = (changes: Changes): string[] => {
    const { files } = packedWith(changes, temporaryFolder())
    return judgeContents(files, [['', 'opt', 'checkout'].join('/')])
  }

  it('is content with a good tarball', () => {
    expect(judge({})).toEqual([])
  })

  it('asks for no changelog before the first release', () => {
    expect(judge({ 'CHANGELOG.md': undefined, 'package.json': manifest({ private: true }) })).toEqual([])
  })

  it.each(['package.json', 'README.md', 'LICENSE', 'CHANGELOG.md'])('misses %s', (path) => {
    expect(judge({ [path]: undefined })).toContain(`the tarball has no ${path}`)
  })

  it.each([
    ['tsbuildinfo', { 'dist/tsconfig.lib.tsbuildinfo': '{}' }, /tsbuildinfo, which no user needs/],
    ['a benchmark', { 'bench/crc.bench.ts': '' }, /which no user needs/],
    ['a test among the sources', { 'src/crc.test.ts': '' }, /which no user needs/],
    ['a path of the machine', { 'dist/index.d.ts': `// /${'root'}/x/y\n` }, /index\.d\.ts has "\/root\/"/],
    ['the path of the checkout', { 'dist/index.d.ts': `// /${'opt'}/checkout/packages\n` }, /has "\/opt\/checkout"/],
    ['a map to nowhere', { 'src/index.ts': undefined }, /leads to src\/index\.ts, which is not in the tarball/],
    ['what an older build left', { 'dist/old.js': '' }, /dist\/old\.js is left over/],
    [
      'a workspace range',
      { 'package.json': manifest({ dependencies: { '@lsm/rwlock': 'workspace:^' } }) },
      /"workspace:" range/,
    ],
    [
      'a folder of this machine',
      { 'package.json': manifest({ dependencies: { a: 'file:../a' } }) },
      /a folder of this machine/,
    ],
    [
      'the source condition',
      { 'package.json': manifest({ exports: { '.': { '@lsm/source': './src/index.ts' } } }) },
      /@lsm\/source/,
    ],
    [
      'an entry that is not there',
      { 'package.json': manifest({ exports: { './x': { default: './dist/x.js' } } }) },
      /exports \.\/dist\/x\.js, which is not/,
    ],
  ] as const)('sees %s', (_, changes, message) => {
    expect(judge(changes).join('\n')).toMatch(message)
  })

  it('says once what an older build left', () => {
    const map = '{"version":3,"sources":["../src/old.ts"],"mappings":""}'
    const left = { 'dist/old.js': '', 'dist/old.js.map': map, 'dist/old.d.ts': '', 'dist/old.d.ts.map': map }
    expect(judge(left)).toHaveLength(1)
  })
})

describe('installing alone', () => {
  const packed = (name: string, dependencies: readonly string[]): Packed => {
    const ranges = Object.fromEntries(dependencies.map((each) => [each, '^1.0.0']))
    return { name, packageName: `@lsm/${name}`, tarball: '', files: new Map(), manifest: { dependencies: ranges } }
  }

  it('brings what the package needs and nothing else', () => {
    const crc = packed('crc', [])
    const encoding = packed('encoding', ['@lsm/crc'])
    const index = packed('sparse-index', ['@lsm/encoding', '@lsm/crc', 'lru-cache'])
    const all = [packed('rwlock', []), index, encoding, crc]
    expect(neededBy(index, all).map(({ name }) => name)).toEqual(['encoding', 'crc'])
    expect(neededBy(crc, all)).toEqual([])
  })

  it('refuses a folder where other packages are in reach', async () => {
    const folder = temporaryFolder()
    mkdirSync(join(folder, 'node_modules'))
    const one = packedWith({}, folder)
    expect(await installAlone(one, [one], join(folder, 'inside'))).toEqual([expect.stringContaining('is not alone')])
  })
})

describe('small parts', () => {
  it('name a tarball as npm does', () => {
    expect(tarballName('@lsm/crc', '1.2.3')).toBe('lsm-crc-1.2.3.tgz')
    expect(tarballName('plain', '0.0.0')).toBe('plain-0.0.0.tgz')
  })

  it('find the entries that are code', () => {
    const exports = { '.': '', './node': '', './package.json': '', './files/*': '' }
    expect(entriesOf('@lsm/storage', { exports }).map(({ specifier }) => specifier)).toEqual([
      '@lsm/storage',
      '@lsm/storage/node',
    ])
  })

  it('leave the settings of this run behind, and keep those of the machine', () => {
    const machine = { PATH: 'p', HOME: 'h', NPM_CONFIG_REGISTRY: 'r', npm_config_cache: 'c' }
    const ofThisRun = { npm_config_dry_run: 'true', npm_package_name: 'lsm', NODE_OPTIONS: '-C x', NODE_PATH: 'n' }
    expect(plainEnvironment({ ...machine, ...ofThisRun })).toEqual(machine)
  })

  it('report how a program ended', async () => {
    const ended = await run([process.execPath, '-e', 'console.log(1); console.error(2); process.exitCode = 3'], {
      cwd: top,
    })
    expect(ended).toMatchObject({ code: 3, stdout: '1\n' })
    expect(failure('it', ended)).toMatch(/^it ended with exit code 3\n(1\n2|2\n1)$/)
    await expect(run(['no-such-program'], { cwd: top })).rejects.toThrow(/ENOENT/)
  })

  it('start from a package that is good', () => {
    expect(Object.keys(GOOD_FILES)).toContain('dist/index.js')
  })
})
