import { describe, expect, it } from 'vitest'
import { CHECKS, inParallel } from '../src/verify.ts'
import { type Changes, manifest, README, verdictOn } from './good-package.ts'

const inExample = (code: string): Changes => ({ 'README.md': README(`import { double } from '@lsm/crc'\n${code}`) })

/** Each row: what is broken, the check that must see it, the change that breaks it, and what the problem says. */
const breaks: readonly (readonly [string, string, Changes, RegExp])[] = [
  ['a missing license', 'contents', { LICENSE: undefined }, /no LICENSE/],
  ['a published test', 'contents', { 'test/crc.test.ts': '' }, /test\/crc\.test\.ts, which no user needs/],
  ['an unusable repository', 'publint', { 'package.json': manifest({ repository: 'nowhere' }) }, /repository/],
  [
    'types in the wrong place',
    'publint',
    { 'package.json': manifest({ exports: { '.': { default: './dist/index.js', types: './dist/index.d.ts' } } }) },
    /types/,
  ],
  [
    'an entry without types',
    'attw',
    { 'dist/index.d.ts': undefined, 'package.json': manifest({ exports: './dist/index.js' }) },
    /attw ended with exit code 1/,
  ],
  [
    'a dependency that is nowhere',
    'install',
    { 'package.json': manifest({ dependencies: { nowhere: 'file:./nowhere.tgz' } }) },
    /npm install ended with exit code/,
  ],
  [
    'an entry that throws',
    'entries',
    { 'dist/index.js': 'export const double = 1\nthrow new Error("no")\n' },
    /importing @lsm\/crc ended with exit code 1/,
  ],
  [
    'an entry that prints',
    'entries',
    { 'dist/index.js': 'export const double = (n) => 2 * n\nconsole.log("hello")\n' },
    /importing it prints: hello/,
  ],
  [
    'a second entry that is broken',
    'entries',
    {
      'dist/more.js': 'import "./gone.js"',
      'dist/more.d.ts': 'export {}',
      'package.json': manifest({
        exports: {
          '.': { types: './dist/index.d.ts', default: './dist/index.js' },
          './more': { types: './dist/more.d.ts', default: './dist/more.js' },
        },
      }),
    },
    /gone\.js/,
  ],
  [
    'weight',
    'size',
    {
      'dist/index.js': `export const double = ${JSON.stringify(Array.from({ length: 1500 }, (_, n) => (n * 2654435761) >>> 0))}\n`,
    },
    /weighs \d+ bytes, over its budget of 1500/,
  ],
  [
    'a module of Node.js',
    'browser',
    { 'dist/index.js': 'import { crc32 } from "node:zlib"\nexport const double = crc32\n' },
    /@lsm\/crc in a browser's bundle reaches node:zlib \(imported by @lsm\/crc\/dist\/index\.js\)/,
  ],
  [
    'a module of Node.js, later',
    'browser',
    { 'dist/index.js': 'export const double = (n) => 2 * n\nexport const read = () => import("fs/promises")\n' },
    /reaches fs\/promises/,
  ],
  [
    'a global of Node.js',
    'browser',
    { 'dist/index.js': 'const bytes = Buffer.from("x")\nexport const double = (n) => n * bytes.length * 2\n' },
    /does not load without Node\.js: ReferenceError: Buffer/,
  ],
  ['no example', 'example', { 'README.md': '# @lsm/crc\n' }, /no example/],
  [
    'an example that fails',
    'example',
    inExample('console.log(double(2))\nthrow new Error("not so")'),
    /example \(line 3\) ended with exit code 1/,
  ],
  ['a silent example', 'example', inExample('double(2)'), /printed nothing/],
  [
    'an example with other packages',
    'example',
    inExample("import { build } from 'esbuild'\nconsole.log(build, double)"),
    /Cannot find package 'esbuild'/,
  ],
  [
    'a command that fails',
    'commands',
    {
      'dist/main.js': '#!/usr/bin/env node\nprocess.exitCode = 3\n',
      'src/main.ts': '',
      'package.json': manifest({ bin: { crc: './dist/main.js' } }),
    },
    /crc --help ended with exit code 3/,
  ],
  ['an example of another type', 'types', inExample("console.log(double('2'))"), /example\.ts\(2,20\): error TS2345/],
  [
    'declarations that do not check',
    'types',
    { 'dist/index.d.ts': 'export declare const double: (n: number) => Gone\n' },
    /Cannot find name 'Gone'/,
  ],
]

describe('verify', () => {
  it('has nothing to say about a good package but its size', async () => {
    const verdict = await verdictOn()
    expect(verdict.problems).toEqual([])
    expect(verdict.notes).toEqual([expect.stringMatching(/^\d+ of 1500 B$/)])
  })

  it.each(breaks)('sees %s', async (_, check, changes, message) => {
    const { problems } = await verdictOn(changes, [check])
    const found = problems.filter((problem) => problem.startsWith(`[${check}] `))
    expect(found.join('\n')).toMatch(message)
  })

  it('shows every check to fail', () => {
    const shown = new Set(breaks.map(([, check]) => check))
    expect(CHECKS.filter((check) => !shown.has(check))).toEqual([])
  })

  it('stops at a package that is not built', async () => {
    expect((await verdictOn({ 'dist/index.js': undefined })).problems).toEqual([expect.stringContaining('build first')])
  })
})

describe('inParallel', () => {
  it('keeps the order and the limit', async () => {
    let running = 0
    let most = 0
    const work = async (n: number): Promise<number> => {
      running += 1
      most = Math.max(most, running)
      await new Promise((resolve) => setTimeout(resolve, 10 - n))
      running -= 1
      return n * n
    }
    expect(await inParallel([1, 2, 3, 4, 5], { limit: 2, work })).toEqual([1, 4, 9, 16, 25])
    expect(most).toBe(2)
  })
})
