import { describe, expect, test } from 'vitest'
import { Memtable, MemtableError, type MemtableOptions, type MemtableWrite, openShared } from '../src/index.ts'
import { drain } from './model.ts'

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString()
const bytes = (string: string): Uint8Array => new TextEncoder().encode(string)

function tableOf(
  ...writes: (Partial<Omit<MemtableWrite, 'key' | 'value'>> & { key: string; value?: string })[]
): Memtable {
  const table = new Memtable()
  for (const [i, { key, value = '', ...rest }] of writes.entries()) {
    table.add({ key: bytes(key), value: bytes(value), seq: i + 1, timestampMs: 1000 + i, ...rest })
  }
  return table
}

function codeOf(call: () => unknown): string {
  try {
    call()
  } catch (error) {
    return (error as { code: string }).code
  }
  return 'no error'
}

describe('reading', () => {
  test('get tells a value, a tombstone and an absent key apart', () => {
    const table = tableOf({ key: 'a', value: '1' }, { key: 'b', kind: 1 })
    expect(table.get(bytes('a'))).toEqual({ kind: 0, seq: 1, timestampMs: 1000, value: bytes('1') })
    expect(table.get(bytes('b'))).toEqual({ kind: 1, seq: 2, timestampMs: 1001, value: bytes('') })
    expect(table.get(bytes('c'))).toBeUndefined()
  })

  test('get sees the newest version up to a sequence number', () => {
    const table = tableOf(
      { key: 'a', value: '1' },
      { key: 'a', value: '2' },
      { key: 'a', kind: 1 },
      { key: 'a', value: '4' },
    )
    expect(table.get(bytes('a'), 0)).toBeUndefined()
    expect(text(table.get(bytes('a'), 1)!.value)).toBe('1')
    expect(text(table.get(bytes('a'), 2)!.value)).toBe('2')
    expect(table.get(bytes('a'), 3)!.kind).toBe(1)
    expect(text(table.get(bytes('a'))!.value)).toBe('4')
  })

  test('the empty key and the empty value are a key and a value', () => {
    const table = tableOf({ key: '', value: '' })
    expect(table.get(bytes(''))).toEqual({ kind: 0, seq: 1, timestampMs: 1000, value: new Uint8Array(0) })
    const cursor = table.cursor()
    expect(cursor.seek(bytes(''))).toBe(true)
    expect(cursor.key).toEqual(new Uint8Array(0))
  })

  test('a key with 100,000 versions answers at any of them', () => {
    const table = new Memtable({ hashSeed: [1, 2] })
    const key = bytes('hot')
    const count = 100_000
    for (let seq = 1; seq <= count; seq++)
      table.add({ key, value: Uint8Array.of(seq & 255), seq: seq * 2, timestampMs: 0 })
    const reader = table.reader()
    for (let seq = 1; seq <= count; seq += 7) {
      expect(reader.find(key, seq * 2 + (seq & 1)) && reader.seq).toBe(seq * 2)
      expect(reader.value[0]).toBe(seq & 255)
    }
    expect(reader.find(key, 1)).toBe(false)
    expect(table.keyCount).toBe(1)
  })

  test('a reader shows nothing before and after a find that found nothing', () => {
    const reader = tableOf({ key: 'a', value: 'x' }).reader()
    const nothing = { seq: 0, kind: 0, timestampMs: 0, value: new Uint8Array(0), isTombstone: false }
    expect(reader).toMatchObject(nothing)
    expect(reader.find(bytes('a'))).toBe(true)
    expect(reader).toMatchObject({ seq: 1, value: bytes('x') })
    expect(reader.find(bytes('b'))).toBe(false)
    expect(reader).toMatchObject(nothing)
  })

  test('views stay as they were however much is written later', () => {
    const table = tableOf({ key: 'first', value: 'value of the first' })
    const { value } = table.get(bytes('first'))!
    for (let seq = 2; seq < 20_000; seq++)
      table.add({ key: bytes(`k${seq}`), value: bytes('x'.repeat(100)), seq, timestampMs: 0 })
    table.add({ key: bytes('first'), value: bytes('another'), seq: 20_000, timestampMs: 0 })
    expect(text(value)).toBe('value of the first')
  })

  test('the write is copied: object and bytes may be reused', () => {
    const table = new Memtable()
    const write = { key: bytes('a'), value: bytes('1'), seq: 1, timestampMs: 5 }
    table.add(write)
    write.key[0] = 0x62
    write.value[0] = 0x32
    write.seq = 2
    table.add(write)
    expect(['a', 'b'].map((key) => text(table.get(bytes(key))!.value))).toEqual(['1', '2'])
  })

  test.each([
    ['a value of 3 MiB', 5, 3 << 20],
    ['a key of 3 MiB', 3 << 20, 5],
    ['both', (3 << 20) + 1, (2 << 20) + 3],
    ['just under a large allocation', 131_000, 131_000],
    ['just over it', 131_100, 131_100],
  ])('keeps %s among small ones', (_, keyLength, valueLength) => {
    for (const sharedMemory of [true, false]) {
      const table = new Memtable({ sharedMemory })
      const large = new Uint8Array(keyLength).fill(0x6d)
      const value = new Uint8Array(valueLength).map((_, i) => i * 7)
      table.add({ key: bytes('a'), value: bytes('small'), seq: 1, timestampMs: 0 })
      table.add({ key: large, value, seq: 2, timestampMs: 0 })
      table.add({ key: large, value: value.map((byte) => byte ^ 255), seq: 3, timestampMs: 0 })
      table.add({ key: bytes('z'), value: bytes('small'), seq: 4, timestampMs: 0 })
      expect(Buffer.compare(table.get(large, 2)!.value, value)).toBe(0)
      expect(table.get(large)!.value[1]).toBe(7 ^ 255)
      const cursor = table.cursor({ versions: 'all' })
      expect(drain(cursor, cursor.seekToFirst(), 'next').map((each) => each.seq)).toEqual([1, 3, 2, 4])
      expect(table.stats.allocatedBytes).toBeGreaterThan(table.byteSize)
    }
  })
})

