import { MemoryStorage, type Storage } from '@lsm/storage'
import { expect, test } from 'vitest'
import { Engine } from '../src/index.ts'

/** A storage in which opening a file for reading takes a while. */
function slow(storage: Storage): Storage {
  return new Proxy(storage, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target)
      if (name !== 'open') return typeof value === 'function' ? value.bind(target) : value
      return async (...[file, options]: Parameters<Storage['open']>) => {
        if (options.mode === 'read') await new Promise((resolve) => setTimeout(resolve, 30))
        return target.open(file, options)
      }
    },
  })
}

test('closing waits for a verification that runs, and none begins behind it', async () => {
  const disk = new MemoryStorage()
  // Each opening leaves a log segment, which no table holds open.
  for (let i = 0; i < 3; i++) {
    const engine = await Engine.open('memory', {}, { storage: disk.reopen() })
    await Promise.all(Array.from({ length: 20 }, (_, j) => engine.put(`key${i}-${j}`, new Uint8Array(100_000))))
    await engine.close()
  }
  const engine = await Engine.open('memory', {}, { storage: slow(disk.reopen()) })
  const order: string[] = []
  const verified = engine.verify().then((report) => {
    order.push('verified')
    return report
  })
  const closed = engine.close().then(() => order.push('closed'))
  await expect(engine.verify()).rejects.toMatchObject({ code: 'LSM_CLOSED' })
  // The one that is being written too.
  expect((await verified).walSegments).toBe(4)
  await closed
  expect(order).toEqual(['verified', 'closed'])
})
