import { spawn } from 'node:child_process'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { EngineEvents, EngineOptions } from '../src/index.ts'
import { type BuiltEngine, buildWithWorker, type WorkerBuild } from './worker-build.ts'

let built: WorkerBuild
beforeAll(async () => {
  built = await buildWithWorker()
})
afterAll(() => built.remove())

const KEYS = 3000
const keyOf = (i: number): string => `key-${String(i).padStart(6, '0')}`
const options: EngineOptions = {
  durability: 'os',
  memtableSizeBytes: 64 * 1024,
  keyspaceDefaults: { tableSizeBytes: 64 * 1024, l0Compact: 1000, l0Slow: 1000, l0Stop: 1000 },
}

type OpenEngine = Awaited<ReturnType<BuiltEngine['Engine']['open']>>

/** Writes three versions of some keys, deletes others, one by one and by range; returns what must be there. */
async function fill(engine: OpenEngine): Promise<Map<string, string>> {
  const model = new Map<string, string>()
  for (let round = 0; round < 3; round++) {
    for (let i = round; i < KEYS; i += round + 1) {
      const value = `${round}-`.padEnd(60, String(i))
      model.set(keyOf(i), value)
      await engine.put(keyOf(i), value)
    }
    await engine.flush()
  }
  for (let i = 0; i < KEYS; i += 7) {
    model.delete(keyOf(i))
    await engine.delete(keyOf(i))
  }
  await engine.deleteRange({ gte: keyOf(1000), lt: keyOf(1500) })
  for (let i = 1000; i < 1500; i++) model.delete(keyOf(i))
  return model
}

async function contents(reader: Pick<OpenEngine, 'scan'>): Promise<Map<string, string>> {
  const decoder = new TextDecoder()
  const found = new Map<string, string>()
  for await (const [key, value] of reader.scan()) found.set(decoder.decode(key), decoder.decode(value))
  return found
}

const sorted = (model: Map<string, string>): [string, string][] => [...model].sort(([a], [b]) => (a < b ? -1 : 1))

interface Opened {
  readonly engine: OpenEngine
  readonly path: string
  readonly compactions: EngineEvents['compaction'][]
  readonly warnings: string[]
}

async function open(worker?: string | null, more: EngineOptions = {}, at?: string): Promise<Opened> {
  const { Engine } = await built.load(worker)
  const path = at ?? (await built.directory())
  const warnings: string[] = []
  const logger = { info: () => {}, warn: (message: string) => void warnings.push(message) }
  const engine = await Engine.open(path, { ...options, ...more }, { logger })
  const compactions: EngineEvents['compaction'][] = []
  engine.on('compaction', (event) => compactions.push(event))
  return { engine, path, compactions, warnings }
}

async function tablesIn(path: string): Promise<string[]> {
  return (await readdir(path)).filter((name) => name.endsWith('.sst'))
}

const merges = (events: readonly EngineEvents['compaction'][]): EngineEvents['compaction'][] =>
  events.filter(({ isMove }) => !isMove)

describe('a compaction in a worker', () => {
  it('gives what the main thread gives', async () => {
    const results: unknown[] = []
    for (const compactionWorkers of [1, 0]) {
      const { engine, path, compactions, warnings } = await open(undefined, { compactionWorkers })
      const model = await fill(engine)
      const snapshot = engine.snapshot()
      await engine.put(keyOf(1), 'newer')
      await engine.compact()
      expect(await contents(snapshot)).toEqual(new Map(sorted(model)))
      snapshot.close()
      expect(await contents(engine)).toEqual(new Map(sorted(model.set(keyOf(1), 'newer'))))
      expect(merges(compactions).length).toBeGreaterThan(0)
      expect(merges(compactions).map(({ inWorker }) => inWorker)).toEqual(
        merges(compactions).map(() => compactionWorkers === 1),
      )
      const { tables, records } = await engine.verify()
      expect(tables).toBeGreaterThan(1)
      expect(await tablesIn(path)).toHaveLength(tables)
      results.push({ tables, records, levels: engine.stats().levels })
      await engine.close()
      expect(warnings).toEqual([])
    }
    expect(results[0]).toEqual(results[1])
  })

  it('stays on the main thread for a storage that no other thread can open', async () => {
    const { Engine } = await built.load()
    const { MemoryStorage } = await import('@lsm/storage')
    const engine = await Engine.open('memory', options, { storage: new MemoryStorage() })
    const events: EngineEvents['compaction'][] = []
    engine.on('compaction', (event) => events.push(event))
    const model = await fill(engine)
    await engine.compact()
    expect(merges(events).some(({ inWorker }) => inWorker)).toBe(false)
    expect(await contents(engine)).toEqual(new Map(sorted(model)))
    await engine.close()
  })

  it('keeps the code and the place of an error', async () => {
    const first = await open()
    await fill(first.engine)
    await first.engine.flush()
    await first.engine.close()
    const names = await tablesIn(first.path)
    for (const name of names) {
      // The first byte of the first data block: opening a table does not read it.
      const bytes = await readFile(join(first.path, name))
      bytes[0]! ^= 0xff
      await writeFile(join(first.path, name), bytes)
    }
    const { engine, warnings } = await open(undefined, {}, first.path)
    const failed = await engine.compact().then(
      () => undefined,
      (error: unknown) => error as { code: string; file: string; offset: number },
    )
    expect(failed).toMatchObject({ name: 'LsmError', code: 'LSM_CORRUPTION', offset: 0 })
    expect(names).toContain(failed?.file)
    expect(warnings).toEqual([])
    expect(await tablesIn(first.path)).toEqual(names)
    await engine.close()
  })
})

