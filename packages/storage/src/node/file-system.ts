/**
 * The calls on real files, as one object, so that tests can put short writes, failing syncs and file systems
 * without hard links in their place. Every call on a descriptor is made inside the gate of the file that owns it.
 */
import fs from 'node:fs'

/** What owns a descriptor. A `FileHandle` is one. */
export interface DescriptorOwner {
  readonly fd: number
  close(): Promise<void>
}

/** What is asked of a file's status; Node.js's own `BigIntStats` is one. */
export interface FileStats {
  readonly dev: bigint
  readonly ino: bigint
  readonly size: bigint
  isFile(): boolean
  isDirectory(): boolean
  isSymbolicLink(): boolean
}

export interface NodeFileSystem {
  open(path: string, flags: number, mode: number): Promise<DescriptorOwner>
  openSync(path: string, flags: number): DescriptorOwner
  read(fd: number, buffer: Uint8Array, offset: number, length: number, position: number): Promise<number>
  readSync(fd: number, buffer: Uint8Array, offset: number, length: number, position: number): number
  write(fd: number, data: Uint8Array, offset: number, length: number, position: number): Promise<number>
  writeSync(fd: number, data: Uint8Array, offset: number, length: number, position: number): number
  truncate(fd: number, size: number): Promise<void>
  truncateSync(fd: number, size: number): void
  datasync(fd: number): Promise<void>
  sync(fd: number): Promise<void>
  stat(fd: number): Promise<FileStats>
  statSync(fd: number): FileStats
  lstat(path: string): Promise<FileStats>
  realpath(path: string): Promise<string>
  readdir(path: string): Promise<string[]>
  mkdir(path: string, mode: number): Promise<void>
  rmdir(path: string): Promise<void>
  link(existing: string, path: string): Promise<void>
  rename(from: string, to: string): Promise<void>
  unlink(path: string): Promise<void>
}

// Callbacks and not the methods of FileHandle: 6.0 µs a read here against 7.3.
export const nodeFileSystem: NodeFileSystem = {
  open: (path, flags, mode) => fs.promises.open(path, flags, mode),
  openSync: (path, flags) => new RawDescriptor(fs.openSync(path, flags)),
  read: (fd, buffer, offset, length, position) =>
    new Promise((resolve, reject) => {
      fs.read(fd, buffer, offset, length, position, (error, count) => (error ? reject(error) : resolve(count)))
    }),
  readSync: fs.readSync,
  write: (fd, data, offset, length, position) =>
    new Promise((resolve, reject) => {
      fs.write(fd, data, offset, length, position, (error, count) => (error ? reject(error) : resolve(count)))
    }),
  writeSync: fs.writeSync,
  truncate: (fd, size) => settled((done) => fs.ftruncate(fd, size, done)),
  truncateSync: fs.ftruncateSync,
  datasync: (fd) => settled((done) => fs.fdatasync(fd, done)),
  sync: (fd) => settled((done) => fs.fsync(fd, done)),
  stat: (fd) =>
    new Promise((resolve, reject) => {
      fs.fstat(fd, { bigint: true }, (error, stats) => (error ? reject(error) : resolve(stats)))
    }),
  statSync: (fd) => fs.fstatSync(fd, { bigint: true }),
  lstat: (path) => fs.promises.lstat(path, { bigint: true }),
  realpath: (path) => fs.promises.realpath(path),
  readdir: (path) => fs.promises.readdir(path),
  mkdir: (path, mode) => fs.promises.mkdir(path, { mode }) as Promise<void>,
  rmdir: (path) => fs.promises.rmdir(path),
  link: fs.promises.link,
  rename: fs.promises.rename,
  unlink: fs.promises.unlink,
}

/**
 * The one descriptor without a `FileHandle`, since no synchronous call makes one. It is closed once, through the
 * gate of its file, and never used after.
 */
class RawDescriptor implements DescriptorOwner {
  #fd: number

  constructor(fd: number) {
    this.#fd = fd
  }

  get fd(): number {
    return this.#fd
  }

  close(): Promise<void> {
    const fd = this.#fd
    this.#fd = -1
    return fd === -1 ? Promise.resolve() : settled((done) => fs.close(fd, done))
  }
}

function settled(call: (done: (error: Error | null | undefined) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    call((error) => (error ? reject(error) : resolve()))
  })
}
