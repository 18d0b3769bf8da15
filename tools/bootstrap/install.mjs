/**
 * Installs the workspace with the pinned pnpm, on a machine that has only Node.js and npm. No dependency, because
 * it runs before there are any. A stamp in node_modules makes the second call cost nothing.
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export const top = join(import.meta.dirname, '..', '..')

const stampFile = join(top, 'node_modules', '.lsm-installed')

/** The environment without npm's own settings, some of which pnpm refuses. */
export function cleanEnvironment() {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.toLowerCase().startsWith('npm_')))
}

/** The command line that runs the pinned pnpm with `args`, or any program with that pnpm on its PATH. */
export function pnpmCommand(args, { program = 'pnpm' } = {}) {
  const { packageManager } = JSON.parse(readFileSync(join(top, 'package.json'), 'utf8'))
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm'
  return [npm, 'exec', '--yes', `--package=${packageManager}`, '--', program, ...args]
}

/** Runs a command in the workspace's top folder and returns its exit code. */
export function run([program, ...args], { env = cleanEnvironment(), stdio = 'inherit' } = {}) {
  const windows = process.platform === 'win32'
  const result = spawnSync(program, args, { cwd: top, stdio, env, shell: windows && program.endsWith('.cmd') })
  if (result.error) throw result.error
  return result.status ?? 1
}

function wantedStamp() {
  const hash = createHash('sha256')
  for (const file of ['pnpm-lock.yaml', 'pnpm-workspace.yaml', 'package.json'])
    hash.update(readFileSync(join(top, file)))
  return hash.update(`${process.version} ${process.platform} ${process.arch}`).digest('hex')
}

/** Installs unless what is installed is what the lockfile asks for. Throws with pnpm's exit code when it fails. */
export function ensureInstalled() {
  const wanted = wantedStamp()
  if (existsSync(stampFile) && readFileSync(stampFile, 'utf8') === wanted) return
  const code = run(pnpmCommand(['install', '--frozen-lockfile']))
  if (code !== 0) throw Object.assign(new Error(`pnpm install ended with exit code ${code}`), { exitCode: code })
  writeFileSync(stampFile, wanted)
}
