/** Every byte of a table changed, every length cut, blocks and files swapped. */
import { encodeRecord } from '@lsm/encoding'
import { describe, expect, test } from 'vitest'
import { SSTableError, TableLookup, TableReader, TableWriter } from '../src/index.ts'
import {
  blocksOf,
  bloomPolicy,
  build,
  bytes,
  type Contents,
  FILE,
  ID,
  open,
  point,
  reseal,
  STORE_ID,
  storageWith,
  tableBytes,
  tombstone,
  WatchedStorage,
  walk,
} from './tables.ts'

const CONTENTS: Contents = {
  points: [
    point('apple', 9),
    point('apple', 4),
    tombstone('banana', 7),
    point('banana', 2),
    point('cherry', 5),
    point('date', 6, ''),
    point('elder', 3),
    point('fig', 8, 'x'.repeat(70)),
  ],
  ranges: [
    { start: bytes('b'), end: bytes('d'), seq: 6 },
    { start: bytes('e'), end: bytes('z'), seq: 1 },
  ],
}
const OPTIONS = { blockSizeBytes: 100, filter: bloomPolicy() }

/** Reads all that a user could ask for; any error must name the file and a place in it. */
async function readAll(reader: TableReader): Promise<unknown> {
  const lookup = new TableLookup()
  const found: unknown[] = []
  for (const key of ['apple', 'banana', 'cherry', 'date', 'elder', 'fig', 'grape', '']) {
    const hit = reader.findSync(bytes(key), Number.POSITIVE_INFINITY, lookup)
    found.push(key, hit && [lookup.seq, lookup.kind, lookup.timestampMs, [...lookup.value]])
    found.push(reader.coveringSeq(bytes(key)))
  }
  return [found, await walk(reader, false, true), await walk(reader, true, true)]
}

async function outcome(data: Uint8Array, tailChecksum?: number): Promise<unknown> {
  try {
    const storage = await storageWith(data)
    const reader = await open(storage, tailChecksum === undefined ? {} : { tailChecksum })
    try {
      return await readAll(reader)
    } finally {
      await reader.close()
    }
  } catch (error) {
    return checked(error, data.length)
  }
}

function checked(error: unknown, size: number): string {
  if (!(error instanceof SSTableError)) throw error
  expect(error.file).toBe(FILE)
  expect(error.offset).toBeGreaterThanOrEqual(0)
  expect(error.offset).toBeLessThanOrEqual(size)
  return error.code
}

