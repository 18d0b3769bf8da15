/** Runs operations on a store and on the model, and compares every answer. */
import { compareBytes } from '@lsm/encoding'
import { expect } from 'vitest'
import type { Engine, Entry, Reader, Snapshot } from '../src/index.ts'
import {
  type At,
  asInput,
  bytesOfValue,
  type CursorMove,
  filledKey,
  keyOf,
  Model,
  type ModelOperation,
  type ModelScan,
  type ModelWrite,
  rangeInput,
  type ScanKind,
} from './model.ts'

interface OpenSnapshot {
  readonly snapshot: Snapshot
  readonly model: Model
}

interface OpenIterator {
  readonly iterator: AsyncIterator<Entry>
  readonly expected: Entry[]
  /** What it gave: pairs stay valid for ever. */
  readonly given: { readonly actual: Entry; readonly expected: Entry }[]
  position: number
}

/** What all runs together came to: a model test that never compacted would prove little. */
export const reached = {
  operations: 0,
  flushes: 0,
  compactions: 0,
  moves: 0,
  stalls: 0,
  deepestLevel: 0,
  mostTables: 0,
}

export class ModelDriver {
  readonly #reopen: () => Promise<Engine>
  #engine: Engine
  #model: Model = Model.EMPTY
  #snapshots: OpenSnapshot[] = []
  #iterators: OpenIterator[] = []
  #background: Promise<void>[] = []
  /** Turns keys into text for some of the calls. */
  #salt = 0

  private constructor(engine: Engine, reopen: () => Promise<Engine>) {
    this.#engine = engine
    this.#reopen = reopen
  }

  /** Runs the operations on the store that `open` opens: the first time a new one, later the same one again. */
  static async run(open: () => Promise<Engine>, operations: readonly ModelOperation[]): Promise<void> {
    const driver = new ModelDriver(await open(), open)
    try {
      for (const [i, operation] of operations.entries()) {
        driver.#salt = i
        try {
          reached.operations++
          await driver.#apply(operation)
        } catch (error) {
          throw new Error(`operation ${i}, ${JSON.stringify(operation)}: ${messageOf(error)}`, { cause: error })
        }
      }
      await driver.#compareAll()
      driver.#note()
      await driver.#apply({ type: 'reopen' })
      await driver.#compareAll()
      await driver.#engine.verify()
    } finally {
      await driver.#endBackground().catch(() => {})
      await driver.#engine.close()
    }
  }

