/**
 * The compaction worker: what runs in the thread that `CompactionThread` starts. It opens its own handles on the
 * store's directory, runs one job after another and publishes nothing. Loaded anywhere else it does nothing.
 */

import type { MessagePort } from 'node:worker_threads'
import { TableReader } from '@lsm/sstable'
import type { Storage } from '@lsm/storage'
import { bloomPolicy } from './bloom-policy.ts'
import { type CompactionPlan, runPlan } from './compaction-plan.ts'
import { fromHex, toHex } from './files.ts'
import type { TableEntry } from './manifest.ts'
import { type JobMessage, toPlainError, type WorkerMessage, withOwnBytes } from './worker-messages.ts'

/** Its rate is for writing: filters of any rate are read, if any are read here at all. */
const filterPolicies = [bloomPolicy(0.01)]

async function runJob(storage: Storage, plan: CompactionPlan, post: (message: WorkerMessage) => void): Promise<void> {
  const readers = new Map<string, TableReader>()
  const open = async ({ id, sizeBytes, tailChecksum }: TableEntry): Promise<void> => {
    const { storeId } = plan.format
    readers.set(
      id,
      await TableReader.open(storage, { id: fromHex(id), storeId, sizeBytes, tailChecksum, filterPolicies }),
    )
  }
  try {
    for (const entry of plan.runs.flat()) await open(entry)
    const tables = await runPlan(storage, plan, {
      readerOf: ({ id }) => readers.get(id)!,
      newTableId: () => {
        const id = crypto.getRandomValues(new Uint8Array(16))
        post({ type: 'table', id: toHex(id) })
        return id
      },
      pause: () => undefined,
      sync: storage.supportsSync,
    })
    post({ type: 'done', tables: tables.map(withOwnBytes) })
  } catch (error) {
    post({ type: 'failed', error: toPlainError(error) })
  } finally {
    for (const reader of readers.values()) await reader.close()
  }
}

function serve(port: MessagePort): void {
  let storage: Promise<Storage> | undefined
  let last: Promise<void> = Promise.resolve()
  const post = (message: WorkerMessage): void => port.postMessage(message)
  port.on('message', ({ storage: descriptor, plan }: JobMessage) => {
    // What fails outside of the job, such as opening the directory, ends this thread: the main thread then does the job.
    last = last.then(async () => {
      storage ??= import('@lsm/storage/node').then(({ NodeStorage }) => NodeStorage.attach(descriptor))
      await runJob(await storage, plan, post)
    })
  })
  post({ type: 'started' })
}

const port = globalThis.process?.getBuiltinModule?.('node:worker_threads')?.parentPort
if (port) serve(port)
