/** The format, pinned: files of the first version that are read for ever, and written byte for byte. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { deflateCodec } from '../src/index.ts'
import {
  type BuildOptions,
  bloomPolicy,
  bytes,
  type Contents,
  open,
  point,
  storageWith,
  tableBytes,
  tombstone,
  walk,
} from './tables.ts'

const POINTS = [
  point('', 3, 'the empty key'),
  point('a', 2 ** 53 - 1, ''),
  ...Array.from({ length: 20 }, (_, i) => point('hot', 100 - i, `version ${100 - i}`)),
  ...Array.from({ length: 40 }, (_, i) =>
    i % 7 === 0 ? tombstone(`key${String(i).padStart(4, '0')}`, 50 + i) : point(`key${String(i).padStart(4, '0')}`, i),
  ),
  { ...point('zz', 1), key: new Uint8Array([0xff, 0x00, 0xff]) },
]
const RANGES = [
  { start: bytes('key0010'), end: bytes('key0020'), seq: 45 },
  { start: bytes('key0010'), end: bytes('key0012'), seq: 60 },
  { start: bytes('a'), end: new Uint8Array([0xff, 0xff]), seq: 1 },
]
const FILES: { name: string; contents: Contents; options: BuildOptions; isExact: boolean }[] = [
  // The filter's scheme 0 is the one that never changes.
  {
    name: 'full.sst',
    contents: { points: POINTS, ranges: RANGES },
    options: { blockSizeBytes: 256, filter: bloomPolicy(0), keyspaceId: 7 },
    isExact: true,
  },
  { name: 'points.sst', contents: { points: POINTS }, options: {}, isExact: true },
  { name: 'ranges.sst', contents: { points: [], ranges: RANGES }, options: { filter: bloomPolicy(0) }, isExact: true },
  { name: 'empty.sst', contents: { points: [] }, options: {}, isExact: true },
  // Another release of zlib may compress otherwise; what it compressed, every release must read.
  {
    name: 'deflate.sst',
    contents: { points: POINTS },
    options: { compression: deflateCodec(), blockSizeBytes: 512 },
    isExact: false,
  },
]

describe('golden files of version 1', () => {
  for (const { name, contents, options, isExact } of FILES) {
    const path = join(import.meta.dirname, 'golden', 'v1', name)

    test(`${name} is written as ever`, async () => {
      const written = await tableBytes(contents, options)
      // Rewritten only where it is missing and somebody says so; a released version's files never are.
      if (process.env.LSM_WRITE_GOLDEN === '1' && !existsSync(path)) writeFileSync(path, written)
      if (isExact) expect(Buffer.from(written).equals(readFileSync(path))).toBe(true)
    })

    test(`${name} is read as ever`, async () => {
      const reader = await open(await storageWith(new Uint8Array(readFileSync(path))))
      expect(await walk(reader)).toEqual(contents.points)
      expect(reader.info.keyspaceId).toBe(options.keyspaceId ?? 0)
      expect([...reader.rangeTombstones].map(({ seq }) => seq)).toEqual(contents.ranges ? [1, 60, 45] : [])
      const report = await reader.verify()
      expect(report.pointRecords).toBe(contents.points.length)
      expect(report.filterChecked).toBe(name === 'full.sst')
    })
  }
})
