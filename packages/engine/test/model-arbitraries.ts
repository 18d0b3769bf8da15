/** What fast-check makes operations of. */
import fc from 'fast-check'
import {
  KEYS,
  type ModelOperation,
  type ModelRange,
  type ModelScan,
  type ModelValue,
  type ModelWrite,
} from './model.ts'

const key = fc.nat(KEYS.length - 1)
const bound = fc.oneof({ weight: 3, arbitrary: key }, { weight: 1, arbitrary: fc.constantFrom(0, KEYS.length - 1) })

const range: fc.Arbitrary<ModelRange> = fc.oneof(
  { weight: 1, arbitrary: fc.constant({}) },
  { weight: 1, arbitrary: fc.record({ prefix: key }) },
  {
    weight: 4,
    arbitrary: fc.record(
      {
        lower: fc.tuple(fc.constantFrom('gt' as const, 'gte' as const), bound),
        upper: fc.tuple(fc.constantFrom('lt' as const, 'lte' as const), bound),
      },
      { requiredKeys: [] },
    ),
  },
)

const tag = fc.nat(255)
const value: fc.Arbitrary<ModelValue> = fc.record({
  // Nothing, a little, more than a block, more than a memtable.
  length: fc.oneof(
    { weight: 2, arbitrary: fc.constant(0) },
    { weight: 8, arbitrary: fc.integer({ min: 1, max: 40 }) },
    { weight: 3, arbitrary: fc.integer({ min: 100, max: 900 }) },
    { weight: 1, arbitrary: fc.integer({ min: 4000, max: 9000 }) },
  ),
  tag,
})

const write: fc.Arbitrary<ModelWrite> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ type: fc.constant('put' as const), key, value }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('delete' as const), key }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('deleteRange' as const), range }) },
)
const writes = fc.array(write, { maxLength: 12 })

const scan: fc.Arbitrary<ModelScan> = fc.record(
  { range, reverse: fc.boolean(), limit: fc.nat(8) },
  { requiredKeys: ['range', 'reverse'] },
)
const at = fc.option(fc.nat(3), { nil: undefined, freq: 1 })
const which = fc.nat(3)
const is = <T extends string>(type: T): fc.Arbitrary<T> => fc.constant(type)

const way = fc.array(fc.oneof(fc.record({ seek: key }), fc.record({ next: fc.integer({ min: 1, max: 6 }) })), {
  minLength: 1,
  maxLength: 8,
})

const operation: fc.Arbitrary<ModelOperation> = fc.oneof(
  { weight: 10, arbitrary: write },
  { weight: 3, arbitrary: fc.record({ type: is('batch'), writes }) },
  { weight: 2, arbitrary: fc.record({ type: is('burst'), writes }) },
  {
    weight: 5,
    arbitrary: fc.record({
      type: is('fill'),
      from: fc.nat(31),
      count: fc.integer({ min: 1, max: 32 }),
      value: fc.record({ length: fc.constantFrom(30, 300, 700), tag }),
    }),
  },
  { weight: 4, arbitrary: fc.record({ type: is('read'), key, at, fillCache: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ type: is('getMany'), keys: fc.array(key, { maxLength: 12 }), at }) },
  {
    weight: 5,
    arbitrary: fc.record({
      type: is('scan'),
      scan,
      how: fc.constantFrom('scan' as const, 'keys' as const, 'values' as const, 'scanSync' as const),
      at,
    }),
  },
  { weight: 2, arbitrary: fc.record({ type: is('count'), range, at }) },
  { weight: 4, arbitrary: fc.record({ type: is('cursor'), scan, way, at }) },
  { weight: 3, arbitrary: fc.record({ type: is('snapshot') }) },
  { weight: 2, arbitrary: fc.record({ type: is('closeSnapshot'), which }) },
  { weight: 3, arbitrary: fc.record({ type: is('iterate'), scan, at }) },
  { weight: 4, arbitrary: fc.record({ type: is('step'), which, count: fc.integer({ min: 1, max: 10 }) }) },
  { weight: 1, arbitrary: fc.record({ type: is('closeIterator'), which }) },
  { weight: 4, arbitrary: fc.record({ type: is('flush') }) },
  { weight: 1, arbitrary: fc.record({ type: is('sync') }) },
  { weight: 3, arbitrary: fc.record({ type: is('compact'), range }, { requiredKeys: ['type'] }) },
  {
    weight: 2,
    arbitrary: fc.record({ type: is('background'), what: fc.constantFrom('flush' as const, 'compact' as const) }),
  },
  { weight: 1, arbitrary: fc.record({ type: is('turns'), count: fc.integer({ min: 1, max: 20 }) }) },
  { weight: 1, arbitrary: fc.record({ type: is('verify') }) },
  { weight: 2, arbitrary: fc.record({ type: is('reopen') }) },
)

export const operations: fc.Arbitrary<ModelOperation[]> = fc.array(operation, {
  minLength: 1,
  maxLength: 60,
  size: 'max',
})
