import { crc32 } from 'node:zlib'
import { fuzz } from '@lsm/fuzz'
import fc from 'fast-check'
import { expect } from 'vitest'
import { combine, compute, extend, pack, packInto, unpack, verify } from '../src/index.ts'
import { extendInLoop } from '../src/loop.ts'

// Lengths on both sides of the tails of the loop (4, 8, 16) and of the native crossover (320, 512).
const arbBytes = fc.oneof(
  fc.uint8Array({ maxLength: 40 }),
  fc.uint8Array({ maxLength: 700, size: 'max' }),
  fc.uint8Array({ minLength: 300, maxLength: 5000, size: 'max' }),
)
const arbCrc = fc.integer({ min: 0, max: 0xffffffff })
// What can be saved as a counterexample: no functions, no symbols.
const arbAnything = fc.anything({ withBigInt: true, withDate: true, withTypedArray: true, withSparseArray: true })
const arbFraction = fc.double({ min: 0, max: 1, noNaN: true })

/** Bit by bit from the definition: the oracle that shares nothing with the tables or with zlib. */
function bitByBit(data: Uint8Array): number {
  let register = 0xffffffff
  for (const byte of data) {
    register ^= byte
    for (let bit = 0; bit < 8; bit++) register = register & 1 ? (register >>> 1) ^ 0xedb88320 : register >>> 1
  }
  return ~register >>> 0
}

fuzz(
  import.meta.url,
  'loop, native path, zlib and the definition agree',
  fc.property(arbBytes, (data) => {
    const expected = bitByBit(data)
    expect(compute(data)).toBe(expected)
    expect(extendInLoop(0, data, 0, data.length) >>> 0).toBe(expected)
    expect(crc32(data)).toBe(expected)
  }),
)

fuzz(
  import.meta.url,
  'a range equals its subarray',
  fc.property(arbBytes, arbFraction, arbFraction, arbCrc, (data, a, b, crc) => {
    const [start, end] = [a, b].map((x) => Math.floor(x * data.length)).sort((x, y) => x - y) as [number, number]
    const part = data.slice(start, end)
    expect(compute(data, start, end)).toBe(compute(part))
    expect(extend(crc, data, start, end)).toBe(crc32(part, crc))
    expect(extendInLoop(crc, data, start, end) >>> 0).toBe(crc32(part, crc))
    expect(verify(data, compute(part), start, end)).toBe(true)
  }),
)

fuzz(
  import.meta.url,
  'extend and combine over any cut equal compute over all',
  fc.property(arbBytes, arbFraction, (data, at) => {
    const cut = Math.floor(at * data.length)
    const [a, b] = [data.slice(0, cut), data.slice(cut)]
    expect(extend(compute(a), b)).toBe(compute(data))
    expect(combine(compute(a), compute(b), b.length)).toBe(compute(data))
  }),
)

fuzz(
  import.meta.url,
  'any change within four bytes is noticed',
  fc.property(
    fc.uint8Array({ minLength: 4, maxLength: 700, size: 'max' }),
    arbFraction,
    fc.integer({ min: 1, max: 0xffffffff }),
    (data, at, change) => {
      const damaged = data.slice()
      const offset = Math.floor(at * (data.length - 4))
      const mask = pack(change)
      for (let i = 0; i < 4; i++) damaged[offset + i] = damaged[offset + i]! ^ mask[i]!
      expect(verify(damaged, compute(data))).toBe(false)
    },
  ),
)

fuzz(
  import.meta.url,
  'pack and unpack are inverse at any offset',
  fc.property(arbCrc, fc.nat(20), (crc, offset) => {
    expect(unpack(pack(crc))).toBe(crc)
    const target = new Uint8Array(offset + 7).fill(0xaa)
    expect(packInto(crc, target, offset)).toBe(offset + 4)
    expect(unpack(target, offset)).toBe(crc)
    expect(target.filter((byte, i) => (i < offset || i >= offset + 4) && byte !== 0xaa)).toHaveLength(0)
  }),
)

fuzz(
  import.meta.url,
  'any argument gives a result or a coded error',
  fc.property(arbAnything, arbAnything, arbAnything, arbAnything, (a, b, c, d) => {
    const functions = [compute, extend, verify, combine, pack, packInto, unpack] as readonly ((
      ...args: unknown[]
    ) => unknown)[]
    for (const call of functions) {
      for (const args of [
        [a, b, c, d],
        [new Uint8Array(3), b, c, d],
        [7, new Uint8Array(3), c, d],
      ]) {
        try {
          call(...args)
        } catch (error) {
          expect(error).toHaveProperty('code', expect.stringMatching(/^CRC_/))
        }
      }
    }
  }),
)
