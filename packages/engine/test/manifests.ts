/** What the tests of manifests, versions and compactions share: entries made of plain data. */
import fc from 'fast-check'
import type { UpperBound } from '../src/key-bound.ts'
import type { KeyspaceEntry, ManifestState, SegmentEntry, TableEntry } from '../src/manifest.ts'
import { EMPTY_STATE } from '../src/manifest.ts'

export const STORE_ID: Uint8Array = Uint8Array.from({ length: 16 }, (_, i) => 0xa0 + i)

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

export const hexId = (number: number): string => number.toString(16).padStart(32, '0')

export function table(
  id: number,
  keys: readonly [smallest: string, largest: string],
  rest: Partial<TableEntry> = {},
): TableEntry {
  return {
    id: hexId(id),
    keyspaceId: 0,
    level: 0,
    sizeBytes: 1000,
    tailChecksum: 0xdead_beef,
    pointRecords: 10,
    tombstones: 1,
    rangeTombstones: 0,
    smallestSeq: id,
    largestSeq: id,
    smallest: bytes(keys[0]),
    largest: { key: bytes(keys[1]), inclusive: true },
    ...rest,
  }
}

export function stateOf(parts: {
  keyspaces?: readonly KeyspaceEntry[]
  segments?: readonly SegmentEntry[]
  tables?: readonly TableEntry[]
  nextSegmentNumber?: number
  lastSeq?: number
  nextKeyspaceId?: number
}): ManifestState {
  const { keyspaces = [], segments = [], tables = [], ...counters } = parts
  return {
    ...EMPTY_STATE,
    ...counters,
    keyspaces: new Map(keyspaces.map((each) => [each.id, each])),
    segments: new Map(segments.map((each) => [each.number, each])),
    tables: new Map(tables.map((each) => [each.id, each])),
  }
}

const seq = fc.maxSafeNat()
const u32 = fc.integer({ min: 0, max: 0xffff_ffff })
const key = fc.uint8Array({ maxLength: 70 })
const upper: fc.Arbitrary<UpperBound> = fc.record({ key, inclusive: fc.boolean() })

const arbKeyspace: fc.Arbitrary<KeyspaceEntry> = fc.record({
  id: u32,
  name: fc.string({ maxLength: 20, unit: 'grapheme' }),
  flushedThroughSeq: seq,
  options: fc.string({ maxLength: 40, unit: 'grapheme' }),
})
const arbSegment: fc.Arbitrary<SegmentEntry> = fc.record({
  number: seq,
  id: fc.uint8Array({ minLength: 16, maxLength: 16 }),
  sealedLength: seq,
})
const arbTable: fc.Arbitrary<TableEntry> = fc.record({
  id: fc.integer({ min: 0, max: 40 }).map(hexId),
  keyspaceId: u32,
  level: fc.integer({ min: 0, max: 255 }),
  sizeBytes: seq,
  tailChecksum: u32,
  pointRecords: seq,
  tombstones: seq,
  rangeTombstones: seq,
  smallestSeq: seq,
  largestSeq: seq,
  smallest: key,
  largest: upper,
})

/** Any state; the segment with the highest number may be open. */
export const arbState: fc.Arbitrary<ManifestState> = fc
  .record({
    keyspaces: fc.array(arbKeyspace, { maxLength: 4 }),
    segments: fc.array(arbSegment, { maxLength: 4 }),
    tables: fc.array(arbTable, { maxLength: 6 }),
    isLastOpen: fc.boolean(),
    nextSegmentNumber: seq,
    lastSeq: seq,
    nextKeyspaceId: u32,
  })
  .map(({ isLastOpen, ...parts }) => {
    const last = Math.max(...parts.segments.map(({ number }) => number))
    const segments = parts.segments.map((each) =>
      isLastOpen && each.number === last ? { ...each, sealedLength: undefined } : each,
    )
    return stateOf({ ...parts, segments })
  })
