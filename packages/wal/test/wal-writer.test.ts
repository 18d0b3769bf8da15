import { RECORD_KIND } from '@lsm/encoding'
import { MemoryStorage, type StorageFile } from '@lsm/storage'
import { describe, expect, test } from 'vitest'
import { BatchBuffer, createSegment, WalWriter } from '../src/index.ts'
import { filler, identity, ManualScheduler, openWriter, putOf, puts, readBack } from './log.ts'

/** Counts what reaches the storage, and does what a test wants instead of it. */
function spy() {
  const calls = { appends: 0, syncs: 0, truncates: 0 }
  const hooks: {
    append?: (append: (part: Uint8Array) => void, data: Uint8Array) => void
    close?: () => Promise<void>
    datasync?: () => Promise<void>
    truncate?: () => Promise<void>
  } = {}
  const wrap = (file: StorageFile): StorageFile =>
    new Proxy(file, {
      get(target, name) {
        const value = Reflect.get(target, name, target)
        if (name === 'append' || name === 'appendSync') {
          return (data: Uint8Array) => {
            calls.appends++
            if (!hooks.append) return name === 'append' ? target.append(data) : target.appendSync(data)
            return hooks.append((part) => target.appendSync(part), data)
          }
        }
        if (name === 'datasync') {
          return async () => {
            calls.syncs++
            await (hooks.datasync ? hooks.datasync() : target.datasync())
          }
        }
        if (name === 'close' && hooks.close) {
          return async () => {
            await target.close()
            await hooks.close?.()
          }
        }
        if (name === 'truncate') {
          return async (size: number) => {
            calls.truncates++
            await (hooks.truncate ? hooks.truncate() : target.truncate(size))
          }
        }
        return typeof value === 'function' ? value.bind(target) : value
      },
    })
  return { calls, hooks, wrap }
}

async function spiedWriter(nextSeq = 1) {
  const scheduler = new ManualScheduler()
  const storage = new MemoryStorage()
  const segment = await createSegment(storage, identity(1))
  const { calls, hooks, wrap } = spy()
  const writer = new WalWriter({ ...segment, file: wrap(segment.file) }, { supportsSync: true, nextSeq, scheduler })
  return { storage, writer, calls, hooks, scheduler }
}

