/** Appending to real files and reading a log back, against the plainest logs that one would write by hand. */
import { type Case, type Contender, suite } from '@lsm/bench'
import { RECORD_KIND } from '@lsm/encoding'
import type { BatchBuffer, SegmentIdentity, WalDurability } from '@lsm/wal'

const PUTS = 64
const IN_FLIGHT = 64
const VALUE_BYTES = 100
const READ_BYTES = 16 * 1024 * 1024
const WRAP_BYTES = 64 * 1024 * 1024
const PREFIX_BYTES = 8

/** What a contender opened stays open: a collected handle is closed with a warning, in the middle of a measurement. */
const kept: unknown[] = []
const key = new Uint8Array(16).fill(0x6b)

/** Bytes that no two places share, half of them compressible. */
function valueFor(length: number): Uint8Array {
  let state = 1
  return Uint8Array.from({ length }, (_, i) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return i % 2 === 0 ? 0x20 : state >>> 24
  })
}

/** A directory that goes with the process. */
async function directory(): Promise<string> {
  const { mkdtempSync, rmSync } = await import('node:fs')
  const { tmpdir } = await import('node:os')
  const { join } = await import('node:path')
  const path = mkdtempSync(join(tmpdir(), 'lsm-wal-bench-'))
  process.once('exit', () => rmSync(path, { recursive: true, force: true }))
  return path
}

const identity = (number: number): SegmentIdentity => ({
  number,
  id: new Uint8Array(16).fill(number),
  storeId: new Uint8Array(16).fill(7),
})

/** `put` writes one record; `wrap` starts the log anew once it is long. */
interface Log {
  put(): Promise<unknown>
  wrap(): Promise<void>
}

async function ours(durability: WalDurability, valueBytes: number): Promise<Log & { storage: unknown }> {
  const { NodeStorage } = await import('@lsm/storage/node')
  const { createSegment, segmentFileName, WalWriter } = await import('@lsm/wal')
  const storage = await NodeStorage.open(await directory())
  kept.push(storage)
  const writer = new WalWriter(await createSegment(storage, identity(1)), { supportsSync: true, nextSeq: 1 })
  const value = valueFor(valueBytes)
  const build = (batch: BatchBuffer): void => batch.add(RECORD_KIND.value, 0, key, value)
  return {
    storage,
    put: () => writer.append(build, durability, 1_700_000_000_000),
    async wrap() {
      if (writer.segmentLength < WRAP_BYTES) return
      const next = await createSegment(storage, identity(writer.segmentNumber + 1))
      const old = writer.segmentNumber
      await writer.rotate(next, async () => {})
      await storage.remove(segmentFileName(old))
    },
  }
}

/** Length, checksum, key and value, one write for each put: no batches, no blocks, no recovery. */
async function byHand(sync: boolean): Promise<Log> {
  const fs = await import('node:fs')
  const { join } = await import('node:path')
  const { compute, packInto } = await import('@lsm/crc')
  const handle = await fs.promises.open(join(await directory(), 'log'), 'wx', 0o600)
  kept.push(handle)
  const value = valueFor(VALUE_BYTES)
  const record = Buffer.allocUnsafe(PREFIX_BYTES + key.length + value.length)
  let end = 0
  return {
    async put() {
      record.set(key, PREFIX_BYTES)
      record.set(value, PREFIX_BYTES + key.length)
      record.writeUInt32BE(key.length + value.length, 0)
      packInto(compute(record, PREFIX_BYTES), record, 4)
      end += fs.writeSync(handle.fd, record, 0, record.length, end)
      if (sync) await handle.datasync()
    },
    async wrap() {
      if (end < WRAP_BYTES) return
      await handle.truncate(0)
      end = 0
    },
  }
}

async function appendFile(): Promise<Log> {
  const fs = await import('node:fs/promises')
  const { join } = await import('node:path')
  const path = join(await directory(), 'log')
  const record = new Uint8Array(PREFIX_BYTES + key.length + VALUE_BYTES)
  return { put: () => fs.appendFile(path, record), wrap: async () => {} }
}

