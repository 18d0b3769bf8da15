import { describe, expect, test } from 'vitest'
import { RegistryError, SSTableRegistry } from '../src/index.ts'
import { FakeReader } from './fake-reader.ts'

const make = (): SSTableRegistry<FakeReader> => new SSTableRegistry<FakeReader>()

/** `pending`, or how the promise has settled, once the tasks that are due have run. */
async function stateOf(promise: Promise<unknown>): Promise<string> {
  let state = 'pending'
  promise.then(
    () => {
      state = 'fulfilled'
    },
    (error: { code?: string }) => {
      state = error.code ?? 'rejected without a code'
    },
  )
  await new Promise((resolve) => setImmediate(resolve))
  return state
}

const code = (value: string) => expect.objectContaining({ code: value })

describe('a reader', () => {
  test('is given out by handles, and stays open without any', () => {
    const registry = make()
    const reader = new FakeReader()
    registry.register('a', reader)
    const [first, second] = [registry.openReader('a'), registry.openReader('a')]
    expect(first.reader).toBe(reader)
    expect(registry.inUse()).toEqual([{ fileId: 'a', handles: 2, marked: false }])
    first.release()
    second.close()
    expect(registry.inUse()).toEqual([])
    expect(reader.closeCalls).toBe(0)
    expect(registry.openReader('a').reader).toBe(reader)
  })

  test('marked while idle is closed within the call', async () => {
    const registry = make()
    const reader = new FakeReader()
    registry.register('a', reader)
    const gone = registry.markForDeletion('a')
    expect([reader.closeCalls, registry.size]).toEqual([1, 0])
    await gone
  })

  test('marked while in use is closed with the last handle, and takes no new ones', async () => {
    const registry = make()
    const reader = new FakeReader()
    registry.register('a', reader)
    const [first, second] = [registry.openReader('a'), registry.openReader('a')]
    const gone = registry.markForDeletion('a')
    expect(() => registry.openReader('a')).toThrow(code('REGISTRY_MARKED'))
    expect([registry.has('a'), first.reader]).toEqual([false, reader])
    expect(registry.inUse()).toEqual([{ fileId: 'a', handles: 2, marked: true }])
    first.release()
    first.release()
    first.close()
    expect([reader.closeCalls, await stateOf(gone)]).toEqual([0, 'pending'])
    second.release()
    expect([reader.closeCalls, await stateOf(gone)]).toEqual([1, 'fulfilled'])
    second.release()
    expect(reader.closeCalls).toBe(1)
  })

  test('marked twice gives the same promise and is closed once', async () => {
    const registry = make()
    const reader = new FakeReader('resolves')
    registry.register('a', reader)
    const handle = registry.openReader('a')
    const gone = registry.markForDeletion('a')
    expect(registry.markForDeletion('a')).toBe(gone)
    handle.release()
    expect(registry.markForDeletion('a')).toBe(gone)
    reader.finish()
    await gone
    expect(reader.closeCalls).toBe(1)
  })

  test('is gone only when an asynchronous close() has settled; then its id is free', async () => {
    const registry = make()
    const reader = new FakeReader('resolves')
    registry.register('a', reader)
    const gone = registry.markForDeletion('a')
    expect(await stateOf(gone)).toBe('pending')
    expect(() => registry.register('a', new FakeReader())).toThrow(code('REGISTRY_ALREADY_REGISTERED'))
    expect(() => registry.openReader('a')).toThrow(code('REGISTRY_MARKED'))
    reader.finish()
    await gone
    expect(() => registry.openReader('a')).toThrow(code('REGISTRY_NOT_FOUND'))
    registry.register('a', reader)
    expect(registry.openReader('a').reader).toBe(reader)
  })

  test('whose close() fails is gone all the same, and the failure is in the promise', async () => {
    for (const manner of ['throws', 'rejects'] as const) {
      const registry = make()
      const reader = new FakeReader(manner)
      registry.register('a', reader)
      const handle = registry.openReader('a')
      const gone = registry.markForDeletion('a')
      expect(() => handle.release()).not.toThrow()
      reader.finish()
      const error = await gone.catch((caught: unknown) => caught)
      expect(error).toBeInstanceOf(RegistryError)
      expect(error).toMatchObject({ code: 'REGISTRY_CLOSE_FAILED', fileId: 'a', cause: reader.failure })
      expect([registry.size, reader.closeCalls]).toEqual([0, 1])
      registry.register('a', new FakeReader())
    }
  })

  test('may use the registry in its close()', async () => {
    const registry = new SSTableRegistry()
    let again: Promise<void> | undefined
    registry.register('a', {
      close() {
        again = registry.markForDeletion('a')
        registry.register('b', new FakeReader())
      },
    })
    const gone = registry.markForDeletion('a')
    expect(again).toBe(gone)
    await gone
    expect([registry.has('a'), registry.has('b')]).toEqual([false, true])
  })

  test('1 and "1" are two ids', async () => {
    const registry = make()
    const [one, text] = [new FakeReader(), new FakeReader()]
    registry.register(1, one)
    registry.register('1', text)
    await registry.markForDeletion(1)
    expect([one.closeCalls, text.closeCalls, registry.openReader('1').reader]).toEqual([1, 0, text])
  })
})

