import { describe, expect, test } from 'vitest'
import {
  boundaryBetween,
  compareUpper,
  isAfter,
  MAX_BOUND_BYTES,
  mayHold,
  overlaps,
  shortenLower,
  shortenUpper,
  successorOfPrefix,
  union,
} from '../src/key-bound.ts'
import { bytes } from './manifests.ts'

const range = (smallest: string, largest: string, inclusive = true) => ({
  smallest: bytes(smallest),
  largest: { key: bytes(largest), inclusive },
})
const long = (fill: number, length: number): Uint8Array => new Uint8Array(length).fill(fill)

describe('bounds', () => {
  test('of up to 64 bytes are kept', () => {
    expect(shortenLower(long(7, 64))).toEqual(long(7, 64))
    for (const inclusive of [true, false]) {
      expect(shortenUpper({ key: long(0xff, 64), inclusive })).toEqual({ key: long(0xff, 64), inclusive })
    }
  })

  test('longer ones are shortened outward', () => {
    expect(shortenLower(long(7, 65))).toEqual(long(7, 64))
    expect(shortenUpper({ key: long(7, 65), inclusive: true })).toEqual({
      key: long(7, 64).with(63, 8),
      inclusive: false,
    })
    const carry = long(7, 65).fill(0xff, 10)
    expect(shortenUpper({ key: carry, inclusive: true })).toEqual({ key: long(7, 10).with(9, 8), inclusive: false })
  })

  test('of nothing but ff there is no shorter one above', () => {
    const bound = { key: long(0xff, 100), inclusive: true }
    expect(shortenUpper(bound)).toEqual(bound)
    expect(successorOfPrefix(long(0xff, 3))).toBeUndefined()
    expect(successorOfPrefix(new Uint8Array(0))).toBeUndefined()
  })

  test('are copies, also of a Buffer, which is left as it is', () => {
    for (const source of [Buffer.from('abc'), Buffer.alloc(100, 'x')]) {
      const before = Buffer.from(source)
      const made = [
        shortenLower(source),
        shortenUpper({ key: source, inclusive: true }).key,
        successorOfPrefix(source)!,
      ]
      const expected = made.map((each) => Uint8Array.from(each))
      expect(source.equals(before)).toBe(true)
      source.fill(0)
      expect(made.map((each) => Uint8Array.from(each))).toEqual(expected)
    }
  })

  test('at their edges', () => {
    expect(isAfter(bytes('m'), { key: bytes('m'), inclusive: true })).toBe(false)
    expect(isAfter(bytes('m'), { key: bytes('m'), inclusive: false })).toBe(true)
    expect(overlaps(range('a', 'm'), range('m', 'z'))).toBe(true)
    expect(overlaps(range('a', 'm', false), range('m', 'z'))).toBe(false)
    expect(mayHold(range('a', 'm'), bytes('m'))).toBe(true)
    expect(mayHold(range('a', 'm', false), bytes('m'))).toBe(false)
    expect(mayHold(range('b', 'm'), bytes('a'))).toBe(false)
    expect(compareUpper({ key: bytes('m'), inclusive: true }, { key: bytes('m'), inclusive: false })).toBeGreaterThan(0)
    expect(union(range('b', 'm', false), range('a', 'm'))).toEqual(range('a', 'm'))
  })

  test('between two tables there is a boundary unless the keys share their first 64 bytes', () => {
    expect(boundaryBetween(bytes('a'), bytes('b'))).toEqual(bytes('b'))
    const shared = 'x'.repeat(MAX_BOUND_BYTES)
    expect(boundaryBetween(bytes(`${shared}1`), bytes(`${shared}2`))).toBeUndefined()
    expect(boundaryBetween(bytes(shared), bytes(`${shared}2`))).toBeUndefined()
    expect(boundaryBetween(bytes(shared.slice(1)), bytes(`${shared}2`))).toEqual(bytes(shared))
  })
})