  #note(): void {
    const { flushes, compactions, stalls, levels } = this.#engine.stats()
    reached.flushes += flushes.count
    reached.compactions += compactions.count
    reached.moves += compactions.moves
    reached.stalls += stalls.delayed + stalls.stopped
    for (const { level, tables } of levels) {
      if (tables > 0) reached.deepestLevel = Math.max(reached.deepestLevel, level)
      if (level > 0) reached.mostTables = Math.max(reached.mostTables, tables)
    }
  }

  async #compareAll(): Promise<void> {
    for (const { snapshot, model } of this.#snapshots) await compareReader(snapshot, model)
    for (const iterator of this.#iterators) await step(iterator, Number.POSITIVE_INFINITY)
    await compareReader(this.#engine, this.#model)
  }

  async #endBackground(): Promise<void> {
    await Promise.all(this.#background.splice(0))
  }

  #runInBackground(work: Promise<void>): void {
    // Looked at before the store closes, which may be long after it failed.
    work.catch(() => {})
    this.#background.push(work)
  }

  /** What is read, and what it must say. */
  #readerAt(at: At): { readonly reader: Reader; readonly model: Model; readonly snapshot?: Snapshot } {
    const open = at === undefined ? undefined : this.#snapshots[at % Math.max(1, this.#snapshots.length)]
    if (open === undefined) return { reader: this.#engine, model: this.#model }
    // A snapshot's own methods and the option of the engine's are the same.
    if (this.#salt % 3 === 0) return { reader: this.#engine, model: open.model, snapshot: open.snapshot }
    return { reader: open.snapshot, model: open.model }
  }

  async #write(write: ModelWrite): Promise<void> {
    const salt = this.#salt
    if (write.type === 'deleteRange') return this.#engine.deleteRange(rangeInput(write.range, salt))
    const key = keyOf(write.key)
    if (write.type === 'delete') return this.#engine.delete(asInput(key, salt))
    // The arrays are the caller's again as soon as the call has returned.
    const input = key.slice()
    const value = bytesOfValue(write.value)
    const written = this.#engine.put(input, value)
    input.fill(0x7a)
    value.fill(0x7a)
    return written
  }

  async #apply(operation: ModelOperation): Promise<void> {
    const engine = this.#engine
    const salt = this.#salt
    switch (operation.type) {
      case 'put':
      case 'delete':
      case 'deleteRange':
        await this.#write(operation)
        this.#model = this.#model.with(operation)
        return
      case 'batch':
        await engine.write(
          operation.writes.map((each) => {
            if (each.type === 'deleteRange') return { type: each.type, range: rangeInput(each.range, salt) }
            const key = asInput(keyOf(each.key), salt)
            return each.type === 'put'
              ? { type: each.type, key, value: bytesOfValue(each.value) }
              : { type: each.type, key }
          }),
        )
        for (const each of operation.writes) this.#model = this.#model.with(each)
        return
      case 'burst':
        await Promise.all(operation.writes.map((each) => this.#write(each)))
        for (const each of operation.writes) this.#model = this.#model.with(each)
        return
      case 'fill':
        for (let i = 0; i < operation.count; i++) {
          const { length, tag } = operation.value
          const value = { length, tag: (tag + i) & 0xff }
          const one: ModelWrite = { type: 'put', key: filledKey(operation.from, i), value }
          await this.#write(one)
          this.#model = this.#model.with(one)
        }
        return
      case 'read':
        return this.#read(operation.key, operation.at, operation.fillCache)
      case 'getMany': {
        const { reader, model, snapshot } = this.#readerAt(operation.at)
        const keys = operation.keys.map((number, i) => asInput(keyOf(number), salt + i))
        const values = await reader.getMany(keys, { ...(snapshot && { snapshot }) })
        expectSame(
          values,
          operation.keys.map((number) => model.get(keyOf(number))),
        )
        return
      }
      case 'scan':
        return this.#scan(operation.scan, operation.how, operation.at)
      case 'count': {
        const { reader, model, snapshot } = this.#readerAt(operation.at)
        const expected = model.scan({ range: operation.range, reverse: false }).length
        expect(await (snapshot ?? reader).count(rangeInput(operation.range, salt))).toBe(expected)
        return
      }
      case 'cursor':
        return this.#cursor(operation.scan, operation.way, operation.at)
      case 'snapshot':
        if (this.#snapshots.length < 4) this.#snapshots.push({ snapshot: engine.snapshot(), model: this.#model })
        return
      case 'closeSnapshot': {
        const [open] = this.#snapshots.splice(operation.which % Math.max(1, this.#snapshots.length), 1)
        open?.snapshot.close()
        return
      }
      case 'iterate': {
        const { reader, model, snapshot } = this.#readerAt(operation.at)
        const options = { ...scanInput(operation.scan, salt), ...(snapshot && { snapshot }) }
        const iterator = reader.scan(options)[Symbol.asyncIterator]()
        const open: OpenIterator = { iterator, expected: model.scan(operation.scan), given: [], position: 0 }
        // It reads the store as it is when it begins.
        await step(open, 1)
        if (reader === engine && snapshot === undefined) this.#iterators.push(open)
        else await step(open, Number.POSITIVE_INFINITY)
        return
      }
      case 'step': {
        const open = this.#iterators[operation.which % Math.max(1, this.#iterators.length)]
        if (open !== undefined) await step(open, operation.count)
        return
      }
      case 'closeIterator': {
        const [open] = this.#iterators.splice(operation.which % Math.max(1, this.#iterators.length), 1)
        await open?.iterator.return?.()
        return
      }
      case 'flush':
        return engine.flush()
      case 'sync':
        return engine.sync()
      case 'compact':
        return engine.compact(operation.range && rangeInput(operation.range, salt))
      case 'background':
        this.#runInBackground(operation.what === 'flush' ? engine.flush() : engine.compact())
        return
      case 'turns':
        for (let i = 0; i < operation.count; i++) await new Promise((resolve) => setImmediate(resolve))
        return
      case 'verify':
        await engine.verify()
        return
      case 'reopen':
        await this.#endBackground()
        await engine.close()
        // What was read before stays what it was; what is open ends.
        for (const { snapshot } of this.#snapshots) await expect(snapshot.get('a')).rejects.toThrow(/closed/)
        for (const open of this.#iterators) checkGiven(open)
        this.#snapshots = []
        this.#iterators = []
        this.#engine = await this.#reopen()
        return
    }
  }

  async #read(number: number, at: At, fillCache = true): Promise<void> {
    const { reader, model, snapshot } = this.#readerAt(at)
    const key = asInput(keyOf(number), this.#salt)
    const options = { fillCache, ...(snapshot && { snapshot }) }
    const expected = model.get(keyOf(number))
    expectSame([await reader.get(key, options)], [expected])
    expect(await reader.has(key, options)).toBe(expected !== undefined)
    expectSame([reader.getSync(key, options)], [expected])
    expect(reader.hasSync(key, options)).toBe(expected !== undefined)
  }

  async #scan(scan: ModelScan, how: ScanKind, at: At): Promise<void> {
    const { reader, model, snapshot } = this.#readerAt(at)
    const expected = model.scan(scan)
    const options = { ...scanInput(scan, this.#salt), ...(snapshot && { snapshot }) }
    switch (how) {
      case 'scan':
        return expectSame((await collect(reader.scan(options))).flat(), expected.flat())
      case 'keys':
        return expectSame(
          await collect(reader.keys(options)),
          expected.map(([key]) => key),
        )
      case 'values':
        return expectSame(
          await collect(reader.values(options)),
          expected.map(([, value]) => value),
        )
      case 'scanSync':
        return expectSame([...reader.scanSync(options)].flat(), expected.flat())
    }
  }

  async #cursor(scan: ModelScan, way: readonly CursorMove[], at: At): Promise<void> {
    const { reader, model, snapshot } = this.#readerAt(at)
    const { limit = Number.POSITIVE_INFINITY } = scan
    const expected = model.scan({ range: scan.range, reverse: scan.reverse })
    const cursor = reader.cursor({ ...scanInput(scan, this.#salt), ...(snapshot && { snapshot }) })
    let next = 0
    let left = limit
    try {
      for (const move of way) {
        if ('seek' in move) {
          const sought = keyOf(move.seek)
          cursor.seek(asInput(sought, this.#salt))
          const found = expected.findIndex(([key]) =>
            scan.reverse ? compareBytes(key, sought) <= 0 : compareBytes(key, sought) >= 0,
          )
          next = found < 0 ? expected.length : found
          continue
        }
        for (let i = 0; i < move.next; i++) {
          const entry = left > 0 ? expected[next] : undefined
          expect(await cursor.next()).toBe(entry !== undefined)
          if (entry === undefined) continue
          expectSame([cursor.key, cursor.value], entry)
          next++
          left--
        }
      }
    } finally {
      cursor.close()
    }
  }
}

function scanInput({ range, reverse, limit }: ModelScan, salt: number): object {
  return { ...rangeInput(range, salt), reverse, ...(limit !== undefined && { limit }) }
}

async function collect<T>(source: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const each of source) all.push(each)
  return all
}

async function step(open: OpenIterator, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    const { done, value } = await open.iterator.next()
    const expected = open.expected[open.position]
    if (expected === undefined) {
      expect(done).toBe(true)
      break
    }
    expect(done).not.toBe(true)
    expectSame(value, expected)
    open.given.push({ actual: value, expected })
    open.position++
  }
  checkGiven(open)
}

function checkGiven({ given }: OpenIterator): void {
  for (const { actual, expected } of given) expectSame(actual, expected)
}

async function compareReader(reader: Reader, model: Model): Promise<void> {
  const everything = { range: {}, reverse: false }
  const expected = model.scan(everything)
  expectSame([...reader.scanSync()].flat(), expected.flat())
  expectSame((await collect(reader.scan({ reverse: true }))).flat(), expected.toReversed().flat())
  expect(await reader.count()).toBe(expected.length)
  expectSame(
    await reader.getMany(expected.map(([key]) => key)),
    expected.map(([, value]) => value),
  )
}

/** As `toEqual` of arrays of bytes, which is slow for large ones. */
function expectSame(actual: readonly (Uint8Array | undefined)[], expected: readonly (Uint8Array | undefined)[]): void {
  const isSame =
    actual.length === expected.length &&
    actual.every((bytes, i) => {
      const other = expected[i]
      if (bytes === undefined || other === undefined) return bytes === other
      return bytes.length === other.length && compareBytes(bytes, other) === 0
    })
  if (isSame) return
  expect(actual.map(show)).toEqual(expected.map(show))
  throw new Error('the arrays differ and look the same')
}

function show(bytes: Uint8Array | undefined): string {
  if (bytes === undefined) return 'nothing'
  const shown = Array.from(bytes.subarray(0, 80), (byte) =>
    byte > 0x20 && byte < 0x7f ? String.fromCharCode(byte) : `\\${byte.toString(16)}`,
  ).join('')
  return `${bytes.length}:${shown}`
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