const oneAtATime =
  (open: () => Promise<Log>, puts: number): Contender =>
  async () => {
    const log = await open()
    return async () => {
      for (let i = 0; i < puts; i++) await log.put()
      await log.wrap()
    }
  }

const inFlight =
  (open: () => Promise<Log>, puts: number): Contender =>
  async () => {
    const log = await open()
    const client = async (): Promise<void> => {
      for (let i = 0; i < puts / IN_FLIGHT; i++) await log.put()
    }
    return async () => {
      await Promise.all(Array.from({ length: IN_FLIGHT }, client))
      await log.wrap()
    }
  }

/** A log of at least `READ_BYTES`, and how often a value of this length is in it. */
function readBack(valueBytes: number): Case {
  const records = Math.ceil(READ_BYTES / (PREFIX_BYTES + key.length + valueBytes))
  return {
    name: `read back, ${valueBytes} B values`,
    operations: records,
    bytes: records * (key.length + valueBytes),
    contenders: {
      '@lsm/wal': async () => {
        const { readWal } = await import('@lsm/wal')
        const { put, storage } = await ours('os', valueBytes)
        for (let i = 0; i < records; i++) await put()
        const segments = [{ ...identity(1), sealedLength: undefined }]
        return async () => {
          let sum = 0
          await readWal(storage as Parameters<typeof readWal>[0], { segments, mode: 'tail' }, (batch) => {
            while (batch.next()) sum += batch.valueEnd - batch.valueStart
          })
          if (sum !== records * valueBytes) throw new Error(`read ${sum} bytes of values`)
          return sum
        }
      },
      'length + CRC by hand': async () => {
        const fs = await import('node:fs/promises')
        const { join } = await import('node:path')
        const { compute } = await import('@lsm/crc')
        const path = join(await directory(), 'log')
        const value = valueFor(valueBytes)
        const size = PREFIX_BYTES + key.length + valueBytes
        const bytes = Buffer.alloc(records * size)
        for (let i = 0; i < records; i++) {
          bytes.set(key, i * size + PREFIX_BYTES)
          bytes.set(value, i * size + PREFIX_BYTES + key.length)
          bytes.writeUInt32BE(size - PREFIX_BYTES, i * size)
          bytes.writeUInt32BE(compute(bytes, i * size + PREFIX_BYTES, (i + 1) * size), i * size + 4)
        }
        await fs.writeFile(path, bytes)
        return async () => {
          const log = await fs.readFile(path)
          let sum = 0
          for (let at = 0; at < log.length; ) {
            const start = at + PREFIX_BYTES
            const end = start + log.readUInt32BE(at)
            if (log.readUInt32BE(at + 4) !== compute(log, start, end)) throw new Error(`damage at ${at}`)
            sum += end - start - key.length
            at = end
          }
          return sum
        }
      },
    },
  }
}

export default suite('wal', [
  {
    name: "'os', one put at a time, 100 B",
    operations: PUTS,
    contenders: {
      '@lsm/wal': oneAtATime(() => ours('os', VALUE_BYTES), PUTS),
      'writeSync by hand': oneAtATime(() => byHand(false), PUTS),
      'fs.promises.appendFile': oneAtATime(appendFile, PUTS),
    },
    reference: ['fs.promises.appendFile'],
  },
  {
    name: "'os', 64 puts in flight, 100 B",
    operations: PUTS,
    contenders: {
      '@lsm/wal': inFlight(() => ours('os', VALUE_BYTES), PUTS),
      'writeSync by hand': inFlight(() => byHand(false), PUTS),
      'fs.promises.appendFile': inFlight(appendFile, PUTS),
    },
    reference: ['fs.promises.appendFile'],
  },
  {
    name: "'sync', 64 puts in flight, 100 B",
    operations: PUTS,
    contenders: {
      '@lsm/wal': inFlight(() => ours('sync', VALUE_BYTES), PUTS),
      'writeSync and datasync by hand': inFlight(() => byHand(true), PUTS),
    },
  },
  readBack(100),
  readBack(4096),
])
