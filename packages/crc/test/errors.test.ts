import { runInNewContext } from 'node:vm'
import { describe, expect, test } from 'vitest'
import { CrcError, combine, compute, extend, pack, packInto, unpack, verify } from '../src/index.ts'

const data = new Uint8Array(8)
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

describe('what is not bytes is a TypeError', () => {
  for (const value of [undefined, null, 'abc', 5, [1, 2], {}, new Uint16Array(2), new DataView(new ArrayBuffer(8))]) {
    test(Object.prototype.toString.call(value), () => {
      for (const call of [compute, (d: Uint8Array) => extend(0, d), (d: Uint8Array) => verify(d, 0), unpack]) {
        const error = thrown(() => call(wrong(value)))
        expect(error).toBeInstanceOf(TypeError)
        expect(error).toMatchObject({ code: 'CRC_INVALID_ARGUMENT' })
      }
      expect(thrown(() => packInto(0, wrong(value), 0))).toMatchObject({ code: 'CRC_INVALID_ARGUMENT' })
    })
  }
})

test('bytes of another realm are bytes', () => {
  const foreign = runInNewContext('Uint8Array.of(49, 50, 51, 52, 53, 54, 55, 56, 57)') as Uint8Array
  expect(foreign).not.toBeInstanceOf(Uint8Array)
  expect(compute(foreign)).toBe(0xcbf43926)
})

test('a range that is not inside the data is a RangeError', () => {
  for (const [start, end] of [
    [-1, 4],
    [5, 4],
    [0, 9],
    [9, 9],
    [0.5, 4],
    [0, 4.5],
    [Number.NaN, 4],
    [0, Number.NaN],
    [0, 2 ** 32],
    [-(2 ** 32), 0],
    [0, Number.POSITIVE_INFINITY],
  ] as const) {
    for (const call of [compute, (d: Uint8Array, s: number, e: number) => extend(0, d, s, e)]) {
      const error = thrown(() => call(data, start, end))
      expect(error).toBeInstanceOf(RangeError)
      expect(error).toMatchObject({ code: 'CRC_INVALID_ARGUMENT' })
    }
    expect(thrown(() => verify(data, 0, start, end))).toMatchObject({ code: 'CRC_INVALID_ARGUMENT' })
  }
  expect(thrown(() => compute(data, wrong('1'), 4))).toBeInstanceOf(TypeError)
  expect(thrown(() => compute(data, 0, wrong(null)))).toBeInstanceOf(TypeError)
})

test('a checksum that is not an unsigned 32-bit integer is refused, a signed one above all', () => {
  for (const crc of [-1, 2 ** 32, 1.5, Number.NaN, Number.NEGATIVE_INFINITY]) {
    for (const call of [
      () => extend(crc, data),
      () => verify(data, crc),
      () => pack(crc),
      () => packInto(crc, data, 0),
      () => combine(crc, 0, 1),
      () => combine(0, crc, 1),
    ]) {
      const error = thrown(call)
      expect(error).toBeInstanceOf(RangeError)
      expect(error).toMatchObject({ code: 'CRC_INVALID_ARGUMENT' })
    }
  }
  for (const crc of ['0', undefined, null, 1n, {}]) {
    expect(thrown(() => pack(wrong(crc)))).toBeInstanceOf(TypeError)
    expect(thrown(() => verify(data, wrong(crc)))).toMatchObject({ code: 'CRC_INVALID_ARGUMENT' })
  }
})

test('a packed checksum that is cut off says where', () => {
  for (const offset of [5, 8, 2 ** 40]) {
    const error = thrown(() => unpack(data, offset))
    expect(error).toBeInstanceOf(CrcError)
    expect(error).toMatchObject({ code: 'CRC_TRUNCATED', offset, name: 'CrcError' })
  }
  expect(unpack(data, 4)).toBe(0)
  expect(thrown(() => unpack(data, -1))).toBeInstanceOf(RangeError)
  expect(thrown(() => unpack(data, 0.5))).toBeInstanceOf(RangeError)
})

test('packInto writes nothing where four bytes do not fit', () => {
  for (const offset of [5, -1, 1.5, Number.NaN]) {
    const target = new Uint8Array(8)
    expect(thrown(() => packInto(0xffffffff, target, offset))).toBeInstanceOf(RangeError)
    expect(target).toEqual(new Uint8Array(8))
  }
})

test('a length to combine is a safe integer', () => {
  for (const length of [-1, 1.5, Number.NaN, 2 ** 53]) {
    expect(thrown(() => combine(1, 2, length))).toMatchObject({ code: 'CRC_INVALID_ARGUMENT' })
  }
  expect(combine(1, 2, Number.MAX_SAFE_INTEGER)).toBeTypeOf('number')
})
