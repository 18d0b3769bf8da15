/**
 * Opening a store: which state it is in, what its log still holds, and what must be durable before the first new write.
 * Recovering twice, or dying half-way and recovering again, gives the same store.
 */
import type { Storage } from '@lsm/storage'
import {
  BatchCursor,
  createSegment,
  readSegment,
  readWal,
  SEGMENT_HEADER_SIZE,
  segmentFileName,
  type WalReport,
  WalWriter,
} from '@lsm/wal'
import type { RecoveryMode } from './api.ts'
import { checkCompression } from './codec.ts'
import type { ResolvedComponents } from './components.ts'
import { corruption, LsmError } from './errors.ts'
import { parseFileName } from './files.ts'
import type { ManifestState, SegmentEntry } from './manifest.ts'
import { ManifestLog, type ManifestPosition, NO_STORE, readNewestManifest } from './manifest-log.ts'
import {
  decodeKeyspaceOptions,
  encodeKeyspaceOptions,
  type ResolvedOptions,
  resolveKeyspaceOptions,
} from './options.ts'
import { isNoSpace } from './translate.ts'

export interface OpenStoreOptions
  extends Pick<ResolvedOptions, 'createIfMissing' | 'errorIfExists' | 'readOnly' | 'keyspaceDefaults'> {}

/** The default keyspace is there from the first manifest on. */
export const DEFAULT_KEYSPACE_ID = 0

/**
 * Finds the store in `storage`, or makes a new one whose first manifest is published here. For writing, an existing
 * store gets its next epoch here, before anything of it is replayed.
 */
export async function openManifests(
  storage: Storage,
  options: OpenStoreOptions,
  { random }: ResolvedComponents,
): Promise<ManifestLog> {
  const found = await readNewestManifest(storage)
  await checkPlace(storage, found, options)
  if (found !== NO_STORE) {
    const log = new ManifestLog(storage, found)
    if (!options.readOnly) await log.publish(found.state, { nextEpoch: true })
    return log
  }
  const log = ManifestLog.forNewStore(storage, random.bytes(16))
  const keyspaceOptions = encodeKeyspaceOptions(options.keyspaceDefaults)
  const keyspace = { id: DEFAULT_KEYSPACE_ID, name: '', flushedThroughSeq: 0, options: keyspaceOptions }
  try {
    await log.publish({ ...log.state, keyspaces: new Map([[keyspace.id, keyspace]]) }, { nextEpoch: true })
  } catch (error) {
    if (!isNoSpace(error)) throw error
    throw new LsmError('LSM_NO_SPACE', `the disk is full: no store was made in ${storage.location}`, { cause: error })
  }
  return log
}

/** Throws unless what was found, or that nothing was, is what the options ask for. */
async function checkPlace(
  storage: Storage,
  found: ManifestPosition | typeof NO_STORE,
  { createIfMissing, errorIfExists, readOnly, keyspaceDefaults }: OpenStoreOptions,
): Promise<void> {
  if (found !== NO_STORE) {
    if (errorIfExists)
      throw new LsmError('LSM_EXISTS', `${storage.location} holds a store already, and errorIfExists is set`)
    if (!readOnly) await checkCanBeWritten(storage, found, keyspaceDefaults)
    return
  }
  const others = [...(await storage.list()), ...(await storage.foreignNames())]
  if (others.length > 0) {
    const more = others.length > 1 ? ` and ${others.length - 1} more` : ''
    const message = `${storage.location} is no store: it holds ${others[0]}${more}. A store wants a directory of its own`
    throw new LsmError('LSM_NOT_A_STORE', message)
  }
  if (readOnly || !createIfMissing) {
    const hint = readOnly ? 'open it for writing to create one' : 'set createIfMissing to create one'
    throw new LsmError('LSM_NOT_FOUND', `${storage.location} holds no store; ${hint}`)
  }
  checkCompression(keyspaceDefaults.compression, true)
}

/** Throws for a store that this release or this runtime cannot go on with: once it has an epoch more, it is changed. */
async function checkCanBeWritten(
  storage: Storage,
  { state, storeId }: ManifestPosition,
  keyspaceDefaults: OpenStoreOptions['keyspaceDefaults'],
): Promise<void> {
  for (const { options } of state.keyspaces.values()) {
    checkCompression(resolveKeyspaceOptions(decodeKeyspaceOptions(options), keyspaceDefaults).compression, false)
  }
  for (const { number, id } of state.segments.values()) {
    // Of no more than the header. Damage is for the recovery mode to judge.
    const header = { number, id, storeId, sealedLength: SEGMENT_HEADER_SIZE }
    await readSegment(storage, header, () => {}).catch((error: { readonly code?: unknown }) => {
      if (error.code === 'WAL_UNSUPPORTED_FORMAT') throw error
    })
  }
}

