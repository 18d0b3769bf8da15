/**
 * A disk in memory that knows what was synced, and can lose power.
 *
 * A crash is a copy: the disk goes on, so that a workload runs once and is cut after each of its operations. A copy
 * shares all pages; it costs the names and page references of the disk, and the bytes that were not synced.
 */
import { PagedBytes } from '../paged-bytes.ts'
import { type Volume, type VolumeFile, VolumeStorage } from '../volume-storage.ts'
import {
  apply,
  applyNames,
  type Change,
  keepPrefix,
  type LossStyle,
  loseFrom,
  loseNames,
  type NameChange,
} from './loss.ts'
import { Random } from './random.ts'

/** One change of the disk. Reads change nothing, so a crash after one is a crash before it. */
export interface DiskOperation {
  /** Counts from 1, over all files. */
  readonly index: number
  readonly kind: 'create' | 'write' | 'truncate' | 'datasync' | 'link' | 'unlink' | 'syncDirectory'
  readonly name: string
  readonly position?: number
  readonly length?: number
}

export interface CrashDiskOptions {
  /** Called when an operation has taken effect: the place to `crash()` after each. */
  readonly onOperation?: (operation: DiskOperation, disk: CrashDisk) => void
  /** Whether `trace` keeps the operations. Default true. */
  readonly keepTrace?: boolean
  /** Awaited before every asynchronous operation takes effect: the place of a test's scheduler. */
  readonly pause?: () => Promise<void>
}

export interface CrashOptions {
  /** Decides all that is left to chance. */
  readonly seed: number
  /** By default drawn from the seed. */
  readonly style?: LossStyle
}

export class CrashDisk implements Volume {
  readonly pause: (() => Promise<void>) | undefined
  readonly #options: CrashDiskOptions
  #current: Map<string, CrashFile> = new Map()
  #durable: Map<string, CrashFile> = new Map()
  #nameChanges: NameChange<CrashFile>[] = []
  #trace: DiskOperation[] = []
  #count = 0
  #holder: string | undefined

  constructor(options: CrashDiskOptions = {}) {
    this.#options = options
    this.pause = options.pause
  }

  /** A storage on this disk; each is a process that opened the directory. */
  storage(): CrashStorage {
    return new CrashStorage(this)
  }

  /** How many operations took effect. */
  get operationCount(): number {
    return this.#count
  }

  /** The operations in order. */
  get trace(): readonly DiskOperation[] {
    return this.#trace
  }

