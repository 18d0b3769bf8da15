import { MemoryStorage } from '@lsm/storage'
import { expect, test } from 'vitest'
import { Engine } from '../src/index.ts'

test('closing waits for a verification that runs, and none begins behind it', async () => {
  const engine = await Engine.open('memory', { durability: 'os' }, { storage: new MemoryStorage() })
  await Promise.all(Array.from({ length: 5000 }, (_, i) => engine.put(`key${i}`, 'value'.repeat(20))))
  await engine.flush()
  const order: string[] = []
  const verified = engine.verify().then((report) => {
    order.push('verified')
    return report
  })
  const closed = engine.close().then(() => order.push('closed'))
  await expect(engine.verify()).rejects.toMatchObject({ code: 'LSM_CLOSED' })
  expect((await verified).records).toBe(5000)
  await closed
  expect(order).toEqual(['verified', 'closed'])
})
