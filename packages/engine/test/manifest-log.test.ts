import { MemoryStorage, type Storage } from '@lsm/storage'
import { CrashDisk, FaultPlan, FaultStorage, type LossStyle } from '@lsm/storage/testing'
import { describe, expect, test } from 'vitest'
import { manifestFileName } from '../src/files.ts'
import { EMPTY_STATE, type ManifestState } from '../src/manifest.ts'
import { ManifestLog, type ManifestPosition, NO_STORE, readNewestManifest } from '../src/manifest-log.ts'
import { STORE_ID, stateOf, table } from './manifests.ts'

const corrupt = { code: 'LSM_CORRUPTION' }

async function read(storage: Storage): Promise<ManifestPosition> {
  const found = await readNewestManifest(storage)
  if (found === NO_STORE) throw new Error('no store')
  return found
}

/** A state with this many tables. */
const withTables = (count: number, lastSeq = count): ManifestState => ({
  ...stateOf({ tables: Array.from({ length: count }, (_, i) => table(i, ['a', 'b'])) }),
  lastSeq,
})

/** The state with one table more: what a flush publishes. */
function flushed(state: ManifestState): ManifestState {
  const added = table(1000 + state.lastSeq, ['c', 'd'])
  return { ...state, lastSeq: state.lastSeq + 1, tables: new Map(state.tables).set(added.id, added) }
}

async function put(storage: Storage, name: string, content: Uint8Array): Promise<void> {
  const file = await storage.open(name, { mode: 'create' })
  await file.append(content)
  await file.close()
}

async function contentOf(storage: Storage, name: string): Promise<Uint8Array> {
  const file = await storage.open(name, { mode: 'read' })
  const content = new Uint8Array(await file.size())
  await file.read(content, 0)
  await file.close()
  return content
}

describe('the newest manifest', () => {
  test('of a directory without a store', async () => {
    const storage = new MemoryStorage()
    expect(await readNewestManifest(storage)).toBe(NO_STORE)
    await put(storage, 'notes.txt', new Uint8Array(3))
    expect(await readNewestManifest(storage)).toBe(NO_STORE)
  })

  test('store files without a manifest are refused, never created over', async () => {
    for (const name of ['0000000000000001.wal', `${'0'.repeat(32)}.sst`]) {
      const storage = new MemoryStorage()
      await put(storage, name, new Uint8Array(3))
      await expect(readNewestManifest(storage)).rejects.toMatchObject({ ...corrupt, file: name })
    }
  })

  test('gives back what was published last, with its base', async () => {
    const storage = new MemoryStorage()
    const log = ManifestLog.forNewStore(storage, STORE_ID)
    await log.publish(withTables(20), { nextEpoch: true })
    await log.publish(flushed(log.state))
    await log.publish(flushed(log.state), { nextEpoch: true })
    expect(await read(storage)).toEqual(log.position)
    expect(log.position).toMatchObject({ number: 3, epoch: 2, base: { number: 1 } })
    // And goes on from there: as a delta on the same base, and not a longer one.
    const next = new ManifestLog(storage, await read(storage))
    await next.publish(flushed(next.state))
    expect(next.position).toMatchObject({ number: 4, epoch: 2, base: { number: 1 } })
    expect((await read(storage)).state).toEqual(next.state)
    expect(storage.openFiles).toEqual([])
  })

  test('that does not check out is corruption, and an older one is not taken instead', async () => {
    const storage = new MemoryStorage()
    const log = ManifestLog.forNewStore(storage, STORE_ID)
    await log.publish(withTables(20))
    const newest = manifestFileName(2)
    for (const content of [new Uint8Array(0), new Uint8Array(200)]) {
      await put(storage, newest, content)
      await expect(readNewestManifest(storage)).rejects.toMatchObject({ ...corrupt, file: newest })
      await storage.remove(newest)
    }
    // Under another name it is not what it says.
    await put(storage, newest, await contentOf(storage, manifestFileName(1)))
    await expect(readNewestManifest(storage)).rejects.toMatchObject({ ...corrupt, file: newest })
    expect(storage.openFiles).toEqual([])
  })

  test('whose base is missing, damaged or another is corruption', async () => {
    const storage = new MemoryStorage()
    const log = ManifestLog.forNewStore(storage, STORE_ID)
    await log.publish(withTables(20))
    await log.publish(flushed(log.state))
    const baseFile = manifestFileName(1)
    const good = await contentOf(storage, baseFile)
    await storage.remove(baseFile)
    await expect(readNewestManifest(storage)).rejects.toMatchObject({ ...corrupt, file: baseFile })
    await put(storage, baseFile, good.with(100, good[100]! ^ 1))
    await expect(readNewestManifest(storage)).rejects.toMatchObject({ ...corrupt, file: baseFile })
    const elsewhere = new MemoryStorage()
    await ManifestLog.forNewStore(elsewhere, STORE_ID).publish(withTables(21))
    await storage.remove(baseFile)
    await put(storage, baseFile, await contentOf(elsewhere, baseFile))
    await expect(readNewestManifest(storage)).rejects.toMatchObject({ ...corrupt, file: baseFile })
  })
})

