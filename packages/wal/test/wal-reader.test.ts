import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { RECORD_KIND } from '@lsm/encoding'
import { MemoryStorage, type Storage, type StorageFile } from '@lsm/storage'
import { describe, expect, test } from 'vitest'
import { parseSegmentFileName, readWal, SEGMENT_HEADER_SIZE, segmentFileName, WalError } from '../src/index.ts'
import { fileBytes, filler, identity, openWriter, putOf, puts, readBack, STORE_ID, storageWith } from './log.ts'

const FILE = segmentFileName(1)
const open = [{ ...identity(1), sealedLength: undefined }]

/** A log of batches of these sizes; a negative size says that a sync follows. */
async function logOf(sizes: readonly number[], number = 1, nextSeq = 1): Promise<Uint8Array> {
  const storage = new MemoryStorage()
  const writer = await openWriter(storage, { number, nextSeq })
  for (const [i, size] of sizes.entries()) await writer.append(putOf(Math.abs(size), i), size < 0 ? 'sync' : 'os', 0)
  return fileBytes(storage, segmentFileName(number))
}

/** The file, but it says that it is `size` bytes long. */
const sizedAs = (file: StorageFile, size: number): StorageFile =>
  new Proxy(file, {
    get: (target, name) => {
      const value: unknown = name === 'size' ? async () => size : Reflect.get(target, name, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })

const damaged = (bytes: Uint8Array, at: number): Uint8Array => bytes.with(at, bytes[at]! ^ 0x10)

describe('the bytes of a segment', () => {
  const golden = join(import.meta.dirname, 'golden', 'v1', 'segment.wal')

  test('are those of version 1', async () => {
    const storage = new MemoryStorage()
    const writer = await openWriter(storage, { nextSeq: 1000 })
    const timestampMs = 1_700_000_000_000
    await writer.append(puts('', 'a', 'b'), 'sync', timestampMs)
    await writer.append(
      (batch) => {
        batch.add(RECORD_KIND.tombstone, 3, new Uint8Array([0xff]), new Uint8Array(0))
        batch.add(RECORD_KIND.rangeTombstone, 70_000, new Uint8Array([1]), new Uint8Array([2]))
      },
      'os',
      timestampMs + 1,
    )
    // Over two block boundaries, and then so that less than a fragment's header is left in a block.
    await writer.append(putOf(70_000, 7), 'os', timestampMs)
    const room = 32_768 - (writer.segmentLength % 32_768)
    await writer.append(putOf(room - 12 - 21 - 8 - 7, 8), 'sync', timestampMs)
    expect(32_768 - (writer.segmentLength % 32_768)).toBeLessThan(12)
    await writer.append(puts('z'), 'os', timestampMs)
    const bytes = await fileBytes(storage, FILE)
    // Only this variable rewrites the file, and only a new format version may need it.
    if (process.env.LSM_WRITE_GOLDEN === '1' && !existsSync(golden)) writeFileSync(golden, bytes)
    expect(Buffer.from(bytes).equals(readFileSync(golden))).toBe(true)
  })

  test('of version 1 stay readable', async () => {
    const { operations, report } = await readBack(await storageWith({ [FILE]: readFileSync(golden) }), open, 'strict')
    expect(
      operations.map(({ seq, kind, keyspaceId, key, valueLength }) => [seq, kind, keyspaceId, key, valueLength]),
    ).toEqual([
      [1000, 0, 0, '', 0],
      [1001, 0, 0, 'a', 1],
      [1002, 0, 0, 'b', 1],
      [1003, 1, 3, '\ufffd', 0],
      [1004, 2, 70_000, '\u0001', 1],
      [1005, 0, 0, 'k7', 70_000],
      [1006, 0, 0, 'k8', expect.any(Number)],
      [1007, 0, 0, 'z', 1],
    ])
    expect(report.segments[0]).toMatchObject({ end: 'whole', frames: 5 })
  })
})

test('file names are parsed by pattern', () => {
  expect(segmentFileName(255)).toBe('00000000000000ff.wal')
  expect(parseSegmentFileName('00000000000000ff.wal')).toBe(255)
  for (const name of ['ff.wal', '00000000000000FF.wal', '../0000000000000f.wal', 'ffffffffffffffff.wal', '']) {
    expect(parseSegmentFileName(name)).toBeUndefined()
  }
  expect(() => segmentFileName(-1)).toThrow(expect.objectContaining({ code: 'WAL_INVALID_ARGUMENT' }))
})

describe('a header', () => {
  const refused = async (bytes: Uint8Array, code: string): Promise<void> => {
    await expect(readBack(await storageWith({ [FILE]: bytes }))).rejects.toMatchObject({ code, file: FILE })
  }
  test('with any byte changed is refused', async () => {
    const bytes = await logOf([-10])
    for (let at = 0; at < SEGMENT_HEADER_SIZE; at++) {
      await refused(damaged(bytes, at), at >= 8 && at < 12 ? 'WAL_UNSUPPORTED_FORMAT' : 'WAL_CORRUPT')
    }
  })
  test('cut short is refused', async () => {
    const bytes = await logOf([])
    for (const length of [0, 1, 63]) await refused(bytes.slice(0, length), 'WAL_CORRUPT')
  })
  test('of another segment or store is refused', async () => {
    await refused(await logOf([-10], 2), 'WAL_CORRUPT')
    const storage = await storageWith({ [FILE]: await logOf([-10]) })
    const other = { ...identity(1), storeId: STORE_ID.map((byte) => byte + 1), sealedLength: undefined }
    await expect(readBack(storage, [other])).rejects.toMatchObject({ code: 'WAL_CORRUPT' })
  })
})

describe('a torn log tail that stops recovery: the tail is cut, and only the tail', () => {
  test('at every length, the log is the batches that are whole', async () => {
    const bytes = await logOf([5, 300, 0, 40_000, 12])
    const ends: number[] = []
    for (
      let length = SEGMENT_HEADER_SIZE;
      length <= bytes.length;
      length += length < 2000 || length > 40_000 ? 1 : 97
    ) {
      const { operations, report } = await readBack(await storageWith({ [FILE]: bytes.slice(0, length) }))
      const [segment] = report.segments
      if (segment?.end === 'whole') ends.push(length)
      else expect(report.cut).toMatchObject({ file: FILE, offset: segment?.validLength })
      expect(segment?.validLength).toBeLessThanOrEqual(length)
      expect(operations.map(({ seq }) => seq)).toEqual(operations.map((_, i) => i + 1))
      expect(operations).toHaveLength(ends.length - 1)
    }
    expect(ends).toHaveLength(6)
  })

  test('strict recovery refuses it, and says where', async () => {
    const bytes = (await logOf([5, 300])).slice(0, -1)
    const read = readBack(await storageWith({ [FILE]: bytes }), open, 'strict')
    await expect(read).rejects.toMatchObject({ code: 'WAL_TORN', file: FILE, offset: expect.any(Number) })
  })

  test('zeros and garbage behind the last batch are a tail too', async () => {
    const bytes = await logOf([-5, -300])
    for (const tail of [new Uint8Array(100), new Uint8Array(70_000), filler(100, 1), filler(70_000, 2)]) {
      const { operations, report } = await readBack(await storageWith({ [FILE]: Uint8Array.of(...bytes, ...tail) }))
      expect(operations).toHaveLength(2)
      expect(report.cut).toMatchObject({ offset: bytes.length })
    }
  })

  test('an unsynced batch damaged before a good one is a tail: pages reach the disk in any order', async () => {
    const bytes = await logOf([-5, 300, 300])
    const { operations } = await readBack(await storageWith({ [FILE]: damaged(bytes, 150) }))
    expect(operations).toHaveLength(1)
  })
})

describe('damage is not taken for a tail', () => {
  test('below a synced mark that a later batch carries, in the same block or another', async () => {
    const bytes = await logOf([-5, -300, -33_000, 7])
    const last = (await logOf([-5, -300, -33_000])).length
    for (let at = SEGMENT_HEADER_SIZE; at < bytes.length; at += at < 500 || at > 33_000 ? 1 : 89) {
      const read = readBack(await storageWith({ [FILE]: damaged(bytes, at) }))
      if (at < last) {
        await expect(read).rejects.toMatchObject({ code: 'WAL_CORRUPT', file: FILE })
        const error = (await read.catch((error: unknown) => error)) as { offset: number }
        expect(error.offset).toBeLessThanOrEqual(at)
      } else expect((await read).operations).toHaveLength(3)
    }
  })

  test('anywhere in a sealed segment, also where a crash could have been', async () => {
    const bytes = await logOf([5, 300])
    const sealed = [{ ...identity(1), sealedLength: bytes.length }]
    for (let at = SEGMENT_HEADER_SIZE; at < bytes.length; at++) {
      const read = readBack(await storageWith({ [FILE]: damaged(bytes, at) }), sealed)
      await expect(read).rejects.toMatchObject({ code: 'WAL_CORRUPT', file: FILE })
    }
    for (let length = SEGMENT_HEADER_SIZE; length < bytes.length; length++) {
      const read = readBack(await storageWith({ [FILE]: bytes.slice(0, length) }), sealed)
      await expect(read).rejects.toMatchObject({ code: 'WAL_CORRUPT', file: FILE })
    }
  })

  test('bytes beyond a sealed length are ignored', async () => {
    const bytes = await logOf([5, 300])
    const sealed = [{ ...identity(1), sealedLength: bytes.length }]
    const storage = await storageWith({ [FILE]: Uint8Array.of(...bytes, ...filler(1000, 3)) })
    const { operations, report } = await readBack(storage, sealed, 'strict')
    expect(operations).toHaveLength(2)
    expect(report.cut).toBeUndefined()
  })

  test('a fragment moved to another place or from another segment is not taken for one written there', async () => {
    const bytes = await logOf([-100, -100, -100])
    const size = (bytes.length - SEGMENT_HEADER_SIZE) / 3
    const moved = bytes.slice()
    moved.copyWithin(SEGMENT_HEADER_SIZE + size, SEGMENT_HEADER_SIZE, SEGMENT_HEADER_SIZE + size)
    await expect(readBack(await storageWith({ [FILE]: moved }))).rejects.toMatchObject({ code: 'WAL_CORRUPT' })
    const other = await logOf([-100, -100, -100], 2)
    const mixed = bytes.slice()
    mixed.set(other.subarray(SEGMENT_HEADER_SIZE), SEGMENT_HEADER_SIZE)
    expect((await readBack(await storageWith({ [FILE]: mixed }))).operations).toEqual([])
  })
})

describe('several segments', () => {
  async function three(): Promise<{ storage: Storage; files: Record<string, Uint8Array>; lengths: number[] }> {
    const parts = [await logOf([-5, -6], 1, 1), await logOf([-7, -8], 2, 3), await logOf([-9], 3, 5)]
    const files = Object.fromEntries(parts.map((bytes, i) => [segmentFileName(i + 1), bytes]))
    return { storage: await storageWith(files), files, lengths: parts.map(({ length }) => length) }
  }
  const list = (lengths: readonly number[], isLastOpen = true) =>
    lengths.map((length, i) => ({
      ...identity(i + 1),
      sealedLength: isLastOpen && i === lengths.length - 1 ? undefined : length,
    }))

  test('are read in order', async () => {
    const { storage, lengths } = await three()
    const { operations, report } = await readBack(storage, list(lengths), 'strict')
    expect(operations.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5])
    expect(report).toMatchObject({ batches: 5, lastSeq: 5, cut: undefined, dropped: [] })
  })

  test('point-in-time recovery ends at the first damage and names what it drops', async () => {
    const { files, lengths } = await three()
    const at = lengths[1]! - 3
    const storage = await storageWith({ ...files, [segmentFileName(2)]: damaged(files[segmentFileName(2)]!, at) })
    await expect(readBack(storage, list(lengths))).rejects.toMatchObject({ code: 'WAL_CORRUPT' })
    const { operations, report } = await readBack(storage, list(lengths), 'point-in-time')
    expect(operations.map(({ seq }) => seq)).toEqual([1, 2, 3])
    expect(report).toMatchObject({ lastSeq: 3, cut: { file: segmentFileName(2) }, dropped: [3] })
  })

  test('point-in-time recovery ends before a segment whose header is damaged', async () => {
    const { files, lengths } = await three()
    const storage = await storageWith({ ...files, [segmentFileName(2)]: damaged(files[segmentFileName(2)]!, 20) })
    const { operations, report } = await readBack(storage, list(lengths), 'point-in-time')
    expect(operations).toHaveLength(2)
    expect(report.dropped).toEqual([2, 3])
  })

  test('a gap in the sequence numbers is damage', async () => {
    const files = { [segmentFileName(1)]: await logOf([-5], 1, 1), [segmentFileName(2)]: await logOf([-5], 2, 3) }
    const lengths = Object.values(files).map(({ length }) => length)
    const read = readBack(await storageWith(files), list(lengths))
    await expect(read).rejects.toMatchObject({ code: 'WAL_CORRUPT', file: segmentFileName(2) })
  })

  test('a segment that is missing is the storage to tell', async () => {
    const { lengths } = await three()
    await expect(readBack(await storageWith({}), list(lengths))).rejects.toMatchObject({ code: 'STORAGE_NOT_FOUND' })
  })

  test('out of order, or open before the last: misuse', async () => {
    const { storage, lengths } = await three()
    const segments = list(lengths)
    const invalid = { code: 'WAL_INVALID_ARGUMENT' }
    await expect(readBack(storage, segments.toReversed())).rejects.toMatchObject(invalid)
    await expect(readBack(storage, [{ ...segments[0]!, sealedLength: undefined }, segments[1]!])).rejects.toMatchObject(
      invalid,
    )
  })

  test('an unknown mode or a length that is none: misuse', async () => {
    const { storage, lengths } = await three()
    const invalid = { code: 'WAL_INVALID_ARGUMENT' }
    await expect(readBack(storage, list(lengths), 'lenient' as 'tail')).rejects.toMatchObject(invalid)
    for (const length of [-1, 1.5, Number.NaN]) {
      await expect(readBack(storage, list([length, length], false))).rejects.toMatchObject(invalid)
    }
  })

  test('an error of the one who is handed the batches is its own, also one of another log', async () => {
    const { storage, lengths } = await three()
    for (const error of [new Error('mine'), new WalError('WAL_CLOSED', 'the log that it copies to')]) {
      const read = readWal(storage, { segments: list(lengths), mode: 'point-in-time' }, () => {
        throw error
      })
      await expect(read).rejects.toBe(error)
    }
    expect(storage.openFiles).toEqual([])
  })

  test('a file that becomes shorter while it is read is cut there', async () => {
    // The first frame fills its block: what is left of the file is whole in itself.
    const bytes = await logOf([32_768 - SEGMENT_HEADER_SIZE - 12 - 21 - 8, 30_000])
    const storage = await storageWith({ [FILE]: bytes.slice(0, 32_768) })
    const longer: Storage = new Proxy(storage, {
      get: (target, name) => {
        if (name !== 'open') return Reflect.get(target, name, target)
        return async (...args: Parameters<Storage['open']>) => sizedAs(await target.open(...args), bytes.length)
      },
    })
    const sealed = [{ ...identity(1), sealedLength: bytes.length }]
    await expect(readBack(longer, sealed)).rejects.toMatchObject({ code: 'WAL_CORRUPT' })
    expect((await readBack(longer)).operations).toHaveLength(1)
  })

  test('no segment at all is an empty log', async () => {
    expect((await readBack(new MemoryStorage(), [])).report).toMatchObject({ batches: 0, lastSeq: undefined })
  })
})
