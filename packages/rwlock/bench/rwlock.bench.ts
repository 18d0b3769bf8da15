/**
 * Acquire and release against the locks that a Node.js program would otherwise take, each through its own fastest
 * awaited calls. async-mutex has no readers-writer lock; one is made of its weighted semaphore in the usual way:
 * a reader takes 1 of the weight, a writer all of it. async-rwlock lets new readers pass a waiting writer, and so
 * has fewer waits to arrange than the others where both meet.
 */
import { type Contender, suite } from '@lsm/bench'

type Mode = 'read' | 'write'

/** Acquires and releases once for each entry; with `holds`, a holder awaits something in between. */
type Client = (plan: readonly Mode[], holds: boolean) => Promise<void>

async function ours(): Promise<Client> {
  const { AsyncRWLock } = await import('@lsm/rwlock')
  const lock = new AsyncRWLock()
  return async (plan, holds) => {
    for (const mode of plan) {
      const handle = await (mode === 'read' ? lock.read() : lock.write())
      if (holds) await undefined
      handle.release()
    }
  }
}

async function oursTryingFirst(): Promise<Client> {
  const { AsyncRWLock } = await import('@lsm/rwlock')
  const lock = new AsyncRWLock()
  return async (plan, holds) => {
    for (const mode of plan) {
      const handle =
        mode === 'read' ? (lock.tryRead() ?? (await lock.read())) : (lock.tryWrite() ?? (await lock.write()))
      if (holds) await undefined
      handle.release()
    }
  }
}

async function asyncRwlock(): Promise<Client> {
  const { RWLock } = await import('async-rwlock')
  const lock = new RWLock()
  return async (plan, holds) => {
    for (const mode of plan) {
      await (mode === 'read' ? lock.readLock() : lock.writeLock())
      if (holds) await undefined
      lock.unlock()
    }
  }
}

async function mortice(): Promise<Client> {
  // mortice's queue calls this, which Node.js has from 22 on; without it mortice fails on 20.
  if (!('withResolvers' in Promise)) {
    const withResolvers = (): unknown => {
      let settlers = {}
      const promise = new Promise((resolve, reject) => {
        settlers = { resolve, reject }
      })
      return { promise, ...settlers }
    }
    Object.defineProperty(Promise, 'withResolvers', { value: withResolvers })
  }
  const { default: createMortice } = await import('mortice')
  const lock = createMortice({ singleProcess: true })
  return async (plan, holds) => {
    for (const mode of plan) {
      const release = await (mode === 'read' ? lock.readLock() : lock.writeLock())
      if (holds) await undefined
      release()
    }
  }
}

async function asyncMutex(): Promise<Client> {
  const { Semaphore } = await import('async-mutex')
  const all = 1024
  const lock = new Semaphore(all)
  return async (plan, holds) => {
    for (const mode of plan) {
      const [, release] = await lock.acquire(mode === 'read' ? 1 : all)
      if (holds) await undefined
      release()
    }
  }
}

const PEERS = { 'async-rwlock': asyncRwlock, mortice, 'async-mutex (Semaphore)': asyncMutex }

const ROUNDS = 100

function alone(makeClient: () => Promise<Client>, mode: Mode): Contender {
  return async () => {
    const client = await makeClient()
    const plan = new Array<Mode>(ROUNDS).fill(mode)
    return () => client(plan, false)
  }
}

const CLIENTS = 64
const ACQUIRES = 20

/** Every tenth acquire is for writing; the clients start at different places, so that writers come spread out. */
function crowd(makeClient: () => Promise<Client>): Contender {
  return async () => {
    const client = await makeClient()
    const plans = Array.from({ length: CLIENTS }, (_, start) =>
      Array.from({ length: ACQUIRES }, (_, turn): Mode => ((start * 7 + turn) % 10 === 0 ? 'write' : 'read')),
    )
    return () => Promise.all(plans.map((plan) => client(plan, true)))
  }
}

const contenders = (toContender: (makeClient: () => Promise<Client>) => Contender): Record<string, Contender> =>
  Object.fromEntries(
    Object.entries({ '@lsm/rwlock': ours, '@lsm/rwlock, tryRead/tryWrite first': oursTryingFirst, ...PEERS }).map(
      ([name, makeClient]) => [name, toContender(makeClient)],
    ),
  )

const reference = ['@lsm/rwlock, tryRead/tryWrite first']

export default suite('rwlock', [
  {
    name: 'read, nobody else',
    operations: ROUNDS,
    contenders: contenders((makeClient) => alone(makeClient, 'read')),
    reference,
  },
  {
    name: 'write, nobody else',
    operations: ROUNDS,
    contenders: contenders((makeClient) => alone(makeClient, 'write')),
    reference,
  },
  {
    name: `${CLIENTS} clients, 90% reads`,
    operations: CLIENTS * ACQUIRES,
    contenders: contenders(crowd),
    reference,
  },
])
