/**
 * The manifest's bytes, and nothing of where they lie. Normative text: docs/format/manifest.md.
 *
 *   magic 8 | version u32 | features u32 | number u64 | epoch u64 | store id 16 | full or delta u32 | base CRC u32
 *   | base number u64 | next segment u64 | last seq u64 | next keyspace u32 | entries length u32 | entries | CRC-32 u32
 *
 *   entry: tag u8 | length u32 | fields
 */
import { compute } from '@lsm/crc'
import { corruption, LsmError } from './errors.ts'
import type { KeyRange } from './key-bound.ts'
import { BytesReader, BytesWriter } from './manifest-bytes.ts'

export interface KeyspaceEntry {
  readonly id: number
  readonly name: string
  /** Every write of the keyspace up to this sequence number is in a table. */
  readonly flushedThroughSeq: number
  /** The keyspace's options as JSON. */
  readonly options: string
}

export interface SegmentEntry {
  readonly number: number
  /** 16 bytes. */
  readonly id: Uint8Array
  /** `undefined`: still open. */
  readonly sealedLength: number | undefined
}

export interface TableEntry extends KeyRange {
  /** 32 lower-case hexadecimal digits. */
  readonly id: string
  readonly keyspaceId: number
  readonly level: number
  readonly sizeBytes: number
  readonly tailChecksum: number
  readonly pointRecords: number
  readonly tombstones: number
  readonly rangeTombstones: number
  readonly smallestSeq: number
  readonly largestSeq: number
}

/** All that a store is, apart from the contents of its files. */
export interface ManifestState {
  readonly nextSegmentNumber: number
  readonly lastSeq: number
  readonly nextKeyspaceId: number
  readonly keyspaces: ReadonlyMap<number, KeyspaceEntry>
  readonly segments: ReadonlyMap<number, SegmentEntry>
  readonly tables: ReadonlyMap<string, TableEntry>
}

/** Who published a manifest, and as which one. */
export interface ManifestHeader {
  readonly number: number
  readonly epoch: number
  /** 16 bytes. */
  readonly storeId: Uint8Array
}

/** The full manifest that a delta builds on. */
export interface ManifestBase {
  readonly number: number
  readonly crc: number
  readonly state: ManifestState
}

export interface DecodedManifest extends ManifestHeader {
  readonly crc: number
  /** `undefined` in a full manifest. */
  readonly base: { readonly number: number; readonly crc: number } | undefined
  /** Builds the state; a delta needs the state of its base. Reads `bytes`, so they must not have changed. */
  resolve(base?: ManifestState): ManifestState
}

const MAGIC = [0x4c, 0x53, 0x4d, 0x4d, 0x41, 0x4e, 0x49, 0x46] as const
const VERSION = 1
const HEADER_BYTES = 88
const OPEN = 0xffff_ffff
const TAG = { keyspace: 1, segment: 2, table: 3, keyspaceDropped: 129, segmentGone: 130, tableGone: 131 } as const

export const EMPTY_STATE: ManifestState = {
  nextSegmentNumber: 1,
  lastSeq: 0,
  nextKeyspaceId: 1,
  keyspaces: new Map(),
  segments: new Map(),
  tables: new Map(),
}

/** Returns a manifest that holds `state` whole, or what changed since `base`. The bytes are the caller's. */
export function encodeManifest(header: ManifestHeader, state: ManifestState, base?: ManifestBase): Uint8Array {
  const entries = new BytesWriter()
  writeEntries(entries, state, base?.state ?? EMPTY_STATE)
  const out = new BytesWriter(HEADER_BYTES + entries.length + 4)
  out.bytes(Uint8Array.from(MAGIC))
  out.u32(VERSION)
  out.u32(0)
  out.u64(header.number)
  out.u64(header.epoch)
  out.bytes(header.storeId)
  out.u32(base === undefined ? 0 : 1)
  out.u32(base?.crc ?? 0)
  out.u64(base?.number ?? 0)
  out.u64(state.nextSegmentNumber)
  out.u64(state.lastSeq)
  out.u32(state.nextKeyspaceId)
  out.u32(entries.length)
  out.bytes(entries.finish())
  out.u32(compute(out.finish()))
  return out.finish()
}

