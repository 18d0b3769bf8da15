/**
 * A segment's identity and its 64-byte header. Normative text: docs/format/wal.md.
 *
 *   magic 8 | version u32 | features u32 | segment id 16 | store id 16 | number u64 | zero u32 | CRC-32 u32
 */
import { compute } from '@lsm/crc'
import { invalidRange, invalidType, WalError } from './errors.ts'

/** Bytes of a segment's header. */
export const SEGMENT_HEADER_SIZE = 64
/** Fragments do not cross the boundaries of blocks of this size; the header is part of the first block. */
export const BLOCK_SIZE = 32_768
/** Bytes before each fragment's payload. */
export const FRAGMENT_HEADER_SIZE = 12
/** Synced marks are 32 bits wide, so a segment can be no longer. */
export const MAX_SEGMENT_SIZE = 0xffff_ffff

/** What a fragment is of its frame. */
export const FRAGMENT = { whole: 1, first: 2, middle: 3, last: 4 } as const

const MAGIC = [0x4c, 0x53, 0x4d, 0x57, 0x41, 0x4c, 0x0d, 0x0a] as const
const VERSION = 1
const ID_SIZE = 16

/** Which segment of which store this is. */
export interface SegmentIdentity {
  readonly number: number
  /** 16 random bytes. */
  readonly id: Uint8Array
  /** The 16 bytes that all files of one store share. */
  readonly storeId: Uint8Array
}

/** A segment that takes no more: its length is what counts of it. */
export interface SealedSegment {
  readonly number: number
  readonly length: number
}

/** Returns the name of the file of segment `number`: 16 hexadecimal digits and `.wal`. */
export function segmentFileName(number: number): string {
  if (!Number.isSafeInteger(number) || number < 0)
    throw invalidRange(`a segment's number is a whole number, not ${number}`)
  return `${number.toString(16).padStart(16, '0')}.wal`
}

/** Returns the number in a segment's file name, or `undefined` for any other name. */
export function parseSegmentFileName(name: string): number | undefined {
  if (!/^[0-9a-f]{16}\.wal$/.test(name)) return undefined
  const number = Number.parseInt(name.slice(0, 16), 16)
  return Number.isSafeInteger(number) ? number : undefined
}

/** Throws unless the identity can be written. */
export function checkIdentity({ number, id, storeId }: SegmentIdentity): void {
  segmentFileName(number)
  for (const each of [id, storeId]) {
    if (!(each instanceof Uint8Array) || each.length !== ID_SIZE) throw invalidType(`an id is ${ID_SIZE} bytes`)
  }
}

/** Returns the header's bytes. */
export function encodeSegmentHeader({ number, id, storeId }: SegmentIdentity): Uint8Array {
  const bytes = new Uint8Array(SEGMENT_HEADER_SIZE)
  const view = new DataView(bytes.buffer)
  bytes.set(MAGIC)
  view.setUint32(8, VERSION)
  bytes.set(id, 16)
  bytes.set(storeId, 32)
  view.setUint32(48, Math.floor(number / 2 ** 32))
  view.setUint32(52, number >>> 0)
  view.setUint32(60, compute(bytes, 0, 60))
  return bytes
}

/**
 * Throws unless `bytes` starts with the header of just this segment: `WAL_CORRUPT`, or `WAL_UNSUPPORTED_FORMAT` for
 * one that a newer release wrote.
 */
export function checkSegmentHeader(bytes: Uint8Array, identity: SegmentIdentity): void {
  const file = segmentFileName(identity.number)
  const fail = (what: string, offset: number): WalError =>
    new WalError('WAL_CORRUPT', `${file}: ${what}; the segment's header is damaged`, { file, offset })
  if (bytes.length < SEGMENT_HEADER_SIZE) throw fail(`only ${bytes.length} bytes`, bytes.length)
  if (MAGIC.some((byte, i) => bytes[i] !== byte)) throw fail('does not start like a log segment', 0)
  const view = new DataView(bytes.buffer, bytes.byteOffset, SEGMENT_HEADER_SIZE)
  const version = view.getUint32(8)
  const features = view.getUint32(12)
  const isIntact = view.getUint32(60) === compute(bytes, 0, 60)
  // A newer version may keep its checksum elsewhere; a damaged version number of ours is told by the rest.
  if (version > VERSION || (isIntact && features !== 0)) {
    const message = `${file}: version ${version} with features ${features.toString(16)} needs a newer release`
    throw new WalError('WAL_UNSUPPORTED_FORMAT', message, { file, offset: 8 })
  }
  if (!isIntact) throw fail('wrong checksum', 60)
  const expected = encodeSegmentHeader(identity)
  const at = expected.findIndex((byte, i) => bytes[i] !== byte)
  if (at >= 0) throw fail('belongs to another segment or store', at)
}
