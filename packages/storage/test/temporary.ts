/** Directories for one test, taken away after it, and storages on them. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { type NodeFileSystem, NodeStorage, nodeFileSystem } from '../src/node/index.ts'

export async function temporaryDirectory(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'lsm-storage-'))
  onTestFinished(() => rm(path, { recursive: true, force: true }))
  return path
}

/** A storage whose system calls are those given, and the real ones besides. */
export async function openWith(fileSystem: Partial<NodeFileSystem>, path?: string): Promise<NodeStorage> {
  const directory = path ?? (await temporaryDirectory())
  return NodeStorage.open(directory, {}, { fileSystem: { ...nodeFileSystem, ...fileSystem } })
}
