import { fuzz } from '@lsm/fuzz'
import fc from 'fast-check'
import { expect } from 'vitest'
import { BlockCache, type FileId } from '../src/index.ts'
import { type Budgets, CacheModel } from './cache-model.ts'

interface Entry {
  readonly size: number
  readonly serial: number
}

type Operation =
  | { readonly op: 'put'; readonly file: number; readonly offset: number; readonly size: number }
  | { readonly op: 'get' | 'view' | 'peek' | 'delete'; readonly file: number; readonly offset: number }
  | { readonly op: 'loadNow'; readonly file: number; readonly offset: number; readonly size: number }
  | { readonly op: 'load'; readonly file: number; readonly offset: number; readonly size: number }
  /** Ends the nth load under way, well or badly. */
  | { readonly op: 'settle'; readonly nth: number; readonly fails: boolean }
  | { readonly op: 'invalidate'; readonly file: number }
  | { readonly op: 'clear' }

const IDS: readonly FileId[] = ['1', 1, '', 'a-table-000001.sst', 'a-table-000002.sst', -7]
// Two offsets a page, neighbouring pages, the end of the near pages, beyond 32 bits, the far end.
const OFFSETS = [-2, -1, 0, 1, 4096, 65_535, 65_536, 2 ** 26 - 1, 2 ** 26, 2 ** 32, 2 ** 32 + 1, 2 ** 53 - 1]

const file = fc.nat(IDS.length - 1)
// Enough indexes and filters that they too fill a budget.
const offset = fc.oneof(
  { weight: 12, arbitrary: fc.constantFrom(...OFFSETS) },
  { weight: 8, arbitrary: fc.constantFrom(-2, -1) },
)
const size = fc.nat(40)
const operation: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 25, arbitrary: fc.record({ op: fc.constant('put' as const), file, offset, size }) },
  { weight: 25, arbitrary: fc.record({ op: fc.constantFrom('get', 'view', 'peek', 'delete'), file, offset }) },
  { weight: 15, arbitrary: fc.record({ op: fc.constantFrom('load', 'loadNow'), file, offset, size }) },
  { weight: 15, arbitrary: fc.record({ op: fc.constant('settle' as const), nth: fc.nat(5), fails: fc.boolean() }) },
  { weight: 5, arbitrary: fc.record({ op: fc.constant('invalidate' as const), file }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('clear' as const) }) },
) as fc.Arbitrary<Operation>

const tierEntries = { dataEntries: fc.nat(8), indexEntries: fc.nat(4), filterEntries: fc.nat(4) }
const tierBytes = { dataBytes: fc.nat(100), indexBytes: fc.nat(60), filterBytes: fc.nat(60) }
// So tight that the tiers fight over it.
const totalBytes = fc.integer({ min: 20, max: 70 })
const budgets: fc.Arbitrary<Budgets> = fc.oneof(
  fc.record({ ...tierEntries, ...tierBytes, totalBytes: fc.nat(150) }, { requiredKeys: [] }),
  fc.record({ ...tierBytes, totalBytes }, { requiredKeys: ['totalBytes'] }),
  fc.record({ totalBytes }),
)

interface Load {
  readonly generation: object
  readonly entry: Entry
  readonly fails: Error
  readonly end: { resolve: (entry: Entry) => void; reject: (error: unknown) => void }
  readonly waiting: Promise<Entry>[]
  readonly file: number
  readonly offset: number
}

