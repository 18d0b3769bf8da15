/// <reference path="../src/murmurhash3js-revisited.d.ts" />
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { BloomError, BloomFilter, type BloomFilterOptions } from '../src/index.ts'

interface Vector {
  readonly expectedItems: number
  readonly falsePositiveRate: number
  readonly bitCount: number
  readonly numHashes: number
  readonly added: readonly string[]
  readonly bytes: string
  readonly probes: readonly (readonly [string, boolean])[]
}
const { cases } = JSON.parse(readFileSync(new URL('vectors/bloom.json', import.meta.url), 'utf8')) as {
  cases: readonly Vector[]
}
const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, 'hex'))
const hex = (data: Uint8Array): string => Buffer.from(data).toString('hex')
const valid = ({ expectedItems, falsePositiveRate: p }: Vector): boolean => expectedItems > 0 && p > 0 && p < 1

test('scheme 0 reproduces every vector of the reference', () => {
  expect(cases.filter(valid).length).toBeGreaterThanOrEqual(8)
  for (const vector of cases.filter(valid)) {
    const { expectedItems, falsePositiveRate } = vector
    const filter = new BloomFilter({ expectedItems, falsePositiveRate, scheme: 0 })
    expect([filter.bitCount, filter.hashCount]).toEqual([vector.bitCount, vector.numHashes])
    for (const key of vector.added) filter.add(bytes(key))
    expect(hex(filter.toBytes())).toBe(vector.bytes)
    for (const [key, expected] of vector.probes) expect(filter.mayContain(bytes(key))).toBe(expected)
  }
})

test('every vector is read, also those of sizes that a new filter may not have', () => {
  for (const vector of cases) {
    const filter = BloomFilter.fromBytes(bytes(vector.bytes))
    expect([filter.scheme, filter.bitCount, filter.hashCount]).toEqual([0, vector.bitCount, vector.numHashes])
    expect(filter.byteLength).toBe(vector.bytes.length / 2)
    for (const [key, expected] of vector.probes) expect(filter.mayContain(bytes(key))).toBe(expected)
    expect(hex(filter.toBytes())).toBe(vector.bytes)
  }
  for (const { expectedItems, falsePositiveRate } of cases.filter((vector) => !valid(vector))) {
    expect(() => new BloomFilter({ expectedItems, falsePositiveRate })).toThrow(RangeError)
  }
})

test('scheme 1 writes the same bytes for ever', () => {
  const filter = new BloomFilter({ expectedItems: 20, falsePositiveRate: 0.01, scheme: 1 })
  for (let i = 0; i < 20; i++) filter.add(Uint8Array.from({ length: i }, (_, j) => i * 31 + j))
  const golden = readFileSync(new URL('golden/v1/blocked-20-keys.hex', import.meta.url), 'utf8').trim()
  expect(hex(filter.toBytes())).toBe(golden)
  const read = BloomFilter.fromBytes(bytes(golden))
  expect([read.scheme, read.bitCount, read.hashCount]).toEqual([1, filter.bitCount, filter.hashCount])
})

test.each([0, 1] as const)('scheme %i takes a range of bytes for a key', (scheme) => {
  const filter = new BloomFilter({ expectedItems: 10, falsePositiveRate: 1e-6, scheme })
  const data = new TextEncoder().encode('--carrot--')
  filter.add(data, 2, 8)
  expect(filter.mayContain(new TextEncoder().encode('carrot'))).toBe(true)
  expect(filter.mayContain(data, 2, 8)).toBe(true)
  expect(filter.mayContain(data, 2)).toBe(false)
  expect(filter.mayContain(data)).toBe(false)
  expect(filter.mayContain(Buffer.from('carrot'))).toBe(true)
})

test('one hash asks many filters of scheme 1', () => {
  const filters = [10, 1000, 100_000].map(
    (expectedItems) => new BloomFilter({ expectedItems, falsePositiveRate: 0.001, scheme: 1 }),
  )
  const key = new TextEncoder().encode('--carrot--')
  const hashes = new Int32Array(6)
  BloomFilter.hash(key, hashes, 3, 2, 8)
  for (const filter of filters) expect(filter.mayContainHash(hashes, 3)).toBe(false)
  for (const filter of filters) filter.addHash(hashes, 3)
  for (const filter of filters) expect(filter.mayContainHash(hashes, 3)).toBe(true)
  for (const filter of filters) expect(filter.mayContain(key, 2, 8)).toBe(true)
})

test("the library's switch stays as its other users left it", async () => {
  const { default: library } = await import('murmurhash3js-revisited')
  for (const setting of [true, false]) {
    library.inputValidation = setting
    const filter = new BloomFilter({ expectedItems: 10, falsePositiveRate: 0.01, scheme: 0 })
    filter.add(new Uint8Array(3))
    filter.mayContain(new Uint8Array(4))
    expect(library.inputValidation).toBe(setting)
  }
  library.inputValidation = true
})

// Callers from JavaScript pass what the types forbid.
const wrong = <T>(value: unknown): T => value as T

function thrown(call: () => unknown): unknown {
  try {
    call()
  } catch (error) {
    return error
  }
  throw new Error('nothing was thrown')
}

