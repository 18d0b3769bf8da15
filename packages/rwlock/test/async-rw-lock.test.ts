import { describe, expect, test } from 'vitest'
import { AsyncRWLock, type ReadHandle, RWLockError, type WriteHandle } from '../src/index.ts'

/** Lets every promise that can settle now do so. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** Notes the names of requests in the order in which they are granted, and keeps their handles. */
function recorder(): {
  granted: string[]
  handles: Map<string, WriteHandle>
  note(name: string, request: Promise<ReadHandle>): void
  release(name: string): Promise<void>
} {
  const granted: string[] = []
  const handles = new Map<string, WriteHandle>()
  return {
    granted,
    handles,
    note(name, request) {
      void request.then((handle) => {
        granted.push(name)
        handles.set(name, handle as WriteHandle)
      })
    },
    async release(name) {
      const handle = handles.get(name)
      if (handle === undefined) throw new Error(`${name} does not hold the lock`)
      handle.release()
      await turn()
    },
  }
}

describe('who may hold the lock', () => {
  test('readers share it', async () => {
    const lock = new AsyncRWLock()
    const handles = [await lock.read(), await lock.read(), await lock.read()]
    expect(lock.readers).toBe(3)
    expect(lock.isWriting).toBe(false)
    for (const handle of handles) handle.release()
    expect(lock.readers).toBe(0)
  })

  test('a writer shares it with nobody', async () => {
    const lock = new AsyncRWLock()
    const writer = await lock.write()
    expect(lock.isWriting).toBe(true)
    expect(lock.readers).toBe(0)
    expect(lock.tryRead()).toBeUndefined()
    expect(lock.tryWrite()).toBeUndefined()
    writer.release()
    expect(lock.isWriting).toBe(false)
  })

  test('tryRead and tryWrite take it at once when they may, and leave nothing behind when they may not', () => {
    const lock = new AsyncRWLock()
    const first = lock.tryRead()
    const second = lock.tryRead()
    expect(lock.readers).toBe(2)
    expect(lock.tryWrite()).toBeUndefined()
    expect(lock.pendingWriters).toBe(0)
    first?.release()
    second?.release()
    const writer = lock.tryWrite()
    expect(writer).toBeDefined()
    expect(lock.tryRead()).toBeUndefined()
    expect(lock.pendingReaders).toBe(0)
    writer?.release()
    expect(lock.tryRead()).toBeDefined()
  })
})

describe('whose turn it is', () => {
  test('a waiting writer holds back new readers, also those that only try', async () => {
    const lock = new AsyncRWLock()
    const log = recorder()
    log.note('r1', lock.read())
    log.note('w', lock.write())
    log.note('r2', lock.read())
    expect(lock.tryRead()).toBeUndefined()
    await turn()
    expect(log.granted).toEqual(['r1'])
    expect([lock.pendingReaders, lock.pendingWriters]).toEqual([1, 1])
    await log.release('r1')
    expect(log.granted).toEqual(['r1', 'w'])
    await log.release('w')
    expect(log.granted).toEqual(['r1', 'w', 'r2'])
  })

  test('the readers that waited for a writer come in before the next writer, all together', async () => {
    const lock = new AsyncRWLock()
    const log = recorder()
    log.note('w1', lock.write())
    log.note('w2', lock.write())
    log.note('r1', lock.read())
    log.note('r2', lock.read())
    await turn()
    await log.release('w1')
    expect(log.granted).toEqual(['w1', 'r1', 'r2'])
    log.note('late', lock.read())
    await log.release('r1')
    expect(log.granted).toEqual(['w1', 'r1', 'r2'])
    await log.release('r2')
    expect(log.granted).toEqual(['w1', 'r1', 'r2', 'w2'])
    await log.release('w2')
    expect(log.granted).toEqual(['w1', 'r1', 'r2', 'w2', 'late'])
  })

  test('writers come in in the order of their requests', async () => {
    const lock = new AsyncRWLock()
    const log = recorder()
    for (const name of ['w1', 'w2', 'w3', 'w4']) log.note(name, lock.write())
    await turn()
    for (const name of ['w1', 'w2', 'w3']) await log.release(name)
    expect(log.granted).toEqual(['w1', 'w2', 'w3', 'w4'])
  })

  test('a stream of readers does not starve a writer', async () => {
    const lock = new AsyncRWLock()
    let stop = false
    let reads = 0
    const stream = async (): Promise<void> => {
      while (!stop && reads < 1000) {
        const handle = await lock.read()
        reads++
        await undefined
        handle.release()
      }
    }
    const streams = [stream(), stream(), stream()]
    await Promise.resolve()
    const handle = await lock.write()
    stop = true
    handle.release()
    await Promise.all(streams)
    expect(reads).toBeLessThan(20)
  })

  test('a stream of writers does not starve a reader', async () => {
    const lock = new AsyncRWLock()
    let stop = false
    let writes = 0
    const stream = async (): Promise<void> => {
      while (!stop && writes < 1000) {
        const handle = await lock.write()
        writes++
        await undefined
        handle.release()
      }
    }
    const streams = [stream(), stream(), stream()]
    await Promise.resolve()
    const handle = await lock.read()
    stop = true
    handle.release()
    await Promise.all(streams)
    expect(writes).toBeLessThan(20)
  })
})

