/**
 * T6: a real process on real files is killed at a random moment, also while it recovers, again and again on one store.
 * Everything that it acknowledged, under 'sync' or 'os', is there, with every batch whole and no gap.
 *
 * KILLS=300 kills more often; KILL_SEED=n chooses other moments.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { IS_QUICK } from '@lsm/fuzz'
import { build } from 'esbuild'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Engine } from '../src/index.ts'
import { SimRandom } from './crash-sim.ts'
import { applyWrite, WINDOW } from './kill-writes.ts'

const { KILLS: kills = IS_QUICK ? '15' : '50', KILL_SEED = '1' } = process.env
const KILLS = Number(kills)
const SEED = Number(KILL_SEED)
const directory = mkdtempSync(join(tmpdir(), 'lsm-kill-'))
const script = join(directory, 'kill-child.mjs')
let child: ChildProcess | undefined

beforeAll(async () => {
  const entry = fileURLToPath(new URL('./kill-child.ts', import.meta.url))
  // A CommonJS dependency that asks for a built-in module.
  const banner = { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" }
  await build({
    entryPoints: [entry],
    outfile: script,
    banner,
    bundle: true,
    platform: 'node',
    format: 'esm',
    conditions: ['@lsm/source'],
    logLevel: 'error',
  })
})

afterAll(() => {
  child?.kill('SIGKILL')
  rmSync(directory, { recursive: true, force: true })
})

interface Said {
  readonly acknowledged: number
  readonly hadOpened: boolean
  readonly stderr: string
}

/** Runs the child and kills it `afterMs` after it began to open the store. */
function runAndKill(path: string, durability: string, afterMs: number): Promise<Said> {
  return new Promise((resolve, reject) => {
    const running = spawn(process.execPath, [script, path, durability], { stdio: ['ignore', 'pipe', 'pipe'] })
    child = running
    let said = ''
    let stderr = ''
    let timer: NodeJS.Timeout | undefined
    running.stdout.on('data', (chunk: Buffer) => {
      said += chunk.toString()
      timer ??= setTimeout(() => running.kill('SIGKILL'), afterMs)
    })
    running.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString()
    })
    running.on('error', reject)
    running.on('close', (_code, signal) => {
      clearTimeout(timer)
      if (signal !== 'SIGKILL') {
        reject(new Error(`the child ended by itself: ${stderr}`))
        return
      }
      // A last line without its end was not written whole.
      const lines = said.split('\n').slice(0, -1)
      const numbers = lines.map(Number).filter((n) => n > 0)
      const hadOpened = lines.some((line) => line.startsWith('open '))
      resolve({ acknowledged: Math.max(0, ...numbers), hadOpened, stderr })
    })
  })
}

test(`${KILLS} kills lose nothing that was acknowledged`, { timeout: 60_000 + KILLS * 3000 }, async () => {
  const random = new SimRandom(SEED)
  let path = join(directory, 'store-0')
  let state = new Map<string, string>()
  let count = 0
  let total = 0
  let inRecovery = 0
  for (let kill = 1; kill <= KILLS; kill++) {
    if (kill % 25 === 0) {
      total += count
      path = join(directory, `store-${kill}`)
      state = new Map()
      count = 0
    }
    // One in three while it opens the store.
    const afterMs = random.chance(0.33) ? random.below(25) : 20 + random.below(150)
    const durability = random.pick(['sync', 'os', 'both'])
    const { acknowledged, hadOpened } = await runAndKill(path, durability, afterMs)
    if (!hadOpened) inRecovery++
    const what = `kill ${kill} of KILL_SEED=${SEED}, ${durability}, after ${afterMs} ms`
    const engine = await Engine.open(path)
    try {
      const found = new Map<string, string>()
      const decoder = new TextDecoder()
      for await (const [key, value] of engine.scan()) found.set(decoder.decode(key), decoder.decode(value))
      const last = Number(found.get('~count') ?? 0)
      expect(last, `${what}: the last write`).toBeGreaterThanOrEqual(Math.max(count, acknowledged))
      expect(last, `${what}: the last write`).toBeLessThanOrEqual(Math.max(count, acknowledged) + WINDOW)
      while (count < last) applyWrite(state, ++count)
      expect([...found].sort(), `${what}: the contents`).toEqual([...state].sort())
      if (kill % 5 === 0) await engine.verify()
    } finally {
      await engine.close()
    }
  }
  total += count
  console.log(`kills: ${KILLS}, ${inRecovery} of them before the store was open, ${total} writes checked`)
  expect(total).toBeGreaterThan(KILLS)
  // One in three is meant to come so early; of a few, none may.
  if (KILLS >= 50) expect(inRecovery).toBeGreaterThan(0)
})
