import { describe, expect, test } from 'vitest'
import {
  decodeIndexEntries,
  encodedIndexEntrySize,
  encodeIndexEntry,
  encodeIndexEntryInto,
  IndexEntryCursor,
} from '../src/index.ts'
import { concat, fromHex, readVectors, toHex, utf8 } from './fixtures.ts'

const ENTRIES = [
  { key: utf8(''), offset: 0 },
  { key: utf8('m'), offset: 4096 },
  { key: utf8('zebra'), offset: Number.MAX_SAFE_INTEGER },
]
const BYTES = concat(ENTRIES.map(({ key, offset }) => encodeIndexEntry(key, offset)))

test('conformance: entries have the reference bytes, and all of them decode in order', () => {
  const cases = readVectors<{ key: string; offset: number; encoded: string }>('index-entries')
  expect(cases.length).toBe(63)
  for (const { key, offset, encoded } of cases) {
    const bytes = encodeIndexEntry(fromHex(key), offset)
    expect(toHex(bytes)).toBe(encoded)
    expect(bytes.length).toBe(encodedIndexEntrySize(key.length / 2))
  }
  const all = fromHex(cases.map(({ encoded }) => encoded).join(''))
  expect(decodeIndexEntries(all)).toEqual(cases.map(({ key, offset }) => ({ key: fromHex(key), offset })))
})

describe('encoding', () => {
  test('an offset that is no integer from 0 to 2^53 - 1 is a RangeError', () => {
    for (const offset of [-1, 0.5, Number.NaN, 2 ** 53, Number.POSITIVE_INFINITY]) {
      expect(() => encodeIndexEntry(utf8('k'), offset)).toThrow(RangeError)
      expect(() => encodeIndexEntry(utf8('k'), offset)).toThrow(
        expect.objectContaining({ code: 'ENCODING_INVALID_ARGUMENT' }),
      )
    }
  })

  test('into a buffer: the same bytes, nothing around them', () => {
    const target = new Uint8Array(30).fill(0xee)
    expect(encodeIndexEntryInto(target, 2, utf8('zebra'), 77)).toBe(19)
    expect(target.subarray(2, 19)).toEqual(encodeIndexEntry(utf8('zebra'), 77))
    expect([...target.subarray(0, 2), ...target.subarray(19)]).toEqual(new Array(13).fill(0xee))
  })

  test('into a buffer that is too small: refused, nothing written', () => {
    const target = new Uint8Array(17)
    for (const at of [1, 17, 18, -1, 0.5]) {
      expect(() => encodeIndexEntryInto(target, at, utf8('zebra'), 77)).toThrow(RangeError)
    }
    expect(target).toEqual(new Uint8Array(17))
  })
})

describe('decoding', () => {
  test('keys are views of the input', () => {
    const bytes = BYTES.slice()
    const [, second] = decodeIndexEntries(bytes)
    expect(second!.key.buffer).toBe(bytes.buffer)
  })

  test('nothing decodes to nothing', () => {
    expect(decodeIndexEntries(new Uint8Array(0))).toEqual([])
  })

  test('bytes that end inside an entry are refused, at the entry where they do', () => {
    for (let end = 1; end < BYTES.length; end++) {
      if (end === 12 || end === 25) continue
      const offset = end < 12 ? 0 : end < 25 ? 12 : 25
      expect(() => decodeIndexEntries(BYTES.subarray(0, end))).toThrow(
        expect.objectContaining({ name: 'EncodingError', code: 'ENCODING_TRUNCATED', offset }),
      )
    }
  })

  test('an offset over 2^53 - 1 is refused', () => {
    for (const hex of ['000000000020000000000000', '000000008000000000000000', '00000000ffffffffffffffff']) {
      expect(() => decodeIndexEntries(fromHex(hex))).toThrow(
        expect.objectContaining({ code: 'ENCODING_OUT_OF_RANGE', offset: 0 }),
      )
    }
  })

  test('a key length near 2^32 is refused at once', () => {
    expect(() => decodeIndexEntries(fromHex('ffffffff000000000000000000'))).toThrow(
      expect.objectContaining({ code: 'ENCODING_TRUNCATED' }),
    )
  })

  test('the cursor walks a range as plain numbers, and is used again', () => {
    const cursor = new IndexEntryCursor()
    expect(cursor.next()).toBe(false)
    for (let round = 0; round < 2; round++) {
      cursor.reset(BYTES, 12)
      const seen: unknown[] = []
      while (cursor.next()) seen.push({ key: BYTES.slice(cursor.keyStart, cursor.keyEnd), offset: cursor.offset })
      expect(seen).toEqual(ENTRIES.slice(1))
      expect(cursor.nextOffset).toBe(BYTES.length)
    }
    expect(() => cursor.reset(BYTES, 13, 12)).toThrow(RangeError)
  })
})
