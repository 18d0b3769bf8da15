/**
 * The db_bench workloads on real files: 100,000 records, 16-byte keys, 100-byte half-compressible values, the engine's
 * default sizes, `'os'` durability. Reads come after a flush, a reopen, a compaction and one
 * scan: all 14 MB are in the block cache, and none in a memtable.
 *
 * The other side is what a program would have without a store: a Map and a sorted array of its keys, in memory, gone
 * with the process. It bounds what any store can do here; the comparison with other stores is tools/bench's.
 */
import { type Case, type Contender, suite } from '@lsm/bench'
import type { Engine } from '@lsm/engine'

const RECORDS = 100_000
const VALUE_BYTES = 100
const BATCH = 100
const READS = 1000
const SEEKS = 100
const IN_FLIGHT = 64
const HOT = RECORDS / 100

const encoder = new TextEncoder()

/** 16 bytes. */
const keyOf = (i: number): Uint8Array => encoder.encode(String(i).padStart(16, '0'))
/** Between two keys that are there. */
const missingKeyOf = (i: number): Uint8Array => encoder.encode(`${String(i).padStart(15, '0')}x`)

function random(): () => number {
  let state = 42
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

function shuffled<T>(items: readonly T[]): T[] {
  const next = random()
  const mixed = [...items]
  for (let i = mixed.length - 1; i > 0; i--) {
    const j = Math.floor(next() * (i + 1))
    const item = mixed[i]!
    mixed[i] = mixed[j]!
    mixed[j] = item
  }
  return mixed
}

const all = (make: (i: number) => Uint8Array, count = RECORDS): Uint8Array[] =>
  shuffled(Array.from({ length: count }, (_, i) => make(i)))

function someValue(): Uint8Array {
  const next = random()
  return Uint8Array.from({ length: VALUE_BYTES }, (_, i) => (i % 2 === 0 ? 0x20 : Math.floor(next() * 256)))
}

/** Hands out one after another, and begins anew behind the last. */
function circle<T>(items: readonly T[]): () => T {
  let at = 0
  return () => {
    if (at === items.length) at = 0
    return items[at++]!
  }
}

/** The store of the case at hand: a process runs one case after another, and what the last one cached is in its way. */
let current: Engine | undefined
const directories: string[] = []

async function directory(): Promise<string> {
  const { mkdtempSync, rmSync } = await import('node:fs')
  const { tmpdir } = await import('node:os')
  const { join } = await import('node:path')
  const path = mkdtempSync(join(tmpdir(), 'lsm-engine-bench-'))
  if (directories.push(path) === 1) {
    process.once('exit', () => {
      for (const each of directories) rmSync(each, { recursive: true, force: true })
    })
  }
  return path
}

async function open(path: string): Promise<Engine> {
  const { Engine } = await import('@lsm/engine')
  return Engine.open(path, { durability: 'os' })
}

async function filled(): Promise<Engine> {
  await current?.close()
  const path = await directory()
  const engine = await open(path)
  const value = someValue()
  const keys = all(keyOf)
  for (let i = 0; i < keys.length; i += BATCH) {
    await engine.write(keys.slice(i, i + BATCH).map((key) => ({ type: 'put', key, value })))
  }
  await engine.flush()
  await engine.close()
  const again = await open(path)
  await again.compact()
  let warmed = 0
  for (const [key] of again.scanSync()) warmed += key.length
  current = again
  if (warmed !== RECORDS * 16) throw new Error(`found ${warmed} bytes of keys`)
  return again
}

/** A Map by the keys' text, which has a hash already, and the texts in order. */
class Baseline {
  readonly #values = new Map<string, Uint8Array>()
  #sorted: string[] | undefined

  static filled(): Baseline {
    const baseline = new Baseline()
    const value = someValue()
    for (const key of all(keyOf)) baseline.put(key, value)
    return baseline
  }

  static #text(key: Uint8Array): string {
    return Buffer.from(key.buffer, key.byteOffset, key.length).toString('latin1')
  }

  get sorted(): string[] {
    this.#sorted ??= [...this.#values.keys()].sort()
    return this.#sorted
  }

  put(key: Uint8Array, value: Uint8Array): void {
    this.#values.set(Baseline.#text(key), value.slice())
    this.#sorted = undefined
  }

  get(key: Uint8Array): Uint8Array | undefined {
    return this.#values.get(Baseline.#text(key))?.slice()
  }

  *scan(reverse: boolean): Generator<[Uint8Array, Uint8Array]> {
    const { sorted } = this
    for (let i = 0; i < sorted.length; i++) {
      const key = sorted[reverse ? sorted.length - 1 - i : i]!
      yield [encoder.encode(key), this.#values.get(key)!]
    }
  }

  seek(key: Uint8Array): number {
    const { sorted } = this
    const sought = Baseline.#text(key)
    let low = 0
    let high = sorted.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (sorted[middle]! < sought) low = middle + 1
      else high = middle
    }
    return low
  }

  at(index: number): Uint8Array | undefined {
    const key = this.sorted[index]
    return key === undefined ? undefined : this.#values.get(key)
  }
}

const BASELINE = 'Map and sorted array in memory'

