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
import { PooledStorage } from './pooled-storage.ts'
import { type JobMessage, toPlainError, type WorkerMessage, withOwnBytes } from './worker-messages.ts'

/** Its rate is for writing: filters of any rate are read, if any are read here at all. */
const filterPolicies = [bloomPolicy(0.01)]

/** Runs a job; its answer is given when every handle is closed, since the inputs' files may go from then on. */
async function runJob(storage: Storage, plan: CompactionPlan, post: (message: WorkerMessage) => void): Promise<void> {
  const readers = new Map<string, TableReader>()
  const { storeId } = plan.format
  let answer: WorkerMessage
  try {
    for (const { id, sizeBytes, tailChecksum } of plan.runs.flat()) {
      const options = { id: fromHex(id), storeId, sizeBytes, tailChecksum, filterPolicies }
      readers.set(id, await TableReader.open(storage, options))
    }
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
    answer = { type: 'done', tables: tables.map(withOwnBytes) }
  } catch (error) {
    answer = { type: 'failed', error: toPlainError(error) }
  }
  for (const reader of readers.values()) await reader.close()
  post(answer)
}

function serve(port: MessagePort): void {
  let storage: Promise<Storage> | undefined
  let last: Promise<void> = Promise.resolve()
  const post = (message: WorkerMessage): void => port.postMessage(message)
  port.on('message', ({ storage: descriptor, maxOpenFiles, plan }: JobMessage) => {
    // What fails outside of the job, such as opening the directory, ends this thread: the main thread then does the job.
    last = last.then(async () => {
      storage ??= import('@lsm/storage/node').then(({ NodeStorage }) => NodeStorage.attach(descriptor))
      await runJob(new PooledStorage(await storage, maxOpenFiles), plan, post)
    })
  })
  post({ type: 'started' })
}

const port = globalThis.process?.getBuiltinModule?.('node:worker_threads')?.parentPort
if (port) serve(port)