describe('a handle', () => {
  test('gives no reader once it is released', () => {
    const registry = make()
    registry.register('a', new FakeReader())
    const handle = registry.openReader('a')
    handle.release()
    expect(() => handle.reader).toThrow(code('REGISTRY_RELEASED'))
    expect(handle.fileId).toBe('a')
  })

  test('is released by `using`', () => {
    const registry = make()
    registry.register('a', new FakeReader())
    {
      using handle = registry.openReader('a')
      expect(handle.reader).toBeInstanceOf(FakeReader)
      expect(registry.inUse()).toHaveLength(1)
    }
    expect(registry.inUse()).toEqual([])
  })
})

describe('closeAll', () => {
  test('closes what is idle at once, in order, and waits for the rest', async () => {
    const registry = make()
    const readers = [new FakeReader(), new FakeReader('resolves'), new FakeReader()]
    for (const [id, reader] of readers.entries()) registry.register(id, reader)
    const handle = registry.openReader(2)
    const all = registry.closeAll()
    expect(readers.map((reader) => reader.closeCalls)).toEqual([1, 1, 0])
    expect(registry.inUse()).toEqual([{ fileId: 2, handles: 1, marked: true }])
    readers[1]?.finish()
    expect(await stateOf(all)).toBe('pending')
    handle.release()
    expect(await stateOf(all)).toBe('fulfilled')
    expect(readers.map((reader) => reader.closeCalls)).toEqual([1, 1, 1])
    expect(registry.closeAll()).toBe(all)
  })

  test('ends the registry, empty or not', async () => {
    const registry = make()
    registry.register('a', new FakeReader())
    const handle = registry.openReader('a')
    const all = registry.closeAll()
    expect(() => registry.register('b', new FakeReader())).toThrow(code('REGISTRY_CLOSED'))
    expect(() => registry.openReader('a')).toThrow(code('REGISTRY_CLOSED'))
    expect(() => registry.openReader('b')).toThrow(code('REGISTRY_CLOSED'))
    handle.release()
    await all
    await expect(registry.markForDeletion('a')).rejects.toThrow(code('REGISTRY_NOT_FOUND'))
    await make().closeAll()
  })

  test('waits for a close() that was under way before', async () => {
    const registry = make()
    const reader = new FakeReader('resolves')
    registry.register('a', reader)
    const gone = registry.markForDeletion('a')
    const all = registry.closeAll()
    expect(await stateOf(all)).toBe('pending')
    reader.finish()
    await Promise.all([gone, all])
    expect(reader.closeCalls).toBe(1)
  })

  test('collects every failure', async () => {
    const registry = make()
    const readers = [new FakeReader('throws'), new FakeReader(), new FakeReader('rejects')]
    for (const [id, reader] of readers.entries()) registry.register(id, reader)
    const all = registry.closeAll()
    readers[2]?.finish()
    const error = (await all.catch((caught: unknown) => caught)) as AggregateError
    expect(error).toBeInstanceOf(AggregateError)
    expect(error).toMatchObject({ code: 'REGISTRY_CLOSE_FAILED', message: expect.stringContaining('2 of 3') })
    expect(error.errors).toMatchObject([
      { code: 'REGISTRY_CLOSE_FAILED', fileId: 0, cause: readers[0]?.failure },
      { code: 'REGISTRY_CLOSE_FAILED', fileId: 2, cause: readers[2]?.failure },
    ])
  })

  test('is what `await using` calls', async () => {
    const reader = new FakeReader()
    {
      await using registry = make()
      registry.register('a', reader)
    }
    expect(reader.closeCalls).toBe(1)
  })

  test('a close() that calls back finds the registry closed', async () => {
    const registry = new SSTableRegistry()
    const seen: unknown[] = []
    registry.register('a', {
      close() {
        try {
          registry.openReader('b')
        } catch (error) {
          seen.push(error)
        }
        seen.push(registry.closeAll())
      },
    })
    registry.register('b', new FakeReader())
    const all = registry.closeAll()
    expect(seen).toEqual([code('REGISTRY_CLOSED'), all])
    await all
  })
})

describe('refusals', () => {
  test('a taken id, and a reader that is registered already', () => {
    const registry = make()
    const reader = new FakeReader()
    registry.register('a', reader)
    expect(() => registry.register('a', new FakeReader())).toThrow(code('REGISTRY_ALREADY_REGISTERED'))
    expect(() => registry.register('b', reader)).toThrow(code('REGISTRY_ALREADY_REGISTERED'))
    expect([registry.size, registry.has('b'), reader.closeCalls]).toEqual([1, false, 0])
  })

  test('an unknown id', async () => {
    const registry = make()
    expect(() => registry.openReader('a')).toThrow(code('REGISTRY_NOT_FOUND'))
    await expect(registry.markForDeletion('a')).rejects.toMatchObject({ code: 'REGISTRY_NOT_FOUND', fileId: 'a' })
    expect(registry.has('a')).toBe(false)
  })

  test.each([undefined, null, {}, Symbol('s'), 5n, Number.NaN, 1.5, 2 ** 53, Object.create(null)])(
    'the file id %s',
    async (id) => {
      const registry = make()
      const wrong = id as string
      const invalid = code('REGISTRY_INVALID_ARGUMENT')
      expect(() => registry.register(wrong, new FakeReader())).toThrow(invalid)
      expect(() => registry.openReader(wrong)).toThrow(invalid)
      await expect(registry.markForDeletion(wrong)).rejects.toThrow(invalid)
      expect(registry.has(wrong)).toBe(false)
    },
  )

  test.each([undefined, null, {}, { close: 5 }, 'text', 7])('%s as a reader', (reader) => {
    const registry = make()
    expect(() => registry.register('a', reader as unknown as FakeReader)).toThrow(code('REGISTRY_INVALID_ARGUMENT'))
    expect(registry.size).toBe(0)
  })
})