/** Settles after the microtasks that are queued, and no timer. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

describe('group commit', () => {
  test('all that arrives in a tick shares one write', async () => {
    const { storage, writer, calls } = await spiedWriter()
    const seqs = await Promise.all(Array.from({ length: 64 }, (_, i) => writer.append(puts(`k${i}`), 'os', i)))
    expect(calls).toEqual({ appends: 1, syncs: 0, truncates: 0 })
    expect(seqs).toEqual(Array.from({ length: 64 }, (_, i) => i + 1))
    expect((await readBack(storage)).operations).toHaveLength(64)
  })

  test('all that arrives while a sync runs shares the next write and the next sync', async () => {
    const { writer, calls, hooks } = await spiedWriter()
    let finish = (): void => {}
    hooks.datasync = () => new Promise((resolve) => (finish = resolve))
    const first = writer.append(puts('a'), 'sync', 0)
    await turn()
    expect(calls).toMatchObject({ appends: 1, syncs: 1 })
    const later = Array.from({ length: 10 }, (_, i) => writer.append(puts(`b${i}`), 'sync', 0))
    await turn()
    expect(calls).toMatchObject({ appends: 1, syncs: 1 })
    finish()
    await first
    await turn()
    expect(calls).toMatchObject({ appends: 2, syncs: 2 })
    finish()
    await Promise.all(later)
    expect(calls).toMatchObject({ appends: 2, syncs: 2 })
  })

  test('acknowledges in order: a write without sync waits for the sync before it', async () => {
    const { writer, hooks } = await spiedWriter()
    let finish = (): void => {}
    hooks.datasync = () => new Promise((resolve) => (finish = resolve))
    const order: string[] = []
    const all = [
      writer.append(puts('a'), 'sync', 0).then(() => order.push('a')),
      turn().then(() => writer.append(puts('b'), 'os', 0).then(() => order.push('b'))),
    ]
    await turn()
    await turn()
    expect(order).toEqual([])
    finish()
    await Promise.all(all)
    expect(order).toEqual(['a', 'b'])
  })

  test('a write without sync costs none, and sync() makes it durable once', async () => {
    const { writer, calls } = await spiedWriter()
    await writer.append(puts('a'), 'os', 0)
    expect(writer).toMatchObject({ lastSeq: 1, syncedSeq: 0 })
    await writer.sync()
    expect(writer.syncedSeq).toBe(1)
    await writer.sync()
    expect(calls).toMatchObject({ appends: 1, syncs: 1 })
  })

  test('an interval syncs when its time has come, once for all writes', async () => {
    const { writer, calls, scheduler } = await spiedWriter()
    await writer.append(puts('a'), { intervalMs: 100 }, 0)
    await writer.append(puts('b'), { intervalMs: 1000 }, 0)
    await writer.append(puts('c'), { intervalMs: 50 }, 0)
    expect(scheduler.timers).toHaveLength(1)
    scheduler.advance(49)
    await turn()
    expect(calls.syncs).toBe(0)
    scheduler.advance(1)
    await turn()
    expect(calls.syncs).toBe(1)
    expect(writer.syncedSeq).toBe(3)
    await writer.append(puts('d'), { intervalMs: 100 }, 0)
    expect(scheduler.timers).toHaveLength(1)
  })

  test('a short interval that begins late does not put off a longer one that is nearly over', async () => {
    const { writer, scheduler } = await spiedWriter()
    await writer.append(puts('a'), { intervalMs: 100 }, 0)
    scheduler.advance(90)
    await writer.append(puts('b'), { intervalMs: 50 }, 0)
    scheduler.advance(10)
    await turn()
    expect(writer.syncedSeq).toBe(2)
    await writer.append(puts('c'), { intervalMs: 100 }, 0)
    await writer.append(puts('d'), { intervalMs: 10 }, 0)
    scheduler.advance(10)
    await turn()
    expect(writer.syncedSeq).toBe(4)
  })

  test('a put that never yields to the event loop: awaited writes let it have turns', async () => {
    const { writer, scheduler } = await spiedWriter()
    for (let i = 0; i < 200; i++) {
      scheduler.time += 1
      await writer.append(puts('a'), 'os', 0)
    }
    // A clock read every 16 writes, a turn when 4 ms have passed since the last one.
    expect(scheduler.macrotaskCount).toBeGreaterThanOrEqual(12)
  })

  test('a large group is written without blocking, whatever else arrives', async () => {
    const storage = new MemoryStorage()
    const writer = await openWriter(storage)
    const done = [writer.append(putOf(5_000_000, 1), 'os', 0), writer.append(puts('x'), 'os', 0)]
    await turn()
    done.push(writer.append(puts('y'), 'os', 0))
    expect(await Promise.all(done)).toEqual([1, 2, 3])
    expect((await readBack(storage)).operations.map(({ valueLength }) => valueLength)).toEqual([5_000_000, 1, 1])
  })
})

describe('a failed write', () => {
  test('is taken back, uses up no sequence number, and the log goes on', async () => {
    const { storage, writer, calls, hooks } = await spiedWriter()
    await writer.append(puts('a'), 'os', 0)
    hooks.append = (append, data) => {
      append(data.subarray(0, data.length >> 1))
      throw new Error('no space')
    }
    const failed = await Promise.allSettled([writer.append(puts('b'), 'os', 0), writer.append(puts('c'), 'sync', 0)])
    for (const each of failed) {
      expect(each).toMatchObject({ status: 'rejected', reason: { code: 'WAL_NOT_WRITTEN', outcome: undefined } })
    }
    expect(calls).toMatchObject({ truncates: 1, syncs: 1 })
    delete hooks.append
    expect(await writer.append(puts('d'), 'sync', 0)).toBe(2)
    const { operations, report } = await readBack(storage)
    expect(operations.map(({ key, seq }) => [key, seq])).toEqual([
      ['a', 1],
      ['d', 2],
    ])
    expect(report.cut).toBeUndefined()
  })

  test('that cannot be taken back ends all writing', async () => {
    const { writer, hooks } = await spiedWriter()
    hooks.append = (append, data) => {
      append(data.subarray(0, 3))
      throw new Error('no space')
    }
    hooks.truncate = async () => {
      throw new Error('input/output error')
    }
    const first = writer.append(puts('a'), 'os', 0)
    await expect(first).rejects.toMatchObject({ code: 'WAL_FAILED', outcome: 'unknown' })
    await expect(writer.append(puts('b'), 'os', 0)).rejects.toMatchObject({ code: 'WAL_FAILED' })
    expect(writer.failure).toMatchObject({
      cause: { errors: [{ message: 'no space' }, { message: 'input/output error' }] },
    })
    await expect(writer.close()).rejects.toMatchObject({ code: 'WAL_FAILED' })
  })

  test('a failed sync is never tried again: what waited may be there, what was queued is not', async () => {
    const { storage, writer, calls, hooks } = await spiedWriter()
    let fail = (_: Error): void => {}
    hooks.datasync = () => new Promise((_, reject) => (fail = reject))
    const written = writer.append(puts('a'), 'sync', 0)
    await turn()
    const queued = writer.append(puts('b'), 'os', 0)
    fail(new Error('input/output error'))
    await expect(written).rejects.toMatchObject({ code: 'WAL_FAILED', outcome: 'unknown' })
    await expect(queued).rejects.toMatchObject({ code: 'WAL_FAILED', outcome: undefined })
    await expect(writer.sync()).rejects.toMatchObject({ code: 'WAL_FAILED' })
    await expect(writer.close()).rejects.toMatchObject({ code: 'WAL_FAILED' })
    expect(calls.syncs).toBe(1)
    expect(storage.openFiles).toEqual([])
  })

  test('a full disk answered by thousands of retries a second: one write is one attempt', async () => {
    const { writer, calls, hooks } = await spiedWriter()
    hooks.append = () => {
      throw new Error('no space')
    }
    await expect(writer.append(puts('a'), 'os', 0)).rejects.toMatchObject({ code: 'WAL_NOT_WRITTEN' })
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(calls.appends).toBe(1)
  })
})

describe('a refused batch does not stop a sync that waits for others', () => {
  test('the write was taken back: what was written before is durable', async () => {
    const { writer, hooks } = await spiedWriter()
    await writer.append(puts('a'), 'os', 0)
    hooks.append = () => {
      throw new Error('no space')
    }
    const refused = writer.append(puts('b'), 'os', 0)
    const synced = writer.sync()
    await expect(refused).rejects.toMatchObject({ code: 'WAL_NOT_WRITTEN' })
    await synced
    expect(writer).toMatchObject({ syncedSeq: 1, lastSeq: 1 })
  })

  test('no sequence number is left: closing makes durable what there is', async () => {
    const { writer, calls } = await spiedWriter(2 ** 53 - 2)
    await writer.append(puts('a'), 'os', 0)
    const refused = writer.append(puts('b', 'c'), 'os', 0)
    const closed = writer.close()
    await expect(refused).rejects.toMatchObject({ code: 'WAL_NOT_WRITTEN' })
    expect(await closed).toEqual({ number: 1, length: writer.segmentLength })
    expect(calls.syncs).toBe(1)
    expect(writer.syncedSeq).toBe(2 ** 53 - 2)
  })
})

describe('rotation', () => {
  test('seals the old segment, durable, before the next one acknowledges', async () => {
    const { storage, writer, calls, hooks } = await spiedWriter()
    await writer.append(puts('a'), 'os', 0)
    const next = await createSegment(storage, identity(2))
    let published = false
    const rotated = writer.rotate(next, async () => {
      expect(calls.syncs).toBe(1)
      await turn()
      published = true
    })
    hooks.append = () => expect.unreachable('the old segment is sealed')
    const later = writer.append(puts('b'), 'sync', 0).then(() => expect(published).toBe(true))
    const sealed = await rotated
    await later
    const { length } = await writer.close()
    const segments = [
      { ...identity(1), sealedLength: sealed?.length },
      { ...identity(2), sealedLength: length },
    ]
    const { operations, report } = await readBack(storage, segments, 'strict')
    expect(operations.map(({ key, seq }) => [key, seq])).toEqual([
      ['a', 1],
      ['b', 2],
    ])
    expect(report).toMatchObject({ lastSeq: 2, cut: undefined })
  })

  test('of which nothing was published goes on in the old segment', async () => {
    const { storage, writer } = await spiedWriter()
    await writer.append(puts('a'), 'os', 0)
    const next = await createSegment(storage, identity(2))
    const rotated = writer.rotate(next, () => Promise.resolve(false))
    const waiting = writer.append(puts('b'), 'os', 0)
    expect(await rotated).toBeUndefined()
    expect(await waiting).toBe(2)
    expect(writer).toMatchObject({ segmentNumber: 1, failure: undefined })
    const { number, length } = await writer.close()
    expect(number).toBe(1)
    expect(storage.openFiles).toEqual([])
    const { operations } = await readBack(storage, [{ ...identity(1), sealedLength: length }], 'strict')
    expect(operations.map(({ key }) => key)).toEqual(['a', 'b'])
  })

  test('that cannot be published ends all writing', async () => {
    const { storage, writer } = await spiedWriter()
    const next = await createSegment(storage, identity(2))
    const rotated = writer.rotate(next, () => Promise.reject(new Error('fenced')))
    const waiting = writer.append(puts('a'), 'os', 0)
    await expect(rotated).rejects.toMatchObject({ code: 'WAL_FAILED', cause: { message: 'fenced' } })
    await expect(waiting).rejects.toMatchObject({ code: 'WAL_FAILED' })
    await expect(writer.close()).rejects.toMatchObject({ code: 'WAL_FAILED' })
    expect(storage.openFiles).toEqual([])
  })

  test('after close is refused, and the new file is closed', async () => {
    const { storage, writer } = await spiedWriter()
    const next = await createSegment(storage, identity(2))
    const closed = writer.close()
    await expect(writer.rotate(next, async () => {})).rejects.toMatchObject({ code: 'WAL_CLOSED' })
    await closed
    expect(storage.openFiles).toEqual([])
  })

  test('waits for its turn behind another, and writes that arrive go on in the last segment', async () => {
    const { storage, writer } = await spiedWriter()
    const [second, third] = [await createSegment(storage, identity(2)), await createSegment(storage, identity(3))]
    const first = writer.append(puts('a'), 'sync', 0)
    await Promise.resolve()
    const rotations = Promise.all([writer.rotate(second, turn), writer.rotate(third, turn)])
    const later = writer.append(puts('b'), 'sync', 0)
    const sealed = await rotations
    expect([await first, await later]).toEqual([1, 2])
    expect(writer.segmentNumber).toBe(3)
    const last = await writer.close()
    const segments = [...sealed, last].map((each) => ({ ...identity(each!.number), sealedLength: each!.length }))
    expect((await readBack(storage, segments, 'strict')).operations.map(({ key }) => key)).toEqual(['a', 'b'])
    expect(storage.openFiles).toEqual([])
  })

  test('goes upward only', async () => {
    const { writer, storage } = await spiedWriter()
    const next = await createSegment(storage, identity(0))
    await expect(writer.rotate(next, async () => {})).rejects.toMatchObject({ code: 'WAL_INVALID_ARGUMENT' })
    expect(storage.openFiles).toHaveLength(1)
    expect(await writer.append(puts('a'), 'os', 0)).toBe(1)
  })
})

describe('closing', () => {
  test('writes and syncs what is queued, and is idempotent', async () => {
    const { storage, writer, calls } = await spiedWriter()
    const queued = writer.append(puts('a'), 'os', 0)
    const [sealed, again] = await Promise.all([writer.close(), writer.close()])
    expect(again).toEqual(sealed)
    expect(await queued).toBe(1)
    expect(calls).toMatchObject({ appends: 1, syncs: 1 })
    expect(storage.openFiles).toEqual([])
    await expect(writer.append(puts('b'), 'os', 0)).rejects.toMatchObject({ code: 'WAL_CLOSED' })
    await expect(writer.sync()).rejects.toMatchObject({ code: 'WAL_CLOSED' })
    expect(await writer.close()).toEqual(sealed)
  })

  test('that fails is a failure of the log, the same at every call', async () => {
    const { writer, hooks } = await spiedWriter()
    hooks.close = () => Promise.reject(new Error('delayed write'))
    const failed = { code: 'WAL_FAILED', cause: { message: 'delayed write' } }
    await expect(writer.close()).rejects.toMatchObject(failed)
    await expect(writer.close()).rejects.toMatchObject(failed)
  })

  test('calls off a sync that was to come', async () => {
    const { writer, scheduler } = await spiedWriter()
    await writer.append(puts('a'), { intervalMs: 10 }, 0)
    await writer.close()
    expect(scheduler.timers).toEqual([])
  })
})

describe('a sync that a timer begins', () => {
  test('tells of its failure whoever listens', async () => {
    const { writer, scheduler, hooks } = await spiedWriter()
    await writer.append(puts('a'), { intervalMs: 10 }, 0)
    hooks.datasync = () => Promise.reject(new Error('a lost page'))
    scheduler.advance(10)
    const failure = await writer.failed
    expect(failure).toMatchObject({ code: 'WAL_FAILED', cause: { message: 'a lost page' } })
    expect(writer.failure).toBe(failure)
  })
})

describe('misuse', () => {
  test('is refused, and the log goes on', async () => {
    const { storage, writer } = await spiedWriter()
    const invalid = { code: 'WAL_INVALID_ARGUMENT' }
    for (const durability of ['fsync', null, {}, { intervalMs: 0 }, { intervalMs: '5' }]) {
      await expect(writer.append(puts('a'), durability as 'os', 0)).rejects.toMatchObject(invalid)
    }
    const thrown = new Error('from the caller')
    await expect(
      writer.append(
        () => {
          throw thrown
        },
        'os',
        0,
      ),
    ).rejects.toBe(thrown)
    await expect(writer.append(() => {}, 'os', 0)).rejects.toMatchObject(invalid)
    for (const key of ['text', [1, 2], undefined, new Uint16Array(2)]) {
      const build = (batch: BatchBuffer): void =>
        batch.add(RECORD_KIND.value, 0, key as unknown as Uint8Array, filler(1, 1))
      await expect(writer.append(build, 'os', 0)).rejects.toMatchObject(invalid)
    }
    expect(() => new BatchBuffer(-1)).toThrow(expect.objectContaining(invalid))
    await writer.append(puts('z'), 'os', 0)
    expect((await readBack(storage)).operations).toMatchObject([{ key: 'z', seq: 1 }])
    const segment = await createSegment(storage, identity(9))
    expect(() => new WalWriter(segment, { supportsSync: true, nextSeq: 0 })).toThrow(expect.objectContaining(invalid))
    await expect(createSegment(storage, { ...identity(10), id: new Uint8Array(3) })).rejects.toMatchObject(invalid)
    await expect(createSegment(storage, identity(9))).rejects.toMatchObject({ code: 'STORAGE_EXISTS' })
  })

  test('a batch left open while others are written is cancelled, and they are acknowledged once', async () => {
    const { storage, writer } = await spiedWriter()
    const heard: number[] = []
    const completion = { committed: (seq: number) => heard.push(seq), failed: () => expect.unreachable() }
    writer.batch.begin(0)
    puts('a')(writer.batch)
    writer.submit('os', completion)
    const { batch } = writer
    batch.begin(0)
    puts('lost')(batch)
    await turn()
    expect(() => puts('x')(batch)).toThrow(expect.objectContaining({ code: 'WAL_INVALID_ARGUMENT' }))
    expect(() => writer.submit('os', completion)).toThrow(expect.objectContaining({ code: 'WAL_INVALID_ARGUMENT' }))
    for (const key of ['b', 'c', 'd']) await writer.append(puts(key), 'os', 0)
    expect(heard).toEqual([1])
    expect((await readBack(storage)).operations.map(({ key }) => key)).toEqual(['a', 'b', 'c', 'd'])
  })

  test('sequence numbers end at 2^53 - 1', async () => {
    const writer = await openWriter(new MemoryStorage(), { nextSeq: 2 ** 53 - 2 })
    expect(await writer.append(puts('a'), 'os', 0)).toBe(2 ** 53 - 2)
    await expect(writer.append(puts('b', 'c'), 'os', 0)).rejects.toMatchObject({ code: 'WAL_NOT_WRITTEN' })
  })
})

test('every kind and keyspace comes back', async () => {
  const storage = new MemoryStorage()
  const writer = await openWriter(storage)
  await writer.append(
    (batch) => {
      batch.add(RECORD_KIND.value, 7, filler(3, 1), filler(40_000, 2))
      batch.add(RECORD_KIND.tombstone, 0xffff_ffff, filler(3, 1), new Uint8Array(0))
      batch.add(RECORD_KIND.rangeTombstone, 128, new Uint8Array(0), filler(9, 4))
    },
    'sync',
    99,
  )
  const { operations } = await readBack(storage)
  expect(operations.map(({ kind, keyspaceId, valueLength }) => [kind, keyspaceId, valueLength])).toEqual([
    [0, 7, 40_000],
    [1, 0xffff_ffff, 0],
    [2, 128, 9],
  ])
})
