import { readFileSync } from 'node:fs'
import { compute } from '@lsm/crc'
import { encodeIndexEntry } from '@lsm/encoding'
import { describe, expect, test } from 'vitest'
import { SparseIndex, SparseIndexError } from '../src/index.ts'
import { build, fromHex, GOLDEN_ENTRIES, readVectors, utf8 } from './fixtures.ts'

const ENTRIES = ['apple', 'banana', 'cherry'].map((text, i) => ({ key: utf8(text), offset: i * 4096 }))

/** An index's bytes with any entries at all, the checksum right. */
function sealed(entries: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(entries.length + 4)
  bytes.set(entries)
  new DataView(bytes.buffer).setUint32(entries.length, compute(entries))
  return bytes
}

function joined(...entries: [text: string, offset: number][]): Uint8Array {
  return Uint8Array.from(entries.flatMap(([text, offset]) => [...encodeIndexEntry(utf8(text), offset)]))
}

function withCode(code: string): unknown {
  return expect.objectContaining({ code })
}

describe('conformance', () => {
  test.each(readVectors().map((each, i) => ({ ...each, i })))(
    'vector $i',
    ({ entries, bytes, floor, ceil, nextAfter }) => {
      const plain = entries.map(([key, offset]) => ({ key: fromHex(key), offset }))
      const built = build(plain)
      expect(Buffer.from(built.toBytes()).toString('hex')).toBe(bytes)
      for (const index of [built, SparseIndex.fromBytes(fromHex(bytes))]) {
        expect([...index]).toEqual(plain)
        for (const [key, offset] of floor) expect(index.floorOffset(fromHex(key)) ?? null).toBe(offset)
        for (const [key, offset] of ceil) expect(index.ceilOffset(fromHex(key)) ?? null).toBe(offset)
        for (const [offset, next] of nextAfter) expect(index.nextOffsetAfter(offset) ?? null).toBe(next)
      }
    },
  )

  test('there are 14 vectors, and they ask of all three', () => {
    expect(readVectors().length).toBe(14)
    for (const name of ['floor', 'ceil', 'nextAfter'] as const) {
      expect(readVectors().flatMap((each) => [...each[name]]).length).toBeGreaterThan(200)
    }
  })
})

test('golden file', () => {
  const bytes = Uint8Array.from(readFileSync(new URL('./golden/v1/index.bin', import.meta.url)))
  expect(build(GOLDEN_ENTRIES).toBytes()).toEqual(bytes)
  expect([...SparseIndex.fromBytes(bytes)]).toEqual(GOLDEN_ENTRIES)
})

describe('a truncated index read as a short one', () => {
  test('is refused at every length, between entries too', () => {
    const bytes = build(ENTRIES).toBytes()
    for (let length = 0; length < bytes.length; length++) {
      expect(() => SparseIndex.fromBytes(bytes.slice(0, length))).toThrow(SparseIndexError)
    }
    expect(SparseIndex.fromBytes(bytes).length).toBe(3)
  })

  test('is refused where its first four bytes are those of an empty index', () => {
    const bytes = build([
      { key: utf8(''), offset: 0 },
      ...ENTRIES.map((e) => ({ ...e, offset: e.offset + 1 })),
    ]).toBytes()
    const start = bytes.slice(0, 4)
    expect(start).toEqual(new SparseIndex().toBytes())
    expect(() => SparseIndex.fromBytes(start)).toThrow(withCode('SPARSE_INDEX_TRUNCATED'))
    expect(() => SparseIndex.fromBytes(start, { entryCount: 4 })).toThrow(withCode('SPARSE_INDEX_TRUNCATED'))
  })

  test('is refused by its entry count where the checksum happens to match', () => {
    // The four bytes behind an entry are the next key's length. When they are also the checksum of what lies before
    // them, the cut index is whole by all that its bytes can tell.
    const [first, checksum] = entryWithSmallChecksum()
    const index = build([first, { key: new Uint8Array(checksum).fill(0xff), offset: 1 }])
    const bytes = index.toBytes()
    const cut = bytes.slice(0, 12 + first.key.length + 4)
    expect([...SparseIndex.fromBytes(cut)]).toEqual([first])
    expect(() => SparseIndex.fromBytes(cut, { entryCount: 2 })).toThrow(withCode('SPARSE_INDEX_TRUNCATED'))
    expect(SparseIndex.fromBytes(bytes, { entryCount: 2 }).length).toBe(2)
  })
})

function entryWithSmallChecksum(): [entry: { key: Uint8Array; offset: number }, checksum: number] {
  const key = new Uint8Array(4)
  for (let n = 0; ; n++) {
    new DataView(key.buffer).setUint32(0, n)
    const checksum = compute(encodeIndexEntry(key, 0))
    if (checksum < 0x10000) return [{ key, offset: 0 }, checksum]
  }
}