/**
 * Refuses what needs no lock to be refused, and so changes nothing: whoever takes the lock writes to its file. Damage is
 * left to be found under the lock: beside a writer at work a whole store can look damaged.
 */
export async function refuseEarly(storage: Storage, options: OpenStoreOptions): Promise<void> {
  try {
    await checkPlace(storage, await readNewestManifest(storage), options)
  } catch (error) {
    if (!(error instanceof LsmError && error.code === 'LSM_CORRUPTION')) throw error
  }
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
 * new write. Returns the log's writer.
 *
 * What nobody knows to be durable is copied into the new segment. It may be in the system's memory only, and after a
 * failed sync the system takes it for written: bytes that are written again are sure to be synced. Not over themselves:
 * a power cut would tear bytes that were durable after all.
 */
export async function adoptLog(
  storage: Storage,
  manifests: ManifestLog,
  report: WalReport,
  { lastSeq, isNeeded, components }: AdoptOptions,
): Promise<WalWriter> {
  const { state, position } = manifests
  const { random, scheduler } = components
  const segments = new Map<number, SegmentEntry>()
  let tail: Tail | undefined
  for (const { file, frames, validLength, syncedMark } of report.segments) {
    const parsed = parseFileName(file)
    const entry = parsed?.type === 'segment' ? state.segments.get(parsed.number) : undefined
    if (entry === undefined || frames === 0 || !isNeeded) continue
    await syncFile(storage, file)
    const isSealed = entry.sealedLength !== undefined
    const sealedLength = isSealed ? validLength : Math.min(validLength, Math.max(syncedMark, SEGMENT_HEADER_SIZE))
    if (sealedLength < validLength) tail = { entry, from: sealedLength, to: validLength }
    if (sealedLength <= SEGMENT_HEADER_SIZE) continue
    segments.set(entry.number, entry.sealedLength === sealedLength ? entry : { ...entry, sealedLength })
  }
  await storage.syncDirectory()
  const number = await nextFreeNumber(storage, state)
  const identity = { number, id: random.bytes(16), storeId: position.storeId }
  const segment = await createSegment(storage, identity)
  let wal: WalWriter | undefined
  try {
    const createWriter = (nextSeq: number): WalWriter => {
      wal = new WalWriter(segment, { supportsSync: storage.supportsSync, nextSeq, scheduler })
      return wal
    }
    if (tail) await copyTail(storage, tail, position.storeId, createWriter)
    wal ??= createWriter(lastSeq + 1)
    segments.set(number, { number, id: identity.id, sealedLength: undefined })
    await manifests.publish({ ...state, segments, lastSeq, nextSegmentNumber: number + 1 })
    return wal
  } catch (error) {
    await (wal ?? segment.file).close().catch(() => {})
    throw error
  }
}

export interface AdoptOptions {
  readonly lastSeq: number
  /** Whether the log holds anything that is in no table. */
  readonly isNeeded: boolean
  readonly components: ResolvedComponents
}

/** The frames of the log that may not be durable: `[from, to)` of its last segment. */
interface Tail {
  readonly entry: SegmentEntry
  readonly from: number
  readonly to: number
}

async function syncFile(storage: Storage, name: string): Promise<void> {
  const handle = await storage.open(name, { mode: 'write' })
  try {
    await handle.datasync()
  } finally {
    await handle.close()
  }
}

/** Writes the batches of the tail once more, under their own sequence numbers, and makes them durable. */
async function copyTail(
  storage: Storage,
  { entry: { number, id }, from, to }: Tail,
  storeId: Uint8Array,
  createWriter: (nextSeq: number) => WalWriter,
): Promise<void> {
  const cursor = new BatchCursor()
  let wal: WalWriter | undefined
  let failure: Error | undefined
  const failed = (error: Error): void => {
    failure ??= error
  }
  const report = await readSegment(storage, { number, id, storeId, sealedLength: to }, (frame, start, end, offset) => {
    if (offset < from || failure) return
    cursor.reset(frame, start, end)
    wal ??= createWriter(cursor.firstSeq)
    const { batch } = wal
    batch.begin(cursor.timestampMs)
    while (cursor.next()) {
      const { kind, keyspaceId, bytes, keyStart, keyEnd, valueStart, valueEnd } = cursor
      batch.add(kind, keyspaceId, bytes.subarray(keyStart, keyEnd), bytes.subarray(valueStart, valueEnd))
    }
    wal.submit('os', { committed: () => {}, failed })
  })
  // It was whole a moment ago.
  if (report.end !== 'whole') throw corruption(`${report.file}: ${report.reason}`, { file: report.file })
  await wal?.sync()
  if (failure) throw failure
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
