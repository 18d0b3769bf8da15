/** A cursor whose reads wait, and one whose store is closed. */
import { FaultStorage } from '@lsm/storage/testing'
import { describe, expect, test } from 'vitest'
import type { Cursor, Engine } from '../src/index.ts'
import { errorOf, HeldStorage, openMemory, TINY, text } from './api-fixtures.ts'

const key = (i: number): string => `k${String(i).padStart(3, '0')}`

/** A store of 100 keys whose blocks are all on the disk. */
async function cold(): Promise<{ readonly engine: Engine; readonly storage: HeldStorage }> {
  const storage = new HeldStorage()
  const engine = await openMemory({ ...TINY, memtableSizeBytes: 1 << 20, cacheSizeBytes: 0 }, { storage })
  for (let i = 0; i < 100; i++) await engine.put(key(i), `v${i}`.padEnd(100, '.'))
  await engine.flush()
  return { engine, storage }
}

/** Every key from where the cursor is. */
async function rest(cursor: Cursor): Promise<string[]> {
  const keys: string[] = []
  while (await cursor.next()) keys.push(text(cursor.key)!)
  return keys
}

/** Moves on until a step has to wait; returns how many steps did not, and the one that does. */
function stepUntilWaiting(cursor: Cursor): { readonly steps: number; readonly pending: Promise<boolean> } {
  for (let steps = 0; ; steps++) {
    const moved = cursor.next()
    if (typeof moved !== 'boolean') return { steps, pending: moved }
    expect(moved).toBe(true)
  }
}

describe('a cursor that waits for a block', () => {
  test.each(['the first', 'a later'])('refuses another move, and goes on where it was: %s', async (which) => {
    const { engine, storage } = await cold()
    const cursor = engine.cursor({ fillCache: false })
    let before = 0
    if (which === 'a later') {
      const { steps, pending } = stepUntilWaiting(cursor)
      expect(await pending).toBe(true)
      before = steps + 1
    }
    const release = storage.holdReads()
    const { steps, pending } = stepUntilWaiting(cursor)
    for (let i = 0; i < 3; i++) {
      for (const call of [() => cursor.next(), () => cursor.seek('a')]) {
        const error = await errorOf(call)
        expect(error).toMatchObject({ name: 'LsmError', code: 'LSM_BUSY' })
        expect(error.message).toMatch(/await it first/)
      }
    }
    expect(cursor.key).toEqual(new Uint8Array(0))
    release()
    expect(await pending).toBe(true)
    expect(text(cursor.key)).toBe(key(before + steps))
    expect(await rest(cursor)).toEqual(
      Array.from({ length: 99 - before - steps }, (_, i) => key(before + steps + 1 + i)),
    )
    cursor.seek(key(42))
    expect(await cursor.next()).toBe(true)
    expect(text(cursor.key)).toBe(key(42))
    cursor.close()
  })

  test('may be closed meanwhile', async () => {
    const { engine, storage } = await cold()
    const release = storage.holdReads()
    const cursor = engine.cursor()
    const pending = cursor.next()
    cursor.close()
    release()
    expect(await pending).toBe(false)
    expect(await cursor.next()).toBe(false)
  })

  test('and cannot read it says so each time: its end would look like that of the data', async () => {
    const storage = new FaultStorage()
    const engine = await openMemory({ ...TINY, cacheSizeBytes: 0 }, { storage })
    await engine.put('a', '1')
    await engine.flush()
    storage.plan.add({ fault: 'EIO', when: ({ kind }) => kind === 'read' })
    const cursor = engine.cursor()
    expect(await errorOf(() => cursor.next())).toHaveProperty('code', 'LSM_IO')
    expect(await errorOf(() => cursor.next())).toHaveProperty('code', 'LSM_IO')
    cursor.seek('a')
    expect(await errorOf(() => cursor.next())).toHaveProperty('code', 'LSM_IO')
    cursor.close()
    const again = engine.cursor()
    expect(await again.next()).toBe(true)
    again.close()
  })

  test('and whose engine is closed meanwhile says LSM_CLOSED', async () => {
    const { engine, storage } = await cold()
    const cursor = engine.cursor()
    const release = storage.holdReads()
    const pending = cursor.next()
    const closing = engine.close()
    release()
    expect(await errorOf(() => pending)).toHaveProperty('code', 'LSM_CLOSED')
    expect(await errorOf(() => cursor.next())).toHaveProperty('code', 'LSM_CLOSED')
    await closing
  })
})

describe('a cursor whose engine is closed', () => {
  const calls: readonly (readonly [string, (cursor: Cursor) => unknown])[] = [
    ['key', (cursor) => cursor.key],
    ['value', (cursor) => cursor.value],
    ['next', (cursor) => cursor.next()],
    ['seek', (cursor) => cursor.seek('a')],
    ['seek with a key that is none', (cursor) => cursor.seek(5 as unknown as string)],
  ]
  test.each(calls)('%s says LSM_CLOSED, again and again', async (_, call) => {
    const engine = await openMemory()
    await engine.put('a', '1')
    const cursor = engine.cursor()
    expect(await cursor.next()).toBe(true)
    await engine.close()
    for (let i = 0; i < 3; i++) {
      expect(await errorOf(() => call(cursor))).toMatchObject({ name: 'LsmError', code: 'LSM_CLOSED' })
    }
    cursor.close()
  })

  test('so it is with one over a snapshot that is closed, but for what it has in hand', async () => {
    const engine = await openMemory()
    await engine.put('a', '1')
    const snapshot = engine.snapshot()
    const cursor = snapshot.cursor()
    expect(await cursor.next()).toBe(true)
    snapshot.close()
    expect(text(cursor.key)).toBe('a')
    expect(await errorOf(() => cursor.seek('a'))).toHaveProperty('code', 'LSM_CLOSED')
    expect(await errorOf(() => cursor.next())).toHaveProperty('code', 'LSM_CLOSED')
  })
})

test('a scan that waits while its snapshot is closed lets go of its tables', async () => {
  const storage = new HeldStorage()
  const warnings: string[] = []
  const logger = { info: () => {}, warn: (message: string) => void warnings.push(message) }
  const engine = await openMemory({ ...TINY, cacheSizeBytes: 0 }, { storage, logger })
  await engine.put('a', '1')
  await engine.flush()
  const snapshot = engine.snapshot()
  const iterator = snapshot.scan()[Symbol.asyncIterator]()
  const release = storage.holdReads()
  const pending = iterator.next()
  snapshot.close()
  release()
  await expect(pending).rejects.toMatchObject({ code: 'LSM_CLOSED' })
  await engine.close()
  expect(warnings).toEqual([])
})
