import { fuzz } from '@lsm/fuzz'
import fc from 'fast-check'
import { expect } from 'vitest'
import { type ReaderHandle, type RegistryErrorCode, SSTableRegistry } from '../src/index.ts'
import { FakeReader, type Manner } from './fake-reader.ts'

type Operation =
  | { readonly op: 'register'; readonly id: number; readonly manner: Manner }
  | { readonly op: 'open' | 'mark'; readonly id: number }
  /** The nth handle of all that were ever opened: also one that is released already. */
  | { readonly op: 'release'; readonly nth: number; readonly dispose: boolean }
  /** Lets the nth close() under way settle. */
  | { readonly op: 'finish'; readonly nth: number }
  | { readonly op: 'closeAll' }

const id = fc.nat(3)
const operation = fc.oneof(
  {
    weight: 20,
    arbitrary: fc.record({
      op: fc.constant('register' as const),
      id,
      manner: fc.constantFrom<Manner>('returns', 'throws', 'resolves', 'rejects'),
    }),
  },
  { weight: 30, arbitrary: fc.record({ op: fc.constant('open' as const), id }) },
  { weight: 15, arbitrary: fc.record({ op: fc.constant('mark' as const), id }) },
  {
    weight: 30,
    arbitrary: fc.record({ op: fc.constant('release' as const), nth: fc.nat(20), dispose: fc.boolean() }),
  },
  { weight: 15, arbitrary: fc.record({ op: fc.constant('finish' as const), nth: fc.nat(5) }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('closeAll' as const) }) },
) as fc.Arbitrary<Operation>

/** What the registry should hold under one id. */
interface Life {
  readonly fileId: number
  readonly reader: FakeReader
  marked: boolean
  closing: boolean
  readonly outcomes: Promise<string>[]
}

interface OpenHandle {
  readonly handle: ReaderHandle<FakeReader>
  readonly life: Life
  released: boolean
}

const outcomeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'gone',
    (error: { code: string; cause?: unknown }) => error.code,
  )

function codeOf(run: () => unknown): RegistryErrorCode | 'done' {
  try {
    run()
    return 'done'
  } catch (error) {
    return (error as { code: RegistryErrorCode }).code
  }
}

fuzz(
  import.meta.url,
  'a reader is closed once, never in use, and whoever waits for it hears of it',
  fc.asyncProperty(fc.array(operation, { maxLength: 80 }), async (operations) => {
    const registry = new SSTableRegistry<FakeReader>()
    const lives = new Map<number, Life>()
    const everyone: Life[] = []
    const handles: OpenHandle[] = []
    let all: Promise<unknown> | undefined
    let waitedFor: Life[] = []

    /** The model's side of "closes at zero". */
    const closeIfDue = (life: Life): void => {
      if (!life.marked || life.closing || life.reader.users > 0) return
      life.closing = true
      if (!life.reader.pending) lives.delete(life.fileId)
    }
    const release = (each: OpenHandle, dispose: boolean): void => {
      if (!each.released) each.life.reader.users--
      each.released = true
      if (dispose) each.handle[Symbol.dispose]()
      else each.handle.release()
      closeIfDue(each.life)
    }
    const finish = async (life: Life): Promise<void> => {
      life.reader.finish()
      lives.delete(life.fileId)
      await new Promise((resolve) => setImmediate(resolve))
    }
    const closeAll = (): void => {
      waitedFor = all === undefined ? [...lives.values()] : waitedFor
      const promise = registry.closeAll()
      all ??= promise.catch((error: unknown) => error)
      for (const life of waitedFor) {
        life.marked = true
        closeIfDue(life)
      }
    }

    for (const each of operations) {
      switch (each.op) {
        case 'register': {
          const reader = new FakeReader(each.manner)
          const expected =
            all !== undefined ? 'REGISTRY_CLOSED' : lives.has(each.id) ? 'REGISTRY_ALREADY_REGISTERED' : 'done'
          expect(codeOf(() => registry.register(each.id, reader))).toBe(expected)
          const life: Life = { fileId: each.id, reader, marked: false, closing: false, outcomes: [] }
          if (expected === 'done') {
            lives.set(each.id, life)
            everyone.push(life)
          } else {
            expect(reader.closeCalls).toBe(0)
          }
          break
        }
        case 'open': {
          const life = lives.get(each.id)
          const missing = life === undefined ? 'REGISTRY_NOT_FOUND' : life.marked ? 'REGISTRY_MARKED' : 'done'
          const expected = all === undefined ? missing : 'REGISTRY_CLOSED'
          const open = (): void => {
            const handle = registry.openReader(each.id)
            expect(handle.reader).toBe(life?.reader)
            handles.push({ handle, life: life as Life, released: false })
            if (life !== undefined) life.reader.users++
          }
          expect(codeOf(open)).toBe(expected)
          break
        }
        case 'mark': {
          const life = lives.get(each.id)
          const outcome = outcomeOf(registry.markForDeletion(each.id))
          if (life === undefined) {
            expect(await outcome).toBe('REGISTRY_NOT_FOUND')
          } else {
            life.marked = true
            life.outcomes.push(outcome)
            closeIfDue(life)
          }
          break
        }
        case 'release': {
          const chosen = handles[each.nth % Math.max(handles.length, 1)]
          if (chosen === undefined) break
          release(chosen, each.dispose)
          expect(codeOf(() => chosen.handle.reader)).toBe('REGISTRY_RELEASED')
          break
        }
        case 'finish': {
          const closing = [...lives.values()].filter((life) => life.closing)
          const chosen = closing[each.nth % Math.max(closing.length, 1)]
          if (chosen !== undefined) await finish(chosen)
          break
        }
        case 'closeAll':
          closeAll()
      }
      for (const life of everyone) {
        expect(life.reader.closeCalls).toBe(life.closing ? 1 : 0)
        expect(life.reader.usersAtClose).toBe(0)
      }
      expect(registry.size).toBe(lives.size)
      expect(registry.inUse()).toEqual(
        [...lives.values()]
          .filter((life) => life.reader.users > 0)
          .map(({ fileId, reader, marked }) => ({ fileId, handles: reader.users, marked })),
      )
    }

    // Everything ends: all handles released, every close() settled, every promise with its outcome.
    closeAll()
    for (const each of handles) release(each, false)
    for (const life of [...lives.values()]) await finish(life)
    const failed = waitedFor.filter((life) => life.reader.fails)
    const ended = (await all) as AggregateError | undefined
    expect((ended?.errors ?? []).map((error: { cause: unknown }) => error.cause)).toEqual(
      failed.map((life) => life.reader.failure),
    )
    for (const life of everyone) {
      expect(life.reader.closeCalls).toBe(1)
      for (const outcome of await Promise.all(life.outcomes)) {
        expect(outcome).toBe(life.reader.fails ? 'REGISTRY_CLOSE_FAILED' : 'gone')
      }
    }
    expect([registry.size, registry.inUse()]).toEqual([0, []])
  }),
  { runs: 400, capMs: 6000 },
)
