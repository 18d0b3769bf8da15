/** What the tests share: a log in a storage, and what is read back from it. */
import { RECORD_KIND } from '@lsm/encoding'
import { MemoryStorage, type Storage } from '@lsm/storage'
import {
  type BatchBuffer,
  createSegment,
  type ReadSegmentOptions,
  readWal,
  type SegmentIdentity,
  type WalRecoveryMode,
  type WalReport,
  type WalScheduler,
  WalWriter,
} from '../src/index.ts'

export const STORE_ID: Uint8Array = new Uint8Array(16).fill(0x5a)

export function identity(number: number): SegmentIdentity {
  return { number, id: Uint8Array.from({ length: 16 }, (_, i) => (number * 31 + i) & 0xff), storeId: STORE_ID }
}

/** Runs tasks by hand, in the order in which they were asked for. */
export class ManualScheduler implements WalScheduler {
  time = 0
  readonly #macrotasks: (() => void)[] = []
  readonly timers: { readonly at: number; readonly task: () => void }[] = []
  macrotaskCount = 0

  now(): number {
    return this.time
  }

  microtask(task: () => void): void {
    queueMicrotask(task)
  }

  macrotask(task: () => void): void {
    this.macrotaskCount++
    this.#macrotasks.push(task)
    setImmediate(() => this.#macrotasks.shift()?.())
  }

  delay(task: () => void, ms: number): () => void {
    const timer = { at: this.time + ms, task }
    this.timers.push(timer)
    return () => {
      const index = this.timers.indexOf(timer)
      if (index >= 0) this.timers.splice(index, 1)
    }
  }

  /** Lets `ms` pass. */
  advance(ms: number): void {
    this.time += ms
    for (const timer of this.timers.filter(({ at }) => at <= this.time)) {
      this.timers.splice(this.timers.indexOf(timer), 1)
      timer.task()
    }
  }
}

export async function openWriter(
  storage: Storage,
  { number = 1, nextSeq = 1, scheduler }: { number?: number; nextSeq?: number; scheduler?: WalScheduler } = {},
): Promise<WalWriter> {
  const segment = await createSegment(storage, identity(number))
  return new WalWriter(segment, { supportsSync: storage.supportsSync, nextSeq, ...(scheduler && { scheduler }) })
}

const encoder = new TextEncoder()

/** Fills a batch with one put for each key, the key's own text as value. */
export function puts(...keys: string[]): (batch: BatchBuffer) => void {
  return (batch) => {
    for (const key of keys) batch.add(RECORD_KIND.value, 0, encoder.encode(key), encoder.encode(key))
  }
}

/** One put whose value has `length` bytes that follow from `seed`. */
export function putOf(length: number, seed = 1): (batch: BatchBuffer) => void {
  return (batch) => batch.add(RECORD_KIND.value, 0, encoder.encode(`k${seed}`), filler(length, seed))
}

export function filler(length: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(length)
  let state = seed * 2_654_435_761 + 1
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    bytes[i] = state >>> 24
  }
  return bytes
}

export interface ReadOperation {
  readonly seq: number
  readonly kind: number
  readonly keyspaceId: number
  readonly key: string
  readonly valueLength: number
}

export async function readBack(
  storage: Storage,
  segments: readonly ReadSegmentOptions[] = [{ ...identity(1), sealedLength: undefined }],
  mode: WalRecoveryMode = 'tail',
): Promise<{ report: WalReport; operations: ReadOperation[] }> {
  const operations: ReadOperation[] = []
  const report = await readWal(storage, { segments, mode }, (batch) => {
    while (batch.next()) {
      operations.push({
        seq: batch.seq,
        kind: batch.kind,
        keyspaceId: batch.keyspaceId,
        key: new TextDecoder().decode(batch.bytes.subarray(batch.keyStart, batch.keyEnd)),
        valueLength: batch.valueEnd - batch.valueStart,
      })
    }
  })
  return { report, operations }
}

export async function fileBytes(storage: Storage, name: string): Promise<Uint8Array> {
  const file = await storage.open(name, { mode: 'read' })
  const bytes = new Uint8Array(await file.size())
  await file.read(bytes, 0)
  await file.close()
  return bytes
}

/** A memory storage with one file of these bytes. */
export async function storageWith(files: Readonly<Record<string, Uint8Array>>): Promise<Storage> {
  const storage = new MemoryStorage()
  for (const [name, bytes] of Object.entries(files)) {
    const file = await storage.open(name, { mode: 'create' })
    await file.append(bytes)
    await file.close()
  }
  return storage
}
