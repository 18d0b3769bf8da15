/** The directory of a storage: made durably where it is missing, opened without following a link, and kept open. */
import fs from 'node:fs'
import { dirname, resolve } from 'node:path'
import { StorageError } from '../errors.ts'
import { systemCode } from '../map-error.ts'
import type { DescriptorOwner, FileStats, NodeFileSystem } from './file-system.ts'

/** Only the owner of the directory gets in. */
const DIRECTORY_MODE = 0o700

// Windows cannot open a directory to sync it; its journal orders changes of names.
const CAN_SYNC_DIRECTORIES = process.platform !== 'win32'
const DIRECTORY_FLAGS = fs.constants.O_RDONLY | (fs.constants.O_DIRECTORY ?? 0) | (fs.constants.O_NOFOLLOW ?? 0)

export interface Directory {
  /** Absolute, with no symbolic link in it. */
  readonly path: string
  readonly identity: string
  /** Whether it was made just now. */
  readonly created: boolean
  sync(): Promise<void>
  close(): Promise<void>
}

/** Device and inode number, which tell one file or directory from every other that exists beside it. */
export function identityOf(stats: FileStats): string {
  return `${stats.dev}:${stats.ino}`
}

/** Opens the directory at `path`; where `create` is true and it is missing, makes it, and what is above it, first. */
export async function openDirectory(fileSystem: NodeFileSystem, path: string, create: boolean): Promise<Directory> {
  const absolute = resolve(path)
  const created = create && (await makeDirectory(fileSystem, absolute))
  const seen = await fileSystem.lstat(absolute)
  if (!seen.isDirectory()) {
    const what = seen.isSymbolicLink()
      ? 'a symbolic link, which is refused: give the path that it points to'
      : 'no directory'
    throw new StorageError('STORAGE_NOT_A_DIRECTORY', `"${absolute}" is ${what}`, { file: absolute })
  }
  const real = await fileSystem.realpath(absolute)
  if (!CAN_SYNC_DIRECTORIES) {
    return { path: real, identity: identityOf(seen), created, sync: async () => {}, close: async () => {} }
  }
  // One descriptor for the storage's whole life: the system tells of a lost write only those who had the directory
  // open when it was lost, so a descriptor opened for each sync could miss it.
  const owner = await fileSystem.open(real, DIRECTORY_FLAGS, 0)
  try {
    const stats = await fileSystem.stat(owner.fd)
    if (identityOf(stats) !== identityOf(seen)) {
      throw new StorageError('STORAGE_NOT_A_DIRECTORY', `"${absolute}" was replaced while it was opened`, {
        file: absolute,
      })
    }
    return {
      path: real,
      identity: identityOf(stats),
      created,
      sync: () => fileSystem.sync(owner.fd),
      close: () => owner.close(),
    }
  } catch (error) {
    await owner.close().catch(() => {})
    throw error
  }
}

/** Makes `path`, and what is above it, durably; returns whether `path` was missing. */
async function makeDirectory(fileSystem: NodeFileSystem, path: string): Promise<boolean> {
  const parent = dirname(path)
  const made = await makeOne(fileSystem, path, parent !== path)
  if (made !== undefined) return made
  await makeDirectory(fileSystem, parent)
  return (await makeOne(fileSystem, path, false)) === true
}

/** Returns whether it made `path`, or `undefined` when what is above it is missing and `mayLackParent`. */
async function makeOne(fileSystem: NodeFileSystem, path: string, mayLackParent: boolean): Promise<boolean | undefined> {
  let made = true
  try {
    await fileSystem.mkdir(path, DIRECTORY_MODE)
  } catch (error) {
    const code = systemCode(error)
    if (code === 'ENOENT' && mayLackParent) return undefined
    // What exists is looked at by the caller. Some systems answer EISDIR for a root.
    if (code !== 'EEXIST' && code !== 'EISDIR') throw error
    made = false
  }
  // A directory whose entry is not durable can vanish in a power cut with all that was synced inside it. One that
  // exists may have been made by a process that died before this line, and so may the one above it.
  await syncEntry(fileSystem, path, made)
  if (made) await syncEntry(fileSystem, dirname(path), false)
  return made
}

/** Makes durable that `path` is in the directory above it, or no longer is. */
export async function syncEntry(fileSystem: NodeFileSystem, path: string, required: boolean): Promise<void> {
  if (!CAN_SYNC_DIRECTORIES) return
  let parent: DescriptorOwner | undefined
  try {
    parent = await fileSystem.open(dirname(path), fs.constants.O_RDONLY, 0)
    await fileSystem.sync(parent.fd)
  } catch (error) {
    // Nobody else's directory needs to be readable for us, nor its file system writable.
    if (required || !UNSYNCABLE.has(systemCode(error))) throw error
  } finally {
    await parent?.close()
  }
}

const UNSYNCABLE: ReadonlySet<string | undefined> = new Set(['EACCES', 'EPERM', 'EROFS', 'EINVAL'])