describe('range tombstones', () => {
  test('hide what is older and inside, to before the end', () => {
    const table = tableOf(
      { key: 'a', value: '1' },
      { key: 'b', value: '1' },
      { key: 'c', value: '1' },
      { key: 'a', value: 'c', kind: 2 },
      { key: 'b', value: '2' },
    )
    expect(table.get(bytes('a'))).toEqual({ kind: 2, seq: 4, timestampMs: 1003, value: bytes('c') })
    expect(table.get(bytes('a'), 3)!.kind).toBe(0)
    expect(text(table.get(bytes('b'))!.value)).toBe('2')
    expect(table.get(bytes('c'))!.kind).toBe(0)
    // A key that the table does not have, but that older tables may: deleted, not absent.
    expect(table.get(bytes('abc'))!.kind).toBe(2)
    expect(table.coveringSeq(bytes('abc'))).toBe(4)
    expect(table.coveringSeq(bytes('abc'), 3)).toBe(-1)
    expect(table.coveringSeq(bytes('c'))).toBe(-1)
    expect(table.keyCount).toBe(3)
    expect(table.entryCount).toBe(5)
  })

  test('are left to the caller by cursors, unless they skip the deleted', () => {
    const table = tableOf(
      { key: 'a', value: '1' },
      { key: 'b', value: '1' },
      { key: 'a', value: 'b', kind: 2 },
      { key: 'c', kind: 1 },
    )
    const keys = (cursor: ReturnType<Memtable['cursor']>): string =>
      drain(cursor, cursor.seekToFirst(), 'next')
        .map((each) => text(Buffer.from(each.key, 'hex')))
        .join('')
    expect(keys(table.cursor())).toBe('abc')
    expect(keys(table.cursor({ skipDeleted: true }))).toBe('b')
    expect(keys(table.cursor({ skipDeleted: true, visibleSeq: 2 }))).toBe('ab')
    expect(keys(table.rangeTombstones())).toBe('a')
  })

  test('with an end that is not after the start hide nothing, and are kept', () => {
    const table = tableOf(
      { key: 'b', value: '1' },
      { key: 'c', value: 'a', kind: 2 },
      { key: 'b', value: 'b', kind: 2 },
      { key: '', value: '', kind: 2 },
    )
    expect(table.get(bytes('b'))!.kind).toBe(0)
    expect(table.coveringSeq(bytes(''))).toBe(-1)
    expect(table.rangeTombstoneCount).toBe(3)
  })
})

