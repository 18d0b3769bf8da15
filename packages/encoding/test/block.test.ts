import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import {
  decodeIndexEntries,
  encodeIndexEntry,
  encodeRecord,
  iterBlock,
  RECORD_KIND,
  RecordCursor,
  recordOffsets,
} from '../src/index.ts'
import { concat, encodeAll, fromHex, GOLDEN_ENTRIES, GOLDEN_RECORDS, readVectors, utf8 } from './fixtures.ts'

const RECORDS = [
  { key: utf8('a'), seq: 3, timestampMs: 10, value: utf8('one'), kind: RECORD_KIND.value },
  { key: utf8('b'), seq: 2, timestampMs: 11, value: utf8(''), kind: RECORD_KIND.tombstone },
  { key: utf8('c'), seq: 2 ** 40, timestampMs: 2 ** 41, value: new Uint8Array(500).fill(9), kind: RECORD_KIND.value },
]
const BLOCK = encodeAll(RECORDS)

function golden(name: string): Uint8Array {
  return Uint8Array.from(readFileSync(new URL(`./golden/v1/${name}`, import.meta.url)))
}

describe('conformance', () => {
  interface BlockCase {
    data: string
    start: number
    end: number
    records: [key: string, seq: number, timestampMs: number, value: string, nextOffset: number][]
  }

  test.each(readVectors<BlockCase>('blocks'))('block [$start, $end)', ({ data, start, end, records }) => {
    const bytes = fromHex(data)
    const expected = records.map(([key, seq, timestampMs, value, nextOffset]) => ({
      key: fromHex(key),
      seq,
      timestampMs,
      value: fromHex(value),
      kind: RECORD_KIND.value,
      nextOffset,
    }))
    expect([...iterBlock(bytes, start, end)]).toEqual(expected)
    const starts = [start, ...records.map((record) => record[4])].slice(0, -1)
    expect(recordOffsets(bytes, start, end)).toEqual(records.length === 0 ? [] : starts)
  })
})

describe('golden files', () => {
  test('a block with a record of every kind', () => {
    const bytes = golden('block.bin')
    expect(encodeAll(GOLDEN_RECORDS)).toEqual(bytes)
    expect(new Set(GOLDEN_RECORDS.map(({ kind }) => kind))).toEqual(new Set(Object.values(RECORD_KIND)))
    expect([...iterBlock(bytes)].map(({ nextOffset: _, ...record }) => record)).toEqual(GOLDEN_RECORDS)
  })

  test('index entries', () => {
    const bytes = golden('index-entries.bin')
    expect(concat(GOLDEN_ENTRIES.map(({ key, offset }) => encodeIndexEntry(key, offset)))).toEqual(bytes)
    expect(decodeIndexEntries(bytes)).toEqual(GOLDEN_ENTRIES)
  })
})

describe('iterBlock', () => {
  test('an empty range has no records', () => {
    expect([...iterBlock(BLOCK, 7, 7)]).toEqual([])
    expect([...iterBlock(new Uint8Array(0))]).toEqual([])
  })

  test('a range that the bytes do not have is refused at the call, not at the first step', () => {
    for (const [start, end] of [
      [0, BLOCK.length + 1],
      [-1, 5],
      [6, 5],
      [0.5, 5],
      [0, Number.NaN],
    ] as const) {
      expect(() => iterBlock(BLOCK, start, end)).toThrow(RangeError)
    }
  })

  test('records before damage are given, and then it throws', () => {
    const bytes = BLOCK.slice()
    bytes[bytes.length - 100]! ^= 1
    const seen: number[] = []
    expect(() => {
      for (const { seq } of iterBlock(bytes)) seen.push(seq)
    }).toThrow(expect.objectContaining({ code: 'ENCODING_CORRUPT', offset: recordOffsets(BLOCK)[2] }))
    expect(seen).toEqual([3, 2])
  })

  test('a block that ends inside a record is never read as a short one', () => {
    expect(() => [...iterBlock(BLOCK, 0, BLOCK.length - 1)]).toThrow(
      expect.objectContaining({ code: 'ENCODING_TRUNCATED', offset: recordOffsets(BLOCK)[2] }),
    )
  })
})

