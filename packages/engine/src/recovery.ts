/**
 * Opening a store: which state it is in, what its log still holds, and what must be durable before the first new write.
 * Recovering twice, or dying half-way and recovering again, gives the same store.
 */
import type { Storage, StorageFile } from '@lsm/storage'
import { type BatchCursor, createSegment, type NewSegment, readWal, segmentFileName, type WalReport } from '@lsm/wal'
import type { RecoveryMode } from './api.ts'
import type { ResolvedComponents } from './components.ts'
import { LsmError } from './errors.ts'
import { parseFileName } from './files.ts'
import type { ManifestState, SegmentEntry } from './manifest.ts'
import { ManifestLog, NO_STORE, readNewestManifest } from './manifest-log.ts'

export interface OpenStoreOptions {
  readonly createIfMissing: boolean
  readonly errorIfExists: boolean
  readonly readOnly: boolean
}

/** The default keyspace is there from the first manifest on. */
export const DEFAULT_KEYSPACE_ID = 0

/**
 * Finds the store in `storage`, or makes a new one whose first manifest is published here. For writing, an existing
 * store gets its next epoch here, before anything of it is replayed. `keyspaceOptions` is for a new default keyspace.
 */
export async function openManifests(
  storage: Storage,
  options: OpenStoreOptions,
  { random }: ResolvedComponents,
  keyspaceOptions: string,
): Promise<ManifestLog> {
  const found = await readNewestManifest(storage)
  if (found !== NO_STORE) {
    if (options.errorIfExists) {
      throw new LsmError('LSM_EXISTS', `${storage.location} holds a store already, and errorIfExists is set`)
    }
    const log = new ManifestLog(storage, found)
    if (!options.readOnly) await log.publish(found.state, { nextEpoch: true })
    return log
  }
  const others = await storage.list()
  if (others.length > 0) {
    const message = `${storage.location} is no store: it holds ${others[0]} and ${others.length - 1} more; nothing was changed`
    throw new LsmError('LSM_NOT_A_STORE', message)
  }
  if (options.readOnly || !options.createIfMissing) {
    const hint = options.readOnly ? 'open it for writing to create one' : 'set createIfMissing to create one'
    throw new LsmError('LSM_NOT_FOUND', `${storage.location} holds no store; ${hint}`)
  }
  const log = ManifestLog.forNewStore(storage, random.bytes(16))
  const keyspace = { id: DEFAULT_KEYSPACE_ID, name: '', flushedThroughSeq: 0, options: keyspaceOptions }
  await log.publish({ ...log.state, keyspaces: new Map([[keyspace.id, keyspace]]) }, { nextEpoch: true })
  return log
}

/** Reads the log's segments and hands every batch to `onBatch`. Writes nothing. */
export async function replay(
  storage: Storage,
  { position, state }: ManifestLog,
  mode: RecoveryMode,
  onBatch: (batch: BatchCursor) => void,
): Promise<WalReport> {
  const segments = [...state.segments.values()]
    .sort((a, b) => a.number - b.number)
    .map(({ number, id, sealedLength }) => ({ number, id, sealedLength, storeId: position.storeId }))
  return readWal(storage, { segments, mode }, onBatch)
}

/**
 * Makes what was read of the log durable, fixes its length for good, and begins a new segment, all before the first
 * new write. Returns that segment.
 */
export async function adoptLog(
  storage: Storage,
  manifests: ManifestLog,
  report: WalReport,
  { lastSeq, random }: { readonly lastSeq: number; readonly random: ResolvedComponents['random'] },
): Promise<NewSegment> {
  const { state, position } = manifests
  const segments = new Map<number, SegmentEntry>()
  for (const { file, validLength, syncedMark } of report.segments) {
    const parsed = parseFileName(file)
    const entry = parsed?.type === 'segment' ? state.segments.get(parsed.number) : undefined
    if (entry === undefined) continue
    const handle = await storage.open(file, { mode: 'write' })
    try {
      // What was read may be in the system's memory and not on the disk, and after a failed sync the system takes it for
      // written: only bytes that are written again are sure to be synced.
      if (entry.sealedLength === undefined) await writeAgain(handle, syncedMark, validLength)
      await handle.datasync()
    } finally {
      await handle.close()
    }
    segments.set(entry.number, entry.sealedLength === validLength ? entry : { ...entry, sealedLength: validLength })
  }
  await storage.syncDirectory()
  const number = await nextFreeNumber(storage, state)
  const identity = { number, id: random.bytes(16), storeId: position.storeId }
  const segment = await createSegment(storage, identity)
  try {
    segments.set(number, { number, id: identity.id, sealedLength: undefined })
    await manifests.publish({ ...state, segments, lastSeq, nextSegmentNumber: number + 1 })
  } catch (error) {
    await segment.file.close().catch(() => {})
    throw error
  }
  return segment
}

const COPY_BYTES = 1024 * 1024

/** Writes the bytes from `start` to `end` over themselves. */
async function writeAgain(file: StorageFile, start: number, end: number): Promise<void> {
  const buffer = new Uint8Array(Math.min(COPY_BYTES, Math.max(0, end - start)))
  for (let at = start; at < end; ) {
    const got = await file.read(buffer.subarray(0, Math.min(buffer.length, end - at)), at)
    if (got === 0) return
    await file.write(buffer.subarray(0, got), at)
    at += got
  }
}

/** The number of the next segment: the manifest's, unless a failure left a file of that name. */
export async function nextFreeNumber(storage: Storage, { nextSegmentNumber }: ManifestState): Promise<number> {
  const names = new Set(await storage.list())
  let number = nextSegmentNumber
  while (names.has(segmentFileName(number))) number++
  return number
}

/** Removes tables and segments that no manifest names: what a crash left of a flush, a compaction or a rotation. */
export async function removeOrphans(storage: Storage, { state }: ManifestLog): Promise<void> {
  for (const name of await storage.list()) {
    const file = parseFileName(name)
    const isOrphan =
      (file?.type === 'table' && !state.tables.has(file.id)) ||
      (file?.type === 'segment' && !state.segments.has(file.number))
    // One that cannot be removed does no harm and is tried again at the next opening.
    if (isOrphan) await storage.remove(name).catch(() => {})
  }
}
