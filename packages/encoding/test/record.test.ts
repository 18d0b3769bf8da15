import { createHash } from 'node:crypto'
import { runInNewContext } from 'node:vm'
import { compute } from '@lsm/crc'
import { describe, expect, test } from 'vitest'
import {
  beginRecord,
  decodeFrom,
  EncodingError,
  encodedRecordSize,
  encodeRecord,
  encodeRecordInto,
  RECORD_KIND,
  RECORD_OVERHEAD,
  RESERVED_RECORD_KIND,
  type RecordKind,
  sealRecord,
} from '../src/index.ts'
import { concat, fromHex, readVectors, toHex, utf8 } from './fixtures.ts'

const KEY = utf8('key')
const VALUE = utf8('value')
const MAX = Number.MAX_SAFE_INTEGER

/** The record with bytes replaced and its checksum made right again. */
function resealed(record: Uint8Array, change: (bytes: Uint8Array) => void): Uint8Array {
  const bytes = record.slice()
  change(bytes)
  new DataView(bytes.buffer).setUint32(bytes.length - 4, compute(bytes.subarray(0, -4)))
  return bytes
}

function codeOf(run: () => unknown): unknown {
  try {
    run()
  } catch (error) {
    return (error as { code?: unknown }).code
  }
  return 'nothing thrown'
}

describe('conformance', () => {
  interface RecordCase {
    key: string
    seq: number
    timestampMs: number
    value: string
    encoded: string | null
    encodedLength: number
    sha256: string
  }

  test('records have the reference bytes, and decode to what they were', () => {
    const cases = readVectors<RecordCase>('records')
    expect(cases.length).toBe(125)
    for (const each of cases) {
      const key = fromHex(each.key)
      const value = fromHex(each.value)
      const bytes = encodeRecord(key, each.seq, each.timestampMs, value)
      expect(bytes.length).toBe(each.encodedLength)
      expect(createHash('sha256').update(bytes).digest('hex')).toBe(each.sha256)
      if (each.encoded !== null) expect(toHex(bytes)).toBe(each.encoded)
      expect(decodeFrom(bytes, 0)).toEqual({
        key,
        seq: each.seq,
        timestampMs: each.timestampMs,
        value,
        kind: RECORD_KIND.value,
        nextOffset: bytes.length,
      })
    }
  })

  test('damaged records are refused', () => {
    const cases = readVectors<{ data: string; kind: string }>('corrupt-records')
    expect(cases.length).toBe(60)
    for (const { data, kind } of cases) {
      const code = codeOf(() => decodeFrom(fromHex(data), 0))
      // A flipped length can make a record run past its end; a cut one always does.
      expect(kind === 'cut' ? ['ENCODING_TRUNCATED'] : ['ENCODING_TRUNCATED', 'ENCODING_CORRUPT']).toContain(code)
    }
  })
})

