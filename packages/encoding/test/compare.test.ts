import { describe, expect, test } from 'vitest'
import { compareBytes, compareRanges, keyPrefix } from '../src/index.ts'
import { fromHex } from './fixtures.ts'

// Ascending; neighbours differ in length, in one unsigned byte, and beyond the prefix.
const SORTED = [
  '',
  '00',
  '0000',
  '000000000000',
  '00000000000000',
  '0001',
  '7f',
  '80',
  '8000',
  'abcdef012345',
  'abcdef01234500',
  'abcdef01234501',
  'abcdef012346',
  'ff',
  'ffffffffffff',
  'ffffffffffffffff',
].map(fromHex)

describe('compareBytes', () => {
  test('orders by unsigned bytes, and a key before what it is a prefix of', () => {
    SORTED.forEach((a, i) => {
      SORTED.forEach((b, j) => {
        expect(Math.sign(compareBytes(a, b))).toBe(Math.sign(i - j))
      })
    })
  })

  test('takes nothing but bytes', () => {
    for (const wrong of [null, undefined, 'a', [1]] as unknown[]) {
      expect(() => compareBytes(wrong as Uint8Array, SORTED[0]!)).toThrow(TypeError)
      expect(() => compareBytes(SORTED[0]!, wrong as Uint8Array)).toThrow(TypeError)
    }
  })
})

describe('compareRanges', () => {
  test('compares keys where they lie', () => {
    const bytes = fromHex('616263616264')
    expect(compareRanges(bytes, 0, 2, bytes, 3, 5)).toBe(0)
    expect(compareRanges(bytes, 0, 3, bytes, 3, 6)).toBeLessThan(0)
    expect(compareRanges(bytes, 0, 3, bytes, 3, 5)).toBeGreaterThan(0)
    expect(compareRanges(bytes, 6, 6, bytes, 0, 0)).toBe(0)
  })

  test('a range that the bytes do not have is a RangeError, never a hang', () => {
    const bytes = new Uint8Array(4)
    for (const [start, end] of [
      [0, 5],
      [-1, 2],
      [3, 2],
      [0, Number.POSITIVE_INFINITY],
      [0, Number.NaN],
      [0.5, 2],
    ] as const) {
      const misuse = expect.objectContaining({ code: 'ENCODING_INVALID_ARGUMENT' })
      expect(() => compareRanges(bytes, start, end, bytes, 0, 4)).toThrow(misuse)
      expect(() => compareRanges(bytes, 0, 4, bytes, start, end)).toThrow(misuse)
      expect(() => keyPrefix(bytes, start, end)).toThrow(misuse)
    }
  })
})

describe('keyPrefix', () => {
  test('is the first six bytes as a number, padded with zeros', () => {
    expect(keyPrefix(fromHex('010203040506'))).toBe(0x010203040506)
    expect(keyPrefix(fromHex('010203040506ff'))).toBe(0x010203040506)
    expect(keyPrefix(fromHex('0102'))).toBe(0x010200000000)
    expect(keyPrefix(fromHex('ffffffffffff'))).toBe(2 ** 48 - 1)
    expect(keyPrefix(fromHex(''))).toBe(0)
    expect(keyPrefix(fromHex('010203040506ff'), 1, 7)).toBe(0x0203040506ff)
    expect(keyPrefix(fromHex('010203040506ff'), 1, 4)).toBe(0x020304000000)
  })

  test('never orders two keys otherwise than they are', () => {
    const prefixes = SORTED.map((key) => keyPrefix(key))
    expect(prefixes).toEqual([...prefixes].sort((a, b) => a - b))
  })
})
