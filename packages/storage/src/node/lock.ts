/**
 * The lock of a directory on real files: one primitive for a platform, on the file `LOCK`, which is never removed.
 * What was chosen and why is in docs/adr/0005-lock.md.
 */
import fs from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import type { LockGrip } from '../base-storage.ts'
import { StorageError } from '../errors.ts'
import { systemCode } from '../map-error.ts'
import { LOCK_NAME } from '../names.ts'
import { identityOf } from './directory.ts'
import type { DescriptorOwner, NodeFileSystem } from './file-system.ts'
import { flockThroughChild } from './lock-flock.ts'
import { type HeldSocket, holdSocket } from './lock-socket.ts'
import { FILE_MODE, notAFile, SAFE_FLAGS } from './node-file.ts'

/**
 * - `'flock'`: flock(2) through flock(1).
 * - `'socket'`: an abstract Unix socket, Linux only.
 * - `'exlock'`: the system locks as it opens: `O_EXLOCK` of the BSDs and macOS, no sharing on Windows. Untested.
 */
export type LockMethod = 'flock' | 'socket' | 'exlock'

export interface NodeLock extends LockGrip {
  readonly method: LockMethod
  /** Throws, and tells `lost`, when `LOCK` is no longer the file that is locked. */
  check(): Promise<void>
}

/** The methods to try in order: the next only where the one before does not exist. */
export function lockMethods(platform: string): readonly LockMethod[] {
  if (platform === 'darwin' || platform === 'win32' || platform === 'freebsd') return ['exlock']
  return platform === 'linux' ? ['flock', 'socket'] : ['flock']
}

/** Takes the lock of the directory at `path`, or throws `STORAGE_LOCKED` at once. */
export async function takeNodeLock(
  fileSystem: NodeFileSystem,
  path: string,
  methods: readonly LockMethod[] = lockMethods(process.platform),
): Promise<NodeLock> {
  const file = join(path, LOCK_NAME)
  // Again when the file was replaced between opening and locking: the lock of a file without a name locks nothing.
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const owner = await openLockFile(fileSystem, file, methods)
    try {
      const stats = await fileSystem.stat(owner.fd)
      if (!stats.isFile()) throw notAFile(LOCK_NAME)
      const identity = identityOf(stats)
      const taken = await take(owner, identity, methods)
      if (taken === undefined) throw await locked(fileSystem, file, owner)
      if ((await identityAt(fileSystem, file)) === identity) {
        await writeHolder(fileSystem, owner)
        return new FileLock(fileSystem, file, identity, owner, taken)
      }
      await taken.socket?.release()
      await owner.close()
    } catch (error) {
      await owner.close().catch(() => {})
      throw error
    }
  }
  throw new StorageError('STORAGE_IO', `"${file}" is being replaced again and again`, { file: LOCK_NAME })
}

const MAX_ATTEMPTS = 10
// On the BSDs and macOS O_EXLOCK; on Windows libuv's flag for "share with nobody".
const EXLOCK_FLAG = process.platform === 'win32' ? 0x1000_0000 : 0x20
const HOLDER_BYTES = 256

interface Taken {
  readonly method: LockMethod
  readonly socket: HeldSocket | undefined
}

/** A descriptor that is collected is closed, and its lock let go: whoever holds a lock stands here. */
const held: Set<FileLock> = new Set()

class FileLock implements NodeLock {
  readonly method: LockMethod
  readonly lost: Promise<StorageError>
  readonly #fileSystem: NodeFileSystem
  readonly #file: string
  readonly #identity: string
  readonly #owner: DescriptorOwner
  readonly #socket: HeldSocket | undefined
  #tellLost: (reason: StorageError) => void = () => {}

