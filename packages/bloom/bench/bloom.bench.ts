import { type Case, type Contender, suite } from '@lsm/bench'

const ITEMS = 100_000
const RATE = 0.01
/** Keys in one timed call; the calls walk through all of them. */
const BATCH = 1_000

type Kind = 'add' | 'hit' | 'miss'

const members = (): string[] => Array.from({ length: ITEMS }, (_, i) => `user:${String(i * 7919).padStart(11, '0')}`)
const strangers = (): string[] => members().map((key) => key.replace('user', 'none'))
const asBytes = (keys: string[]): Uint8Array[] => keys.map((key) => Uint8Array.from(new TextEncoder().encode(key)))

interface Filter<Key> {
  add(key: Key): void
  has(key: Key): boolean
}

/** Fills the filter, then times one job on it. Every peer gets its keys in the form that it takes. */
function timed<Key>(kind: Kind, filter: Filter<Key>, convert: (keys: string[]) => Key[]): () => number {
  const keys = convert(members())
  for (const key of keys) filter.add(key)
  const asked = kind === 'miss' ? convert(strangers()) : keys
  let at = 0
  const next = (): number => {
    const from = at
    at = (at + BATCH) % ITEMS
    return from
  }
  if (kind === 'add') {
    return () => {
      const from = next()
      for (let i = from; i < from + BATCH; i++) filter.add(asked[i]!)
      return from
    }
  }
  return () => {
    const from = next()
    let found = 0
    for (let i = from; i < from + BATCH; i++) if (filter.has(asked[i]!)) found++
    return found
  }
}

function ours(kind: Kind, scheme: 0 | 1): Contender {
  return async () => {
    const { BloomFilter } = await import('@lsm/bloom')
    const filter = new BloomFilter({ expectedItems: ITEMS, falsePositiveRate: RATE, scheme })
    return timed(kind, { add: (key) => filter.add(key), has: (key) => filter.mayContain(key) }, asBytes)
  }
}

function contenders(kind: Kind): Record<string, Contender> {
  return {
    '@lsm/bloom, scheme 1': ours(kind, 1),
    '@lsm/bloom, scheme 0': ours(kind, 0),
    'bloom-filters': async () => {
      // CommonJS: some loaders give its exports names, Node.js the default one.
      const library = await import('bloom-filters')
      const filter = (library.default ?? library).BloomFilter.create(ITEMS, RATE)
      return timed(kind, { add: (key: string) => filter.add(key), has: (key) => filter.has(key) }, (keys) => keys)
    },
    bloomfilter: async () => {
      const { BloomFilter } = (await import(PEER)) as BloomfilterModule
      const filter = BloomFilter.withTargetError(ITEMS, RATE)
      return timed(kind, { add: (key: string) => filter.add(key), has: (key) => filter.test(key) }, (keys) => keys)
    },
  }
}

/** The package has no types; a name that is no literal keeps the compiler from looking for them. */
const PEER: string = 'bloomfilter'

interface BloomfilterModule {
  readonly BloomFilter: {
    withTargetError(items: number, rate: number): { add(key: string): void; test(key: string): boolean }
  }
}

const CASES: readonly (readonly [string, Kind])[] = [
  ['add, n = 100,000, p = 0.01', 'add'],
  ['query that hits', 'hit'],
  ['query that misses', 'miss'],
]

const cases: Case[] = CASES.map(([name, kind]) => ({
  name,
  operations: BATCH,
  contenders: contenders(kind),
  reference: ['@lsm/bloom, scheme 0'],
}))

export default suite('bloom', cases)
