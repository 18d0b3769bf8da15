/** What the cases of the suite are made of. */
import type { Storage, StorageFile } from '../storage.ts'

/** One empty place to store things, made for one case. */
export interface StorageFixture {
  /** On an empty directory. */
  readonly storage: Storage
  /** Opens the same directory once more, as another user of it would. */
  reopen(): Promise<Storage>
  /** Makes a file of any name, as another program would; left out where nobody else can. */
  addForeign?(name: string): Promise<void>
  /** Closes what is open and takes the directory away. */
  dispose(): Promise<void>
}

export interface ConformanceCase {
  readonly name: string
  /** Throws where the storage breaks its contract. */
  run(fixture: StorageFixture): Promise<void>
}

/** Makes a file of `data` that stays open for writing. */
export async function createFile(storage: Storage, name: string, data: Uint8Array): Promise<StorageFile> {
  const file = await storage.open(name, { mode: 'create' })
  await file.append(data)
  return file
}

/** All bytes of an open file. */
export async function readAll(file: StorageFile): Promise<Uint8Array> {
  const bytes = new Uint8Array(await file.size())
  return bytes.subarray(0, await file.read(bytes, 0))
}

/** All bytes under a name. */
export async function contentsOf(storage: Storage, name: string): Promise<Uint8Array> {
  const file = await storage.open(name, { mode: 'read' })
  try {
    return await readAll(file)
  } finally {
    await file.close()
  }
}