  /** Returns the disk as a machine finds it after a power cut now. This one is left as it is. */
  crash(options: CrashOptions, next: CrashDiskOptions = {}): CrashDisk {
    const random = new Random(options.seed)
    const style = options.style ?? random.pick<LossStyle>(['nothing', 'everything', 'after', 'mixed', 'mixed', 'mixed'])
    if (style === 'mixed') {
      return this.#copy(
        next,
        (file) => loseFrom(file.durable, file.changes, random),
        (durable) => loseNames(durable, this.#nameChanges, random),
      )
    }
    const last = this.#count
    const first = style === 'nothing' ? last : style === 'everything' ? -1 : this.#firstUnsynced()
    const time = style === 'after' ? first + random.below(last - first + 2) - 1 : first
    return this.#copy(
      next,
      (file) => {
        const kept = file.changes.filter((change) => change.time <= time).length
        if (style === 'everything') return file.durable.clone()
        // Only the first change behind the cut can have been on its way.
        const torn = file.changes[kept]?.time === time + 1
        return keepPrefix(file.durable, torn ? file.changes : file.changes.slice(0, kept), kept, random)
      },
      (durable) =>
        applyNames(
          new Map(durable),
          this.#nameChanges.filter((change) => change.time <= time),
        ),
    )
  }

  /**
   * Returns the disk as the next process finds it after the death of those that used it: nothing is lost, and what
   * was not synced still can be.
   */
  restart(next: CrashDiskOptions = {}): CrashDisk {
    const disk = new CrashDisk(next)
    const copies = new Map<CrashFile, CrashFile>()
    const copy = (file: CrashFile): CrashFile => {
      let other = copies.get(file)
      if (other === undefined) {
        other = file.copyTo(disk)
        copies.set(file, other)
      }
      return other
    }
    for (const [name, file] of this.#current) disk.#current.set(name, copy(file))
    for (const [name, file] of this.#durable) disk.#durable.set(name, copy(file))
    disk.#nameChanges = this.#nameChanges.map((change) => ({ ...change, file: change.file && copy(change.file) }))
    // Times go on, so that old changes stay older than new ones.
    disk.#count = this.#count
    return disk
  }

  /**
   * What a failed sync does to a file: what was not synced is dropped and will never be durable. `keepVisible`
   * decides whether reads still see it until the power goes (ext4) or it is gone at once.
   */
  dropUnsynced(name: string, keepVisible: boolean): void {
    this.#current.get(name)?.dropUnsynced(keepVisible)
  }

  has(name: string): boolean {
    return this.#current.has(name)
  }

  names(): string[] {
    return [...this.#current.keys()]
  }

  stat(name: string): number {
    return this.open(name).stat()
  }

  open(name: string): CrashFile {
    return this.#current.get(name)!
  }

  create(name: string): CrashFile {
    const file = new CrashFile(this, name, new PagedBytes(), new PagedBytes(), [])
    this.#changeName(name, file)
    this.record('create', name)
    return file
  }

  link(existing: string, name: string): void {
    this.#changeName(name, this.#current.get(existing)!)
    this.record('link', name)
  }

  unlink(name: string): void {
    this.#changeName(name, undefined)
    this.record('unlink', name)
  }

  syncDirectory(): void {
    this.#durable = new Map(this.#current)
    this.#nameChanges = []
    this.record('syncDirectory', '')
  }

  lock(holder: string): string | undefined {
    if (this.#holder !== undefined) return this.#holder
    this.#holder = holder
    return undefined
  }

  unlock(holder: string): void {
    if (this.#holder === holder) this.#holder = undefined
  }

  /** The time of the operation that is about to take effect. */
  get now(): number {
    return this.#count + 1
  }

  record(kind: DiskOperation['kind'], name: string, position?: number, length?: number): void {
    const index = ++this.#count
    if (this.#options.keepTrace === false && this.#options.onOperation === undefined) return
    const operation: DiskOperation = {
      index,
      kind,
      name,
      ...(position === undefined ? {} : { position }),
      ...(length === undefined ? {} : { length }),
    }
    if (this.#options.keepTrace !== false) this.#trace.push(operation)
    this.#options.onOperation?.(operation, this)
  }

  #changeName(name: string, file: CrashFile | undefined): void {
    if (file === undefined) this.#current.delete(name)
    else this.#current.set(name, file)
    this.#nameChanges.push({ time: this.now, name, file })
  }

  #firstUnsynced(): number {
    let first = this.#count
    for (const change of this.#nameChanges) first = Math.min(first, change.time)
    for (const file of new Set([...this.#current.values(), ...this.#durable.values()])) {
      const change = file.changes[0]
      if (change !== undefined) first = Math.min(first, change.time)
    }
    return first
  }

  #copy(
    next: CrashDiskOptions,
    contents: (file: CrashFile) => PagedBytes,
    names: (durable: ReadonlyMap<string, CrashFile>) => Map<string, CrashFile>,
  ): CrashDisk {
    const disk = new CrashDisk(next)
    const copies = new Map<CrashFile, CrashFile>()
    for (const [name, file] of names(this.#durable)) {
      let copy = copies.get(file)
      if (copy === undefined) {
        const bytes = contents(file)
        copy = new CrashFile(disk, name, bytes, bytes.clone(), [])
        copies.set(file, copy)
      }
      disk.#current.set(name, copy)
    }
    disk.#durable = new Map(disk.#current)
    return disk
  }
}

class CrashFile implements VolumeFile {
  readonly #disk: CrashDisk
  readonly #name: string
  #current: PagedBytes
  readonly durable: PagedBytes
  changes: Change[]

  constructor(disk: CrashDisk, name: string, current: PagedBytes, durable: PagedBytes, changes: Change[]) {
    this.#disk = disk
    this.#name = name
    this.#current = current
    this.durable = durable
    this.changes = changes
  }

  stat(): number {
    return this.#current.size
  }

  read(buffer: Uint8Array, offset: number, length: number, position: number): number {
    return this.#current.read(buffer, offset, length, position)
  }

  write(data: Uint8Array, position: number): number {
    this.#change({ time: this.#disk.now, kind: 'write', position, data: data.slice() })
    this.#disk.record('write', this.#name, position, data.byteLength)
    return data.byteLength
  }

  truncate(size: number): void {
    this.#change({ time: this.#disk.now, kind: 'truncate', size, before: this.#current.size })
    this.#disk.record('truncate', this.#name, size)
  }

  datasync(): void {
    for (const change of this.changes) apply(this.durable, change)
    this.changes = []
    this.#disk.record('datasync', this.#name)
  }

  close(): void {}

  dropUnsynced(keepVisible: boolean): void {
    this.changes = []
    if (!keepVisible) this.#current = this.durable.clone()
  }

  copyTo(disk: CrashDisk): CrashFile {
    return new CrashFile(disk, this.#name, this.#current.clone(), this.durable.clone(), [...this.changes])
  }

  #change(change: Change): void {
    apply(this.#current, change)
    this.changes.push(change)
  }
}

/** A storage on a disk that can lose power. */
export class CrashStorage extends VolumeStorage {
  readonly disk: CrashDisk

  constructor(disk: CrashDisk = new CrashDisk()) {
    super(disk, 'a simulated disk')
    this.disk = disk
  }

  /** As `disk.crash`: a storage on what a power cut leaves, now. */
  crash(options: CrashOptions, next: CrashDiskOptions = {}): CrashStorage {
    return this.disk.crash(options, next).storage()
  }
}
