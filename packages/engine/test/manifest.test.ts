import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { compute, pack } from '@lsm/crc'
import { describe, expect, test } from 'vitest'
import { crcOfManifest, decodeManifest, EMPTY_STATE, encodeManifest, type ManifestState } from '../src/manifest.ts'
import { bytes, hexId, STORE_ID, stateOf, table } from './manifests.ts'

const FILE = 'manifest-0000000000000005'

const full = stateOf({
  nextSegmentNumber: 4,
  lastSeq: 2 ** 53 - 1,
  nextKeyspaceId: 0xffff_ffff,
  keyspaces: [
    { id: 0, name: '', flushedThroughSeq: 7, options: '{}' },
    { id: 3, name: 'größe', flushedThroughSeq: 0, options: '{"blockSizeBytes":4096}' },
  ],
  segments: [
    { number: 2, id: new Uint8Array(16).fill(2), sealedLength: 64 },
    { number: 3, id: new Uint8Array(16).fill(3), sealedLength: undefined },
  ],
  tables: [
    table(1, ['', 'm'], { level: 6, smallestSeq: 1, largestSeq: 7 }),
    table(0xabc, ['a', 'b'], { keyspaceId: 3, largest: { key: bytes('b'), inclusive: false } }),
  ],
})

/** One of everything that a delta can say: something new, something changed, something gone. */
function nextOf(state: ManifestState): ManifestState {
  const keyspaces = new Map(state.keyspaces)
  keyspaces.delete(3)
  keyspaces.set(0, { ...keyspaces.get(0)!, flushedThroughSeq: 9 })
  const segments = new Map(state.segments)
  segments.delete(2)
  segments.set(3, { ...segments.get(3)!, sealedLength: 100_000 })
  segments.set(4, { number: 4, id: new Uint8Array(16).fill(4), sealedLength: undefined })
  const tables = new Map(state.tables)
  tables.delete(hexId(0xabc))
  const added = table(2, ['n', 'z'], { level: 1 })
  tables.set(added.id, added)
  return { ...state, keyspaces, segments, tables, nextSegmentNumber: 5 }
}

const fullBytes = encodeManifest({ number: 4, epoch: 2, storeId: STORE_ID }, full)
const base = { number: 4, crc: crcOfManifest(fullBytes), state: full }
const delta = nextOf(full)
const deltaBytes = encodeManifest({ number: 5, epoch: 2, storeId: STORE_ID }, delta, base)

/** The same with the checksum made good again. */
function resealed(changed: Uint8Array): Uint8Array {
  const out = changed.slice()
  out.set(pack(compute(out, 0, out.length - 4)), out.length - 4)
  return out
}

/** The manifest with other entries, its length and checksum made good. */
function withEntries(manifest: Uint8Array, entries: Uint8Array): Uint8Array {
  const out = new Uint8Array(88 + entries.length + 4)
  out.set(manifest.subarray(0, 84))
  out.set(pack(entries.length), 84)
  out.set(entries, 88)
  return resealed(out)
}

const read = (manifest: Uint8Array, from?: ManifestState): ManifestState => decodeManifest(manifest, FILE).resolve(from)
const corrupt = expect.objectContaining({ name: 'LsmError', code: 'LSM_CORRUPTION', file: FILE })

describe('a full manifest', () => {
  test('gives back its state and header', () => {
    const decoded = decodeManifest(fullBytes, FILE)
    expect(decoded).toMatchObject({ number: 4, epoch: 2, storeId: STORE_ID, base: undefined, crc: base.crc })
    expect(decoded.resolve()).toEqual(full)
  })

  test('of an empty store', () => {
    expect(read(encodeManifest({ number: 1, epoch: 1, storeId: STORE_ID }, EMPTY_STATE))).toEqual(EMPTY_STATE)
  })
})

describe('a delta', () => {
  test('gives back its state over its base, and names it', () => {
    const decoded = decodeManifest(deltaBytes, FILE)
    expect(decoded.base).toEqual({ number: 4, crc: base.crc })
    expect(decoded.resolve(full)).toEqual(delta)
    expect(() => decoded.resolve()).toThrow(TypeError)
  })

  test('holds only what changed', () => {
    const many = stateOf({ tables: Array.from({ length: 1000 }, (_, i) => table(i, ['a', 'b'])) })
    const header = { number: 2, epoch: 1, storeId: STORE_ID }
    const whole = encodeManifest({ ...header, number: 1 }, many)
    const tables = new Map(many.tables).set(hexId(5000), table(5000, ['c', 'd']))
    const next = encodeManifest(header, { ...many, tables }, { number: 1, crc: crcOfManifest(whole), state: many })
    expect(next.length).toBeLessThan(300)
    expect(read(next, many).tables.size).toBe(1001)
    // A base that was read again has other objects, and the delta of what it resolves to is as small.
    const reread = read(whole)
    const again = encodeManifest(header, read(next, reread), { number: 1, crc: crcOfManifest(whole), state: reread })
    expect(again).toEqual(next)
  })
})

describe('golden files', () => {
  test.each([
    ['manifest-full', fullBytes, undefined, full],
    ['manifest-delta', deltaBytes, full, delta],
  ])('%s is that of version 1, byte for byte', (name, encoded, from, state) => {
    const golden = join(import.meta.dirname, 'golden', 'v1', name)
    // Only this variable writes the file, and only a new format version may need it.
    if (process.env.LSM_WRITE_GOLDEN === '1' && !existsSync(golden)) writeFileSync(golden, encoded)
    const stored = readFileSync(golden)
    expect(Buffer.from(encoded).equals(stored)).toBe(true)
    const again = read(stored, from)
    // What was read is not a view of the file's bytes.
    stored.fill(0)
    expect(again).toEqual(state)
  })
})