describe('accounting', () => {
  test('costOf a new key is what byteSize grows by; a later version costs less', () => {
    const table = new Memtable()
    expect(table.byteSize).toBe(0)
    let expected = 0
    let seq = 0
    for (const keyLength of [2, 7, 8, 9, 100, 300_000]) {
      for (const [i, valueLength] of [0, 1, 8, 1000, 300_000].entries()) {
        table.add({
          key: new Uint8Array(keyLength).fill(i),
          value: new Uint8Array(valueLength),
          seq: ++seq,
          timestampMs: 0,
        })
        expected += table.costOf(keyLength, valueLength)
        expect(table.byteSize).toBe(expected)
      }
    }
    table.add({ key: bytes('x'), value: bytes('z'), kind: 2, seq: ++seq, timestampMs: 0 })
    expect(table.byteSize - expected).toBe(table.costOf(1, 1))
    const again = table.byteSize
    table.add({ key: new Uint8Array(2), value: bytes('1'), seq: ++seq, timestampMs: 0 })
    expect(table.byteSize - again).toBeLessThan(table.costOf(2, 1))
    expect(table.byteSize - again).toBeGreaterThanOrEqual(32)
    expect(table.stats.allocatedBytes).toBeGreaterThanOrEqual(table.byteSize)
  })

  test('what is allocated stays near what is held', () => {
    const table = new Memtable()
    for (let seq = 1; seq <= 50_000; seq++) {
      table.add({
        key: bytes(`key ${Math.imul(seq, 0x9e3779b1) >>> 0}`),
        value: new Uint8Array(100),
        seq,
        timestampMs: 0,
      })
    }
    expect(table.stats.allocatedBytes / table.byteSize).toBeLessThan(1.25)
    expect(new Memtable().stats.allocatedBytes).toBeLessThan(64 * 1024)
  })

  test('rangeSize of a part is its share', () => {
    const table = new Memtable()
    for (let seq = 1; seq <= 1000; seq++) table.add({ key: bytes(String(seq + 1000)), seq, timestampMs: 0 })
    expect(table.rangeSize({ start: bytes('1500'), end: bytes('1600') })).toEqual({
      keys: 100,
      bytes: table.byteSize / 10,
    })
    expect(table.rangeSize({ start: bytes('3'), end: bytes('1') })).toEqual({ keys: 0, bytes: 0 })
    expect(new Memtable().rangeSize({})).toEqual({ keys: 0, bytes: 0 })
  })
})

