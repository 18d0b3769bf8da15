/** A worker that opens for itself what the main thread described, reads one file and writes another. */
import { parentPort, workerData } from 'node:worker_threads'
import type { StorageDescriptor } from '../src/index.ts'
import { NodeStorage } from '../src/node/index.ts'

const storage = await NodeStorage.attach(workerData as StorageDescriptor)
const input = await storage.open('input', { mode: 'read' })
const bytes = new Uint8Array(await input.size())
await input.read(bytes, 0)
const output = await storage.open('output', { mode: 'create' })
output.appendSync(bytes.map((byte) => byte * 2))
await output.datasync()
const locked = await storage.lock().then(
  () => 'locked',
  (error: { code: string }) => error.code,
)
await storage.close()
parentPort?.postMessage(locked)
