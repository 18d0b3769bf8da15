/** A storage in memory whose every operation can be made to fail, over a disk that can also lose power. */
import { type Volume, type VolumeFile, VolumeStorage } from '../volume-storage.ts'
import { CrashDisk } from './crash-disk.ts'
import { FaultPlan, shortLength } from './fault-plan.ts'

/**
 * The faults strike below the rules that all storages share, where a system call would fail: so `publish` fails at
 * each of its steps, a short write is gone on from, and a failed sync leaves a file that takes no more writes.
 */
export class FaultStorage extends VolumeStorage {
  readonly plan: FaultPlan
  readonly disk: CrashDisk

  constructor(plan: FaultPlan = new FaultPlan(), disk: CrashDisk = new CrashDisk()) {
    super(new FaultVolume(plan, disk), 'a failing disk')
    this.plan = plan
    this.disk = disk
  }
}

class FaultVolume implements Volume {
  readonly pause: (() => Promise<void>) | undefined
  readonly #plan: FaultPlan
  readonly #disk: CrashDisk

  constructor(plan: FaultPlan, disk: CrashDisk) {
    this.#plan = plan
    this.#disk = disk
    this.pause = disk.pause
  }

  has(name: string): boolean {
    return this.#disk.has(name)
  }

  names(): string[] {
    return this.#plan.run('list', '', () => this.#disk.names())
  }

  stat(name: string): number {
    return this.#plan.run('stat', name, () => this.#disk.stat(name))
  }

  open(name: string): VolumeFile {
    return this.#plan.run('open', name, () => new FaultFile(this.#plan, name, this.#disk.open(name)))
  }

  create(name: string): VolumeFile {
    return this.#plan.run('create', name, () => new FaultFile(this.#plan, name, this.#disk.create(name)))
  }

  link(existing: string, name: string): void {
    this.#plan.run('link', name, () => this.#disk.link(existing, name))
  }

  unlink(name: string): void {
    this.#plan.run('unlink', name, () => this.#disk.unlink(name))
  }

  syncDirectory(): void {
    this.#plan.run('syncDirectory', '', () => this.#disk.syncDirectory())
  }

  lock(holder: string): string | undefined {
    return this.#plan.run('lock', '', () => this.#disk.lock(holder))
  }

  unlock(holder: string): void {
    this.#disk.unlock(holder)
  }
}

/** What a failed sync needs of a file. */
interface DroppingFile extends VolumeFile {
  dropUnsynced(keepVisible: boolean): void
}

class FaultFile implements VolumeFile {
  readonly #plan: FaultPlan
  readonly #name: string
  readonly #file: DroppingFile

  constructor(plan: FaultPlan, name: string, file: DroppingFile) {
    this.#plan = plan
    this.#name = name
    this.#file = file
  }

  stat(): number {
    return this.#plan.run('stat', this.#name, () => this.#file.stat())
  }

  read(buffer: Uint8Array, offset: number, length: number, position: number): number {
    const read = (count: number): number => this.#file.read(buffer, offset, count, position)
    return this.#plan.run(
      'read',
      this.#name,
      () => read(length),
      () => read(shortLength(length)),
    )
  }

  write(data: Uint8Array, position: number): number {
    return this.#plan.run(
      'write',
      this.#name,
      () => this.#file.write(data, position),
      () => this.#file.write(data.subarray(0, shortLength(data.byteLength)), position),
    )
  }

  truncate(size: number): void {
    this.#plan.run('truncate', this.#name, () => this.#file.truncate(size))
  }

  datasync(): void {
    try {
      this.#plan.run('datasync', this.#name, () => this.#file.datasync())
    } catch (error) {
      // The file itself and not its name, which may be gone or another's by now.
      this.#file.dropUnsynced(this.#plan.keepVisible)
      throw error
    }
  }

  close(): void {
    this.#plan.run('close', this.#name, () => this.#file.close())
  }
}
