/**
 * The manifests of one store: reads the newest state and publishes the next ones. Publishing is the only commit that a
 * store has; everything before it can be lost, and everything in it is there for good.
 */
import { type Storage, StorageError } from '@lsm/storage'
import { corruption, LsmError } from './errors.ts'
import { manifestFileName, parseFileName } from './files.ts'
import {
  crcOfManifest,
  decodeManifest,
  EMPTY_STATE,
  encodeManifest,
  type ManifestBase,
  type ManifestState,
} from './manifest.ts'

/** A full manifest is written again when the changes since the last one are longer than this part of it. */
const DELTA_SHARE = 0.5
/** No manifest is ever larger than this: some 10 million tables. */
const MAX_MANIFEST_BYTES = 2 ** 31

const NO_ROOM = 'the disk is full: the next manifest was not published, and the store is as it was'

/** Where a store stands. */
export interface ManifestPosition {
  readonly number: number
  readonly epoch: number
  readonly storeId: Uint8Array
  readonly state: ManifestState
  /** The last full manifest, which the next delta names. */
  readonly base: (ManifestBase & { readonly sizeBytes: number }) | undefined
}

/** What `readNewestManifest` found in a directory that holds no store. */
export const NO_STORE = 'no store'

/**
 * Returns the store's newest state, or `NO_STORE` for a directory without a single file of a store. Files of a store
 * without a manifest are refused (`LSM_CORRUPTION`): creating over them would lose them.
 */
export async function readNewestManifest(storage: Storage): Promise<ManifestPosition | typeof NO_STORE> {
  const files = (await storage.list()).map((name) => ({ name, file: parseFileName(name) }))
  const numbers = files.flatMap(({ file }) => (file?.type === 'manifest' ? [file.number] : []))
  if (numbers.length === 0) {
    const orphan = files.find(({ file }) => file !== undefined)
    if (orphan === undefined) return NO_STORE
    const message = `${storage.location}: ${orphan.name} belongs to a store whose manifest is missing; nothing was created`
    throw corruption(message, { file: orphan.name })
  }
  const number = Math.max(...numbers)
  const file = manifestFileName(number)
  const manifest = decodeManifest(await readWhole(storage, file), file)
  if (manifest.number !== number)
    throw corruption(`${file} says that it is number ${manifest.number}`, { file, offset: 16 })
  const { epoch, storeId, crc } = manifest
  if (manifest.base === undefined) {
    const state = manifest.resolve()
    const sizeBytes = await storage.size(file)
    return { number, epoch, storeId, state, base: { number, crc, state, sizeBytes } }
  }
  const baseFile = manifestFileName(manifest.base.number)
  const baseBytes = await readWhole(storage, baseFile)
  const base = decodeManifest(baseBytes, baseFile)
  const isTheOne = base.crc === manifest.base.crc && base.number === manifest.base.number && base.base === undefined
  if (!isTheOne) throw corruption(`${baseFile} is not the manifest that ${file} builds on`, { file: baseFile })
  const baseState = base.resolve()
  return {
    number,
    epoch,
    storeId,
    state: manifest.resolve(baseState),
    base: { number: base.number, crc: base.crc, state: baseState, sizeBytes: baseBytes.length },
  }
}

async function readWhole(storage: Storage, name: string): Promise<Uint8Array> {
  try {
    const file = await storage.open(name, { mode: 'read' })
    try {
      const size = await file.size()
      if (size > MAX_MANIFEST_BYTES) throw corruption(`${name} is ${size} bytes long`, { file: name })
      const bytes = new Uint8Array(size)
      const got = await file.read(bytes, 0)
      return bytes.subarray(0, got)
    } finally {
      await file.close()
    }
  } catch (error) {
    if (!(error instanceof StorageError) || error.code !== 'STORAGE_NOT_FOUND') throw error
    throw corruption(`${name} is missing`, { file: name, cause: error })
  }
}

/** Publishes manifests, one at a time. */
export class ManifestLog {
  readonly #storage: Storage
  #position: ManifestPosition
  #isFenced = false

  constructor(storage: Storage, position: ManifestPosition) {
    this.#storage = storage
    this.#position = position
  }

  /** Where a store that does not exist yet begins. */
  static forNewStore(storage: Storage, storeId: Uint8Array): ManifestLog {
    return new ManifestLog(storage, { number: 0, epoch: 0, storeId, state: EMPTY_STATE, base: undefined })
  }

  get position(): ManifestPosition {
    return this.#position
  }

  get state(): ManifestState {
    return this.#position.state
  }

  /**
   * Makes `state` the store's state. Resolves when it is durable; rejects with `LSM_FENCED` when another writer has
   * published meanwhile, and with `LSM_NO_SPACE` when it is certain that nothing was published. Not to be called again before it settles.
   */
  async publish(state: ManifestState, options: { readonly nextEpoch?: boolean } = {}): Promise<void> {
    const { number: last, storeId, base } = this.#position
    const epoch = this.#position.epoch + (options.nextEpoch ? 1 : 0)
    const number = last + 1
    const header = { number, epoch, storeId }
    const delta = base === undefined ? undefined : encodeManifest(header, state, base)
    const isDelta = delta !== undefined && base !== undefined && delta.length <= base.sizeBytes * DELTA_SHARE
    const bytes = isDelta ? delta : encodeManifest(header, state)
    const file = manifestFileName(number)
    try {
      await this.#storage.publish(file, bytes)
    } catch (error) {
      if (error instanceof StorageError && error.code === 'STORAGE_EXISTS') throw this.#fenced(file, error)
      if (await this.#isUnpublished(file, error)) throw new LsmError('LSM_NO_SPACE', NO_ROOM, { file, cause: error })
      throw error
    }
    const nextBase = isDelta ? base : { number, crc: crcOfManifest(bytes), state, sizeBytes: bytes.length }
    this.#position = { number, epoch, storeId, state, base: nextBase }
    await this.#tidy()
  }

  /** Whether the disk was full before the name was there: only this process publishes, so it will not come later. */
  async #isUnpublished(file: string, error: unknown): Promise<boolean> {
    if (!(error instanceof StorageError) || error.code !== 'STORAGE_NO_SPACE') return false
    return await this.#storage.list().then(
      (names) => !names.includes(file),
      () => false,
    )
  }

  #fenced(file: string, cause?: unknown): LsmError {
    this.#isFenced = true
    const message = `${file} was published by another writer: this one has lost the store and writes nothing more`
    return new LsmError('LSM_FENCED', message, { file, cause })
  }

  get isFenced(): boolean {
    return this.#isFenced
  }

  /** Removes the manifests that nothing needs any more, and looks for one that another writer published. */
  async #tidy(): Promise<void> {
    const { number, base } = this.#position
    const older: string[] = []
    // All are looked at before one is removed: an older one may be the base of a manifest that another published.
    for (const name of await this.#storage.list()) {
      const file = parseFileName(name)
      if (file?.type !== 'manifest') continue
      if (file.number > number) throw this.#fenced(name)
      if (file.number !== number && file.number !== base?.number) older.push(name)
    }
    // One that stays does no harm and is tried again with the next manifest.
    for (const name of older) await this.#storage.remove(name).catch(() => {})
  }
}
