import { MemoryStorage } from '@lsm/storage'
import { expect, test, vi } from 'vitest'
import { Engine } from '../src/index.ts'

test('a store that is opened for one write at a time does not gather log segments', async () => {
  const disk = new MemoryStorage()
  for (let i = 0; i < 20; i++) {
    const engine = await Engine.open('memory', {}, { storage: disk.reopen() })
    await engine.put(`key${i}`, `value ${i}`)
    await vi.waitFor(() => expect(engine.stats().walSegments).toBeLessThanOrEqual(5))
    await engine.close()
  }
  const engine = await Engine.open('memory', {}, { storage: disk.reopen() })
  expect(await engine.count()).toBe(20)
  await engine.close()
})