describe('damage', () => {
  test('every changed byte is refused by whoever reads all, and by verify', async () => {
    const sound = await tableBytes(CONTENTS, OPTIONS)
    expect(blocksOf(sound).length).toBeGreaterThanOrEqual(4 + 4)
    expect(await outcome(sound)).toBeInstanceOf(Array)
    for (let at = 0; at < sound.length; at++) {
      for (const change of [0x01, 0x80, 0xff]) {
        const data = sound.slice()
        data[at] = data[at]! ^ change
        const result = await outcome(data)
        // Only a version of a later release is something else than damage.
        expect(['SSTABLE_CORRUPT', 'SSTABLE_UNSUPPORTED_FORMAT'], `byte ${at}`).toContain(result)
        if (result !== 'SSTABLE_CORRUPT') expect(at - (sound.length - 128)).toBeOneOf([104, 105, 106, 107])
        if (change !== 0x01) continue
        const verified = open(await storageWith(data)).then((reader) => reader.verify())
        await expect(verified, `byte ${at}`).rejects.toBeInstanceOf(SSTableError)
      }
    }
  })

  test('a table cut or grown to any other length is refused when it is opened, at once or later', async () => {
    const sound = await tableBytes(CONTENTS, OPTIONS)
    for (let length = 0; length <= sound.length + 3; length++) {
      if (length === sound.length) continue
      const data = new Uint8Array(length)
      data.set(sound.subarray(0, length))
      const storage = await storageWith(data)
      await expect(open(storage), `${length}`).rejects.toMatchObject({ code: 'SSTABLE_CORRUPT', file: FILE })
      const sizes = { id: ID, storeId: STORE_ID, sizeBytes: sound.length }
      await expect(open(storage, sizes)).rejects.toMatchObject({ code: 'SSTABLE_CORRUPT', file: FILE })
      expect(() => TableReader.openSync(storage, sizes)).toThrow(expect.objectContaining({ code: 'SSTABLE_CORRUPT' }))
      // What was opened at once is closed a moment later.
      await new Promise((resolve) => setTimeout(resolve, 0))
      expect(storage.openFiles).toEqual([])
    }
  })

  test('two blocks of one size that change places are noticed', async () => {
    const points = ['a', 'b', 'c', 'd'].map((key) => point(key.repeat(40), 1, 'value'))
    const data = await tableBytes({ points }, { blockSizeBytes: 64 })
    const [first, second] = blocksOf(data)
    expect(first!.size).toBe(second!.size)
    const copy = data.slice(first!.offset, first!.offset + first!.size)
    data.copyWithin(first!.offset, second!.offset, second!.offset + second!.size)
    data.set(copy, second!.offset)
    const reader = await open(await storageWith(data))
    await expect(walk(reader)).rejects.toMatchObject({ code: 'SSTABLE_CORRUPT', offset: 0 })
    await expect(reader.verify()).rejects.toMatchObject({ code: 'SSTABLE_CORRUPT', offset: 0 })
  })

  test('a block of another table is noticed, though it has the same place, keys and size', async () => {
    const data = await tableBytes({ points: [point('key', 1, 'one')] })
    const foreign = await tableBytes({ points: [point('key', 1, 'two')] }, { id: new Uint8Array(16) })
    const [block] = blocksOf(data)
    expect(blocksOf(foreign)[0]).toEqual(block)
    data.set(foreign.subarray(0, block!.size))
    await expect(walk(await open(await storageWith(data)))).rejects.toMatchObject({ code: 'SSTABLE_CORRUPT' })
  })

  test('a file of another table, of another store or of another time is refused', async () => {
    const data = await tableBytes(CONTENTS, OPTIONS)
    const storage = await storageWith(data)
    const { tailChecksum } = (await open(storage)).info
    const other = new Uint8Array(16).fill(9)
    await expect(open(storage, { storeId: other })).rejects.toMatchObject({ code: 'SSTABLE_CORRUPT' })
    const renamed = await storageWith(data, `${'09'.repeat(16)}.sst`)
    await expect(open(renamed, { id: other })).rejects.toMatchObject({ code: 'SSTABLE_CORRUPT' })
    const stale = await storageWith(await tableBytes({ points: [point('apple', 9)] }, OPTIONS))
    await expect(open(stale, { tailChecksum })).rejects.toMatchObject({ code: 'SSTABLE_CORRUPT', file: FILE })
    await expect(open(stale, { sizeBytes: data.length })).rejects.toMatchObject({ code: 'SSTABLE_CORRUPT' })
    await expect(open(stale)).resolves.toBeDefined()
  })

  test('a file that shrinks while it is open is noticed', async () => {
    const storage = await storageWith(await tableBytes(CONTENTS, OPTIONS))
    const reader = await open(storage)
    const file = await storage.open(FILE, { mode: 'write' })
    await file.truncate(20)
    await expect(walk(reader)).rejects.toMatchObject({ code: 'SSTABLE_CORRUPT', offset: expect.any(Number) })
    expect(() => reader.findSync(bytes('apple'), 9, new TableLookup())).toThrow(SSTableError)
  })

  test('no read is longer than the file, whatever its lengths say', async () => {
    const sound = await tableBytes(CONTENTS, OPTIONS)
    const footer = sound.length - 128
    for (let at = footer; at < footer + 72; at++) {
      const data = sound.slice()
      data[at] = 0xff
      reseal(data, [], footer)
      const storage = new WatchedStorage()
      await storage.publish(FILE, data)
      storage.limitReads(data.length)
      await expect(open(storage).then(readAll), `byte ${at}`).rejects.toMatchObject({ code: 'SSTABLE_CORRUPT' })
    }
  })

  test('what no writer writes is refused under right checksums too', async () => {
    const sound = await tableBytes(CONTENTS, OPTIONS)
    const places = blocksOf(sound)
    const footer = sound.length - 128
    const part = (i: number): { offset: number; trailer: number } => {
      const { offset, size } = places.find(({ handleAt }) => handleAt === footer + i * 16)!
      return { offset, trailer: offset + size - 12 }
    }
    const [ranges, filter, index, properties] = [part(0), part(1), part(2), part(3)]
    const firstBlock = places[0]!
    const firstTrailer = firstBlock.offset + firstBlock.size - 12
    /** Where the value of the property with this tag begins. */
    const property = (tag: number): number => {
      let at = properties.offset + 2
      while (sound[at + 1] !== tag) at += 6 + sound[at + 5]!
      return at + 6
    }
    const changes: [what: string, at: number, value: number][] = [
      ['version 0', footer + 107, 0],
      ['reserved bytes of the footer', footer + 115, 1],
      ['another id', footer + 80, 0xee],
      ['another store id', footer + 95, 0xee],
      ['a data block of another type', firstTrailer + 1, 4],
      ['a filter of another type', filter.trailer + 1, 4],
      ['properties of another type', properties.trailer + 1, 1],
      ['reserved bytes of a trailer', firstTrailer + 3, 1],
      ['another size of a stored block', firstTrailer + 7, 1],
      ['a size over the limit', firstTrailer + 4, 0x7f],
      ['an index that says it is compressed', index.trailer, 1],
      ['a range tombstone of kind 1', ranges.offset + 8, 1],
      ['a range tombstone that covers nothing', ranges.offset + 24, 'z'.charCodeAt(0)],
      ['range tombstones out of order', ranges.offset + 24 + 1 + 1 + 4 + 24, 'a'.charCodeAt(0)],
      ['a first block that begins later', index.offset + 11, 1],
      ['a key that the index does not lead to', firstBlock.offset + 24, 'b'.charCodeAt(0)],
      ['a range tombstone among points', firstBlock.offset + 8, 2],
      ['a sequence number over 2^53 - 1', firstBlock.offset + 9, 0x20],
      ['a timestamp over 2^53 - 1', firstBlock.offset + 17, 0x20],
      ['versions out of order', firstBlock.offset + 15, 3],
      ['more tombstones than points', property(2) + 7, 200],
      ['more range tombstones than there are', property(3) + 7, 3],
      ['no points', property(1) + 7, 0],
      ['a bound that is neither inclusive nor exclusive', property(5), 2],
      ['more blocks than the index has', property(10) + 7, 6],
      ['more keys than points', property(12) + 7, 9],
      ['tags out of order', property(2) - 5, 1],
      ['a property of another length', property(13) - 1, 3],
    ]
    for (const [what, at, value] of changes) {
      const data = sound.slice()
      expect(data[at], what).not.toBe(value)
      data[at] = value
      reseal(data, places, at)
      expect(await outcome(data), what).toBe('SSTABLE_CORRUPT')
    }
  })

  test('verify finds what no reading finds: counts, bounds and records that were sealed wrong', async () => {
    const sound = await tableBytes(CONTENTS, OPTIONS)
    const places = blocksOf(sound)
    const { offset } = places.at(-1)!
    const property = (tag: number): number => {
      let at = offset + 2
      while (sound[at + 1] !== tag) at += 6 + sound[at + 5]!
      return at + 6
    }
    const changes: [what: string, at: number, change: number][] = [
      ['tombstones', property(2) + 7, 3],
      ['smallest key', property(4), 3],
      ['largest key', property(5) + 1, 3],
      ['largest key’s kind', property(5), 1],
      ['smallest seq', property(6) + 7, 1],
      ['largest seq', property(7) + 7, 3],
      ['bytes of keys', property(8) + 7, 1],
      ['bytes of values', property(9) + 7, 1],
      ['distinct keys', property(12) + 7, 1],
    ]
    for (const [what, at, change] of changes) {
      const data = sound.slice()
      data[at] = data[at]! ^ change
      reseal(data, places, at)
      const reader = await open(await storageWith(data))
      await readAll(reader)
      await expect(reader.verify(), what).rejects.toMatchObject({ code: 'SSTABLE_CORRUPT', file: FILE, offset })
    }
    // A record whose checksum was wrong before its block was sealed.
    const storage = new WatchedStorage()
    const writer = await TableWriter.create(storage, { id: ID, storeId: STORE_ID })
    const record = encodeRecord(bytes('key'), 1, 0, bytes('value'))
    record[28] = record[28]! ^ 1
    writer.addRecord(record, 0, record.length)
    await writer.finish()
    const reader = await open(storage)
    expect(await walk(reader)).toHaveLength(1)
    await expect(reader.verify()).rejects.toMatchObject({ code: 'SSTABLE_CORRUPT', offset: 0 })
  })

  test('errors of the storage come out as they are', async () => {
    const storage = new WatchedStorage()
    await build(storage, CONTENTS, OPTIONS)
    const reader = await open(storage)
    storage.limitReads(0)
    await expect(walk(reader)).rejects.toThrow('a read of')
    await expect(open(storage)).rejects.toThrow('a read of')
    expect(storage.openFiles).toHaveLength(1)
  })
})
