import { compute, pack } from '@lsm/crc'
import { describe, expect, test } from 'vitest'
import { BloomError, BloomFilter } from '../src/index.ts'

interface Header {
  readonly hashCount?: number
  readonly bitCount?: number
  readonly seed?: number
  readonly scheme?: number
}

/** Bytes whose CRC is right, whatever else they say. */
function forged({ hashCount = 3, bitCount = 512, seed = 42, scheme = 1 }: Header, bits: Uint8Array): Uint8Array {
  const body = [...[hashCount, bitCount, seed, scheme].flatMap((word) => [...pack(word)]), ...bits]
  return Uint8Array.from([...body, ...pack(compute(Uint8Array.from(body)))])
}

function refusal(bytes: Uint8Array): BloomError {
  try {
    BloomFilter.fromBytes(bytes)
  } catch (error) {
    expect(error).toBeInstanceOf(BloomError)
    return error as BloomError
  }
  throw new Error('the bytes were taken')
}

const line = new Uint8Array(64)

test('what is forged here is taken when it is sound', () => {
  expect(BloomFilter.fromBytes(forged({}, line)).bitCount).toBe(512)
  expect(BloomFilter.fromBytes(forged({ bitCount: 9, scheme: 0 }, Uint8Array.of(0xff, 1))).bitCount).toBe(9)
})

describe('headers with a valid CRC are still not believed', () => {
  test.each([
    ['no hash', { hashCount: 0 }, line, 'BLOOM_CORRUPT', 0],
    ['hashes for hours', { hashCount: 0xffffffff }, line, 'BLOOM_CORRUPT', 0],
    ['hashes for hours in scheme 0', { hashCount: 1075, scheme: 0 }, line, 'BLOOM_CORRUPT', 0],
    ['no bit', { bitCount: 0, scheme: 0 }, new Uint8Array(0), 'BLOOM_CORRUPT', 4],
    ['no block', { bitCount: 0 }, new Uint8Array(0), 'BLOOM_CORRUPT', 4],
    ['half a block', { bitCount: 256 }, new Uint8Array(32), 'BLOOM_CORRUPT', 4],
    ['another seed', { seed: 43 }, line, 'BLOOM_CORRUPT', 8],
    ['a scheme of tomorrow', { scheme: 2 }, line, 'BLOOM_UNSUPPORTED_SCHEME', 12],
    ['a bit past the last', { bitCount: 9, scheme: 0 }, Uint8Array.of(0, 2), 'BLOOM_CORRUPT', 17],
    ['half a gigabyte', { bitCount: 0xfffffe00 }, line, 'BLOOM_TRUNCATED', 84],
    ['bytes behind the footer', { bitCount: 8, scheme: 0 }, line, 'BLOOM_CORRUPT', 21],
  ] as const)('%s', (_, header, bits, code, offset) => {
    expect(refusal(forged(header, bits))).toMatchObject({ code, offset, name: 'BloomError' })
  })
})

test.each([0, 1] as const)('every change of one byte and every truncation of scheme %i is refused', (scheme) => {
  const filter = new BloomFilter({ expectedItems: 30, falsePositiveRate: 0.01, scheme })
  for (let i = 0; i < 30; i++) filter.add(Uint8Array.of(i))
  const bytes = filter.toBytes()
  for (let at = 0; at < bytes.length; at++) {
    for (let change = 1; change < 256; change++) {
      const damaged = bytes.slice()
      damaged[at] = damaged[at]! ^ change
      expect(refusal(damaged).code).toMatch(/^BLOOM_(TRUNCATED|CORRUPT)$/)
    }
    expect(refusal(bytes.subarray(0, at)).code).toBe('BLOOM_TRUNCATED')
  }
  expect(refusal(Uint8Array.of(...bytes, 0)).code).toBe('BLOOM_CORRUPT')
})