/** The true worker, which also runs `code` when it has begun its first table. */
const atFirstTable = (code: string): string => `
import { parentPort } from 'node:worker_threads'
const post = parentPort.postMessage.bind(parentPort)
parentPort.postMessage = (message) => {
  post(message)
  if (message.type === 'table') setTimeout(() => { ${code} }, 5)
  // Answers come late, so that what happens above happens first.
  if (message.type === 'done') throw new Error('the worker was to be gone by now')
}
const { parentPort: port } = await import('node:worker_threads')
await import('./true-worker.js')
`

describe('a worker that dies', () => {
  it.each([
    ['with an error', "throw new Error('out of luck')"],
    ['by leaving', 'process.exit(3)'],
  ])('%s: the main thread does its job, and nothing is left of it', async (_, code) => {
    const { engine, path, compactions, warnings } = await open(atFirstTable(code))
    const model = await fill(engine)
    await engine.compact()
    expect(await contents(engine)).toEqual(new Map(sorted(model)))
    expect(merges(compactions).map(({ inWorker }) => inWorker)).not.toContain(true)
    expect(warnings[0]).toMatch(/worker died/)
    const { tables } = await engine.verify()
    expect(await tablesIn(path)).toHaveLength(tables)
    await engine.close()
  })

  it('that cannot be started is not tried again', async () => {
    const { engine, compactions, warnings } = await open(null)
    const model = await fill(engine)
    await engine.compact()
    await engine.put(keyOf(1), 'again')
    await engine.compact()
    expect(await contents(engine)).toEqual(new Map(sorted(model.set(keyOf(1), 'again'))))
    expect(merges(compactions)).toHaveLength(2)
    expect(warnings).toHaveLength(1)
    await engine.close()
  })
})

describe('closing', () => {
  it('gives up the job of a worker, removes what it began, and loses nothing', async () => {
    // A worker that begins a table and never ends it.
    const { engine, path } = await open(`
      import { parentPort, workerData } from 'node:worker_threads'
      import { writeFileSync } from 'node:fs'
      parentPort.on('message', ({ storage }) => {
        const id = '00112233445566778899aabbccddeeff'
        parentPort.postMessage({ type: 'table', id })
        writeFileSync(storage.path + '/' + id + '.sst', 'half a table')
      })
      parentPort.postMessage({ type: 'started' })
    `)
    const model = await fill(engine)
    const compacting = engine.compact().then(
      () => 'done',
      (error: unknown) => (error as { code?: string }).code,
    )
    const half = '00112233445566778899aabbccddeeff.sst'
    await expect.poll(() => tablesIn(path), { timeout: 10_000 }).toContain(half)
    await engine.close()
    expect(await compacting).toBe('LSM_CLOSED')
    expect(await tablesIn(path)).not.toContain(half)
    const again = await open(undefined, {}, path)
    expect(await contents(again.engine)).toEqual(new Map(sorted(model)))
    await again.engine.close()
  })

  it('is not needed for a process to end: an idle worker does not keep it', async () => {
    const path = await built.directory()
    const script = join(path, '..', 'idle.mjs')
    await writeFile(join(path, '..', 'package.json'), '{ "type": "module" }')
    await writeFile(
      script,
      `import { Engine } from './true/index.js'
       const engine = await Engine.open(process.argv[2], { durability: 'os' })
       let inWorker = false
       engine.on('compaction', (event) => { inWorker ||= event.inWorker })
       for (let i = 0; i < 2; i++) { for (const key of ['a', 'b']) await engine.put(key, 'v' + i); await engine.flush() }
       await engine.compact()
       console.log(String(inWorker))`,
    )
    const child = spawn(process.execPath, [script, path], { stdio: ['ignore', 'pipe', 'inherit'] })
    let output = ''
    child.stdout.on('data', (chunk) => {
      output += String(chunk)
    })
    const code = await new Promise((resolve) => {
      const timer = setTimeout(() => child.kill(), 20_000)
      child.on('exit', (exit) => {
        clearTimeout(timer)
        resolve(exit)
      })
    })
    expect({ code, output }).toEqual({ code: 0, output: 'true\n' })
  })
})