describe('damage', () => {
  test.each([
    ['full', fullBytes],
    ['delta', deltaBytes],
  ])('any byte of a %s one changed in any bit is refused', (_, encoded) => {
    for (let at = 0; at < encoded.length; at++) {
      for (let bit = 0; bit < 8; bit++) {
        const changed = encoded.with(at, encoded[at]! ^ (1 << bit))
        const isVersion = at >= 8 && at < 16
        const code = isVersion ? 'LSM_UNSUPPORTED_FORMAT' : 'LSM_CORRUPTION'
        expect(() => decodeManifest(changed, FILE)).toThrow(expect.objectContaining({ code, file: FILE }))
      }
    }
  })

  test.each([
    ['full', fullBytes],
    ['delta', deltaBytes],
  ])('a %s one cut at any length, or with a byte more, is refused', (_, encoded) => {
    for (let length = 0; length < encoded.length; length++) {
      expect(() => decodeManifest(encoded.subarray(0, length), FILE)).toThrow(corrupt)
    }
    expect(() => decodeManifest(Uint8Array.of(...encoded, 0), FILE)).toThrow(corrupt)
  })

  test('under a good checksum is refused too', () => {
    const at = (offset: number, value: number): Uint8Array => resealed(fullBytes.with(offset, value))
    expect(() => read(at(11, 2))).toThrow(expect.objectContaining({ code: 'LSM_UNSUPPORTED_FORMAT' }))
    expect(() => read(at(15, 1))).toThrow(expect.objectContaining({ code: 'LSM_UNSUPPORTED_FORMAT' }))
    expect(() => read(at(16, 1))).toThrow(corrupt) // a number beyond 2^53 - 1
    expect(() => read(at(51, 2))).toThrow(corrupt) // neither full nor a delta
    expect(() => read(at(55, 1))).toThrow(corrupt) // full, with a base's checksum
    expect(() => read(at(63, 1))).toThrow(corrupt) // full, with a base's number
    expect(() => read(resealed(deltaBytes.with(63, 5)), full)).toThrow(corrupt) // its own base
  })
})

describe('entries that nobody writes are refused', () => {
  const u32 = (value: number): number[] => [...pack(value)]
  const u64 = (value: number): number[] => [...u32(0), ...u32(value)]
  const entry = (tag: number, ...fields: number[]): number[] => [tag, ...u32(fields.length), ...fields]
  const id = Array.from({ length: 16 }, () => 9)
  const keyspace = (number: number): number[] => entry(1, ...u32(number), ...u64(0), ...u32(0))
  const segment = (number: number, isOpen = false): number[] =>
    entry(2, ...u64(number), ...id, ...(isOpen ? [...u32(0xffff_ffff), ...u32(0xffff_ffff)] : u64(64)))
  const tableFields = [...id, ...u32(0), 0, ...u64(0), ...u32(0)].concat(...Array.from({ length: 5 }, () => u64(0)))
  const tableEntry = entry(3, ...tableFields, ...u32(0), 1, ...u32(0))

  const readable: [string, number[]][] = [
    ['one of each', [...keyspace(0), ...segment(1), ...tableEntry]],
    ['the last segment open', [...segment(1), ...segment(2, true)]],
  ]
  test.each(readable)('(these are not: %s)', (_, entries) => {
    expect(read(withEntries(fullBytes, Uint8Array.from(entries)))).toBeDefined()
  })

  const refused: [string, number[]][] = [
    ['an unknown tag', entry(4)],
    ['a length beyond the end', [1, ...u32(0xffff_ffff)]],
    ['a header cut off', [1, 0, 0]],
    ['a keyspace twice', [...keyspace(0), ...keyspace(0)]],
    ['a segment twice', [...segment(1), ...segment(1)]],
    ['a table twice', [...tableEntry, ...tableEntry]],
    ['a keyspace behind a segment', [...segment(1), ...keyspace(0)]],
    ['a segment that is open and not the last', [...segment(1, true), ...segment(2)]],
    ['a keyspace that is gone', [...keyspace(0), ...entry(129, ...u32(0))]],
    ['fields too short', entry(1, ...u32(0))],
    ['fields too long', entry(2, ...u64(1), ...id, ...u64(64), 0)],
    ['a bound of unknown kind', entry(3, ...tableFields, ...u32(0), 2, ...u32(0))],
    ['a name that is not UTF-8', entry(1, ...u32(0), ...u64(0), ...u32(0), 0xff)],
  ]
  test.each(refused)('full: %s', (_, entries) => {
    expect(() => read(withEntries(fullBytes, Uint8Array.from(entries)))).toThrow(corrupt)
  })

  const refusedDelta: [string, number[]][] = [
    ['a keyspace gone that was never there', entry(129, ...u32(99))],
    ['a segment gone that was never there', entry(130, ...u64(99))],
    ['a table gone that was never there', entry(131, ...id)],
    ['gone and there again', [...entry(129, ...u32(3)), ...keyspace(3)]],
    ['an older segment left open', segment(9)],
  ]
  test.each(refusedDelta)('delta: %s', (_, entries) => {
    expect(() => read(withEntries(deltaBytes, Uint8Array.from(entries)), full)).toThrow(corrupt)
  })
})