const pair = (ours: Contender, baseline: Contender): Case['contenders'] => ({
  '@lsm/engine': ours,
  [BASELINE]: baseline,
})

function overwrite(name: string, clients: number): Case {
  return {
    name,
    operations: READS,
    contenders: pair(
      async () => {
        const engine = await filled()
        const value = someValue()
        const next = circle(all(keyOf))
        const client = async (): Promise<void> => {
          for (let i = 0; i < READS / clients; i++) await engine.put(next(), value)
        }
        if (clients === 1) return client
        return () => Promise.all(Array.from({ length: clients }, client))
      },
      () => {
        const baseline = Baseline.filled()
        const value = someValue()
        const next = circle(all(keyOf))
        return () => {
          for (let i = 0; i < READS; i++) baseline.put(next(), value)
        }
      },
    ),
  }
}

function reads(
  name: string,
  keys: () => readonly Uint8Array[],
  read: (engine: Engine, next: () => Uint8Array) => unknown,
): Case {
  return {
    name,
    operations: READS,
    contenders: pair(
      async () => {
        const engine = await filled()
        const next = circle(keys())
        return () => read(engine, next)
      },
      () => {
        const baseline = Baseline.filled()
        const next = circle(keys())
        return () => {
          let found = 0
          for (let i = 0; i < READS; i++) if (baseline.get(next()) !== undefined) found++
          return found
        }
      },
    ),
  }
}

function readSync(engine: Engine, next: () => Uint8Array): number {
  let found = 0
  for (let i = 0; i < READS; i++) if (engine.getSync(next()) !== undefined) found++
  return found
}

async function readAwaited(engine: Engine, next: () => Uint8Array): Promise<number> {
  let found = 0
  for (let i = 0; i < READS; i++) if ((await engine.get(next())) !== undefined) found++
  return found
}

function scan(name: string, reverse: boolean, run: (engine: Engine) => unknown): Case {
  return {
    name,
    operations: RECORDS,
    contenders: pair(
      async () => {
        const engine = await filled()
        return () => run(engine)
      },
      () => {
        const baseline = Baseline.filled()
        return () => {
          let bytes = 0
          for (const [key, value] of baseline.scan(reverse)) bytes += key.length + value.length
          return bytes
        }
      },
    ),
  }
}

function scanSync(reverse: boolean): (engine: Engine) => number {
  return (engine) => {
    let bytes = 0
    for (const [key, value] of engine.scanSync({ reverse })) bytes += key.length + value.length
    return bytes
  }
}

export default suite('engine', [
  {
    name: 'fillbatch, 100 a batch, random keys',
    operations: RECORDS,
    contenders: pair(
      () => {
        const value = someValue()
        const keys = all(keyOf)
        return async () => {
          const engine = await open(await directory())
          for (let i = 0; i < keys.length; i += BATCH) {
            await engine.write(keys.slice(i, i + BATCH).map((key) => ({ type: 'put', key, value })))
          }
          await engine.close()
        }
      },
      () => {
        const value = someValue()
        const keys = all(keyOf)
        return () => {
          const baseline = new Baseline()
          for (const key of keys) baseline.put(key, value)
          return baseline.sorted.length
        }
      },
    ),
  },
  overwrite('overwrite, awaited one at a time', 1),
  overwrite(`overwrite, ${IN_FLIGHT} in flight`, IN_FLIGHT),
  reads('readrandom, getSync', () => all(keyOf), readSync),
  reads('readrandom, awaited one at a time', () => all(keyOf), readAwaited),
  reads('readhot, 1% of the keys, getSync', () => all(keyOf, HOT), readSync),
  reads('readmissing, getSync', () => all(missingKeyOf), readSync),
  scan('readseq, scanSync', false, scanSync(false)),
  scan('readseq, scan', false, async (engine) => {
    let bytes = 0
    for await (const [key, value] of engine.scan()) bytes += key.length + value.length
    return bytes
  }),
  scan('readseq, cursor', false, async (engine) => {
    let bytes = 0
    const cursor = engine.cursor()
    for (;;) {
      const moved = cursor.next()
      if (!(typeof moved === 'boolean' ? moved : await moved)) break
      bytes += cursor.key.length + cursor.value.length
    }
    cursor.close()
    return bytes
  }),
  scan('readreverse, scanSync', true, scanSync(true)),
  {
    name: 'seekrandom and 10 next, cursor',
    operations: SEEKS,
    contenders: pair(
      async () => {
        const engine = await filled()
        const next = circle(all(keyOf))
        return async () => {
          let bytes = 0
          const cursor = engine.cursor()
          for (let i = 0; i < SEEKS; i++) {
            cursor.seek(next())
            for (let n = 0; n <= 10; n++) {
              const moved = cursor.next()
              if (!(typeof moved === 'boolean' ? moved : await moved)) break
              bytes += cursor.value.length
            }
          }
          cursor.close()
          return bytes
        }
      },
      () => {
        const baseline = Baseline.filled()
        const next = circle(all(keyOf))
        return () => {
          let bytes = 0
          for (let i = 0; i < SEEKS; i++) {
            const at = baseline.seek(next())
            for (let n = 0; n <= 10; n++) bytes += baseline.at(at + n)?.length ?? 0
          }
          return bytes
        }
      },
    ),
  },
])