describe('cursors', () => {
  const cursorOf = (options = {}): ReturnType<Memtable['cursor']> =>
    tableOf({ key: 'a', value: '1' }, { key: 'c', value: '1' }, { key: 'c', value: '2' }, { key: 'e', kind: 1 }).cursor(
      options,
    )

  test('a new one begins before the first entry, and ends for good', () => {
    const cursor = cursorOf()
    expect(cursor.valid).toBe(false)
    expect([cursor.next(), text(cursor.key)]).toEqual([true, 'a'])
    expect([cursor.next(), text(cursor.key), text(cursor.value)]).toEqual([true, 'c', '2'])
    expect([cursor.next(), text(cursor.key), cursor.isTombstone]).toEqual([true, 'e', true])
    expect([cursor.next(), cursor.next(), cursor.prev(), cursor.valid]).toEqual([false, false, false, false])
    expect([cursor.seekToLast(), text(cursor.key)]).toEqual([true, 'e'])
    expect(cursorOf().prev()).toBe(true)
  })

  test('show nothing when they are on nothing', () => {
    const cursor = cursorOf()
    const nothing = { key: new Uint8Array(0), value: new Uint8Array(0), seq: 0, kind: 0, timestampMs: 0, valid: false }
    expect(cursor).toMatchObject(nothing)
    expect(cursor.seek(bytes('f'))).toBe(false)
    expect(cursor).toMatchObject(nothing)
  })

  test('seek finds the key at or after, or at or before in reverse', () => {
    const forward = cursorOf()
    const reverse = cursorOf({ reverse: true })
    const at = (cursor: typeof forward, key: string): string | false => cursor.seek(bytes(key)) && text(cursor.key)
    expect(['', 'a', 'b', 'c', 'd', 'f'].map((key) => at(forward, key))).toEqual(['a', 'a', 'c', 'c', 'e', false])
    expect(['', 'a', 'b', 'c', 'd', 'f'].map((key) => at(reverse, key))).toEqual([false, 'a', 'a', 'c', 'c', 'e'])
  })

  test('versions of a key come newest first in both directions', () => {
    const seqs = (reverse: boolean): number[] => {
      const cursor = cursorOf({ versions: 'all', reverse })
      return drain(cursor, cursor.next(), 'next').map((each) => each.seq)
    }
    expect(seqs(false)).toEqual([1, 3, 2, 4])
    expect(seqs(true)).toEqual([4, 3, 2, 1])
  })

  test('a closed one finds nothing', () => {
    const cursor = cursorOf()
    cursor.next()
    cursor.close()
    cursor.close()
    expect([cursor.valid, cursor.next(), cursor.seekToFirst(), cursor.seek(bytes('a'))]).toEqual([
      false,
      false,
      false,
      false,
    ])
    if (typeof Symbol.dispose === 'symbol') expect(typeof cursor[Symbol.dispose]).toBe('function')
  })

  test('fit a zero-copy merge by shape', () => {
    // What @lsm/merge-iterator asks of a source, said here since this package is below none of its users.
    interface MergeCursor {
      readonly valid: boolean
      readonly keyBytes: Uint8Array
      readonly keyStart: number
      readonly keyEnd: number
      readonly seq: number
      readonly isTombstone: boolean
      next(): boolean | Promise<boolean>
      close(): void | Promise<void>
    }
    const cursor: MergeCursor = cursorOf()
    cursor.next()
    expect(text(cursor.keyBytes.subarray(cursor.keyStart, cursor.keyEnd))).toBe('a')
  })
})

describe('freezing and sharing', () => {
  test('a frozen table takes no write and answers as before', () => {
    const table = tableOf({ key: 'a', value: '1' })
    expect(table.isFrozen).toBe(false)
    table.freeze()
    table.freeze()
    expect(table.isFrozen).toBe(true)
    expect(codeOf(() => table.add({ key: bytes('b'), seq: 9, timestampMs: 0 }))).toBe('MEMTABLE_FROZEN')
    expect(table.lastSeq).toBe(1)
    expect(text(table.get(bytes('a'))!.value)).toBe('1')
  })

  test('only a frozen table is shared, and only what was shared is opened', () => {
    const table = tableOf({ key: 'a' })
    expect(codeOf(() => table.share())).toBe('MEMTABLE_NOT_FROZEN')
    table.freeze()
    const shared = table.share()
    const bad: unknown[] = [
      undefined,
      null,
      1,
      {},
      { ...shared, format: 'other' },
      { ...shared, chunks: 5 },
      { ...shared, points: null },
    ]
    for (const each of bad) expect(codeOf(() => openShared(each as never))).toBe('MEMTABLE_NOT_SHARED')
    expect(openShared(shared).get(bytes('a'))!.seq).toBe(1)
  })
})