fuzz(
  import.meta.url,
  'a cache answers, counts and evicts as a model does',
  fc.asyncProperty(budgets, fc.array(operation, { maxLength: 120 }), async (budget, operations) => {
    const model = new CacheModel<Entry>(budget, (entry) => entry.size)
    const evicted: unknown[] = []
    const cache = new BlockCache<Entry>({
      ...budget,
      sizeOf: (entry) => entry.size,
      onEvict: (entry, fileId, at, reason) => evicted.push([entry, fileId, at, reason]),
    })
    const views = IDS.map((id) => cache.file(id))
    const loads: Load[] = []
    let serial = 0

    const settle = async (load: Load, fails: boolean): Promise<void> => {
      if (fails) load.end.reject(load.fails)
      else load.end.resolve(load.entry)
      model.settle(IDS[load.file] as FileId, load.offset, load.generation, fails ? undefined : load.entry)
      for (const result of await Promise.allSettled(load.waiting)) {
        if (result.status === 'fulfilled') expect(result.value).toBe(fails ? undefined : load.entry)
        else expect(result.reason).toBe(fails ? load.fails : undefined)
      }
    }

    for (const each of operations) {
      const id = ('file' in each ? IDS[each.file] : IDS[0]) as FileId
      const at = 'offset' in each ? each.offset : 0
      const entry: Entry = { size: 'size' in each ? each.size : 0, serial: serial++ }
      switch (each.op) {
        case 'put':
          expect(cache.put(id, at, entry)).toBe(model.put(id, at, entry))
          break
        case 'get':
          expect(cache.get(id, at)).toBe(model.get(id, at))
          break
        case 'view':
          expect(views[each.file]?.get(at)).toBe(model.get(id, at))
          break
        case 'peek':
          expect(cache.peek(id, at)).toBe(model.peek(id, at))
          expect(cache.has(id, at)).toBe(model.peek(id, at) !== undefined)
          break
        case 'delete':
          expect(cache.delete(id, at)).toBe(model.delete(id, at))
          break
        case 'invalidate':
          expect(cache.invalidate(id)).toBe(model.invalidate(id))
          for (const any of OFFSETS) expect(cache.peek(id, any)).toBe(undefined)
          break
        case 'clear':
          cache.clear()
          model.clear()
          break
        case 'settle': {
          const [load] = loads.splice(each.nth % Math.max(loads.length, 1), 1)
          if (load !== undefined) await settle(load, each.fails)
          break
        }
        case 'load':
        case 'loadNow': {
          const expected = model.load(id, at)
          let end: Load['end'] | undefined
          const called = { times: 0 }
          const result = cache.load(id, at, () => {
            called.times++
            if (each.op === 'loadNow') return entry
            return new Promise<Entry>((resolve, reject) => {
              end = { resolve, reject }
            })
          })
          expect(called.times).toBe(expected.kind === 'starts' ? 1 : 0)
          if (expected.kind === 'hit') expect(result).toBe(expected.entry)
          else if (expected.kind === 'joins') {
            const joined = loads.find((load) => load.generation === expected.generation) as Load
            joined.waiting.push(result as Promise<Entry>)
          } else if (end === undefined) {
            expect(result).toBe(entry)
            model.settle(id, at, expected.generation, entry)
          } else {
            const { generation } = expected
            const waiting = [result as Promise<Entry>]
            loads.push({ generation, entry, fails: new Error('load'), end, waiting, file: each.file, offset: at })
          }
        }
      }
      const stats = cache.stats()
      expect(stats).toEqual(model.stats())
      // The cache walks a file by pages and the model by recency, so removals of one call have no common order.
      const texts = (all: readonly unknown[]) => all.map((one) => JSON.stringify(one)).sort()
      expect(texts(evicted.splice(0))).toEqual(texts(model.evicted.splice(0)))
      for (const tier of ['data', 'index', 'filter'] as const) {
        expect(stats[tier].bytes).toBeLessThanOrEqual(budget[`${tier}Bytes`] ?? Number.POSITIVE_INFINITY)
      }
      const sum = stats.data.bytes + stats.index.bytes + stats.filter.bytes
      if (budget.totalBytes !== undefined) expect(sum).toBeLessThanOrEqual(budget.totalBytes)
    }
    for (const load of loads) await settle(load, false)
    expect(cache.stats()).toEqual(model.stats())
    // What is there at the end is what the model says, for every file and offset.
    for (const id of IDS) for (const at of OFFSETS) expect(cache.peek(id, at)).toBe(model.peek(id, at))
  }),
  { runs: 400, capMs: 6000 },
)

fuzz(
  import.meta.url,
  'pages and numbers are used again without mixing files up',
  fc.property(
    fc.array(fc.record({ file: fc.nat(3), block: fc.nat(400), drop: fc.boolean() }), { maxLength: 700, size: 'max' }),
    fc.constantFrom(1, 3, 1000, 40_000),
    fc.integer({ min: 1, max: 500 }),
    (steps, blockSize, dataEntries) => {
      const cache = new BlockCache<string>({ dataEntries })
      for (const { file: name, block, drop } of steps) {
        const at = block * blockSize
        const found = cache.get(name, at)
        if (found === undefined) cache.put(name, at, `${name}/${at}`)
        else expect(found).toBe(`${name}/${at}`)
        if (drop && block % 50 === 0) {
          cache.invalidate(name)
          expect(cache.has(name, at)).toBe(false)
        }
      }
      const { entries, hits, misses } = cache.stats().data
      expect(entries).toBeLessThanOrEqual(dataEntries)
      expect(hits + misses).toBe(steps.length)
    },
  ),
  { runs: 200, capMs: 3000 },
)