describe('encoding', () => {
  test('an empty value and a deletion are different records', () => {
    const empty = encodeRecord(KEY, 1, 2, utf8(''))
    const deletion = encodeRecord(KEY, 1, 2, utf8(''), RECORD_KIND.tombstone)
    expect(decodeFrom(empty).kind).toBe(RECORD_KIND.value)
    expect(decodeFrom(deletion).kind).toBe(RECORD_KIND.tombstone)
    expect(deletion[8]).toBe(1)
    expect(deletion.subarray(9, -4)).toEqual(empty.subarray(9, -4))
  })

  test('a value equal to any marker is still a value', () => {
    for (const text of ['', '\0', 'undefined', '__TOMBSTONE__', '\xff\xff\xff\xff']) {
      const decoded = decodeFrom(encodeRecord(KEY, 1, 2, utf8(text)))
      expect(decoded.kind).toBe(RECORD_KIND.value)
      expect(decoded.value).toEqual(utf8(text))
    }
  })

  test.each([
    ['seq', -1],
    ['seq', 0.5],
    ['seq', Number.NaN],
    ['seq', Number.POSITIVE_INFINITY],
    ['seq', MAX + 1],
    ['timestampMs', -1],
    ['timestampMs', 1e-9],
    ['timestampMs', Number.NaN],
    ['timestampMs', MAX + 1],
  ])('%s = %d is a RangeError', (name, wrong) => {
    const encode = (): Uint8Array =>
      name === 'seq' ? encodeRecord(KEY, wrong, 0, VALUE) : encodeRecord(KEY, 0, wrong, VALUE)
    expect(encode).toThrow(RangeError)
    expect(encode).toThrow(name)
    expect(codeOf(encode)).toBe('ENCODING_INVALID_ARGUMENT')
  })

  test('kinds that are reserved, unknown or no kind at all are refused', () => {
    for (const kind of [...Object.values(RESERVED_RECORD_KIND), 5, 255, 256, -1, 0.5, Number.NaN]) {
      const encode = (): Uint8Array => encodeRecord(KEY, 0, 0, VALUE, kind as RecordKind)
      expect(encode).toThrow(RangeError)
      expect(codeOf(encode)).toBe('ENCODING_INVALID_ARGUMENT')
    }
  })

  test('values that cannot even be shown are refused like any other', () => {
    const silent = Object.create(null) as number
    const throwing = { toString: () => expect.unreachable() } as unknown as number
    for (const wrong of [silent, throwing, Symbol('x') as unknown as number, (() => 1) as unknown as number]) {
      expect(codeOf(() => encodeRecord(KEY, wrong, 0, VALUE))).toBe('ENCODING_INVALID_ARGUMENT')
      expect(codeOf(() => encodeRecord(KEY, 0, 0, VALUE, wrong as RecordKind))).toBe('ENCODING_INVALID_ARGUMENT')
      expect(codeOf(() => encodedRecordSize(wrong, 0))).toBe('ENCODING_INVALID_ARGUMENT')
      expect(codeOf(() => decodeFrom(KEY, wrong))).toBe('ENCODING_INVALID_ARGUMENT')
    }
  })

  test('what is no Uint8Array is a TypeError', () => {
    for (const wrong of [null, undefined, 'key', [1], new Uint16Array(1), new ArrayBuffer(1), { length: 1 }]) {
      expect(() => encodeRecord(wrong as Uint8Array, 0, 0, VALUE)).toThrow(TypeError)
      expect(codeOf(() => encodeRecord(KEY, 0, 0, wrong as Uint8Array))).toBe('ENCODING_INVALID_ARGUMENT')
      expect(codeOf(() => decodeFrom(wrong as Uint8Array, 0))).toBe('ENCODING_INVALID_ARGUMENT')
    }
  })

  test('bytes of another realm and Buffers are taken, and what is made is a plain Uint8Array', () => {
    const foreign = runInNewContext('Uint8Array.of(107, 101, 121)') as Uint8Array
    expect(foreign instanceof Uint8Array).toBe(false)
    const expected = encodeRecord(KEY, 1, 2, VALUE)
    expect(encodeRecord(foreign, 1, 2, Buffer.from(VALUE))).toEqual(expected)
    expect(Buffer.isBuffer(expected)).toBe(false)
    const foreignTarget = runInNewContext(`new Uint8Array(${expected.length})`) as Uint8Array
    expect(encodeRecordInto(foreignTarget, 0, KEY, 1, 2, VALUE)).toBe(expected.length)
    expect(decodeFrom(foreignTarget).seq).toBe(1)
    expect(toHex(foreignTarget)).toBe(toHex(expected))
  })

  test('the size is header, key, value and checksum, up to lengths of 2^32 - 1', () => {
    expect(encodedRecordSize(0, 0)).toBe(RECORD_OVERHEAD)
    expect(encodedRecordSize(0xffffffff, 0xffffffff)).toBe(RECORD_OVERHEAD + 2 * 0xffffffff)
    for (const wrong of [-1, 0.5, Number.NaN, 2 ** 32]) {
      expect(codeOf(() => encodedRecordSize(wrong, 0))).toBe('ENCODING_INVALID_ARGUMENT')
      expect(codeOf(() => encodedRecordSize(0, wrong))).toBe('ENCODING_INVALID_ARGUMENT')
    }
  })
})

describe('encoding into a buffer', () => {
  test('writes the same bytes, nothing around them, and says where the next goes', () => {
    const target = new Uint8Array(100).fill(0xee)
    const next = encodeRecordInto(target, 11, KEY, 5, 6, VALUE, RECORD_KIND.tombstone)
    const record = encodeRecord(KEY, 5, 6, VALUE, RECORD_KIND.tombstone)
    expect(next).toBe(11 + record.length)
    expect(target).toEqual(concat([new Uint8Array(11).fill(0xee), record, new Uint8Array(100 - next).fill(0xee)]))
  })

  test('a target that is too small is refused before anything is written', () => {
    const size = encodedRecordSize(KEY.length, VALUE.length)
    const target = new Uint8Array(size + 4)
    for (const offset of [5, size, size + 4, size + 5, MAX]) {
      expect(codeOf(() => encodeRecordInto(target, offset, KEY, 1, 2, VALUE))).toBe('ENCODING_INVALID_ARGUMENT')
    }
    expect(target).toEqual(new Uint8Array(size + 4))
    expect(encodeRecordInto(target, 4, KEY, 1, 2, VALUE)).toBe(size + 4)
  })

  test('a bad sequence number, kind or offset leaves the target as it was', () => {
    const target = new Uint8Array(100)
    expect(() => encodeRecordInto(target, 0, KEY, -1, 2, VALUE)).toThrow(RangeError)
    expect(() => encodeRecordInto(target, 0, KEY, 1, -2, VALUE)).toThrow(RangeError)
    expect(() => encodeRecordInto(target, 0, KEY, 1, 2, VALUE, 3 as RecordKind)).toThrow(RangeError)
    expect(() => encodeRecordInto(target, -1, KEY, 1, 2, VALUE)).toThrow(RangeError)
    expect(() => encodeRecordInto(target, 0.5, KEY, 1, 2, VALUE)).toThrow(RangeError)
    expect(target).toEqual(new Uint8Array(100))
  })

  test('a record whose key and value the caller puts in place is the same record', () => {
    const record = encodeRecord(KEY, 5, 6, VALUE, RECORD_KIND.rangeTombstone)
    const target = new Uint8Array(record.length + 3)
    const keyStart = beginRecord(target, 3, KEY.length, VALUE.length, 5, 6, RECORD_KIND.rangeTombstone)
    target.set(KEY, keyStart)
    target.set(VALUE, keyStart + KEY.length)
    expect(sealRecord(target, 3)).toBe(target.length)
    expect(target.subarray(3)).toEqual(record)
  })

  test('sealing where no record can be is refused', () => {
    const target = new Uint8Array(40).fill(0xff)
    for (const offset of [0, 13, 40, 41, -1, 0.5]) {
      expect(codeOf(() => sealRecord(target, offset))).toBe('ENCODING_INVALID_ARGUMENT')
    }
    expect(target).toEqual(new Uint8Array(40).fill(0xff))
  })
})

