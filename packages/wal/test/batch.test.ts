import { RECORD_KIND } from '@lsm/encoding'
import { describe, expect, test } from 'vitest'
import { BATCH_HEADER_SIZE, BatchBuffer, BatchCursor } from '../src/index.ts'

const key = new Uint8Array([1, 2, 3])
const value = new Uint8Array(200).fill(9)
const none = new Uint8Array(0)

function twoOperations(): BatchBuffer {
  const batch = new BatchBuffer(4)
  batch.begin(1_700_000_000_000)
  batch.add(RECORD_KIND.value, 0, key, value)
  batch.add(RECORD_KIND.tombstone, 300, none, none)
  batch.end()
  return batch
}

describe('a batch', () => {
  test('gives back what was put in, numbered from its first sequence number', () => {
    const batch = twoOperations()
    batch.setFirstSeq(0, 2 ** 52 + 1)
    const cursor = new BatchCursor()
    cursor.reset(batch.bytes, 0, batch.length)
    expect(cursor).toMatchObject({ firstSeq: 2 ** 52 + 1, timestampMs: 1_700_000_000_000, count: 2 })
    expect(cursor.next()).toBe(true)
    expect(cursor).toMatchObject({ seq: 2 ** 52 + 1, kind: RECORD_KIND.value, keyspaceId: 0 })
    expect(cursor.bytes.slice(cursor.keyStart, cursor.keyEnd)).toEqual(key)
    expect(cursor.bytes.slice(cursor.valueStart, cursor.valueEnd)).toEqual(value)
    expect(cursor.next()).toBe(true)
    expect(cursor).toMatchObject({ seq: 2 ** 52 + 2, kind: RECORD_KIND.tombstone, keyspaceId: 300 })
    expect(cursor.keyEnd - cursor.keyStart).toBe(0)
    expect(cursor.next()).toBe(false)
    expect(cursor.next()).toBe(false)
  })

  test('has exactly the bytes of the format', () => {
    const batch = new BatchBuffer()
    batch.begin(258)
    batch.add(RECORD_KIND.value, 300, new Uint8Array([0x61]), none)
    const start = batch.end()
    batch.setFirstSeq(start, 5)
    const hex = Buffer.from(batch.bytes.subarray(start, batch.length)).toString('hex')
    expect(hex).toBe(`01${'0000000000000005'}${'0000000000000102'}${'00000001'}${'00ac020100'}61`)
    expect(batch.length - start).toBe(BATCH_HEADER_SIZE + 6)
  })

  test('that is cancelled leaves no trace', () => {
    const batch = twoOperations()
    const before = batch.length
    batch.begin(0)
    batch.add(RECORD_KIND.value, 0, key, value)
    expect(batch.openSize).toBeGreaterThan(200)
    batch.cancel()
    expect(batch.length).toBe(before)
    batch.begin(0)
    batch.add(RECORD_KIND.value, 0, key, none)
    expect(batch.end()).toBe(before)
  })

  test('takes nothing that could not be read back', () => {
    const batch = new BatchBuffer()
    const invalid = { code: 'WAL_INVALID_ARGUMENT' }
    expect(() => batch.add(RECORD_KIND.value, 0, key, value)).toThrow(expect.objectContaining(invalid))
    expect(() => batch.begin(-1)).toThrow(expect.objectContaining(invalid))
    expect(() => batch.begin(2 ** 53)).toThrow(expect.objectContaining(invalid))
    batch.begin(0)
    expect(() => batch.begin(0)).toThrow(expect.objectContaining(invalid))
    expect(() => batch.end()).toThrow(expect.objectContaining(invalid))
    expect(() => batch.clear()).toThrow(expect.objectContaining(invalid))
    expect(() => batch.add(3 as 0, 0, key, value)).toThrow(expect.objectContaining(invalid))
    expect(() => batch.add(RECORD_KIND.value, -1, key, value)).toThrow(expect.objectContaining(invalid))
    expect(() => batch.add(RECORD_KIND.tombstone, 0, key, value)).toThrow(expect.objectContaining(invalid))
  })

  test('shrinks again after a large one', () => {
    const batch = new BatchBuffer(16)
    batch.begin(0)
    batch.add(RECORD_KIND.value, 0, key, new Uint8Array(3_000_000))
    batch.end()
    batch.clear(1024)
    expect(batch.bytes.length).toBe(1024)
    expect(batch.length).toBe(0)
  })
})

describe('bytes that are no batch', () => {
  const cases: [string, (bytes: Uint8Array) => Uint8Array][] = [
    ['cut off in the header', (bytes) => bytes.slice(0, BATCH_HEADER_SIZE - 1)],
    ['cut off in an operation', (bytes) => bytes.slice(0, -1)],
    ['one byte too long', (bytes) => Uint8Array.of(...bytes, 0)],
    ['another layout', (bytes) => bytes.with(0, 2)],
    ['no operation', (bytes) => bytes.with(20, 0)],
    ['more operations than bytes', (bytes) => bytes.with(17, 0xff)],
    ['one operation too many', (bytes) => bytes.with(20, 3)],
    ['one operation too few', (bytes) => bytes.with(20, 1)],
    ['a sequence number beyond 2^53', (bytes) => bytes.with(1, 1)],
    ['an unknown kind', (bytes) => bytes.with(BATCH_HEADER_SIZE, 7)],
    ['a length beyond the end', (bytes) => bytes.with(BATCH_HEADER_SIZE + 2, 0x7f)],
    ['a number of six bytes', (bytes) => bytes.fill(0xff, BATCH_HEADER_SIZE + 1, BATCH_HEADER_SIZE + 7)],
    [
      'a number spelled longer than needed',
      () => Uint8Array.of(...twoOperations().bytes.slice(0, 21), 1, 0x80, 0, 0, 0),
    ],
  ]
  test.each(cases)('%s: refused with the offset', (_, change) => {
    const good = twoOperations()
    const bytes = change(good.bytes.slice(0, good.length))
    const cursor = new BatchCursor()
    const read = (): void => {
      cursor.reset(bytes, 0, bytes.length)
      while (cursor.next()) {}
    }
    expect(read).toThrow(expect.objectContaining({ name: 'WalError', code: 'WAL_CORRUPT', offset: expect.any(Number) }))
  })
})