describe('misuse', () => {
  test('sequence numbers ascend over the whole table, and a refused write changes nothing', () => {
    const table = tableOf({ key: 'a', seq: 5 })
    const size = table.byteSize
    for (const seq of [0, 4, 5]) {
      expect(codeOf(() => table.add({ key: bytes('b'), seq, timestampMs: 0 }))).toBe('MEMTABLE_SEQ_NOT_ASCENDING')
    }
    expect(() => table.add({ key: bytes('b'), seq: 5, timestampMs: 0 })).toThrow(MemtableError)
    expect([table.byteSize, table.entryCount, table.lastSeq, table.get(bytes('b'))]).toEqual([size, 1, 5, undefined])
    table.add({ key: bytes('b'), seq: Number.MAX_SAFE_INTEGER, timestampMs: 0 })
  })

  const key = bytes('a')
  const add = (write: object): unknown => new Memtable().add({ key, seq: 1, timestampMs: 0, ...write } as MemtableWrite)
  const wrong: [string, () => unknown, typeof TypeError | typeof RangeError][] = [
    ['a key that is a string', () => add({ key: 'a' }), TypeError],
    ['a value that is an array', () => add({ value: [1] }), TypeError],
    ['a null value', () => add({ value: null }), TypeError],
    ['a negative seq', () => add({ seq: -1 }), RangeError],
    ['a fractional seq', () => add({ seq: 1.5 }), RangeError],
    ['a seq over 2^53 - 1', () => add({ seq: 2 ** 53 }), RangeError],
    ['a timestamp that is missing', () => add({ timestampMs: undefined }), RangeError],
    ['a reserved kind', () => add({ kind: 3 }), RangeError],
    ['get of nothing', () => new Memtable().get(undefined as never), TypeError],
    ['a visibleSeq that is not a number', () => new Memtable().get(key, Number.NaN), RangeError],
    [
      'a visibleSeq of a cursor that is a string',
      () => new Memtable().cursor({ visibleSeq: '1' as never }),
      RangeError,
    ],
    ['unknown versions', () => new Memtable().cursor({ versions: 'some' as never }), TypeError],
    ['reverse that is not a boolean', () => new Memtable().cursor({ reverse: 1 as never }), TypeError],
    [
      'all versions without the deleted',
      () => new Memtable().cursor({ versions: 'all', skipDeleted: true }),
      TypeError,
    ],
    ['seek of a string', () => new Memtable().cursor().seek('a' as never), TypeError],
    ['a range of strings', () => new Memtable().rangeSize({ start: 'a' as never }), TypeError],
    ['a covering key that is missing', () => new Memtable().coveringSeq(undefined as never), TypeError],
    ['a step of nothing', () => new Memtable().step(0), RangeError],
    ['a step of half a key', () => new Memtable().step(0.5), RangeError],
    ['the cost of a negative length', () => new Memtable().costOf(-1, 0), RangeError],
    ['the cost of 2 GiB', () => new Memtable().costOf(0, 2 ** 31), RangeError],
    ['a seed of one word', () => new Memtable({ hashSeed: [1] as never }), TypeError],
    ['sharedMemory that is not a boolean', () => new Memtable({ sharedMemory: 'yes' as never }), TypeError],
    ['options that are null', () => new Memtable(null as unknown as MemtableOptions), TypeError],
    ['a write that is missing', () => new Memtable().add(undefined as never), TypeError],
    ['cursor options that are null', () => new Memtable().cursor(null as never), TypeError],
    ['a range that is null', () => new Memtable().rangeSize(null as never), TypeError],
  ]
  test.each(wrong)('%s is refused', (_, call, error) => {
    expect(call).toThrow(error)
    expect(codeOf(call)).toBe('MEMTABLE_INVALID_ARGUMENT')
  })

  test('shared memory where there is none', () => {
    const { SharedArrayBuffer: original } = globalThis
    Reflect.deleteProperty(globalThis, 'SharedArrayBuffer')
    try {
      expect(codeOf(() => new Memtable({ sharedMemory: true }))).toBe('MEMTABLE_INVALID_ARGUMENT')
      const table = new Memtable()
      table.add({ key, value: bytes('1'), seq: 1, timestampMs: 0 })
      table.freeze()
      expect(table.share().chunks[0]).toBeInstanceOf(ArrayBuffer)
    } finally {
      globalThis.SharedArrayBuffer = original
    }
  })

  test('memory that the runtime does not give is MEMTABLE_FULL, and the table stays as it was', () => {
    const table = tableOf({ key: 'a', value: '1' })
    const { SharedArrayBuffer: original } = globalThis
    globalThis.SharedArrayBuffer = function refuse(): never {
      throw new RangeError('Array buffer allocation failed')
    } as unknown as typeof SharedArrayBuffer
    try {
      const size = table.byteSize
      expect(codeOf(() => table.add({ key, value: new Uint8Array(1 << 20), seq: 2, timestampMs: 0 }))).toBe(
        'MEMTABLE_FULL',
      )
      expect([table.byteSize, table.entryCount, table.lastSeq]).toEqual([size, 1, 1])
      expect(text(table.get(key)!.value)).toBe('1')
    } finally {
      globalThis.SharedArrayBuffer = original
    }
  })
})
