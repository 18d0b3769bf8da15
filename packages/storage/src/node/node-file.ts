/** One open file of the system's, and how such a file is opened without following a link or waiting for a pipe. */
import fs from 'node:fs'
import type { OpenedBackend } from '../base-storage.ts'
import { StorageError } from '../errors.ts'
import type { FileBackend } from '../open-file.ts'
import type { OpenMode } from '../storage.ts'
import type { DescriptorOwner, NodeFileSystem } from './file-system.ts'

/** Only the owner of the files reads and writes them. */
export const FILE_MODE = 0o600

// Some systems lack one or the other; there the check after opening is all there is. O_NONBLOCK keeps a pipe that
// bears a file's name from blocking a thread of the pool for ever; on regular files it does nothing.
const { O_RDONLY, O_RDWR, O_CREAT, O_EXCL } = fs.constants
export const SAFE_FLAGS: number = (fs.constants.O_NOFOLLOW ?? 0) | (fs.constants.O_NONBLOCK ?? 0)

const FLAGS: Readonly<Record<OpenMode, number>> = {
  read: O_RDONLY | SAFE_FLAGS,
  write: O_RDWR | SAFE_FLAGS,
  create: O_RDWR | O_CREAT | O_EXCL | SAFE_FLAGS,
}

// A call moves at most 2^31 - 4096 bytes on Linux; the loops above this file go on from there.
const MAX_TRANSFER = 0x4000_0000

export async function openNodeFile(
  fileSystem: NodeFileSystem,
  path: string,
  name: string,
  mode: OpenMode,
): Promise<OpenedBackend> {
  const owner = await fileSystem.open(path, FLAGS[mode], FILE_MODE)
  // What was just made is a regular file, and empty.
  if (mode === 'create') return { backend: new NodeFile(fileSystem, owner), size: 0 }
  try {
    const stats = await fileSystem.stat(owner.fd)
    if (!stats.isFile()) throw notAFile(name)
    return { backend: new NodeFile(fileSystem, owner), size: Number(stats.size) }
  } catch (error) {
    await owner.close().catch(() => {})
    throw error
  }
}

export function openNodeFileSync(fileSystem: NodeFileSystem, path: string, name: string): OpenedBackend {
  const owner = fileSystem.openSync(path, FLAGS.read)
  try {
    const stats = fileSystem.statSync(owner.fd)
    if (!stats.isFile()) throw notAFile(name)
    return { backend: new NodeFile(fileSystem, owner), size: Number(stats.size) }
  } catch (error) {
    owner.close().catch(() => {})
    throw error
  }
}

export function notAFile(name: string): StorageError {
  return new StorageError('STORAGE_NOT_A_FILE', `"${name}" is not a regular file: it is refused`, { file: name })
}

class NodeFile implements FileBackend {
  readonly #fileSystem: NodeFileSystem
  readonly #owner: DescriptorOwner

  constructor(fileSystem: NodeFileSystem, owner: DescriptorOwner) {
    this.#fileSystem = fileSystem
    this.#owner = owner
  }

  read(buffer: Uint8Array, offset: number, length: number, position: number): Promise<number> {
    return this.#fileSystem.read(this.#owner.fd, buffer, offset, Math.min(length, MAX_TRANSFER), position)
  }

  readSync(buffer: Uint8Array, offset: number, length: number, position: number): number {
    return this.#fileSystem.readSync(this.#owner.fd, buffer, offset, Math.min(length, MAX_TRANSFER), position)
  }

  write(data: Uint8Array, offset: number, length: number, position: number): Promise<number> {
    return this.#fileSystem.write(this.#owner.fd, data, offset, Math.min(length, MAX_TRANSFER), position)
  }

  writeSync(data: Uint8Array, offset: number, length: number, position: number): number {
    return this.#fileSystem.writeSync(this.#owner.fd, data, offset, Math.min(length, MAX_TRANSFER), position)
  }

  truncate(size: number): Promise<void> {
    return this.#fileSystem.truncate(this.#owner.fd, size)
  }

  truncateSync(size: number): void {
    this.#fileSystem.truncateSync(this.#owner.fd, size)
  }

  datasync(): Promise<void> {
    return this.#fileSystem.datasync(this.#owner.fd)
  }

  async size(): Promise<number> {
    return Number((await this.#fileSystem.stat(this.#owner.fd)).size)
  }

  close(): Promise<void> {
    return this.#owner.close()
  }
}
