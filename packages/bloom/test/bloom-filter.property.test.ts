/// <reference path="../src/murmurhash3js-revisited.d.ts" />
import { compute, pack } from '@lsm/crc'
import { fuzz } from '@lsm/fuzz'
import fc from 'fast-check'
import murmurHash3 from 'murmurhash3js-revisited'
import { expect } from 'vitest'
import { BloomError, BloomFilter, type BloomFilterOptions } from '../src/index.ts'
import { FIRST_SEED, hashPair, SECOND_SEED } from '../src/murmur.ts'

const arbKeys = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 200 })
const arbOptions: fc.Arbitrary<BloomFilterOptions> = fc.record({
  expectedItems: fc.integer({ min: 1, max: 300 }),
  falsePositiveRate: fc.double({ min: 1e-7, max: 0.999, noNaN: true }),
  scheme: fc.constantFrom(0 as const, 1 as const),
})

fuzz(
  import.meta.url,
  'both words of a hash are those of the library',
  fc.property(fc.uint8Array({ maxLength: 70 }), fc.nat(5), fc.nat(5), (key, before, after) => {
    const data = new Uint8Array(before + key.length + after).fill(0xee)
    data.set(key, before)
    const hash = new Int32Array(4)
    hashPair(data, before, before + key.length, hash, 1)
    expect(hash[1]! >>> 0).toBe(murmurHash3.x86.hash32([...key], FIRST_SEED))
    expect(hash[2]! >>> 0).toBe(murmurHash3.x86.hash32([...key], SECOND_SEED))
    expect([hash[0], hash[3]]).toEqual([0, 0])
  }),
  { runs: 1000 },
)

fuzz(
  import.meta.url,
  'no key is ever forgotten, and bytes round trip',
  fc.property(arbOptions, arbKeys, arbKeys, (options, keys, others) => {
    const filter = new BloomFilter(options)
    for (const key of keys) filter.add(key)
    const bytes = filter.toBytes()
    expect(bytes).toHaveLength(filter.byteLength)
    const read = BloomFilter.fromBytes(bytes)
    expect(read.toBytes()).toEqual(bytes)
    for (const key of keys) expect(filter.mayContain(key) && read.mayContain(key)).toBe(true)
    for (const key of others) expect(read.mayContain(key)).toBe(filter.mayContain(key))
    for (const key of others) read.add(key)
    for (const key of [...keys, ...others]) expect(read.mayContain(key)).toBe(true)
    expect(filter.toBytes()).toEqual(bytes)
  }),
)

fuzz(
  import.meta.url,
  'a hash does what its key does',
  fc.property(arbOptions, arbKeys, arbKeys, (options, keys, others) => {
    const [byKey, byHash] = [1, 2].map(() => new BloomFilter({ ...options, scheme: 1 })) as [BloomFilter, BloomFilter]
    const hashes = new Int32Array(2 * keys.length)
    for (const [i, key] of keys.entries()) {
      byKey.add(key)
      BloomFilter.hash(key, hashes, 2 * i)
    }
    for (const i of keys.keys()) byHash.addHash(hashes, 2 * i)
    expect(byHash.toBytes()).toEqual(byKey.toBytes())
    const hash = new Int32Array(2)
    for (const key of others) {
      BloomFilter.hash(key, hash)
      expect(byHash.mayContainHash(hash)).toBe(byKey.mayContain(key))
    }
  }),
)

fuzz(
  import.meta.url,
  'any change of one byte is refused',
  fc.property(arbOptions, arbKeys, fc.nat(), fc.integer({ min: 1, max: 255 }), (options, keys, at, change) => {
    const filter = new BloomFilter(options)
    for (const key of keys) filter.add(key)
    const bytes = filter.toBytes()
    bytes[at % bytes.length] = bytes[at % bytes.length]! ^ change
    expect(() => BloomFilter.fromBytes(bytes)).toThrow(BloomError)
  }),
)

const arbWord = (usual: fc.Arbitrary<number>): fc.Arbitrary<number> =>
  fc.oneof({ weight: 5, arbitrary: usual }, { weight: 1, arbitrary: fc.integer({ min: 0, max: 0xffffffff }) })
const arbHeader = fc.tuple(
  arbWord(fc.nat(40)),
  arbWord(fc.constantFrom(0, 1, 9, 63, 64, 512, 520, 1024)),
  arbWord(fc.constant(42)),
  arbWord(fc.nat(2)),
)

fuzz(
  import.meta.url,
  'bytes with a valid checksum give a filter that works or a coded error',
  fc.property(arbHeader, fc.uint8Array({ maxLength: 130 }), arbKeys, (header, noise, keys) => {
    const length = Math.min(130, Math.ceil(header[1] / 8))
    const body = Uint8Array.from([...header.flatMap((word) => [...pack(word)]), ...noise.subarray(0, length)])
    const padded = new Uint8Array(16 + length)
    padded.set(body)
    const bytes = Uint8Array.from([...padded, ...pack(compute(padded))])
    let filter: BloomFilter
    try {
      filter = BloomFilter.fromBytes(bytes)
    } catch (error) {
      expect(error).toBeInstanceOf(BloomError)
      return
    }
    expect(filter.toBytes()).toEqual(bytes)
    for (const key of keys) {
      filter.add(key)
      expect(filter.mayContain(key)).toBe(true)
    }
    expect(filter.byteLength).toBe(bytes.length)
  }),
  { runs: 500 },
)

fuzz(
  import.meta.url,
  'any bytes give a filter or a coded error',
  fc.property(fc.uint8Array({ maxLength: 120 }), (bytes) => {
    try {
      BloomFilter.fromBytes(bytes)
    } catch (error) {
      expect(error).toBeInstanceOf(BloomError)
    }
  }),
)

// What can be saved as a counterexample: no functions, no symbols.
const arbAnything = fc.anything({ withBigInt: true, withDate: true, withTypedArray: true, withSparseArray: true })

fuzz(
  import.meta.url,
  'any argument gives a result or a coded error',
  fc.property(arbAnything, arbAnything, arbAnything, arbAnything, (a, b, c, d) => {
    const filters = ([0, 1] as const).map(
      (scheme) => new BloomFilter({ expectedItems: 5, falsePositiveRate: 0.1, scheme }),
    )
    type Loose = (...args: unknown[]) => unknown
    const key = new Uint8Array(3)
    const calls: (() => unknown)[] = [
      () => new BloomFilter(a as BloomFilterOptions),
      () => new BloomFilter({ expectedItems: a, falsePositiveRate: b, scheme: c } as unknown as BloomFilterOptions),
      () => (BloomFilter.hash as Loose)(a, b, c, d),
      () => (BloomFilter.hash as Loose)(key, new Int32Array(2), a, b, c),
      () => (BloomFilter.fromBytes as Loose)(a),
      ...filters.flatMap((filter) =>
        (['add', 'mayContain', 'addHash', 'mayContainHash'] as const).flatMap((name) => [
          () => (filter[name] as Loose).call(filter, a, b, c),
          () => (filter[name] as Loose).call(filter, key, b, c),
        ]),
      ),
    ]
    for (const call of calls) {
      try {
        call()
      } catch (error) {
        expect(error).toHaveProperty('code', expect.stringMatching(/^BLOOM_/))
      }
    }
  }),
)
