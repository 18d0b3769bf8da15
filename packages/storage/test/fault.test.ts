import { describe, expect, test } from 'vitest'
import { conformanceCases } from '../src/conformance/index.ts'
import { CrashDisk, type Fault, FaultPlan, FaultStorage } from '../src/testing/index.ts'

const FAULTS: readonly Fault[] = ['EIO', 'ENOSPC', 'EMFILE', 'EACCES', 'short']

describe('a plan', () => {
  test('counts every operation and names it', async () => {
    const seen: string[] = []
    const plan = new FaultPlan({ onOperation: ({ index, kind, name }) => seen.push(`${index} ${kind} ${name}`) })
    const storage = new FaultStorage(plan)
    const file = await storage.open('a', { mode: 'create' })
    await file.append(new Uint8Array(3))
    await file.datasync()
    await storage.syncDirectory()
    await storage.publish('m', new Uint8Array(2))
    await storage.close()
    expect(seen).toEqual([
      '1 create a',
      '2 stat a',
      '3 write a',
      '4 datasync a',
      '5 syncDirectory ',
      '6 create .publish-0-m',
      '7 write .publish-0-m',
      '8 datasync .publish-0-m',
      '9 close .publish-0-m',
      '10 link m',
      '11 syncDirectory ',
      '12 unlink .publish-0-m',
      '13 close a',
    ])
    expect(plan.openDescriptors).toBe(0)
  })

  test('fails the nth operation once, or from it on, or by a predicate', async () => {
    const plan = new FaultPlan()
    const storage = new FaultStorage(plan)
    const file = await storage.open('a', { mode: 'create' })
    const append = (): Promise<number> => file.append(new Uint8Array(4))
    plan.add({ fault: 'ENOSPC', at: plan.operations + 2 })
    expect(await append()).toBe(0)
    await expect(append()).rejects.toMatchObject({ code: 'STORAGE_NO_SPACE', file: 'a', offset: 4 })
    expect(await append()).toBe(4)
    plan.add({ fault: 'EIO', at: plan.operations + 2, forever: true })
    expect(await append()).toBe(8)
    await expect(append()).rejects.toMatchObject({ code: 'STORAGE_IO' })
    await expect(append()).rejects.toMatchObject({ code: 'STORAGE_IO' })
    plan.heal()
    plan.add({ fault: 'EMFILE', when: ({ kind }) => kind === 'open', forever: true })
    await expect(storage.open('a', { mode: 'read' })).rejects.toMatchObject({ code: 'STORAGE_TOO_MANY_FILES' })
    expect(() => storage.openSync('a')).toThrow(expect.objectContaining({ code: 'STORAGE_TOO_MANY_FILES' }))
    expect(await append()).toBe(12)
    expect(plan.failures).toBe(5)
  })

  test('an append that was cut short and then failed leaves a prefix that size tells of', async () => {
    const plan = new FaultPlan()
    const storage = new FaultStorage(plan)
    const file = await storage.open('a', { mode: 'create' })
    await file.append(new Uint8Array(10))
    plan.add({ fault: 'short', at: plan.operations + 1 }).add({ fault: 'ENOSPC', at: plan.operations + 2 })
    await expect(file.append(new Uint8Array(8))).rejects.toMatchObject({ code: 'STORAGE_NO_SPACE', offset: 14 })
    expect(await file.size()).toBe(14)
    await file.truncate(10)
    expect(await file.append(new Uint8Array(1))).toBe(10)
    plan.add({ fault: 'short', at: plan.operations + 1 }).add({ fault: 'ENOSPC', at: plan.operations + 2 })
    expect(() => file.appendSync(new Uint8Array(8))).toThrow(expect.objectContaining({ offset: 15 }))
    expect(file.appendSync(new Uint8Array(1))).toBe(15)
  })

  test('an answer can be lost although the work was done', async () => {
    const plan = new FaultPlan()
    const storage = new FaultStorage(plan)
    plan.add({ fault: 'EIO', when: ({ kind }) => kind === 'link', afterEffect: true })
    await expect(storage.publish('m', new Uint8Array([7]))).rejects.toMatchObject({ code: 'STORAGE_IO' })
    expect(await storage.list()).toEqual(['m'])
    expect(await storage.size('m')).toBe(1)
  })
})

test('a lock that fails after it was taken is let go', async () => {
  const plan = new FaultPlan()
  const storage = new FaultStorage(plan)
  plan.add({ fault: 'EIO', when: ({ kind }) => kind === 'list' })
  await expect(storage.lock()).rejects.toMatchObject({ code: 'STORAGE_IO' })
  expect((await new FaultStorage(plan, storage.disk).lock()).held).toBe(true)
})

describe('a failed datasync', () => {
  test.each([true, false])('drops what was not synced for good (still visible: %s)', async (keepVisible) => {
    const plan = new FaultPlan({ keepVisible })
    const storage = new FaultStorage(plan)
    const file = await storage.open('a', { mode: 'create' })
    await file.append(new Uint8Array([1, 2, 3]))
    await file.datasync()
    await storage.syncDirectory()
    await file.append(new Uint8Array([4, 5]))
    plan.add({ fault: 'EIO', when: ({ kind }) => kind === 'datasync' })
    await expect(file.datasync()).rejects.toMatchObject({ code: 'STORAGE_IO' })
    await expect(file.datasync()).rejects.toMatchObject({ code: 'STORAGE_FAILED' })
    expect(await file.size()).toBe(keepVisible ? 5 : 3)
    // A new process, which knows nothing of the failure, syncs with success: the bytes are lost all the same.
    const disk = storage.disk.restart()
    const next = await disk.storage().open('a', { mode: 'write' })
    await next.datasync()
    const after = disk.crash({ seed: 1, style: 'nothing' }).storage()
    expect(await after.size('a')).toBe(3)
  })
})

describe('every operation of every conformance case fails once, and for ever', () => {
  test.each(FAULTS)('with %s: coded errors alone, and no descriptor left', async (fault) => {
    let states = 0
    let failures = 0
    for (const each of conformanceCases) {
      // Hostile arguments reach no operation; the longest cases add time and no new kind of step.
      const count = await runCase(each, new FaultPlan())
      const step = Math.max(1, Math.floor(count / 40))
      for (const forever of [false, true]) {
        for (let at = 1; at <= count; at += step) {
          const plan = new FaultPlan().add({ fault, at, forever })
          await runCase(each, plan)
          expect(plan.openDescriptors, `${each.name}, operation ${at}`).toBe(0)
          states++
          failures += plan.failures
        }
      }
    }
    expect(states).toBeGreaterThan(500)
    expect(failures).toBeGreaterThanOrEqual(states)
  })

  async function runCase(each: (typeof conformanceCases)[number], plan: FaultPlan): Promise<number> {
    const disk = new CrashDisk({ keepTrace: false })
    const opened = [new FaultStorage(plan, disk)]
    const reopen = async (): Promise<FaultStorage> => {
      const storage = new FaultStorage(plan, disk)
      opened.push(storage)
      return storage
    }
    try {
      await each.run({ storage: opened[0]!, reopen, dispose: async () => {} })
    } catch (error) {
      if (plan.failures === 0) throw error
      // Either the case noticed, in its own words, that something failed; or it met the coded error itself.
      const coded = error instanceof Error && 'code' in error && /^STORAGE_/.test(String(error.code))
      const told = error instanceof Error && / got .* expected |threw|succeeded/.test(error.message)
      expect(coded || told, String(error)).toBe(true)
    }
    await Promise.allSettled(opened.map((storage) => storage.close()))
    return plan.operations
  }
})
