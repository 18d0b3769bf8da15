/** A plan's faults on real files: what `NodeStorage` writes through in place of the system's own calls. */
import type { DescriptorOwner, NodeFileSystem } from '../node/file-system.ts'
import { type FaultPlan, shortLength } from './fault-plan.ts'

/** Returns `inner` with the plan's faults. Pass it as `components.fileSystem` to `NodeStorage.open`. */
export function faultyFileSystem(plan: FaultPlan, inner: NodeFileSystem): NodeFileSystem {
  // Names by descriptor, so that a plan can choose files; a number that is used again belongs to the last opener.
  const names = new Map<number, string>()
  const nameOf = (fd: number): string => names.get(fd) ?? ''
  const own = (owner: DescriptorOwner, path: string): DescriptorOwner => {
    names.set(owner.fd, baseName(path))
    return {
      get fd() {
        return owner.fd
      },
      close: () => plan.runAsync('close', baseName(path), () => owner.close()),
    }
  }
  return {
    ...inner,
    open: (path, flags, mode) =>
      plan.runAsync('open', baseName(path), async () => own(await inner.open(path, flags, mode), path)),
    openSync: (path, flags) => plan.run('open', baseName(path), () => own(inner.openSync(path, flags), path)),
    read: (fd, buffer, offset, length, position) => {
      const read = (count: number): Promise<number> => inner.read(fd, buffer, offset, count, position)
      return plan.runAsync(
        'read',
        nameOf(fd),
        () => read(length),
        () => read(shortLength(length)),
      )
    },
    readSync: (fd, buffer, offset, length, position) => {
      const read = (count: number): number => inner.readSync(fd, buffer, offset, count, position)
      return plan.run(
        'read',
        nameOf(fd),
        () => read(length),
        () => read(shortLength(length)),
      )
    },
    write: (fd, data, offset, length, position) => {
      const write = (count: number): Promise<number> => inner.write(fd, data, offset, count, position)
      return plan.runAsync(
        'write',
        nameOf(fd),
        () => write(length),
        () => write(shortLength(length)),
      )
    },
    writeSync: (fd, data, offset, length, position) => {
      const write = (count: number): number => inner.writeSync(fd, data, offset, count, position)
      return plan.run(
        'write',
        nameOf(fd),
        () => write(length),
        () => write(shortLength(length)),
      )
    },
    truncate: (fd, size) => plan.runAsync('truncate', nameOf(fd), () => inner.truncate(fd, size)),
    truncateSync: (fd, size) => plan.run('truncate', nameOf(fd), () => inner.truncateSync(fd, size)),
    datasync: (fd) => plan.runAsync('datasync', nameOf(fd), () => inner.datasync(fd)),
    sync: (fd) => plan.runAsync('syncDirectory', nameOf(fd), () => inner.sync(fd)),
    stat: (fd) => plan.runAsync('stat', nameOf(fd), () => inner.stat(fd)),
    statSync: (fd) => plan.run('stat', nameOf(fd), () => inner.statSync(fd)),
    lstat: (path) => plan.runAsync('stat', baseName(path), () => inner.lstat(path)),
    readdir: (path) => plan.runAsync('list', baseName(path), () => inner.readdir(path)),
    link: (existing, path) => plan.runAsync('link', baseName(path), () => inner.link(existing, path)),
    rename: (from, to) => plan.runAsync('link', baseName(to), () => inner.rename(from, to)),
    unlink: (path) => plan.runAsync('unlink', baseName(path), () => inner.unlink(path)),
  }
}

function baseName(path: string): string {
  return path.slice(Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\')) + 1)
}
