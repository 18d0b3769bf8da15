import { getEventListeners } from 'node:events'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { type AcquireOptions, AsyncRWLock, RWLockError } from '../src/index.ts'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
})
afterEach(() => {
  vi.useRealTimers()
})

/** What a promise was rejected with; an error when it was not. */
async function reasonOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => {
      throw new Error('it was not rejected')
    },
    (error: unknown) => error,
  )
}

const listeners = (signal: AbortSignal): number => getEventListeners(signal, 'abort').length

describe('a signal', () => {
  test('a cancelled waiting writer does not block readers', async () => {
    const lock = new AsyncRWLock()
    const holder = await lock.read()
    const controller = new AbortController()
    const writer = lock.write({ signal: controller.signal })
    const readers = [lock.read(), lock.read()]
    expect([lock.readers, lock.pendingReaders, lock.pendingWriters]).toEqual([1, 2, 1])
    controller.abort()
    expect([lock.readers, lock.pendingReaders, lock.pendingWriters]).toEqual([3, 0, 0])
    await Promise.all(readers)
    expect(await reasonOf(writer)).toMatchObject({ code: 'RWLOCK_ABORTED' })
    expect(lock.tryRead()).toBeDefined()
    expect(holder.isReleased).toBe(false)
  })

  test('a cancelled writer leaves the readers waiting when another writer waits', async () => {
    const lock = new AsyncRWLock()
    const holder = await lock.read()
    const controller = new AbortController()
    const cancelled = reasonOf(lock.write({ signal: controller.signal }))
    const writer = lock.write()
    const reader = lock.read()
    controller.abort()
    await cancelled
    expect([lock.readers, lock.pendingReaders, lock.pendingWriters]).toEqual([1, 1, 1])
    holder.release()
    expect(lock.isWriting).toBe(true)
    ;(await writer).release()
    await reader
  })

  test('cancelling first, middle and last of a queue keeps the order of the others', async () => {
    const lock = new AsyncRWLock()
    const holder = await lock.write()
    const controllers = Array.from({ length: 5 }, () => new AbortController())
    const granted: number[] = []
    const requests = controllers.map(({ signal }, index) =>
      lock.write({ signal }).then(
        (handle) => {
          granted.push(index)
          handle.release()
        },
        () => undefined,
      ),
    )
    for (const index of [0, 2, 4]) controllers[index]?.abort()
    expect(lock.pendingWriters).toBe(2)
    holder.release()
    await Promise.all(requests)
    expect(granted).toEqual([1, 3])
    expect(lock.tryWrite()).toBeDefined()
  })

  test('its reason is the cause of the error', async () => {
    const lock = new AsyncRWLock()
    await lock.write()
    const controller = new AbortController()
    const request = reasonOf(lock.read({ signal: controller.signal }))
    const why = { shutdown: true }
    controller.abort(why)
    const error = await request
    expect(error).toBeInstanceOf(RWLockError)
    expect(error).toMatchObject({ name: 'RWLockError', code: 'RWLOCK_ABORTED', cause: why })
    expect((error as Error).message).toContain('read lock')
  })

  test('one that has fired already is refused, even when the lock is free', async () => {
    const lock = new AsyncRWLock()
    const signal = AbortSignal.abort()
    for (const request of [lock.read({ signal }), lock.write({ signal }), lock.withRead(() => 1, { signal })]) {
      expect(await reasonOf(request)).toMatchObject({ code: 'RWLOCK_ABORTED', cause: signal.reason })
    }
    expect([lock.readers, lock.isWriting]).toEqual([0, false])
    expect(listeners(signal)).toBe(0)
  })

  test('it has no effect once the lock is granted, nor before the holder has noticed', async () => {
    const lock = new AsyncRWLock()
    const holder = await lock.write()
    const controller = new AbortController()
    const request = lock.write({ signal: controller.signal })
    holder.release()
    controller.abort()
    const handle = await request
    expect([lock.isWriting, handle.isReleased]).toEqual([true, false])
    handle.release()
    expect(lock.isWriting).toBe(false)
  })

  test('no request is granted after the signal that several share', async () => {
    const lock = new AsyncRWLock()
    const holder = await lock.read()
    const controller = new AbortController()
    const { signal } = controller
    // The writer is told first, and its leaving makes it the readers' turn before they are told.
    const requests = [lock.write({ signal }), lock.read({ signal }), lock.read({ signal })].map(reasonOf)
    const unconcerned = lock.read()
    controller.abort()
    expect([lock.readers, lock.pendingReaders, lock.pendingWriters]).toEqual([2, 0, 0])
    for (const error of await Promise.all(requests)) expect(error).toMatchObject({ code: 'RWLOCK_ABORTED' })
    holder.release()
    ;(await unconcerned).release()
    expect(lock.tryWrite()).toBeDefined()
  })

  test('a holder that releases in a listener of the same signal lets in who is not concerned', async () => {
    const lock = new AsyncRWLock()
    const holder = await lock.read()
    const controller = new AbortController()
    const { signal } = controller
    signal.addEventListener('abort', () => holder.release())
    const writers = [lock.write({ signal }), lock.write({ signal })].map(reasonOf)
    const reader = lock.read()
    controller.abort()
    expect([lock.readers, lock.isWriting, lock.pendingWriters]).toEqual([1, false, 0])
    for (const error of await Promise.all(writers)) expect(error).toMatchObject({ code: 'RWLOCK_ABORTED' })
    await reader
  })

  test('a holder that releases in such a listener lets in the writer behind a cancelled one', async () => {
    const lock = new AsyncRWLock()
    const holder = await lock.read()
    const controller = new AbortController()
    const { signal } = controller
    signal.addEventListener('abort', () => holder.release())
    const cancelled = reasonOf(lock.write({ signal }))
    const writer = lock.write()
    controller.abort()
    expect([lock.isWriting, lock.pendingWriters]).toEqual([true, 0])
    expect(await cancelled).toMatchObject({ code: 'RWLOCK_ABORTED' })
    ;(await writer).release()
  })

  test('no listener stays on it, whichever way the wait ends', async () => {
    const lock = new AsyncRWLock()
    const { signal } = new AbortController()
    const holder = await lock.read({ signal })
    expect(listeners(signal)).toBe(0)
    const granted = lock.write({ signal })
    const timedOut = reasonOf(lock.read({ signal, timeoutMs: 10 }))
    expect(listeners(signal)).toBe(2)
    vi.advanceTimersByTime(10)
    await timedOut
    expect(listeners(signal)).toBe(1)
    holder.release()
    await granted
    expect(listeners(signal)).toBe(0)
  })

  test('any object of its shape will do', async () => {
    const lock = new AsyncRWLock()
    await lock.write()
    let fire: (() => void) | undefined
    const signal = {
      aborted: false,
      reason: 'enough',
      addEventListener: (_type: 'abort', listener: () => void) => {
        fire = listener
      },
      removeEventListener: () => {
        fire = undefined
      },
    }
    const request = reasonOf(lock.read({ signal }))
    fire?.()
    expect(await request).toMatchObject({ code: 'RWLOCK_ABORTED', cause: 'enough' })
    expect(fire).toBeUndefined()
    expect(lock.pendingReaders).toBe(0)
  })
})

