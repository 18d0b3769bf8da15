import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'vitest'
import { type StorageFixture, testStorage } from '../src/conformance/index.ts'
import { MemoryStorage, type Storage } from '../src/index.ts'
import { NodeStorage, nodeFileSystem } from '../src/node/index.ts'
import { CrashDisk, CrashStorage, FaultPlan, FaultStorage, faultyFileSystem } from '../src/testing/index.ts'

interface Place {
  readonly path?: string
  readonly addForeign?: (name: string) => Promise<void>
}

function fixture(storage: Storage, open: () => Promise<Storage>, { path, addForeign }: Place = {}): StorageFixture {
  const opened = [storage]
  return {
    storage,
    ...(addForeign && { addForeign }),
    async reopen() {
      const another = await open()
      opened.push(another)
      return another
    },
    async dispose() {
      await Promise.all(opened.map((each) => each.close()))
      if (path !== undefined) await rm(path, { recursive: true })
    },
  }
}

async function nodeFixture(plan?: FaultPlan): Promise<StorageFixture> {
  const path = await mkdtemp(join(tmpdir(), 'lsm-storage-'))
  const components = plan === undefined ? {} : { fileSystem: faultyFileSystem(plan, nodeFileSystem) }
  const open = (): Promise<Storage> => NodeStorage.open(path, {}, components)
  return fixture(await open(), open, { path, addForeign: (name) => writeFile(join(path, name), 'foreign') })
}

/** What another program does to a simulated disk. */
const addTo =
  (disk: CrashDisk) =>
  async (name: string): Promise<void> => {
    disk.create(name)
  }

describe('memory', () => {
  testStorage(test, async () => {
    const storage = new MemoryStorage()
    return fixture(storage, async () => storage.reopen())
  })
})

describe('Node.js files', () => {
  testStorage(test, () => nodeFixture())
})

describe('Node.js files, every read and write short', () => {
  testStorage(test, () => {
    const every = { fault: 'short', forever: true } as const
    return nodeFixture(new FaultPlan().add({ ...every, when: ({ kind }) => kind === 'read' || kind === 'write' }))
  })
})

describe('crash storage without a crash', () => {
  testStorage(test, async () => {
    const storage = new CrashStorage()
    return fixture(storage, async () => storage.disk.storage(), { addForeign: addTo(storage.disk) })
  })
})

describe('crash storage that pauses before every operation', () => {
  testStorage(test, async () => {
    const storage = new CrashDisk({ pause: () => new Promise((resolve) => setImmediate(resolve)) }).storage()
    return fixture(storage, async () => storage.disk.storage(), { addForeign: addTo(storage.disk) })
  })
})

describe('fault storage without a fault', () => {
  testStorage(test, async () => {
    const storage = new FaultStorage()
    return fixture(storage, async () => new FaultStorage(storage.plan, storage.disk), {
      addForeign: addTo(storage.disk),
    })
  })
})

describe('fault storage, every read and write short', () => {
  testStorage(test, async () => {
    const plan = new FaultPlan().add({ fault: 'short', forever: true })
    const storage = new FaultStorage(plan)
    return fixture(storage, async () => new FaultStorage(plan, storage.disk), { addForeign: addTo(storage.disk) })
  })
})
