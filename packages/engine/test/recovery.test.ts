/** What recovery does to the log: each of these was wrong once, or would be easy to get wrong. */
import { CrashDisk, FaultPlan, FaultStorage } from '@lsm/storage/testing'
import { expect, test } from 'vitest'
import { Engine, type EngineOptions } from '../src/index.ts'
import { namesOf, simComponents } from './crash-sim.ts'

const open = (disk: CrashDisk, options: EngineOptions = {}): Promise<Engine> =>
  Engine.open('sim', options, { ...simComponents(9), storage: disk.storage() })

test('bytes of the log that may be durable are never written over', async () => {
  const disk = new CrashDisk()
  const engine = await open(disk)
  for (let i = 0; i < 20; i++) await engine.put(`key${i}`, 'v'.repeat(100))
  const left = disk.crash({ seed: 1, style: 'everything' })
  const logs = left.names().filter((name) => name.endsWith('.wal'))
  const touched: string[] = []
  const watched = left.restart({ onOperation: ({ kind, name }) => kind === 'write' && touched.push(name) })
  const again = await open(watched)
  expect(await again.count()).toBe(20)
  expect(touched.filter((name) => logs.includes(name))).toEqual([])
  await again.close()
  await engine.close()
})

test('opening and closing again and again leaves no more files', async () => {
  const disk = new CrashDisk({ keepTrace: false })
  const first = await open(disk)
  await first.put('a', '1')
  await first.close()
  let count = 0
  for (let round = 0; round < 20; round++) {
    const engine = await open(disk)
    expect(await engine.count()).toBe(1)
    await engine.close()
    const { expected, found } = await namesOf(disk)
    expect(found).toEqual(expected)
    if (round === 2) count = found.length
    if (round > 2) expect(found.length).toBeLessThanOrEqual(count + 1)
  }
})

test('close tells of a log that could not be made durable', async () => {
  const plan = new FaultPlan()
  const storage = new FaultStorage(plan)
  const engine = await Engine.open('sim', {}, { ...simComponents(9), storage })
  await engine.put('a', '1', { durability: 'os' })
  plan.add({ fault: 'EIO', when: ({ kind }) => kind === 'datasync' })
  await expect(engine.close()).rejects.toMatchObject({ code: expect.stringMatching(/^LSM_(IO|FAILED)$/) })
  expect(storage.openFiles).toEqual([])
})
