/**
 * The interface of all I/O: one `Storage` is one flat directory of named files and the lock on it.
 *
 * It knows bytes, names and what is durable; it knows no log, table or manifest. An implementation proves itself
 * with the suite in `@lsm/storage/conformance`.
 *
 * Bytes that are passed in are *borrowed* until the call returns (`…Sync`) or its promise settles, and are never
 * changed or kept. A buffer that is passed in to be filled is the caller's all along; after a failed read its
 * contents are unspecified.
 */
import type { StorageError } from './errors.ts'

/**
 * - `'read'`: the file exists; reads only.
 * - `'write'`: the file exists; reads, writes and appends.
 * - `'create'`: the file does not exist yet (else `STORAGE_EXISTS`); reads, writes and appends.
 *
 * None of them empties a file that is there.
 */
export type OpenMode = 'read' | 'write' | 'create'

export interface OpenOptions {
  readonly mode: OpenMode
}

/**
 * One open file. Calls may overlap, but for appends: each starts when the one before it has ended, and a
 * synchronous append beside a pending one is refused with `STORAGE_BUSY`.
 *
 * After a failed `datasync` every later write, append, truncate and datasync of that file rejects with
 * `STORAGE_FAILED`, through this handle and any other: the system may have dropped what it could not write, and a
 * second sync would report a success that did not happen. Reads go on.
 */
export interface StorageFile {
  readonly name: string
  readonly mode: OpenMode

  /**
   * Fills `buffer` from `position` on and returns how many bytes it got: fewer than asked only at the end of the
   * file, 0 at or past it.
   */
  read(buffer: Uint8Array, position: number): Promise<number>
  /** As `read`; `STORAGE_UNSUPPORTED` where the storage says `supportsSync: false`. */
  readSync(buffer: Uint8Array, position: number): number

  /**
   * Writes all of `data` at `position`; a gap behind the old end reads as zeros. After an error any part of `data`
   * may have been written. Not durable before `datasync`.
   */
  write(data: Uint8Array, position: number): Promise<void>
  writeSync(data: Uint8Array, position: number): void

  /**
   * Writes all of `data` at the end of the file and returns the offset where it begins. After an error a prefix of
   * `data` may be in the file, as `size()` tells, and the next append goes behind it: truncate back first.
   * The end is known to this handle: files that are appended to have one writing handle.
   */
  append(data: Uint8Array): Promise<number>
  appendSync(data: Uint8Array): number

  /** Cuts the file to `size` bytes, or extends it with zeros. Not durable before `datasync`. Appends go behind it. */
  truncate(size: number): Promise<void>
  truncateSync(size: number): void

  /**
   * Makes durable what was written before the call: contents and length, not the file's name in the directory
   * (`Storage.syncDirectory`). Never retried inside; see above for what a failure means.
   */
  datasync(): Promise<void>

  /** The file's length in bytes. */
  size(): Promise<number>

  /** Waits for the calls that are pending, then lets go of the file. Later calls get `STORAGE_CLOSED`. Idempotent. */
  close(): Promise<void>
}

/** The exclusive right to write to a storage's directory, over all processes. */
export interface StorageLock {
  /** False once released or lost. */
  readonly held: boolean
  /**
   * Resolves with the reason when the lock goes without a release, and from then on the storage refuses every
   * change with `STORAGE_LOCK_LOST`. Stays pending otherwise.
   */
  readonly lost: Promise<StorageError>
  /** Lets others in. Idempotent. */
  release(): Promise<void>
}

/**
 * Plain data, safe to post to a worker or to turn into JSON, from which another thread opens the same directory:
 * `NodeStorage.attach(descriptor)` in `@lsm/storage/node`.
 */
export interface StorageDescriptor {
  readonly kind: 'node'
  /** Absolute, with no symbolic link in it. */
  readonly path: string
  /** Device and inode number, in decimal: a directory put in the place of the first is refused. */
  readonly identity: string
}

/**
 * A flat directory of files. Names match `[A-Za-z0-9_-][A-Za-z0-9._-]*`, at most 200 characters, and are not `LOCK`;
 * anything else is a `TypeError` with code `STORAGE_INVALID_ARGUMENT` and reaches no file system. Other names that a
 * directory of files has are not listed: those of the lock and of `publish`, which are the storage's own, and foreign ones.
 */
export interface Storage {
  /** Where this is, for messages: a directory's path, or `memory`. */
  readonly location: string
  /** Whether the calls that end in `Sync` work. */
  readonly supportsSync: boolean
  /** Names of the files that are open, once for each handle: what a test for leaks and a message at close need. */
  readonly openFiles: readonly string[]

  /** Opens or creates a file. A created name is durable only after `syncDirectory`. */
  open(name: string, options: OpenOptions): Promise<StorageFile>
  /** Opens a file for reading, at once; `STORAGE_UNSUPPORTED` where the storage says `supportsSync: false`. */
  openSync(name: string): StorageFile

  /** The names, ascending by code unit. What is listed can still be refused by `open` (a symbolic link is). */
  list(): Promise<string[]>
  /**
   * What else is in the directory, ascending: names that no file here can have, so that somebody else made them. Empty
   * together with `list()`, the directory is nobody's. The lock and what `publish` left behind are not named.
   */
  foreignNames(): Promise<string[]>
  /** A file's length in bytes; `STORAGE_NOT_FOUND` when there is none. */
  size(name: string): Promise<number>
  /**
   * Takes a name away; `STORAGE_NOT_FOUND` when there is none. Handles that are open keep reading the file.
   * Durable only after `syncDirectory`.
   */
  remove(name: string): Promise<void>
  /**
   * Makes durable which names exist. After a failure this and every later call that changes names rejects:
   * the latter, and a second sync, with `STORAGE_FAILED`.
   */
  syncDirectory(): Promise<void>

  /**
   * Makes a file of `data` under a new name, whole, durable and at once; `STORAGE_EXISTS` when the name is taken,
   * also by another process in the same instant. After any other error the name may exist or not, and a power cut
   * may decide; if it exists, it holds all of `data`. Also makes durable all earlier changes of names.
   */
  publish(name: string, data: Uint8Array): Promise<void>

  /**
   * Takes the lock or fails at once with `STORAGE_LOCKED`, which names the holder where that is known; a second
   * lock from the same process fails too. A lock whose holder died does not block.
   */
  lock(): Promise<StorageLock>

  /** How a worker opens this directory for itself, or `undefined` when it cannot (memory, injected storages). */
  describe(): StorageDescriptor | undefined

  /** Closes the files that are still open, releases the lock; later calls get `STORAGE_CLOSED`. Idempotent. */
  close(): Promise<void>
}