describe('a time-out', () => {
  test('ends the wait after its time, says who holds the lock, and lets the readers behind go', async () => {
    const lock = new AsyncRWLock()
    await lock.read()
    const writer = reasonOf(lock.write({ timeoutMs: 50 }))
    const reader = lock.read()
    vi.advanceTimersByTime(49)
    expect([lock.pendingReaders, lock.pendingWriters]).toEqual([1, 1])
    vi.advanceTimersByTime(1)
    expect([lock.readers, lock.pendingReaders, lock.pendingWriters]).toEqual([2, 0, 0])
    const error = await writer
    expect(error).toBeInstanceOf(RWLockError)
    expect(error).toMatchObject({ code: 'RWLOCK_TIMEOUT' })
    expect((error as Error).message).toMatch(/^write lock not granted within 50 ms: held by 1 readers/)
    await reader
  })

  test('keeps no timer once the wait is over', async () => {
    const lock = new AsyncRWLock()
    const controller = new AbortController()
    const holder = await lock.write({ timeoutMs: 1000 })
    expect(vi.getTimerCount()).toBe(0)
    const granted = lock.write({ timeoutMs: 1000 })
    const aborted = reasonOf(lock.read({ timeoutMs: 1000, signal: controller.signal }))
    expect(vi.getTimerCount()).toBe(2)
    controller.abort()
    await aborted
    expect(vi.getTimerCount()).toBe(1)
    holder.release()
    await granted
    expect(vi.getTimerCount()).toBe(0)
  })

  test('of 0 takes the lock at once or not at all, with no timer', async () => {
    const lock = new AsyncRWLock()
    const holder = await lock.write({ timeoutMs: 0 })
    const error = await reasonOf(lock.read({ timeoutMs: 0 }))
    expect(error).toMatchObject({ code: 'RWLOCK_TIMEOUT' })
    expect((error as Error).message).toContain('held by a writer')
    expect(lock.pendingReaders).toBe(0)
    expect(vi.getTimerCount()).toBe(0)
    holder.release()
  })

  test('of Infinity sets no timer; the longest finite one does not fire at once', async () => {
    const lock = new AsyncRWLock()
    const holder = await lock.write()
    const patient = lock.write({ timeoutMs: Number.POSITIVE_INFINITY })
    expect(vi.getTimerCount()).toBe(0)
    const long = lock.write({ timeoutMs: 2 ** 31 - 1 })
    vi.advanceTimersByTime(2 ** 31 - 2)
    expect(lock.pendingWriters).toBe(2)
    holder.release()
    ;(await patient).release()
    ;(await long).release()
  })

  test('withWrite gives up without calling the function', async () => {
    const lock = new AsyncRWLock()
    await lock.read()
    let called = false
    const request = reasonOf(
      lock.withWrite(
        () => {
          called = true
        },
        { timeoutMs: 5 },
      ),
    )
    vi.advanceTimersByTime(5)
    expect(await request).toMatchObject({ code: 'RWLOCK_TIMEOUT' })
    expect(called).toBe(false)
    expect([lock.readers, lock.pendingWriters]).toEqual([1, 0])
  })
})

