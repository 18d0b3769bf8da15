/** What the gate, the checks and the loops cost over the bare calls of Node.js that they guard. */
import { type Contender, suite } from '@lsm/bench'

const BLOCK_BYTES = 4096
const BLOCKS = 4096
const RECORD_BYTES = 100
const WRAP_BYTES = 64 * 1024 * 1024

/** What a contender opened stays open: a collected handle is closed with a warning, in the middle of a measurement. */
const kept: unknown[] = []

/** A directory that goes with the process. */
async function directory(): Promise<string> {
  const { mkdtempSync, rmSync } = await import('node:fs')
  const { tmpdir } = await import('node:os')
  const { join } = await import('node:path')
  const path = mkdtempSync(join(tmpdir(), 'lsm-storage-bench-'))
  process.once('exit', () => rmSync(path, { recursive: true, force: true }))
  return path
}

async function ours() {
  const { NodeStorage } = await import('@lsm/storage/node')
  const storage = await NodeStorage.open(await directory())
  kept.push(storage)
  return { storage, file: await storage.open('bench', { mode: 'create' }) }
}

async function bare() {
  const fs = await import('node:fs')
  const { join } = await import('node:path')
  const path = await directory()
  const handle = await fs.promises.open(join(path, 'bench'), 'wx+', 0o600)
  kept.push(handle)
  return { fs, path, handle }
}

const appendAndSync: Record<string, Contender> = {
  '@lsm/storage': async () => {
    const { file } = await ours()
    const data = new Uint8Array(BLOCK_BYTES).fill(7)
    return async () => {
      if ((await file.append(data)) > WRAP_BYTES) await file.truncate(0)
      await file.datasync()
    }
  },
  'node:fs FileHandle': async () => {
    const { handle } = await bare()
    const data = new Uint8Array(BLOCK_BYTES).fill(7)
    let end = 0
    return async () => {
      end += (await handle.write(data, 0, data.length, end)).bytesWritten
      if (end > WRAP_BYTES) {
        await handle.truncate(0)
        end = 0
      }
      await handle.datasync()
    }
  },
}

const appendSync: Record<string, Contender> = {
  '@lsm/storage': async () => {
    const { file } = await ours()
    const data = new Uint8Array(RECORD_BYTES).fill(7)
    return () => {
      const at = file.appendSync(data)
      if (at > WRAP_BYTES) file.truncateSync(0)
      return at
    }
  },
  'fs.writeSync': async () => {
    const { fs, handle } = await bare()
    const data = new Uint8Array(RECORD_BYTES).fill(7)
    let end = 0
    return () => {
      end += fs.writeSync(handle.fd, data, 0, data.length, end)
      if (end > WRAP_BYTES) {
        fs.ftruncateSync(handle.fd, 0)
        end = 0
      }
      return end
    }
  },
}

const blocks = (): Uint8Array => new Uint8Array(BLOCK_BYTES * BLOCKS).fill(7)

/** Block after block in an order that jumps. */
function jumps(): () => number {
  let block = 0
  return () => {
    block = (block + 1597) % BLOCKS
    return block * BLOCK_BYTES
  }
}

const read: Record<string, Contender> = {
  '@lsm/storage': async () => {
    const { file } = await ours()
    await file.append(blocks())
    const [buffer, next] = [new Uint8Array(BLOCK_BYTES), jumps()]
    return () => file.read(buffer, next())
  },
  'node:fs FileHandle': async () => {
    const { handle } = await bare()
    await handle.write(blocks())
    const [buffer, next] = [new Uint8Array(BLOCK_BYTES), jumps()]
    return () => handle.read(buffer, 0, BLOCK_BYTES, next())
  },
}

const readSync: Record<string, Contender> = {
  '@lsm/storage': async () => {
    const { file } = await ours()
    await file.append(blocks())
    const [buffer, next] = [new Uint8Array(BLOCK_BYTES), jumps()]
    return () => file.readSync(buffer, next())
  },
  'fs.readSync': async () => {
    const { fs, handle } = await bare()
    await handle.write(blocks())
    const [buffer, next] = [new Uint8Array(BLOCK_BYTES), jumps()]
    return () => fs.readSync(handle.fd, buffer, 0, BLOCK_BYTES, next())
  },
}

const publish: Record<string, Contender> = {
  '@lsm/storage': async () => {
    const { storage } = await ours()
    const data = new Uint8Array(1024).fill(7)
    let count = 0
    return async () => {
      await storage.publish(`${count}`, data)
      if (count > 0) await storage.remove(`${count - 1}`)
      count++
    }
  },
  'the same calls, bare': async () => {
    const { fs, path } = await bare()
    const { open, link, unlink } = fs.promises
    const directoryHandle = await open(path, 'r')
    kept.push(directoryHandle)
    const data = new Uint8Array(1024).fill(7)
    let count = 0
    return async () => {
      const handle = await open(`${path}/temporary`, 'wx', 0o600)
      await handle.write(data)
      await handle.datasync()
      await handle.close()
      await link(`${path}/temporary`, `${path}/${count}`)
      await directoryHandle.sync()
      await unlink(`${path}/temporary`)
      if (count > 0) await unlink(`${path}/${count - 1}`)
      count++
    }
  },
}

export default suite('storage', [
  { name: 'append 4 KiB, then datasync', bytes: BLOCK_BYTES, contenders: appendAndSync },
  { name: 'appendSync 100 B', bytes: RECORD_BYTES, contenders: appendSync },
  { name: 'read 4 KiB, cached, awaited', bytes: BLOCK_BYTES, contenders: read },
  { name: 'readSync 4 KiB, cached', bytes: BLOCK_BYTES, contenders: readSync },
  { name: 'publish 1 KiB, remove the one before', contenders: publish },
])