describe('bytes that are no index', () => {
  test('any one byte changed', () => {
    const bytes = build(ENTRIES).toBytes()
    for (let at = 0; at < bytes.length; at++) {
      for (const change of [1, 0x80, 0xff]) {
        const changed = bytes.slice()
        changed[at]! ^= change
        expect(() => SparseIndex.fromBytes(changed)).toThrow(withCode('SPARSE_INDEX_CORRUPT'))
      }
    }
  })

  test('something behind the checksum', () => {
    const bytes = build(ENTRIES).toBytes()
    expect(() => SparseIndex.fromBytes(Uint8Array.of(...bytes, 0))).toThrow(withCode('SPARSE_INDEX_CORRUPT'))
  })

  test('entries that do not ascend in key or in offset, though the checksum is right', () => {
    for (const entries of [
      joined(['b', 0], ['a', 1]),
      joined(['a', 0], ['a', 1]),
      joined(['ab', 0], ['a', 1]),
      joined(['a', 1], ['b', 1]),
      joined(['a', 2], ['b', 1]),
    ]) {
      expect(() => SparseIndex.fromBytes(sealed(entries))).toThrow(
        expect.objectContaining({ code: 'SPARSE_INDEX_UNSORTED', offset: entries.length - 13 }),
      )
    }
  })

  test('a length or an offset that cannot be, though the checksum is right', () => {
    for (const hex of [
      'ffffffff000000000000000061',
      '00000002000000000000000061',
      '00000001002000000000000061',
      '00',
    ]) {
      const entries = Uint8Array.of(...joined(['a', 0]), ...fromHex(hex))
      expect(() => SparseIndex.fromBytes(sealed(entries))).toThrow(
        expect.objectContaining({
          code: 'SPARSE_INDEX_CORRUPT',
          offset: 13,
          cause: expect.objectContaining({ name: 'EncodingError' }),
        }),
      )
    }
  })

  test('another count of entries than was written', () => {
    const bytes = build(ENTRIES).toBytes()
    expect(SparseIndex.fromBytes(bytes, { entryCount: 3 }).length).toBe(3)
    expect(() => SparseIndex.fromBytes(bytes, { entryCount: 4 })).toThrow(withCode('SPARSE_INDEX_TRUNCATED'))
    expect(() => SparseIndex.fromBytes(bytes, { entryCount: 2 })).toThrow(withCode('SPARSE_INDEX_CORRUPT'))
    for (const entryCount of [-1, 0.5, Number.NaN]) {
      expect(() => SparseIndex.fromBytes(bytes, { entryCount })).toThrow(withCode('SPARSE_INDEX_INVALID_ARGUMENT'))
    }
  })

  test('an error says its name and where', () => {
    try {
      SparseIndex.fromBytes(Uint8Array.of(1, 2))
      expect.unreachable()
    } catch (error) {
      expect(error).toBeInstanceOf(SparseIndexError)
      expect(error).toMatchObject({ name: 'SparseIndexError', code: 'SPARSE_INDEX_TRUNCATED', offset: 0 })
    }
  })
})

describe('add', () => {
  test('what does not ascend is refused and leaves the index as it was', () => {
    const index = build(ENTRIES)
    const before = index.toBytes()
    for (const [key, offset] of [
      ['cherry', 99_999],
      ['banana', 99_999],
      ['cherr', 99_999],
      ['date', 8192],
      ['date', 5],
    ] as const) {
      expect(() => index.add(utf8(key), offset)).toThrow(
        expect.objectContaining({ name: 'SparseIndexError', code: 'SPARSE_INDEX_UNSORTED', offset: undefined }),
      )
    }
    expect(index.toBytes()).toEqual(before)
    index.add(utf8('cherry\0'), 8193)
    expect(index.length).toBe(4)
  })

  test('wrong arguments are refused and leave the index as it was', () => {
    const index = build(ENTRIES)
    const before = index.toBytes()
    for (const offset of [-1, 0.5, Number.NaN, 2 ** 53, Object.create(null) as number]) {
      expect(() => index.add(utf8('date'), offset)).toThrow(RangeError)
      expect(() => index.add(utf8('date'), offset)).toThrow(withCode('SPARSE_INDEX_INVALID_ARGUMENT'))
    }
    for (const key of [null, undefined, 'date', [1]] as unknown[]) {
      expect(() => index.add(key as Uint8Array, 99_999)).toThrow(TypeError)
      expect(() => index.add(key as Uint8Array, 99_999)).toThrow(withCode('SPARSE_INDEX_INVALID_ARGUMENT'))
    }
    expect(index.toBytes()).toEqual(before)
  })

  test('the key is copied', () => {
    const key = utf8('apple')
    const index = new SparseIndex()
    index.add(key, 0)
    key.fill(0)
    expect(index.keyAt(0)).toEqual(utf8('apple'))
  })

  test('an index that was decoded grows without writing to the bytes it came from', () => {
    const bytes = build(ENTRIES).toBytes()
    const original = bytes.slice()
    const index = SparseIndex.fromBytes(bytes)
    index.add(utf8('date'), 12_288)
    expect(bytes).toEqual(original)
    expect([...index]).toEqual([...ENTRIES, { key: utf8('date'), offset: 12_288 }])
    expect(index.floorOffset(utf8('zebra'))).toBe(12_288)
    expect(SparseIndex.fromBytes(index.toBytes()).length).toBe(4)
  })

  test('between lookups: the answers are those of the entries so far, while shared prefixes shrink', () => {
    const index = new SparseIndex()
    const keys = ['prefix:aaaa', 'prefix:aaaab', 'prefix:b', 'prefiy', 'q'].map(utf8)
    keys.forEach((key, i) => {
      index.add(key, i * 10)
      for (let j = 0; j < keys.length; j++) {
        expect(index.floorOffset(keys[j]!)).toBe(Math.min(i, j) * 10)
        expect(index.ceilOffset(keys[j]!)).toBe(j <= i ? j * 10 : undefined)
      }
      expect(index.floorOffset(utf8('prefix:'))).toBeUndefined()
      expect(index.ceilOffset(utf8('prefix:'))).toBe(0)
    })
  })
})