test('wrong options are misuse', () => {
  const good = { expectedItems: 10, falsePositiveRate: 0.01 }
  for (const [options, type] of [
    [undefined, TypeError],
    [null, TypeError],
    [5, TypeError],
    [{}, TypeError],
    [{ ...good, expectedItems: '10' }, TypeError],
    [{ ...good, expectedItems: 10n }, TypeError],
    [{ ...good, expectedItems: 0 }, RangeError],
    [{ ...good, expectedItems: 1.5 }, RangeError],
    [{ ...good, expectedItems: Number.POSITIVE_INFINITY }, RangeError],
    [{ ...good, falsePositiveRate: '0.1' }, TypeError],
    [{ ...good, falsePositiveRate: 0 }, RangeError],
    [{ ...good, falsePositiveRate: 1 }, RangeError],
    [{ ...good, falsePositiveRate: Number.NaN }, RangeError],
    [{ ...good, scheme: 2 }, RangeError],
    [{ ...good, scheme: '0' }, TypeError],
    [{ ...good, falsePositiveRate: 1e-8, scheme: 1 }, RangeError],
    // Refused before 4 GiB are allocated.
    [{ ...good, expectedItems: 0xffffffff, scheme: 0 }, RangeError],
    [{ ...good, expectedItems: 0xffffffff, scheme: 1 }, RangeError],
  ] as const) {
    const error = thrown(() => new BloomFilter(wrong<BloomFilterOptions>(options)))
    expect(error).toBeInstanceOf(type)
    expect(error).toMatchObject({ code: 'BLOOM_INVALID_ARGUMENT' })
  }
})

test.each([0, 1] as const)('wrong keys, ranges and hashes are misuse in scheme %i', (scheme) => {
  const filter = new BloomFilter({ expectedItems: 10, falsePositiveRate: 0.01, scheme })
  const key = new Uint8Array(4)
  const empty = filter.toBytes()
  for (const [call, type] of [
    [() => filter.add(wrong('key')), TypeError],
    [() => filter.add(wrong(undefined)), TypeError],
    [() => filter.mayContain(wrong([1])), TypeError],
    [() => filter.mayContain(wrong(new Uint16Array(1))), TypeError],
    [() => filter.add(key, 3, 2), RangeError],
    [() => filter.add(key, 0, 5), RangeError],
    [() => filter.add(key, -1), RangeError],
    [() => filter.mayContain(key, 5), RangeError],
    [() => filter.mayContain(key, 0.5), RangeError],
    [() => filter.mayContain(key, wrong('0')), TypeError],
    [() => filter.addHash(wrong([1, 2])), TypeError],
    [() => filter.addHash(new Int32Array(2), 1), RangeError],
    [() => filter.mayContainHash(new Int32Array(1)), RangeError],
    [() => BloomFilter.hash(key, new Int32Array(2), -1), RangeError],
    [() => BloomFilter.hash(key, wrong(undefined)), TypeError],
    [() => BloomFilter.hash(wrong(1), new Int32Array(2)), TypeError],
    [() => BloomFilter.fromBytes(wrong('bytes')), TypeError],
    [() => BloomFilter.fromBytes(wrong(undefined)), TypeError],
  ] as const) {
    const error = thrown(call)
    expect(error).toBeInstanceOf(type)
    expect(error).toMatchObject({ code: 'BLOOM_INVALID_ARGUMENT' })
  }
  if (scheme === 0) {
    expect(thrown(() => filter.addHash(new Int32Array(2)))).toBeInstanceOf(TypeError)
    expect(thrown(() => filter.mayContainHash(new Int32Array(2)))).toBeInstanceOf(TypeError)
  }
  expect(filter.toBytes()).toEqual(empty)
})

test.each([0, 1] as const)('a key beyond 2^30 - 1 bytes is refused in scheme %i, not cut short', (scheme) => {
  const filter = new BloomFilter({ expectedItems: 10, falsePositiveRate: 0.01, scheme })
  // Never written nor read, so it costs address space only.
  const huge = new Uint8Array(2 ** 30 + 8)
  for (const call of [
    () => filter.add(huge),
    () => filter.mayContain(huge),
    () => filter.mayContain(huge, 2 ** 30),
    () => BloomFilter.hash(huge, new Int32Array(2)),
  ]) {
    expect(thrown(call)).toMatchObject({ name: 'RangeError', code: 'BLOOM_INVALID_ARGUMENT' })
  }
  filter.add(huge, 2 ** 30 - 9, 2 ** 30 - 1)
  expect(filter.mayContain(new Uint8Array(8))).toBe(true)
})

test('a filter read from bytes has its own copy', () => {
  const source = new BloomFilter({ expectedItems: 10, falsePositiveRate: 0.01 })
  source.add(new Uint8Array(1))
  const stored = Buffer.from(source.toBytes())
  const filter = BloomFilter.fromBytes(stored)
  stored.fill(0)
  expect(filter.mayContain(new Uint8Array(1))).toBe(true)
  expect(filter.toBytes()).toEqual(source.toBytes())
  expect(thrown(() => BloomFilter.fromBytes(stored))).toBeInstanceOf(BloomError)
})