describe('publishing', () => {
  test('keeps the newest and its base, and writes a full one again when the changes are half as long', async () => {
    const storage = new MemoryStorage()
    const log = ManifestLog.forNewStore(storage, STORE_ID)
    await log.publish(withTables(20))
    const bases: number[] = []
    for (let i = 0; i < 30; i++) {
      await log.publish(flushed(log.state))
      const { number, base } = log.position
      bases.push(base!.number)
      expect(await storage.list()).toEqual([...new Set([base!.number, number])].map(manifestFileName))
      expect((await read(storage)).state).toEqual(log.state)
    }
    expect(new Set(bases).size).toBeGreaterThan(2)
    expect(new Set(bases).size).toBeLessThan(8)
  })

  test('an older manifest that could not be removed goes with the next', async () => {
    const plan = new FaultPlan()
    const storage = new FaultStorage(plan)
    const log = ManifestLog.forNewStore(storage, STORE_ID)
    await log.publish(withTables(2))
    plan.add({ fault: 'EACCES', when: ({ kind, name }) => kind === 'unlink' && name.startsWith('manifest-') })
    await log.publish(withTables(10))
    expect(plan.failures).toBe(1)
    expect(await storage.list()).toHaveLength(2)
    await log.publish(withTables(40))
    expect(await storage.list()).toEqual([manifestFileName(3)])
  })

  test('a name that is taken means that another writer has the store', async () => {
    const storage = new MemoryStorage()
    const first = ManifestLog.forNewStore(storage, STORE_ID)
    await first.publish(withTables(3))
    const second = new ManifestLog(storage, await read(storage))
    await second.publish(withTables(4), { nextEpoch: true })
    await expect(first.publish(withTables(5))).rejects.toMatchObject({ code: 'LSM_FENCED', file: manifestFileName(2) })
    expect([first.isFenced, second.isFenced]).toEqual([true, false])
    expect((await read(storage)).state).toEqual(second.state)
  })

  test('a higher number than the one just published means it too, and nothing of the other is removed', async () => {
    const storage = new MemoryStorage()
    const late = ManifestLog.forNewStore(storage, STORE_ID)
    await late.publish(withTables(20))
    const other = new ManifestLog(storage, await read(storage))
    await other.publish(flushed(other.state), { nextEpoch: true })
    await other.publish(flushed(other.state))
    // The other's number 2 is gone by now, and its newest builds on number 1.
    expect(await storage.list()).toEqual([1, 3].map(manifestFileName))
    await expect(late.publish(withTables(60))).rejects.toMatchObject({ code: 'LSM_FENCED', file: manifestFileName(3) })
    expect(late.isFenced).toBe(true)
    expect((await read(storage)).state).toEqual(other.state)
  })

  test('is all or nothing at every crash, and durable once it is done', async () => {
    const cuts: { disk: CrashDisk; possible: ManifestState[] }[] = []
    let possible: ManifestState[] = []
    const styles: (LossStyle | undefined)[] = ['nothing', 'everything', 'after', 'mixed', 'mixed', 'mixed', undefined]
    const disk = new CrashDisk({
      onOperation: ({ index }, now) => {
        for (const [i, style] of styles.entries()) {
          cuts.push({ disk: now.crash({ seed: index * 10 + i, ...(style && { style }) }), possible })
        }
      },
    })
    const log = ManifestLog.forNewStore(disk.storage(), STORE_ID)
    for (let i = 0; i < 25; i++) {
      const next = i % 8 === 0 ? withTables(5 + i, i) : flushed(log.state)
      possible = i === 0 ? [next] : [log.state, next]
      await log.publish(next)
      possible = [next]
    }
    let none = 0
    for (const { disk, possible } of cuts) {
      const found = await readNewestManifest(disk.storage())
      // Only the very first one can be missing.
      if (found === NO_STORE) none++
      else expect(possible).toContainEqual(found.state)
    }
    expect(cuts.length).toBeGreaterThan(500)
    expect(none).toBeLessThan(60)
    expect((await read(disk.storage())).state).toEqual(log.state)
  })

  test('when any operation fails, the store has the state before or after, and never loses one that was published', async () => {
    for (const fault of ['EIO', 'ENOSPC'] as const) {
      for (let at = 1; ; at++) {
        const plan = new FaultPlan().add({ fault, at })
        const storage = new FaultStorage(plan)
        const log = ManifestLog.forNewStore(storage, STORE_ID)
        let durable: ManifestState = EMPTY_STATE
        let attempted: ManifestState = EMPTY_STATE
        try {
          for (const state of [withTables(20), withTables(21), withTables(1)]) {
            attempted = state
            await log.publish(state)
            durable = state
          }
        } catch (error) {
          expect(error).toMatchObject({ code: expect.stringMatching(/^(STORAGE|LSM)_/) })
        }
        if (plan.failures === 0) break
        expect(storage.openFiles).toEqual([])
        expect(plan.openDescriptors).toBe(0)
        for (const style of ['nothing', 'everything', 'mixed'] as const) {
          const found = await readNewestManifest(storage.disk.crash({ seed: at, style }).storage())
          if (found === NO_STORE) expect(durable).toBe(EMPTY_STATE)
          else expect([durable, attempted]).toContainEqual(found.state)
        }
      }
    }
  })
})
