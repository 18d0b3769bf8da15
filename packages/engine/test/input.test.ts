import { compareBytes } from '@lsm/encoding'
import { describe, expect, test } from 'vitest'
import type { Bytes, Range } from '../src/api.ts'
import { toBounds, toBytes } from '../src/input.ts'
import { bytes } from './manifests.ts'

const invalid = (type: typeof TypeError | typeof RangeError) =>
  expect.objectContaining({ name: type.name, code: 'LSM_INVALID_ARGUMENT' })

describe('bytes', () => {
  test('of a string are its UTF-8, the empty one included', () => {
    expect(toBytes('größe\u{1f600}', 'key')).toEqual(bytes('größe\u{1f600}'))
    expect(toBytes('', 'key')).toEqual(new Uint8Array(0))
  })

  test('of an array are the array', () => {
    const array = new Uint8Array(3)
    expect(toBytes(array, 'key')).toBe(array)
    const buffer = Buffer.from('abc')
    expect(toBytes(buffer, 'key')).toBe(buffer)
  })

  test('a string that has none is refused: it would read back as another one', () => {
    for (const text of ['\ud800', 'a\udc00b', '\udc00\ud800']) {
      expect(() => toBytes(text, 'key')).toThrow(invalid(TypeError))
    }
  })

  test('anything else is refused, and said what it is', () => {
    for (const input of [null, undefined, 5, 5n, [1], {}, new Uint16Array(1), new ArrayBuffer(1)]) {
      expect(() => toBytes(input as unknown as Bytes, 'the value')).toThrow(invalid(TypeError))
    }
    expect(() => toBytes(null as unknown as Bytes, 'the value')).toThrow(/^the value .* null$/)
  })
})

describe('bounds', () => {
  const holds = (range: Range, key: Uint8Array): boolean => {
    const { start, end } = toBounds(range)
    return compareBytes(key, start) >= 0 && (end === undefined || compareBytes(key, end) < 0)
  }

  test('hold just the keys that the range names', () => {
    const cases: [Range, string[], string[]][] = [
      [{}, ['', 'a', '\u{10ffff}'], []],
      [{ gt: 'b' }, ['b\0', 'c'], ['a', 'b']],
      [{ gte: 'b' }, ['b', 'c'], ['a', 'az']],
      [{ lt: 'b' }, ['', 'a', 'az'], ['b', 'c']],
      [{ lte: 'b' }, ['', 'b'], ['b\0', 'c']],
      [{ gt: 'a', lte: 'c' }, ['a\0', 'b', 'c'], ['a', 'c\0']],
      [{ prefix: 'ab' }, ['ab', 'ab\0', 'abz'], ['a', 'aa', 'ac', 'b']],
      [{ prefix: '' }, ['', 'z'], []],
      [{ gte: '' }, ['', 'z'], []],
      [{ lt: '' }, [], ['', 'a']],
    ]
    for (const [range, inside, outside] of cases) {
      for (const key of inside) expect([range, key, holds(range, bytes(key))]).toEqual([range, key, true])
      for (const key of outside) expect([range, key, holds(range, bytes(key))]).toEqual([range, key, false])
    }
    expect(toBounds({ prefix: new Uint8Array([0xff, 0xff]) }).end).toBeUndefined()
    expect(holds({ prefix: new Uint8Array([1, 0xff]) }, new Uint8Array([1, 0xff, 0xff]))).toBe(true)
    expect(holds({ prefix: new Uint8Array([1, 0xff]) }, new Uint8Array([2]))).toBe(false)
  })

  test('are copies, also of a Buffer, which is left as it is', () => {
    for (const name of ['gt', 'gte', 'lt', 'lte', 'prefix'] as const) {
      for (const key of [Buffer.from('key'), bytes('key')]) {
        const bounds = toBounds({ [name]: key })
        expect(Uint8Array.from(key)).toEqual(bytes('key'))
        const before = structuredClone(bounds)
        key.fill(0)
        expect(bounds).toEqual(before)
      }
    }
  })

  test('that contradict each other are refused', () => {
    const wrong: Range[] = [
      { gt: 'a', gte: 'a' },
      { lt: 'a', lte: 'a' },
      { prefix: 'a', lt: 'b' },
    ]
    for (const range of wrong) expect(() => toBounds(range)).toThrow(invalid(RangeError))
    for (const range of [null, 5, undefined])
      expect(() => toBounds(range as unknown as Range)).toThrow(invalid(TypeError))
    expect(() => toBounds({ lt: 5 as unknown as Bytes })).toThrow(invalid(TypeError))
  })
})