describe('how soon', () => {
  test('an uncontended acquire is fulfilled when it is returned: await costs its one microtask and no more', async () => {
    const lock = new AsyncRWLock()
    for (const acquire of [() => lock.read(), () => lock.write(), () => lock.read({ timeoutMs: 5 })]) {
      const order: string[] = []
      const acquired = (async () => {
        const handle = await acquire()
        order.push('acquired')
        handle.release()
      })()
      const plain = (async () => {
        await undefined
        order.push('one microtask')
      })()
      await Promise.all([acquired, plain])
      expect(order).toEqual(['acquired', 'one microtask'])
    }
  })

  test('a release hands the lock over within the call, and the waiter runs in the next microtask', async () => {
    const lock = new AsyncRWLock()
    const holder = await lock.write()
    const order: string[] = []
    const waiting = lock.write().then(() => order.push('granted'))
    holder.release()
    expect(lock.isWriting).toBe(true)
    expect(lock.pendingWriters).toBe(0)
    await Promise.all([waiting, Promise.resolve().then(() => order.push('one microtask'))])
    expect(order).toEqual(['granted', 'one microtask'])
  })

  test('withRead and withWrite call the function before they return when the lock is free', async () => {
    const lock = new AsyncRWLock()
    let seen = ''
    const writing = lock.withWrite(() => {
      seen = lock.isWriting ? 'writing' : 'nothing'
    })
    expect(seen).toBe('writing')
    await writing
    const reading = lock.withRead(
      () => {
        seen = `${lock.readers} reading`
      },
      { timeoutMs: 100 },
    )
    expect(seen).toBe('1 reading')
    await reading
    expect(lock.readers).toBe(0)
  })
})

describe('handles', () => {
  test('a second release does nothing, even when somebody else holds the lock by then', async () => {
    const lock = new AsyncRWLock()
    const first = await lock.write()
    const next = lock.write()
    first.release()
    first.release()
    const second = await next
    first.release()
    expect(lock.isWriting).toBe(true)
    expect([first.isReleased, second.isReleased]).toEqual([true, false])
    second.release()

    const reader = await lock.read()
    const other = await lock.read()
    reader.release()
    reader.release()
    expect(lock.readers).toBe(1)
    other.release()
    expect(lock.readers).toBe(0)
  })

  test('disposing of a handle releases it, once', async () => {
    const lock = new AsyncRWLock()
    const handle = await lock.write()
    handle[Symbol.dispose]()
    expect(lock.isWriting).toBe(false)
    expect(handle.isReleased).toBe(true)
    const reader = await lock.read()
    handle[Symbol.dispose]()
    expect(lock.readers).toBe(1)
    reader[Symbol.dispose]()
    expect(lock.readers).toBe(0)
  })

  test('a downgraded writer reads on beside the readers that waited, and no writer comes in between', async () => {
    const lock = new AsyncRWLock()
    const log = recorder()
    log.note('w1', lock.write())
    log.note('w2', lock.write())
    log.note('r', lock.read())
    await turn()
    log.handles.get('w1')?.downgrade()
    expect([lock.readers, lock.isWriting, lock.pendingWriters]).toEqual([2, false, 1])
    log.handles.get('w1')?.downgrade()
    expect(lock.readers).toBe(2)
    await turn()
    await log.release('r')
    expect(log.granted).toEqual(['w1', 'r'])
    await log.release('w1')
    expect(log.granted).toEqual(['w1', 'r', 'w2'])
  })

  test('a released handle cannot be downgraded', async () => {
    const lock = new AsyncRWLock()
    const handle = await lock.write()
    handle.release()
    const other = await lock.write()
    expect(() => handle.downgrade()).toThrow(expect.objectContaining({ code: 'RWLOCK_RELEASED', name: 'RWLockError' }))
    expect(() => handle.downgrade()).toThrow(RWLockError)
    expect(lock.isWriting).toBe(true)
    other.release()
  })
})

describe('withRead and withWrite', () => {
  test('give back what the function gives, and hold the lock until then', async () => {
    const lock = new AsyncRWLock()
    const order: string[] = []
    const first = lock.withWrite(async () => {
      await turn()
      order.push('first')
      return 1
    })
    const second = lock.withWrite(() => order.push('second'))
    const third = lock.withRead(() => lock.readers)
    expect([lock.pendingWriters, lock.pendingReaders]).toEqual([1, 1])
    expect(await first).toBe(1)
    expect(await third).toBe(1)
    await second
    expect(order).toEqual(['first', 'second'])
    expect([lock.readers, lock.isWriting]).toEqual([0, false])
  })

  test('release when the function throws or rejects', async () => {
    const lock = new AsyncRWLock()
    const fault = new Error('fault')
    await expect(
      lock.withWrite(() => {
        throw fault
      }),
    ).rejects.toBe(fault)
    await expect(lock.withRead(() => Promise.reject(fault))).rejects.toBe(fault)
    expect([lock.readers, lock.isWriting]).toEqual([0, false])
  })

  test('pass the handle, which the function may release or downgrade early', async () => {
    const lock = new AsyncRWLock()
    const states = await lock.withWrite((handle) => {
      handle.downgrade()
      const reading = lock.readers
      handle.release()
      return [reading, lock.readers]
    })
    expect(states).toEqual([1, 0])
    expect(lock.tryWrite()).toBeDefined()
  })
})
