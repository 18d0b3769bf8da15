import { readFileSync } from 'node:fs'
import { crc32 } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { combine, compute, extend, pack, packInto, unpack, verify } from '../src/index.ts'

interface Vector {
  readonly data: string
  readonly crc: number
  readonly packed: string
}
const { cases } = JSON.parse(readFileSync(new URL('vectors/crc.json', import.meta.url), 'utf8')) as {
  cases: readonly Vector[]
}
const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, 'hex'))
const hex = (data: Uint8Array): string => Buffer.from(data).toString('hex')
const check = new TextEncoder().encode('123456789')

describe('conformance', () => {
  test('every vector of the reference', () => {
    expect(cases.length).toBeGreaterThan(0)
    for (const { data, crc, packed } of cases) {
      expect(compute(bytes(data))).toBe(crc)
      expect(hex(pack(crc))).toBe(packed)
      expect(unpack(bytes(packed), 0)).toBe(crc)
      expect(verify(bytes(data), crc)).toBe(true)
    }
  })

  test('the catalogue check value of CRC-32/ISO-HDLC', () => {
    expect(compute(check)).toBe(0xcbf43926)
  })
})

test('every length around the unrolled loop and the native crossover equals zlib', () => {
  const data = Uint8Array.from({ length: 1200 }, (_, i) => (i * 167 + (i >> 3)) & 255)
  for (let length = 0; length <= data.length; length++) {
    expect(compute(data.subarray(0, length))).toBe(crc32(data.subarray(0, length)))
    expect(compute(data, 0, length)).toBe(crc32(data.subarray(0, length)))
    expect(compute(data, length)).toBe(crc32(data.subarray(length)))
  }
})

test('a range of a view counts from the view, not from its buffer', () => {
  const view = new Uint8Array([9, 9, 9, ...check, 9]).subarray(2)
  expect(compute(view, 1, 10)).toBe(0xcbf43926)
  expect(extend(compute(view, 1, 4), view, 4, 10)).toBe(0xcbf43926)
  expect(verify(view, 0xcbf43926, 1, 10)).toBe(true)
  expect(verify(view, 0xcbf43926)).toBe(false)
})

test('packInto writes four bytes and returns the offset behind them', () => {
  const target = new Uint8Array(6)
  expect(packInto(0xcbf43926, target, 1)).toBe(5)
  expect(hex(target)).toBe('00cbf4392600')
})

test('combine joins pieces, empty ones too', () => {
  expect(combine(compute(check, 0, 5), compute(check, 5), 4)).toBe(0xcbf43926)
  expect(combine(0xcbf43926, 0, 0)).toBe(0xcbf43926)
  expect(combine(0, 0xcbf43926, 9)).toBe(0xcbf43926)
})
