import { MemoryStorage } from '@lsm/storage'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { type CompressionCodec, deflateCodec, TableLookup, TableWriter, zstdCodec } from '../src/index.ts'
import { build, bytes, FILE, ID, open, ownCodec, point, STORE_ID, storageWith, tableBytes, walk } from './tables.ts'

const POINTS = Array.from({ length: 200 }, (_, i) =>
  point(String(i).padStart(5, '0'), 1, `${i} compresses well `.repeat(8) + '\0'.repeat(60)),
)

/** zstd where this runtime has it. */
function zstd(): CompressionCodec | undefined {
  try {
    return zstdCodec()
  } catch (error) {
    expect(error).toMatchObject({ code: 'SSTABLE_UNSUPPORTED_COMPRESSION' })
    return undefined
  }
}

afterEach(() => {
  vi.unstubAllGlobals()
})

/** As in a browser: no zlib, only streams. */
function withoutZlib(): void {
  vi.stubGlobal('process', { ...process, getBuiltinModule: undefined })
}

describe('compression', () => {
  const codecs: [string, CompressionCodec | undefined][] = [
    ['deflate', deflateCodec()],
    ['deflate, level 1', deflateCodec({ level: 1 })],
    ['zstd', zstd()],
    ['a codec of one’s own', ownCodec(false, 128)],
    ['an asynchronous codec', ownCodec(true, 255)],
  ]
  for (const [name, compression] of codecs) {
    test.skipIf(compression === undefined)(`${name}: smaller, and the same records`, async () => {
      const plain = await tableBytes({ points: POINTS })
      const data = await tableBytes({ points: POINTS }, { compression })
      expect(data.length).toBeLessThan(plain.length * 0.9)
      const reader = await open(await storageWith(data), { codecs: [compression!] })
      for (const reverse of [false, true]) {
        const records = await walk(reader, reverse)
        expect(reverse ? records.reverse() : records).toEqual(POINTS)
      }
      for (const fillCache of [true, false]) {
        const result = new TableLookup()
        expect(await reader.find(bytes('00007'), 9, result, { fillCache })).toBe(true)
        expect(result.value).toEqual(POINTS[7]!.value)
      }
      expect((await reader.verify()).pointRecords).toBe(200)
    })
  }

  test('a block that would shrink by less than an eighth is stored as it is', async () => {
    let random = 1
    const noise = Uint8Array.from({ length: 3000 }, () => {
      random = Math.imul(random, 48_271) >>> 0
      return random >>> 24
    })
    const points = [{ ...point('a', 1), value: noise }]
    const data = await tableBytes({ points }, { compression: deflateCodec() })
    expect(data).toEqual(await tableBytes({ points }))
  })

  test('a block that decompresses to another size or not at all is damage', async () => {
    const data = await tableBytes({ points: POINTS }, { compression: ownCodec(false) })
    const wrong: [string, CompressionCodec['decompress']][] = [
      ['shorter', () => new Uint8Array(3)],
      ['longer, later', () => Promise.resolve(new Uint8Array(1e6))],
      [
        'error',
        () => {
          throw new Error('bad')
        },
      ],
      ['error, later', () => Promise.reject(new Error('bad'))],
    ]
    for (const [, decompress] of wrong) {
      const reader = await open(await storageWith(data), { codecs: [{ ...ownCodec(false), decompress }] })
      const message = expect.stringContaining('own cannot decompress the block')
      const damage = { code: 'SSTABLE_CORRUPT', file: FILE, offset: 0, message }
      await expect(walk(reader)).rejects.toMatchObject(damage)
      await expect((async () => reader.find(POINTS[0]!.key, 1, new TableLookup()))()).rejects.toMatchObject(damage)
    }
  })

  test('a deflated block never becomes larger than it says', async () => {
    const codec = deflateCodec()
    const bomb = await codec.compress(new Uint8Array(1e6))
    expect(() => codec.decompress(bomb, 1000)).toThrow()
    expect(() => codec.decompress(bytes('no deflate'), 1000)).toThrow()
  })

  test('without zlib, deflate goes through CompressionStream, and only asynchronously', async () => {
    const data = await tableBytes({ points: POINTS }, { compression: deflateCodec() })
    withoutZlib()
    const codec = deflateCodec()
    const packed = await codec.compress(bytes('stream '.repeat(100)))
    expect(await codec.decompress(packed, 700)).toEqual(bytes('stream '.repeat(100)))
    await expect(codec.decompress(packed, 699)).rejects.toThrow(RangeError)
    await expect(codec.decompress(bytes('no deflate'), 699)).rejects.toThrow()

    const reader = await open(await storageWith(data))
    expect(await walk(reader)).toEqual(POINTS)
    const fresh = await open(await storageWith(data))
    const refused = expect.objectContaining({ code: 'SSTABLE_UNSUPPORTED_COMPRESSION', file: FILE })
    expect(() => fresh.findSync(POINTS[0]!.key, 1, new TableLookup())).toThrow(refused)
    await expect(walk(fresh, false, true)).rejects.toEqual(refused)

    const storage = new MemoryStorage()
    await build(storage, { points: POINTS }, { compression: codec })
    expect(await walk(await open(storage))).toEqual(POINTS)
  })

  test('what the runtime lacks and what was not registered is told', async () => {
    const data = await tableBytes({ points: POINTS }, { compression: ownCodec(false, 130) })
    const reader = await open(await storageWith(data))
    await expect(walk(reader)).rejects.toMatchObject({ code: 'SSTABLE_UNSUPPORTED_COMPRESSION', file: FILE, offset: 0 })
    withoutZlib()
    vi.stubGlobal('CompressionStream', undefined)
    const lacking = expect.objectContaining({ code: 'SSTABLE_UNSUPPORTED_COMPRESSION' })
    expect(() => deflateCodec()).toThrow(lacking)
    expect(() => zstdCodec()).toThrow(lacking)
  })

  test('wrong levels are refused', () => {
    for (const level of [0, 10, 1.5, '6']) {
      expect(() => deflateCodec({ level: level as number })).toThrow(RangeError)
    }
  })

  test('a codec that fails fails the table', async () => {
    for (const compress of [
      () => {
        throw new Error('bad')
      },
      () => Promise.reject(new Error('bad')),
    ]) {
      const compression = { ...ownCodec(false), compress }
      const writer = await TableWriter.create(new MemoryStorage(), { id: ID, storeId: STORE_ID, compression })
      writer.add(bytes('a'), 1, 0, new Uint8Array(5000))
      await expect((async () => writer.add(bytes('b'), 1, 0, bytes('')))()).rejects.toThrow('bad')
      await expect(writer.finish()).rejects.toMatchObject({ code: 'SSTABLE_FAILED' })
      await writer.abandon()
    }
  })
})
