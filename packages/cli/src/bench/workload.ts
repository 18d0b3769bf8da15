/** The workloads, under the names and with the meaning that they have in LevelDB's db_bench. */
import type { OpenStore } from '../engines.ts'
import { KEY_BYTES, keyOf, type RandomNumbers, type Values, writeKey } from './dataset.ts'
import type { Meter } from './meter.ts'

export interface WorkloadContext {
  readonly store: OpenStore
  /** Records of the store, and operations of the workload. */
  readonly num: number
  /** Operations of one write; `undefined` for the workload's own. */
  readonly batch: number | undefined
  /** Writes that are awaited together. */
  readonly concurrency: number
  readonly reads: 'sync' | 'async'
  /** Records that `seekrandom` reads after each seek. */
  readonly seekNexts: number
  readonly random: RandomNumbers
  readonly values: Values
  readonly meter: Meter
  /** Gives others a turn, shows progress, and throws when the command was interrupted. */
  turn(): Promise<void>
}

export interface Workload {
  readonly name: string
  readonly says: string
  /** Begins with an empty store. */
  readonly isFresh: boolean
  readonly writes: boolean
  /** What was seen, such as `999 of 1000 found`. */
  run(context: WorkloadContext): Promise<string | undefined>
}

/** Reads that never wait give the event loop no turn of their own. */
const OPERATIONS_A_TURN = 8192

export const WORKLOADS: readonly Workload[] = [
  filling('fillseq', 'writes in key order', { isFresh: true, batch: 1, pick: (i) => i }),
  filling('fillrandom', 'writes of random keys', { isFresh: true, batch: 1, pick: randomKey }),
  filling('fillbatch', 'writes in key order, 1000 a batch', { isFresh: true, batch: 1000, pick: (i) => i }),
  filling('overwrite', 'writes of random keys over what is there', { isFresh: false, batch: 1, pick: randomKey }),
  getting('readrandom', 'reads of random keys', { pick: randomKey }),
  getting('readhot', 'reads of random keys among the first 1%', {
    pick: (_, { random, num }) => random.below(Math.ceil(num / 100)),
  }),
  getting('readmissing', 'reads of keys that are not there', { pick: randomKey, suffix: '.' }),
  walking('readseq', 'one walk in key order', { reverse: false }),
  walking('readreverse', 'one walk from the last key down', { reverse: true }),
  {
    name: 'seekrandom',
    says: 'seeks of random keys, each with a new cursor',
    isFresh: false,
    writes: false,
    run: seek,
  },
  { name: 'deleterandom', says: 'deletes of random keys', isFresh: false, writes: true, run: deleteRandom },
]

type Pick = (i: number, context: WorkloadContext) => number

function randomKey(_: number, { random, num }: WorkloadContext): number {
  return random.below(num)
}

function filling(
  name: string,
  says: string,
  { isFresh, batch, pick }: { isFresh: boolean; batch: number; pick: Pick },
): Workload {
  return {
    name,
    says,
    isFresh,
    writes: true,
    async run(context) {
      const { store, values } = context
      await write(context, context.batch ?? batch, {
        one(i) {
          const value = values.next()
          context.meter.done(1, KEY_BYTES + value.length)
          return store.put(keyOf(pick(i, context)), value)
        },
        many(first, count) {
          const operations = Array.from({ length: count }, (_, j) => {
            const value = values.next()
            context.meter.done(1, KEY_BYTES + value.length)
            return { type: 'put' as const, key: keyOf(pick(first + j, context)), value }
          })
          return store.write(operations)
        },
      })
      return undefined
    },
  }
}

async function deleteRandom(context: WorkloadContext): Promise<undefined> {
  const { store, meter } = context
  await write(context, context.batch ?? 1, {
    one(i) {
      meter.done(1, KEY_BYTES)
      return store.delete(keyOf(randomKey(i, context)))
    },
    many(first, count) {
      meter.done(count, KEY_BYTES * count)
      return store.write(
        Array.from({ length: count }, (_, j) => ({ type: 'delete', key: keyOf(randomKey(first + j, context)) })),
      )
    },
  })
}