describe('lookups', () => {
  test('in an empty index there is nothing', () => {
    const index = new SparseIndex()
    expect(index.floorOffset(utf8('a'))).toBeUndefined()
    expect(index.ceilOffset(utf8('a'))).toBeUndefined()
    expect(index.nextOffsetAfter(0)).toBeUndefined()
    expect(index.floorIndex(utf8('a'))).toBe(-1)
    expect(index.ceilIndex(utf8('a'))).toBe(0)
    expect([...index]).toEqual([])
    expect(() => index.keyAt(0)).toThrow(RangeError)
    const read = SparseIndex.fromBytes(index.toBytes(), { entryCount: 0 })
    expect(read.length).toBe(0)
    expect(read.floorOffset(utf8(''))).toBeUndefined()
  })

  test('keys that pad to the same number are told apart', () => {
    // The empty key, and zeros: six zero bytes are the prefix of every one of them.
    const keys = ['', '00', '0000', '000000000000', '00000000000000', '0000000000000001'].map(fromHex)
    const index = build(keys.map((key, i) => ({ key, offset: i })))
    keys.forEach((key, i) => {
      expect(index.floorIndex(key)).toBe(i)
      expect(index.ceilIndex(key)).toBe(i)
    })
    expect(index.floorIndex(fromHex('000000'))).toBe(2)
    expect(index.ceilIndex(fromHex('000000'))).toBe(3)
  })

  test('long runs of keys that differ far behind the prefix', () => {
    const keys = Array.from({ length: 300 }, (_, i) => utf8(`${i < 100 ? 'a' : 'b'}/the/same/for/all/${1000 + i}`))
    const index = build(keys.map((key, i) => ({ key, offset: i * 7 })))
    keys.forEach((key, i) => {
      expect(index.floorIndex(key)).toBe(i)
      expect(index.ceilIndex(key)).toBe(i)
      expect(index.floorIndex(Uint8Array.of(...key, 0))).toBe(i)
      expect(index.ceilIndex(Uint8Array.of(...key, 0))).toBe(i + 1)
    })
  })

  test('positions that no entry has are a RangeError', () => {
    const index = build(ENTRIES)
    for (const wrong of [-1, 3, 0.5, Number.NaN, Object.create(null) as number]) {
      expect(() => index.offsetAt(wrong)).toThrow(withCode('SPARSE_INDEX_INVALID_ARGUMENT'))
      expect(() => index.keyAt(wrong)).toThrow(RangeError)
    }
    expect([0, 1, 2].map((i) => index.offsetAt(i))).toEqual([0, 4096, 8192])
  })

  test('what is no key or no offset is refused', () => {
    const index = build(ENTRIES)
    for (const key of [null, undefined, 'apple', [1]] as unknown[]) {
      expect(() => index.floorOffset(key as Uint8Array)).toThrow(withCode('SPARSE_INDEX_INVALID_ARGUMENT'))
      expect(() => index.ceilOffset(key as Uint8Array)).toThrow(TypeError)
    }
    for (const offset of [-1, 0.5, Number.NaN]) {
      expect(() => index.nextOffsetAfter(offset)).toThrow(withCode('SPARSE_INDEX_INVALID_ARGUMENT'))
    }
  })
})

describe('memory', () => {
  test('a decoded index keeps its keys in the bytes it came from', () => {
    const bytes = build(ENTRIES).toBytes()
    const index = SparseIndex.fromBytes(bytes)
    expect(index.keyAt(1).buffer).toBe(bytes.buffer)
    expect(index.encodedSizeBytes).toBe(bytes.length)
    // Per entry: position 4, offset 8, prefix 8; one more position for the end.
    expect(index.memorySizeBytes).toBe(bytes.length + 3 * 20 + 4)
  })

  test('an index that was built says how long its bytes will be', () => {
    const index = new SparseIndex()
    expect(index.encodedSizeBytes).toBe(4)
    for (const { key, offset } of ENTRIES) {
      index.add(key, offset)
      expect(index.encodedSizeBytes).toBe(index.toBytes().length)
      expect(index.memorySizeBytes).toBeGreaterThanOrEqual(index.encodedSizeBytes)
    }
  })
})