describe('RecordCursor', () => {
  test('walks the records as plain numbers', () => {
    const cursor = new RecordCursor().reset(BLOCK)
    const seen = []
    while (cursor.next()) {
      const { seq, timestampMs, kind } = cursor
      const key = BLOCK.slice(cursor.keyStart, cursor.keyEnd)
      const value = BLOCK.slice(cursor.valueStart, cursor.valueEnd)
      expect(cursor.key).toEqual(key)
      expect(cursor.value).toEqual(value)
      seen.push({ key, seq, timestampMs, value, kind })
    }
    expect(seen).toEqual(RECORDS)
    expect(cursor.next()).toBe(false)
    expect(cursor.nextOffset).toBe(BLOCK.length)
  })

  test('has no record before the first', () => {
    const cursor = new RecordCursor()
    expect(cursor.next()).toBe(false)
    for (const each of [cursor, cursor.reset(BLOCK)]) {
      expect(each).toMatchObject({ recordStart: -1, timestampMs: 0 })
    }
  })

  test('is used again for other bytes, and for a view that does not start its buffer', () => {
    const cursor = new RecordCursor()
    const other = encodeRecord(utf8('z'), 9, 8, utf8('last'))
    const shifted = concat([new Uint8Array(3), other]).subarray(3)
    for (const bytes of [BLOCK, other, shifted, BLOCK]) {
      expect(cursor.reset(bytes).next()).toBe(true)
      expect(cursor.seq).toBe(bytes === BLOCK ? 3 : 9)
      expect(cursor.key).toEqual(bytes === BLOCK ? utf8('a') : utf8('z'))
    }
  })

  test('moves to any record and goes on from there', () => {
    const cursor = new RecordCursor().reset(BLOCK)
    const offsets = recordOffsets(BLOCK)
    for (const i of [2, 0, 1]) {
      cursor.moveTo(offsets[i]!)
      expect(cursor.recordStart).toBe(offsets[i])
      expect(cursor.seq).toBe(RECORDS[i]!.seq)
    }
    expect(cursor.next()).toBe(true)
    expect(cursor.seq).toBe(2 ** 40)
    expect(cursor.next()).toBe(false)
  })

  test('moves nowhere outside its range', () => {
    const offsets = recordOffsets(BLOCK)
    const cursor = new RecordCursor().reset(BLOCK, offsets[1], offsets[2])
    for (const offset of [0, offsets[2]!, BLOCK.length, -1, 0.5, Number.NaN]) {
      expect(() => cursor.moveTo(offset)).toThrow(expect.objectContaining({ code: 'ENCODING_INVALID_ARGUMENT' }))
    }
    expect(() => cursor.moveTo(offsets[1]! + 1)).toThrow(expect.objectContaining({ name: 'EncodingError' }))
  })

  test('stays at damage', () => {
    const bytes = BLOCK.slice()
    bytes[40]! ^= 0x80
    const cursor = new RecordCursor().reset(bytes)
    expect(cursor.next()).toBe(true)
    for (let i = 0; i < 3; i++) {
      expect(() => cursor.next()).toThrow(expect.objectContaining({ code: 'ENCODING_CORRUPT', offset: 32 }))
    }
  })

  test('without checksums a changed value goes unnoticed, a length, kind or number does not', () => {
    const changed = (at: number, byte: number): RecordCursor => {
      const bytes = BLOCK.slice()
      bytes[at] = byte
      return new RecordCursor({ verifyChecksums: false }).reset(bytes)
    }
    const unnoticed = changed(25, 0x21)
    expect(unnoticed.next()).toBe(true)
    expect(unnoticed.value).toEqual(utf8('!ne'))
    expect(() => changed(0, 1).next()).toThrow(expect.objectContaining({ code: 'ENCODING_TRUNCATED' }))
    expect(() => changed(8, 3).next()).toThrow(expect.objectContaining({ code: 'ENCODING_UNKNOWN_KIND' }))
    expect(() => changed(9, 0x20).next()).toThrow(expect.objectContaining({ code: 'ENCODING_OUT_OF_RANGE' }))
    expect(() => changed(16, 1).next()).toThrow(expect.objectContaining({ code: 'ENCODING_OUT_OF_RANGE' }))
  })
})

describe('recordOffsets', () => {
  test('refuses a block whose lengths do not lead to its end', () => {
    expect(() => recordOffsets(BLOCK, 0, BLOCK.length - 1)).toThrow(
      expect.objectContaining({ code: 'ENCODING_TRUNCATED', offset: 61 }),
    )
    expect(() => recordOffsets(BLOCK, 1)).toThrow(expect.objectContaining({ code: 'ENCODING_TRUNCATED' }))
    expect(() => recordOffsets(BLOCK, 0, BLOCK.length + 1)).toThrow(RangeError)
  })

  test('gives where every record starts', () => {
    expect(recordOffsets(BLOCK)).toEqual([0, 32, 61])
    expect(recordOffsets(BLOCK, 32, 61)).toEqual([32])
    expect(recordOffsets(BLOCK, 61, 61)).toEqual([])
  })
})
