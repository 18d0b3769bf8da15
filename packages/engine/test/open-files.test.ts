import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MemoryStorage, type Storage } from '@lsm/storage'
import { NodeStorage } from '@lsm/storage/node'
import { describe, expect, it } from 'vitest'
import { Engine } from '../src/index.ts'
import { PooledStorage } from '../src/pooled-storage.ts'

const LIMIT = 16
const TABLES = 3 * LIMIT
const ROWS = 8

const keyOf = (table: number, row: number): string => `key-${row}-${String(table).padStart(3, '0')}`
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
const openTables = (storage: Storage): number => storage.openFiles.filter((name) => name.endsWith('.sst')).length

/** Keeps the most tables that were open at once, looked at after every call that opens one. */
function watched(storage: Storage): { storage: Storage; most: () => number; reset: () => void } {
  let most = 0
  const look = <T>(opened: T): T => {
    most = Math.max(most, openTables(storage))
    return opened
  }
  const proxy = new Proxy(storage, {
    get(target, name) {
      if (name === 'open') return async (...args: Parameters<Storage['open']>) => look(await target.open(...args))
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
  return {
    storage: proxy,
    most: () => most,
    reset: () => {
      most = 0
    },
  }
}

describe.each(['files', 'memory'])('a store of three times more tables than maxOpenFiles, in %s', (kind) => {
  it('reads all of them with that many descriptors, in every way', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'lsm-engine-open-files-'))
    const real = kind === 'files' ? await NodeStorage.open(directory) : new MemoryStorage()
    const { storage, most, reset } = watched(real)
    const engine = await Engine.open(
      directory,
      {
        maxOpenFiles: LIMIT,
        durability: 'os',
        // Nothing stays in the cache, so that every read needs its file.
        cacheSizeBytes: 0,
        compactionWorkers: 0,
        keyspaceDefaults: { l0Compact: 1000, l0Slow: 1000, l0Stop: 1000 },
      },
      { storage },
    )
    try {
      for (let table = 0; table < TABLES; table++) {
        for (let row = 0; row < ROWS; row++) await engine.put(keyOf(table, row), `${table}/${row}`)
        await engine.flush()
      }
      expect(engine.stats().levels[0]!.tables).toBe(TABLES)
      const decoder = new TextDecoder()
      const text = (value: Uint8Array | undefined): string | undefined => value && decoder.decode(value)
      const pairs = Array.from({ length: TABLES * ROWS }, (_, i) => [i % TABLES, Math.floor(i / TABLES)] as const)
      reset()

      // All at once.
      const values = await Promise.all(pairs.map(([table, row]) => engine.get(keyOf(table, row))))
      expect(values.map(text)).toEqual(pairs.map(([table, row]) => `${table}/${row}`))
      // A scan needs a block of every table at the same time, and no descriptor in between.
      let count = 0
      for await (const [key] of engine.scan()) {
        expect(decoder.decode(key)).toBe(keyOf(count % TABLES, Math.floor(count / TABLES)))
        count++
      }
      expect(count).toBe(TABLES * ROWS)
      expect(most()).toBeLessThanOrEqual(LIMIT)

      for (const [table, row] of pairs) {
        expect(text(engine.getSync(keyOf(table, row)))).toBe(`${table}/${row}`)
        await turn()
      }
      await expect.poll(() => openTables(real)).toBeLessThanOrEqual(LIMIT)
      // Without a turn between them nothing can be closed, and still all is read.
      expect([...engine.scanSync()]).toHaveLength(TABLES * ROWS)
      await expect.poll(() => openTables(real)).toBeLessThanOrEqual(LIMIT)
      reset()

      await engine.compact()
      expect(await engine.count()).toBe(TABLES * ROWS)
      // The table that is being written comes on top.
      expect(most()).toBeLessThanOrEqual(LIMIT + 1)
      await engine.verify()
    } finally {
      await engine.close()
      await rm(directory, { recursive: true, force: true })
    }
    expect(real.openFiles).toEqual([])
  })
})

describe('a pooled file', () => {
  async function filled(count: number): Promise<{ real: MemoryStorage; pool: PooledStorage }> {
    const real = new MemoryStorage()
    for (let i = 0; i < count; i++) {
      const file = await real.open(`f${i}`, { mode: 'create' })
      await file.append(Uint8Array.of(i))
      await file.close()
    }
    return { real, pool: new PooledStorage(real, 2) }
  }

  it('keeps the files open that are used, and closes the one that was not', async () => {
    const { real, pool } = await filled(3)
    const buffer = new Uint8Array(1)
    const a = await pool.open('f0', { mode: 'read' })
    const b = await pool.open('f1', { mode: 'read' })
    const third = await pool.open('f2', { mode: 'read' })
    // Both were used once before; from now on only a is.
    await a.read(buffer, 0)
    await b.read(buffer, 0)
    await a.read(buffer, 0)
    expect(await third.read(buffer, 0)).toBe(1)
    expect(buffer[0]).toBe(2)
    expect(real.openFiles).toHaveLength(2)
    await Promise.all([a.close(), b.close(), third.close()])
    expect(real.openFiles).toEqual([])
  })

  it('says at once that there is no file', async () => {
    const { real, pool } = await filled(0)
    await expect(pool.open('f0', { mode: 'read' })).rejects.toMatchObject({ code: 'STORAGE_NOT_FOUND' })
    expect(() => pool.openSync('f0')).toThrow(expect.objectContaining({ code: 'STORAGE_NOT_FOUND' }))
    expect(real.openFiles).toEqual([])
  })

  it('waits for a descriptor while all are busy, and gives a failed one back', async () => {
    const { pool } = await filled(8)
    const files = await Promise.all(Array.from({ length: 8 }, (_, i) => pool.open(`f${i}`, { mode: 'read' })))
    const wrong = Array.from({ length: 8 }, () => pool.open('missing', { mode: 'read' }))
    for (const result of await Promise.allSettled(wrong)) expect(result.status).toBe('rejected')
    const read = await Promise.all(
      files.map(async (file) => {
        const buffer = new Uint8Array(1)
        await file.read(buffer, 0)
        return buffer[0]
      }),
    )
    expect(read).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
    await Promise.all(files.map((file) => file.close()))
    await expect(files[0]!.read(new Uint8Array(1), 0)).rejects.toMatchObject({ code: 'STORAGE_CLOSED' })
  })
})