  constructor(fileSystem: NodeFileSystem, file: string, identity: string, owner: DescriptorOwner, taken: Taken) {
    this.#fileSystem = fileSystem
    this.#file = file
    this.#identity = identity
    this.#owner = owner
    this.#socket = taken.socket
    this.method = taken.method
    this.lost = new Promise((resolve) => {
      this.#tellLost = resolve
      taken.socket?.lost.then(resolve)
    })
    held.add(this)
  }

  async check(): Promise<void> {
    if ((await identityAt(this.#fileSystem, this.#file)) === this.#identity) return
    const reason = new StorageError('STORAGE_LOCK_LOST', `"${this.#file}" is no longer the file that is locked`, {
      file: LOCK_NAME,
    })
    this.#tellLost(reason)
    throw reason
  }

  async release(): Promise<void> {
    if (!held.delete(this)) return
    // The next holder writes its own name; until then nobody is named wrongly.
    await this.#fileSystem.truncate(this.#owner.fd, 0).catch(() => {})
    await this.#socket?.release()
    await this.#owner.close()
  }
}

async function openLockFile(
  fileSystem: NodeFileSystem,
  file: string,
  methods: readonly LockMethod[],
): Promise<DescriptorOwner> {
  const { O_RDWR, O_CREAT } = fs.constants
  const exlock = methods[0] === 'exlock'
  try {
    return await fileSystem.open(file, O_RDWR | O_CREAT | SAFE_FLAGS | (exlock ? EXLOCK_FLAG : 0), FILE_MODE)
  } catch (error) {
    const code = systemCode(error)
    if (exlock && (code === 'EAGAIN' || code === 'EWOULDBLOCK' || code === 'EBUSY')) {
      throw new StorageError('STORAGE_LOCKED', `"${file}" is locked by another process`, {
        file: LOCK_NAME,
        cause: error,
      })
    }
    throw error
  }
}

async function take(
  owner: DescriptorOwner,
  identity: string,
  methods: readonly LockMethod[],
): Promise<Taken | undefined> {
  for (const method of methods) {
    if (method === 'exlock') return { method, socket: undefined }
    if (method === 'flock') {
      const outcome = await flockThroughChild(owner.fd)
      if (outcome === 'locked') return { method, socket: undefined }
      if (outcome === 'taken') return undefined
    } else {
      const socket = await holdSocket(identity)
      return socket === undefined ? undefined : { method, socket }
    }
  }
  throw new StorageError('STORAGE_UNSUPPORTED', 'no way to lock: there is no flock(1) here, install util-linux')
}

async function locked(fileSystem: NodeFileSystem, file: string, owner: DescriptorOwner): Promise<StorageError> {
  const holder = await readHolder(fileSystem, owner)
  return new StorageError('STORAGE_LOCKED', `"${file}" is locked by ${holder}`, { file: LOCK_NAME })
}

async function identityAt(fileSystem: NodeFileSystem, file: string): Promise<string | undefined> {
  try {
    return identityOf(await fileSystem.lstat(file))
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw error
  }
}

/** Who holds it is said for people, and only for them: a full disk is no reason not to lock. */
async function writeHolder(fileSystem: NodeFileSystem, owner: DescriptorOwner): Promise<void> {
  const text = `process ${process.pid} on ${hostname().replace(/[^\w.-]/g, '_')}`
  const line = new TextEncoder().encode(`${text.slice(0, HOLDER_BYTES - 1)}\n`)
  try {
    await fileSystem.truncate(owner.fd, 0)
    await fileSystem.write(owner.fd, line, 0, line.length, 0)
  } catch {}
}

async function readHolder(fileSystem: NodeFileSystem, owner: DescriptorOwner): Promise<string> {
  const unknown = 'another process'
  try {
    const bytes = new Uint8Array(HOLDER_BYTES)
    const count = await fileSystem.read(owner.fd, bytes, 0, bytes.length, 0)
    const line = new TextDecoder().decode(bytes.subarray(0, count))
    return /^process \d{1,10} on [\w.-]{1,200}\n$/.test(line) ? line.trimEnd() : unknown
  } catch {
    return unknown
  }
}
