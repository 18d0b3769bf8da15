/**
 * What every script of the root package.json calls: `node tools/bootstrap/run.mjs TASK [ARGUMENT …]`.
 * Installs what is missing, then runs the task's steps in order and stops at the first that fails.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { cleanEnvironment, ensureInstalled, pnpmCommand, run, top } from './install.mjs'

const [task = '', ...rest] = process.argv.slice(2)

const bin = (name) => [process.execPath, ...binScript(name)]
const tool = (name) => [process.execPath, '--conditions=@lsm/source', '--import', 'tsx', `tools/${name}/src/main.ts`]
const nx = (...args) => [...bin('nx'), ...args]

// Built, since a worker thread cannot start from TypeScript.
const demo = ['demo', [process.execPath, 'tools/demo/dist/main.js', ...rest]]
// Functions, since the tools are found only once they are installed.
const build = () => ['build', nx('run-many', '-t', 'build')]
const quick = () => [
  ['build, types, lint and tests', nx('run-many', '-t', 'build', 'typecheck', 'lint', 'test')],
  ['rules of the house', tool('tidy')],
]

/** The proof of the engine, with many times the cases of the test command. Each failure says how it is replayed. */
const PROOFS = ['test/crash.test.ts', 'test/kill.test.ts', 'test/concurrent.test.ts']
const LONG_PROOF = { CRASH_SEEDS: '1-60', KILLS: '500', CONCURRENT_SEEDS: '1-3000' }

/** Each task is a list of steps: what it is called, its command line, and what it finds in its environment. */
const tasks = {
  start: () => [build(), demo],
  test: () => [
    ...quick(),
    ['packed, installed alone, run', tool('packaging')],
    demo,
    ['summary', [process.execPath, 'tools/bootstrap/summary.mjs']],
  ],
  'test:quick': () => [...quick(), ['summary', [process.execPath, 'tools/bootstrap/summary.mjs']]],
  fuzz: () => [['fuzz', [...tool('fuzz'), ...rest]]],
  bench: () => [build(), ['bench', [...tool('bench'), ...rest]]],
  nightly: () => [
    ['fuzz', [...tool('fuzz'), '--minutes', '60', ...rest]],
    ['crashes, kills, clients', [...bin('vitest'), 'run', '--root', 'packages/engine', ...PROOFS], LONG_PROOF],
  ],
  fix: () => [['biome', [...bin('biome'), 'check', '--write', '.']]],
  changeset: () => [['changeset', [...bin('changeset'), ...rest]]],
  release: () => [
    build(),
    ['publish', pnpmCommand([...binScript('changeset'), 'publish'], { program: process.execPath })],
  ],
  lsm: () => [['lsm', [process.execPath, 'packages/cli/dist/main.js', ...rest]]],
  pnpm: () => [['pnpm', pnpmCommand(rest)]],
}

/** The script behind a command of node_modules/.bin, which is a shell script on one system and another on the next. */
function binScript(name) {
  const owners = { nx: 'nx', biome: '@biomejs/biome', changeset: '@changesets/cli', vitest: 'vitest' }
  const folder = join(top, 'node_modules', owners[name])
  const { bin: entry } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  return [join(folder, typeof entry === 'string' ? entry : entry[name])]
}

function environment() {
  return {
    ...cleanEnvironment(),
    // The same tests with fewer cases in the long ones: see tools/fuzz/src/settings.ts.
    ...(task === 'test:quick' && { LSM_QUICK: '1' }),
    NX_DAEMON: 'false',
    NX_TUI: 'false',
    // Plugins in Nx's own process: a fully cached run takes one second instead of four.
    NX_ISOLATE_PLUGINS: 'false',
    NX_PARALLEL: process.env.NX_PARALLEL ?? '2',
  }
}

function main() {
  if (!Object.hasOwn(tasks, task)) {
    console.error(`unknown task "${task}": one of ${Object.keys(tasks).join(', ')}`)
    return 2
  }
  ensureInstalled()
  const steps = tasks[task]()
  for (const [name, command, own] of steps) {
    const started = Date.now()
    if (steps.length > 1) console.log(`\n▸ ${name}`)
    const code = run(command, { env: { ...environment(), ...own } })
    if (code !== 0) {
      console.error(`\n✗ ${name}: exit code ${code}`)
      return code
    }
    if (steps.length > 1) console.log(`✓ ${name} (${((Date.now() - started) / 1000).toFixed(1)} s)`)
  }
  return 0
}

try {
  process.exitCode = main()
} catch (error) {
  console.error(error.exitCode === undefined ? error : error.message)
  process.exitCode = error.exitCode ?? 1
}
