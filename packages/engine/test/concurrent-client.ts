/**
 * One of several clients that work side by side on a store that may fail. It writes keys of its own, and so knows for
 * each of them which values are possible: one after an acknowledged write, one more for each write of which it is not
 * known what became of it.
 */

import type { Engine } from '../src/index.ts'
import { LsmError, type Reader, type Snapshot } from '../src/index.ts'
import { text } from './api-fixtures.ts'
import type { SimRandom } from './crash-sim.ts'

type Possible = ReadonlySet<string | undefined>

const KEYS = 8
const STEPS = 40
const MOST_SNAPSHOTS = 2

export interface ClientWorld {
  readonly engine: Engine
  readonly random: SimRandom
  /** Lets the others have a turn. */
  pause(): Promise<void>
  /** Waits for something that must settle, in time and with a coded error; `undefined` where it failed. */
  settle<T>(what: string, run: () => Promise<T>): Promise<T | undefined>
}

export class ConcurrentClient {
  /** Answers that no order of the writes can give. */
  readonly wrong: string[] = []
  readonly #name: string
  readonly #world: ClientWorld
  #model = new Map<string, Possible>()
  readonly #snapshots: { readonly snapshot: Snapshot; readonly model: ReadonlyMap<string, Possible> }[] = []

  constructor(name: string, world: ClientWorld) {
    this.#name = name
    this.#world = world
  }

  async run(): Promise<void> {
    const { random, pause } = this.#world
    for (let step = 0; step < STEPS; step++) {
      await this.#step(step)
      if (random.chance(0.2)) await pause()
    }
    for (const { snapshot } of this.#snapshots) snapshot.close()
  }

  /** What is wrong with the contents of `reader`, which is read when nobody writes. */
  async check(reader: Reader): Promise<void> {
    for (let i = 0; i < KEYS; i++) this.#expect('at the end', this.#key(i), versionOf(await reader.get(this.#key(i))))
  }

  async #step(step: number): Promise<void> {
    const { engine, random, settle } = this.#world
    const value = `${step}`
    const key = this.#key(random.below(KEYS))
    const chosen = random.below(20)
    if (chosen < 8) {
      await this.#write([key], value, () => engine.put(key, `${value}|${'x'.repeat(random.below(3000))}`))
    } else if (chosen < 9) {
      await this.#write([key], undefined, () => engine.delete(key))
    } else if (chosen < 10) {
      const [from, to] = [random.below(KEYS), random.below(KEYS)].sort((a, b) => a - b) as [number, number]
      const keys = Array.from({ length: to - from }, (_, i) => this.#key(from + i))
      await this.#write(keys, undefined, () => engine.deleteRange({ gte: this.#key(from), lt: this.#key(to) }))
    } else if (chosen < 11) {
      await settle('flush', () => engine.flush())
    } else if (chosen < 12) {
      await settle('compact', () => engine.compact(random.chance(0.5) ? {} : { gte: this.#name }))
    } else if (chosen < 13) {
      const controller = new AbortController()
      const write = this.#write([key], value, () => engine.put(key, `${value}|`, { signal: controller.signal }))
      if (random.chance(0.5)) controller.abort()
      await write
    } else if (chosen < 14) {
      await this.#moveSnapshots()
    } else if (chosen < 16) {
      const found = await settle('get', async () => [versionOf(await engine.get(key))])
      if (found !== undefined) this.#expect('get', key, found[0])
    } else if (chosen < 17) {
      const found = await settle('getSync', async () => [versionOf(engine.getSync(key))])
      if (found !== undefined) this.#expect('getSync', key, found[0])
    } else if (chosen < 18) {
      await settle('sync', () => engine.sync())
    } else {
      const { snapshot, model } = this.#snapshots[0] ?? { snapshot: engine, model: this.#model }
      await this.#scan(snapshot, new Map(model))
    }
  }

  async #write(keys: readonly string[], value: string | undefined, write: () => Promise<void>): Promise<void> {
    for (const key of keys) this.#model.set(key, new Set([...this.#possible(key), value]))
    const isDone = await this.#world.settle('write', async () => {
      await write()
      return true
    })
    if (isDone) for (const key of keys) this.#model.set(key, new Set([value]))
  }

  async #moveSnapshots(): Promise<void> {
    if (this.#snapshots.length === MOST_SNAPSHOTS) {
      this.#snapshots.shift()!.snapshot.close()
      return
    }
    await this.#world.settle('snapshot', async () => {
      this.#snapshots.push({ snapshot: this.#world.engine.snapshot(), model: new Map(this.#model) })
    })
  }

  async #scan(reader: Reader, model: ReadonlyMap<string, Possible>): Promise<void> {
    const found = new Map<string, string | undefined>()
    const isDone = await this.#world.settle('scan', async () => {
      const options = { prefix: `${this.#name}-`, reverse: this.#world.random.chance(0.5) }
      for await (const [key, value] of reader.scan(options)) found.set(text(key)!, versionOf(value))
      return true
    })
    if (!isDone) return
    for (let i = 0; i < KEYS; i++) this.#expect('scan', this.#key(i), found.get(this.#key(i)), model)
  }

  #key(index: number): string {
    return `${this.#name}-${index}`
  }

  #possible(key: string, model: ReadonlyMap<string, Possible> = this.#model): Possible {
    return model.get(key) ?? new Set([undefined])
  }

  #expect(
    what: string,
    key: string,
    found: string | undefined,
    model = this.#model as ReadonlyMap<string, Possible>,
  ): void {
    const possible = this.#possible(key, model)
    if (!possible.has(found)) this.wrong.push(`${what}: ${key} is ${found}, not one of ${[...possible].join(', ')}`)
  }
}

/** The part of a value that tells which write it is from. */
function versionOf(bytes: Uint8Array | undefined): string | undefined {
  return text(bytes)?.split('|')[0]
}

/** Throws what is no error that a caller could be told. */
export function expectCoded(error: unknown): void {
  if (!(error instanceof LsmError)) throw new Error(`not a coded error: ${String(error)}`, { cause: error })
}
