import { once } from 'node:events'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { build } from 'esbuild'
import { expect, test } from 'vitest'
import { NodeStorage } from '../src/node/index.ts'
import { temporaryDirectory } from './temporary.ts'

test('a worker opens its own handles from plain data, under the lock of the main thread', async () => {
  const path = await temporaryDirectory()
  const entry = join(path, 'worker-entry.mjs')
  await build({
    entryPoints: [join(import.meta.dirname, 'worker-entry.ts')],
    outfile: entry,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    logLevel: 'error',
  })
  const storage = await NodeStorage.open(join(path, 'store'))
  await storage.lock()
  await storage.publish('input', new Uint8Array([1, 2, 3]))
  const worker = new Worker(entry, { workerData: storage.describe() })
  const [[message]] = await Promise.all([once(worker, 'message'), once(worker, 'exit')])
  expect(message).toBe('STORAGE_LOCKED')
  expect(await storage.list()).toEqual(['input', 'output'])
  const output = storage.openSync('output')
  const bytes = new Uint8Array(3)
  output.readSync(bytes, 0)
  expect([...bytes]).toEqual([2, 4, 6])
  await storage.close()
})