function writeEntries(out: BytesWriter, state: ManifestState, base: ManifestState): void {
  for (const id of base.keyspaces.keys()) {
    if (!state.keyspaces.has(id)) out.entry(TAG.keyspaceDropped, (entry) => entry.u32(id))
  }
  for (const number of base.segments.keys()) {
    if (!state.segments.has(number)) out.entry(TAG.segmentGone, (entry) => entry.u64(number))
  }
  for (const id of base.tables.keys()) {
    if (!state.tables.has(id)) out.entry(TAG.tableGone, (entry) => entry.hex(id))
  }
  // Entries are immutable and replaced whole, so an unchanged one is the same object.
  for (const [id, each] of state.keyspaces) {
    if (base.keyspaces.get(id) !== each) out.entry(TAG.keyspace, (entry) => writeKeyspace(entry, each))
  }
  for (const [number, each] of state.segments) {
    if (base.segments.get(number) !== each) out.entry(TAG.segment, (entry) => writeSegment(entry, each))
  }
  for (const [id, each] of state.tables) {
    if (base.tables.get(id) !== each) out.entry(TAG.table, (entry) => writeTable(entry, each))
  }
}

function writeKeyspace(out: BytesWriter, each: KeyspaceEntry): void {
  out.u32(each.id)
  out.u64(each.flushedThroughSeq)
  out.sized(new TextEncoder().encode(each.options))
  out.bytes(new TextEncoder().encode(each.name))
}

function writeSegment(out: BytesWriter, each: SegmentEntry): void {
  out.u64(each.number)
  out.bytes(each.id)
  if (each.sealedLength === undefined) {
    out.u32(OPEN)
    out.u32(OPEN)
  } else out.u64(each.sealedLength)
}

function writeTable(out: BytesWriter, each: TableEntry): void {
  out.hex(each.id)
  out.u32(each.keyspaceId)
  out.u8(each.level)
  out.u64(each.sizeBytes)
  out.u32(each.tailChecksum)
  out.u64(each.pointRecords)
  out.u64(each.tombstones)
  out.u64(each.rangeTombstones)
  out.u64(each.smallestSeq)
  out.u64(each.largestSeq)
  out.sized(each.smallest)
  out.u8(each.largest.inclusive ? 1 : 0)
  out.sized(each.largest.key)
}

/** Returns the checksum that an encoded manifest ends with: what a delta names its base by. */
export function crcOfManifest(bytes: Uint8Array): number {
  return compute(bytes, 0, bytes.length - 4)
}

/**
 * Checks and reads a manifest called `file`. Throws `LSM_CORRUPTION` with the offset, or `LSM_UNSUPPORTED_FORMAT`.
 * `bytes` are borrowed until `resolve` was called.
 */
export function decodeManifest(bytes: Uint8Array, file: string): DecodedManifest {
  const fail = (what: string, offset: number): LsmError => corruption(`${file}: ${what}`, { file, offset })
  if (bytes.length < HEADER_BYTES + 4) throw fail(`${bytes.length} bytes are too few for a manifest`, 0)
  if (MAGIC.some((byte, i) => bytes[i] !== byte)) throw fail('does not start like a manifest', 0)
  const header = new BytesReader(bytes, { start: 8, end: HEADER_BYTES, file })
  const version = header.u32()
  const features = header.u32()
  // Before the checksum: a newer version may keep its own elsewhere.
  if (version !== VERSION || features !== 0) {
    const message = `${file}: version ${version} with features ${features.toString(16)} needs a newer release`
    throw new LsmError('LSM_UNSUPPORTED_FORMAT', message, { file, offset: 8 })
  }
  const number = header.u64()
  const epoch = header.u64()
  const storeId = header.bytes(16)
  const kind = header.u32()
  const baseCrc = header.u32()
  const baseNumber = header.u64()
  const nextSegmentNumber = header.u64()
  const lastSeq = header.u64()
  const nextKeyspaceId = header.u32()
  const entriesLength = header.u32()
  const end = HEADER_BYTES + entriesLength
  if (end + 4 !== bytes.length) throw fail(`is ${bytes.length} bytes long and should be ${end + 4}`, 84)
  const crc = compute(bytes.subarray(0, end))
  if (new BytesReader(bytes, { start: end, end: end + 4, file }).u32() !== crc) throw fail('the checksum is wrong', end)
  if (kind > 1) throw fail(`is of unknown kind ${kind}`, 48)
  if (kind === 0 && (baseCrc !== 0 || baseNumber !== 0)) throw fail('is full and names a base', 52)
  if (kind === 1 && baseNumber >= number) throw fail(`builds on number ${baseNumber}, which comes later`, 56)
  const counters = { nextSegmentNumber, lastSeq, nextKeyspaceId }
  return {
    number,
    epoch,
    storeId,
    crc,
    base: kind === 0 ? undefined : { number: baseNumber, crc: baseCrc },
    resolve: (base) => {
      if (kind === 1 && base === undefined) throw new TypeError(`${file} is a delta: its base is needed`)
      const entries = new BytesReader(bytes, { start: HEADER_BYTES, end, file })
      return { ...counters, ...readEntries(entries, kind === 1 ? base : undefined) }
    },
  }
}

