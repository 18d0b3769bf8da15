/** A real worker reads a table of this thread: the package is bundled as an application would, since Node 20 runs no TypeScript. */
import { createHash } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { build } from 'esbuild'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Memtable, type MemtableView } from '../src/index.ts'

const bytes = (string: string): Uint8Array => new TextEncoder().encode(string)

/** A digest of everything that can be read, the same code in both threads. */
function digest(view: MemtableView, hash: ReturnType<typeof createHash>): string {
  for (const cursor of [
    view.cursor({ versions: 'all' }),
    view.cursor({ visibleSeq: 5000, reverse: true }),
    view.rangeTombstones(),
  ]) {
    for (let on = cursor.next(); on; on = cursor.next()) {
      hash.update(cursor.key)
      hash.update(`${cursor.seq} ${cursor.kind} ${cursor.timestampMs} ${view.coveringSeq(cursor.key)}`)
      hash.update(cursor.value)
      const entry = view.get(cursor.key.slice(), cursor.seq)
      hash.update(`${entry?.seq} ${entry?.kind}`)
    }
  }
  return hash
    .update(`${view.byteSize} ${view.keyCount} ${view.entryCount} ${view.firstSeq} ${view.lastSeq}`)
    .digest('hex')
}

let worker: Worker

beforeAll(async () => {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('../src/index.ts', import.meta.url))],
    conditions: ['@lsm/source'],
    bundle: true,
    format: 'iife',
    globalName: 'memtable',
    platform: 'neutral',
    write: false,
  })
  const program = `${outputFiles[0]!.text}
    const { parentPort } = require('node:worker_threads')
    const { createHash } = require('node:crypto')
    const digest = ${digest.toString()}
    let view
    parentPort.on('message', (message) => {
      if (message.shared) view = memtable.openShared(message.shared)
      if (message.key) parentPort.postMessage(view.get(message.key).value[0])
      else parentPort.postMessage(digest(view, createHash('sha256')))
    })`
  worker = new Worker(program, { eval: true })
})

afterAll(async () => {
  await worker.terminate()
})

function ask(message: unknown): Promise<unknown> {
  return new Promise((resolve, reject) => {
    worker.once('message', resolve)
    worker.once('error', reject)
    worker.postMessage(message)
  })
}

function tableOf(sharedMemory: boolean): Memtable {
  const table = new Memtable({ sharedMemory })
  for (let seq = 1; seq <= 20_000; seq++) {
    const key = bytes(`key ${Math.imul(seq, 0x9e3779b1) >>> 20}`)
    if (seq % 500 === 0) table.add({ key, value: bytes(`key ${seq}`), kind: 2, seq, timestampMs: seq })
    else
      table.add({ key, value: new Uint8Array(seq % 50).fill(seq), kind: seq % 9 === 0 ? 1 : 0, seq, timestampMs: seq })
  }
  table.freeze()
  return table
}

describe('a worker', () => {
  test.each([true, false])('reads all that this thread reads (shared memory: %s)', async (sharedMemory) => {
    const table = tableOf(sharedMemory)
    expect(await ask({ shared: table.share() })).toBe(digest(table, createHash('sha256')))
    // Ordering goes on here; what the worker holds stays as it is.
    while (table.step(500));
    expect(await ask({})).toBe(digest(table, createHash('sha256')))
  })

  test('reads the very same memory, not a copy', async () => {
    const table = new Memtable()
    table.add({ key: bytes('a'), value: Uint8Array.of(1), seq: 1, timestampMs: 0 })
    table.freeze()
    const shared = table.share()
    expect(shared.chunks.every((each) => each instanceof SharedArrayBuffer)).toBe(true)
    expect(await ask({ shared, key: bytes('a') })).toBe(1)
    // What nobody should do shows best that both see one byte.
    table.get(bytes('a'))!.value[0] = 99
    expect(await ask({ key: bytes('a') })).toBe(99)
  })

  test('gets the runs of a large table as shared memory too', () => {
    const table = new Memtable()
    for (let seq = 1; seq <= 30_000; seq++) table.add({ key: bytes(String(seq)), seq, timestampMs: 0 })
    table.freeze()
    while (table.step());
    const { points } = table.share()
    const copied = points.filter((run) => !(run.nodes.buffer instanceof SharedArrayBuffer))
    expect(points.some((run) => run.nodes.length > 8000)).toBe(true)
    expect(copied.every((run) => run.nodes.length < 4096)).toBe(true)
  })
})
