/** The open tables of a store: opened once, counted by the registry, and removed from the disk when nobody reads them. */
import type { BlockCache } from '@lsm/block-cache'
import { type TableBlock, TableReader } from '@lsm/sstable'
import { SSTableRegistry } from '@lsm/sstable-registry'
import type { Storage } from '@lsm/storage'
import { bloomPolicy } from './bloom-policy.ts'
import type { Logger } from './components.ts'
import { fromHex, tableFileName } from './files.ts'
import { LiveVersion } from './live-version.ts'
import type { TableEntry } from './manifest.ts'
import { PooledStorage } from './pooled-storage.ts'
import type { Version } from './version.ts'

/** Its rate is for writing: filters of any rate are read. */
const readPolicies = [bloomPolicy(0.01)]

export interface TableStoreOptions {
  readonly storage: Storage
  /** Descriptors that tables may hold; `undefined` for one each. */
  readonly maxOpenFiles: number | undefined
  readonly storeId: Uint8Array
  readonly cache: BlockCache<TableBlock>
  readonly logger: Logger
}

export class TableStore {
  readonly #storage: Storage
  readonly #storeId: Uint8Array
  readonly #cache: BlockCache<TableBlock>
  readonly #logger: Logger
  readonly #registry = new SSTableRegistry<TableReader>()
  /** Removals under way, so that closing can wait for them. */
  readonly #removals = new Set<Promise<void>>()

  constructor({ storage, maxOpenFiles, storeId, cache, logger }: TableStoreOptions) {
    this.#storage = maxOpenFiles === undefined ? storage : new PooledStorage(storage, maxOpenFiles)
    this.#storeId = storeId
    this.#cache = cache
    this.#logger = logger
  }

  /** Tables that are open. */
  get openCount(): number {
    return this.#registry.size
  }

  /** Opens a table and checks that it is the one that the manifest names. */
  async open({ id, sizeBytes, tailChecksum }: TableEntry): Promise<void> {
    const reader = await TableReader.open(this.#storage, {
      id: fromHex(id),
      storeId: this.#storeId,
      sizeBytes,
      tailChecksum,
      cache: this.#cache,
      filterPolicies: readPolicies,
    })
    this.#registry.register(id, reader)
  }

  /** Returns a version with all of its tables, which were opened before, held open. */
  acquire(version: Version): LiveVersion {
    return new LiveVersion(
      version,
      version.tables.map(({ id }) => this.#registry.openReader(id)),
    )
  }

  /** Removes a table's file as soon as the last version that holds it is let go. */
  retire(id: string): void {
    const removal = this.#registry
      .markForDeletion(id)
      .then(() => {
        // Nobody asks for these blocks again; live ones get their room.
        this.#cache.invalidate(id)
        return this.#storage.remove(tableFileName(id))
      })
      // The next opening removes what no manifest names.
      .catch((error: unknown) => this.#logger.warn(`table ${id} could not be removed: ${String(error)}`))
      .finally(() => this.#removals.delete(removal))
    this.#removals.add(removal)
  }

  /** Closes all tables, those in use as they are released, and waits for removals. */
  async close(): Promise<void> {
    await this.#registry.closeAll()
    await Promise.all(this.#removals)
  }
}