interface Write {
  one(i: number): Promise<void>
  many(first: number, count: number): Promise<void>
}

/** `concurrency` loops that share one row of operations. What is in memory at the end is flushed, and that counts. */
async function write(context: WorkloadContext, batch: number, { one, many }: Write): Promise<void> {
  const { store, num, meter, concurrency } = context
  let next = 0
  let calls = 0
  const loop = async (): Promise<void> => {
    while (next < num) {
      const first = next
      const count = Math.min(batch, num - first)
      next += count
      calls += 1
      if (calls % OPERATIONS_A_TURN === 0) await context.turn()
      if (calls % meter.stride !== 0) {
        await (batch === 1 ? one(first) : many(first, count))
        continue
      }
      const started = performance.now()
      await (batch === 1 ? one(first) : many(first, count))
      meter.sample(performance.now() - started)
    }
  }
  meter.begin()
  await Promise.all(Array.from({ length: concurrency }, loop))
  await store.flush()
}

function getting(name: string, says: string, { pick, suffix = '' }: { pick: Pick; suffix?: string }): Workload {
  return {
    name,
    says,
    isFresh: false,
    writes: false,
    async run(context) {
      const { store, num, meter, reads } = context
      const key = new Uint8Array(KEY_BYTES + suffix.length)
      for (let i = 0; i < suffix.length; i++) key[KEY_BYTES + i] = suffix.charCodeAt(i)
      let found = 0
      meter.begin()
      for (let i = 0; i < num; i++) {
        if (i % OPERATIONS_A_TURN === 0) await context.turn()
        writeKey(pick(i, context), key)
        const isTimed = i % meter.stride === 0
        const started = isTimed ? performance.now() : 0
        const value = reads === 'sync' ? store.getSync(key) : await store.get(key)
        if (isTimed) meter.sample(performance.now() - started)
        if (value !== undefined) found += 1
        meter.done(1, value === undefined ? 0 : KEY_BYTES + value.length)
      }
      return `${found} of ${num} found`
    },
  }
}

function walking(name: string, says: string, { reverse }: { reverse: boolean }): Workload {
  return {
    name,
    says,
    isFresh: false,
    writes: false,
    async run(context) {
      const { store, num, meter } = context
      meter.begin()
      const cursor = store.cursor({ reverse })
      try {
        for (let i = 0; i < num; i++) {
          if (i % OPERATIONS_A_TURN === 0) await context.turn()
          const isTimed = i % meter.stride === 0
          const started = isTimed ? performance.now() : 0
          const step = cursor.next()
          if (!(typeof step === 'boolean' ? step : await step)) break
          if (isTimed) meter.sample(performance.now() - started)
          meter.done(1, cursor.key.length + cursor.value.length)
        }
      } finally {
        cursor.close()
      }
      return `${meter.operations} ${meter.operations === 1 ? 'record' : 'records'}`
    },
  }
}

async function seek(context: WorkloadContext): Promise<string> {
  const { store, num, meter, seekNexts } = context
  const wanted = new Uint8Array(KEY_BYTES)
  let found = 0
  meter.begin()
  for (let i = 0; i < num; i++) {
    if (i % OPERATIONS_A_TURN === 0) await context.turn()
    writeKey(randomKey(i, context), wanted)
    const isTimed = i % meter.stride === 0
    const started = isTimed ? performance.now() : 0
    let bytes = 0
    const cursor = store.cursor()
    try {
      cursor.seek(wanted)
      for (let step = 0; step <= seekNexts; step++) {
        const next = cursor.next()
        if (!(typeof next === 'boolean' ? next : await next)) break
        if (step === 0 && Buffer.compare(cursor.key, wanted) === 0) found += 1
        bytes += cursor.key.length + cursor.value.length
      }
    } finally {
      cursor.close()
    }
    if (isTimed) meter.sample(performance.now() - started)
    meter.done(1, bytes)
  }
  return `${found} of ${num} found`
}