describe('misuse', () => {
  const refusals: [name: string, options: unknown, errorClass: new () => Error][] = [
    ['null as options', null, TypeError],
    ['a number as options', 500, TypeError],
    ['a function as options', () => undefined, TypeError],
    ['a controller as signal', { signal: new AbortController() }, TypeError],
    ['null as signal', { signal: null }, TypeError],
    ['a signal that cannot be listened to', { signal: { aborted: false } }, TypeError],
    ['a signal that cannot be left', { signal: { aborted: false, addEventListener: () => undefined } }, TypeError],
    ['a text as time-out', { timeoutMs: '5' }, TypeError],
    ['null as time-out', { timeoutMs: null }, TypeError],
    ['a big integer as time-out', { timeoutMs: 5n }, TypeError],
    ['a symbol as time-out', { timeoutMs: Symbol('soon') }, TypeError],
    ['NaN as time-out', { timeoutMs: Number.NaN }, RangeError],
    ['a negative time-out', { timeoutMs: -1 }, RangeError],
    ['minus infinity as time-out', { timeoutMs: Number.NEGATIVE_INFINITY }, RangeError],
    ['a time-out that timers cannot keep', { timeoutMs: 2 ** 31 }, RangeError],
  ]

  test.each(refusals)(
    '%s is refused by all that take options, with nothing held',
    async (_name, options, errorClass) => {
      const lock = new AsyncRWLock()
      const wrong = options as AcquireOptions
      const calls = [lock.read(wrong), lock.write(wrong), lock.withRead(() => 1, wrong), lock.withWrite(() => 1, wrong)]
      for (const call of calls) {
        const error = await reasonOf(call)
        expect(error).toBeInstanceOf(errorClass)
        expect(error).toMatchObject({ code: 'RWLOCK_INVALID_ARGUMENT' })
      }
      expect([lock.readers, lock.isWriting, lock.pendingReaders, lock.pendingWriters]).toEqual([0, false, 0, 0])
      expect(vi.getTimerCount()).toBe(0)
    },
  )

  test('what is no function cannot be run with the lock', async () => {
    const lock = new AsyncRWLock()
    for (const wrong of [undefined, null, 1, {}]) {
      const use = wrong as unknown as () => void
      for (const call of [lock.withRead(use), lock.withWrite(use)]) {
        const error = await reasonOf(call)
        expect(error).toBeInstanceOf(TypeError)
        expect(error).toMatchObject({ code: 'RWLOCK_INVALID_ARGUMENT' })
      }
    }
    expect(lock.tryWrite()).toBeDefined()
  })

  test('options whose getter takes the lock do not lead to two writers', async () => {
    const lock = new AsyncRWLock()
    const options = {
      get timeoutMs(): number {
        lock.tryWrite()
        return 0
      },
    }
    expect(await reasonOf(lock.write(options))).toMatchObject({ code: 'RWLOCK_TIMEOUT' })
    expect(lock.isWriting).toBe(true)
  })
})