/** `base: undefined` reads a full manifest, in which nothing can be gone and keyspaces come first. */
function readEntries(
  input: BytesReader,
  base: ManifestState | undefined,
): Omit<ManifestState, 'nextSegmentNumber' | 'lastSeq' | 'nextKeyspaceId'> {
  const keyspaces = new Map(base?.keyspaces)
  const segments = new Map(base?.segments)
  const tables = new Map(base?.tables)
  // Each thing once, so that no order of reading gives another state.
  const seen = new Set<string>()
  const take = (thing: string): string => {
    if (seen.has(thing)) throw input.corrupt(`a second entry for ${thing}`)
    seen.add(thing)
    return thing
  }
  const gone = (thing: string, wasThere: boolean): void => {
    if (!wasThere) throw input.corrupt(`${thing} is gone and was never there`)
  }
  while (!input.isAtEnd) {
    const tag = input.u8()
    const fields = input.section(input.u32())
    if (base === undefined && tag > TAG.table) throw input.corrupt(`entry of kind ${tag} in a full manifest`)
    if (tag === TAG.keyspace) {
      const entry = readKeyspace(fields)
      if (base === undefined && segments.size + tables.size > 0) throw input.corrupt('a keyspace behind other entries')
      take(`keyspace ${entry.id}`)
      keyspaces.set(entry.id, entry)
    } else if (tag === TAG.segment) {
      const entry = readSegment(fields)
      take(`segment ${entry.number}`)
      segments.set(entry.number, entry)
    } else if (tag === TAG.table) {
      const entry = readTable(fields)
      take(`table ${entry.id}`)
      tables.set(entry.id, entry)
    } else if (tag === TAG.keyspaceDropped) {
      const id = fields.u32()
      gone(take(`keyspace ${id}`), keyspaces.delete(id))
    } else if (tag === TAG.segmentGone) {
      const number = fields.u64()
      gone(take(`segment ${number}`), segments.delete(number))
    } else if (tag === TAG.tableGone) {
      const id = fields.hex(16)
      gone(take(`table ${id}`), tables.delete(id))
    } else throw input.corrupt(`entry of unknown kind ${tag}`)
    if (!fields.isAtEnd) throw fields.corrupt(`entry of kind ${tag} is too long`)
  }
  let last = -1
  for (const number of segments.keys()) last = Math.max(last, number)
  for (const { number, sealedLength } of segments.values()) {
    if (sealedLength === undefined && number !== last) throw input.corrupt(`segment ${number} is open and not the last`)
  }
  return { keyspaces, segments, tables }
}

function readKeyspace(input: BytesReader): KeyspaceEntry {
  const id = input.u32()
  const flushedThroughSeq = input.u64()
  const options = input.text(input.u32())
  return { id, flushedThroughSeq, options, name: input.text(input.remaining) }
}

function readSegment(input: BytesReader): SegmentEntry {
  const number = input.u64()
  const id = input.bytes(16)
  if (input.skipIf([OPEN, OPEN])) return { number, id, sealedLength: undefined }
  return { number, id, sealedLength: input.u64() }
}

function readTable(input: BytesReader): TableEntry {
  const table = {
    id: input.hex(16),
    keyspaceId: input.u32(),
    level: input.u8(),
    sizeBytes: input.u64(),
    tailChecksum: input.u32(),
    pointRecords: input.u64(),
    tombstones: input.u64(),
    rangeTombstones: input.u64(),
    smallestSeq: input.u64(),
    largestSeq: input.u64(),
    smallest: input.bytes(input.u32()),
  }
  const inclusive = input.u8()
  if (inclusive > 1) throw input.corrupt(`bound of unknown kind ${inclusive}`)
  return { ...table, largest: { inclusive: inclusive === 1, key: input.bytes(input.u32()) } }
}