describe('decoding', () => {
  test('key and value are views of the input', () => {
    const bytes = encodeRecord(KEY, 1, 2, VALUE)
    const { key, value } = decodeFrom(bytes)
    expect(key.buffer).toBe(bytes.buffer)
    bytes.fill(0x7a)
    expect(key).toEqual(utf8('zzz'))
    expect(value).toEqual(utf8('zzzzz'))
  })

  test('numbers beyond 2^53 - 1 are refused though the checksum is right', () => {
    const record = encodeRecord(KEY, MAX, MAX, VALUE)
    expect(decodeFrom(record)).toMatchObject({ seq: MAX, timestampMs: MAX })
    for (const [at, byte] of [
      [9, 0x20],
      [9, 0xff],
      [16, 1],
      [16, 0x80],
      [17, 0x20],
    ] as const) {
      const bytes = resealed(record, (copy) => {
        copy[at] = byte
      })
      expect(codeOf(() => decodeFrom(bytes))).toBe('ENCODING_OUT_OF_RANGE')
    }
  })

  test('a kind that is not known is refused by its own code, once the checksum has proved it', () => {
    const record = encodeRecord(KEY, 1, 2, VALUE)
    for (let kind = 0; kind < 256; kind++) {
      const change = (copy: Uint8Array): void => {
        copy[8] = kind
      }
      const expected = kind <= 2 ? 'nothing thrown' : 'ENCODING_UNKNOWN_KIND'
      expect(codeOf(() => decodeFrom(resealed(record, change)))).toBe(expected)
      const unsealed = record.slice()
      change(unsealed)
      if (kind !== 0) expect(codeOf(() => decodeFrom(unsealed))).toBe('ENCODING_CORRUPT')
    }
  })

  test('an error says where the record starts', () => {
    const bytes = concat([new Uint8Array(5), encodeRecord(KEY, 1, 2, VALUE)])
    bytes[30]! ^= 1
    try {
      decodeFrom(bytes, 5)
      expect.unreachable()
    } catch (error) {
      expect(error).toBeInstanceOf(EncodingError)
      expect(error).toMatchObject({ name: 'EncodingError', code: 'ENCODING_CORRUPT', offset: 5 })
      expect((error as Error).message).toContain('offset 5')
    }
  })

  test('the end of the bytes is no record', () => {
    const bytes = encodeRecord(KEY, 1, 2, VALUE)
    expect(codeOf(() => decodeFrom(bytes, bytes.length))).toBe('ENCODING_TRUNCATED')
    expect(codeOf(() => decodeFrom(new Uint8Array(0)))).toBe('ENCODING_TRUNCATED')
    expect(codeOf(() => decodeFrom(new Uint8Array(28)))).toBe('ENCODING_CORRUPT')
  })

  test('an offset outside the bytes is misuse', () => {
    for (const offset of [-1, 0.5, Number.NaN, 29, Number.POSITIVE_INFINITY]) {
      expect(codeOf(() => decodeFrom(new Uint8Array(28), offset))).toBe('ENCODING_INVALID_ARGUMENT')
    }
  })

  test('lengths near 2^32 are refused at once and do not wrap around', () => {
    for (const lengths of [
      'ffffffffffffffff',
      'ffffffe400000000',
      '00000000ffffffe4',
      'fffffff0fffffff4',
      '7fffffff7fffffff',
    ]) {
      const bytes = new Uint8Array(64)
      bytes.set(fromHex(lengths))
      expect(codeOf(() => decodeFrom(bytes))).toBe('ENCODING_TRUNCATED')
    }
  })
})
