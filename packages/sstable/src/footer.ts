/**
 * The last 128 bytes of a table. Normative text: docs/format/table.md.
 *
 *   range tombstones 16 | filter 16 | index 16 | properties 16 | data size u64 | table id 16 | store id 16
 *   | format version u32 | features u32 | zero u32 | CRC-32 u32 | magic 8
 *
 *   a part's 16 bytes: offset u64 | size with trailer u32 | CRC of its trailer u32
 */
import { compute } from '@lsm/crc'
import { TRAILER_SIZE } from './block-trailer.ts'
import { readUint32, readUint64, sameBytes, writeUint32, writeUint64 } from './bytes.ts'
import { checkId, corrupt, SSTableError } from './errors.ts'

/** Bytes of the footer. */
export const FOOTER_SIZE = 128

const MAGIC = [0x4c, 0x53, 0x4d, 0x54, 0x41, 0x42, 0x4c, 0x45] as const
const VERSION = 1
const CRC_AT = 116

/** Where a part of the table lies. A size of 0: there is none. */
export interface PartHandle {
  readonly offset: number
  /** Trailer included. */
  readonly size: number
  readonly crc: number
}

export const NO_PART: PartHandle = { offset: 0, size: 0, crc: 0 }

export interface Footer {
  readonly rangeTombstones: PartHandle
  readonly filter: PartHandle
  readonly index: PartHandle
  readonly properties: PartHandle
  /** Where the data blocks end. */
  readonly dataSize: number
  /** 16 bytes. */
  readonly id: Uint8Array
  /** 16 bytes. */
  readonly storeId: Uint8Array
}

const PARTS = ['rangeTombstones', 'filter', 'index', 'properties'] as const

/** Returns the name of the file of the table with this id: 32 hexadecimal digits and `.sst`. */
export function tableFileName(id: Uint8Array): string {
  return `${tableIdText(id)}.sst`
}

/** Returns the id in a table's file name, or `undefined` for any other name. */
export function parseTableFileName(name: string): Uint8Array | undefined {
  if (typeof name !== 'string' || !/^[0-9a-f]{32}\.sst$/.test(name)) return undefined
  return Uint8Array.from({ length: 16 }, (_, i) => Number.parseInt(name.slice(i * 2, i * 2 + 2), 16))
}

/** Returns the id as 32 lower-case hexadecimal digits. */
export function tableIdText(id: Uint8Array): string {
  checkId(id, 'id')
  let text = ''
  for (const byte of id) text += byte.toString(16).padStart(2, '0')
  return text
}

/** Returns the footer's bytes, and the checksum that the manifest repeats. */
export function encodeFooter(footer: Footer): { readonly bytes: Uint8Array; readonly tailChecksum: number } {
  const bytes = new Uint8Array(FOOTER_SIZE)
  for (const [i, name] of PARTS.entries()) {
    const { offset, size, crc } = footer[name]
    writeUint64(bytes, i * 16, offset)
    writeUint32(bytes, i * 16 + 8, size)
    writeUint32(bytes, i * 16 + 12, crc)
  }
  writeUint64(bytes, 64, footer.dataSize)
  bytes.set(footer.id, 72)
  bytes.set(footer.storeId, 88)
  writeUint32(bytes, 104, VERSION)
  const tailChecksum = compute(bytes, 0, CRC_AT)
  writeUint32(bytes, CRC_AT, tailChecksum)
  bytes.set(MAGIC, CRC_AT + 4)
  return { bytes, tailChecksum }
}

/** What a footer must agree with. */
export interface ExpectedFooter {
  readonly file: string
  /** The file's size in bytes. */
  readonly sizeBytes: number
  readonly id: Uint8Array
  readonly storeId: Uint8Array
  /** `undefined`: any. */
  readonly tailChecksum: number | undefined
}

/** Returns the footer in `bytes`, every field checked: parts lie one behind another and fill the file. */
export function decodeFooter(bytes: Uint8Array, expected: ExpectedFooter): Footer & { readonly tailChecksum: number } {
  const { file, sizeBytes } = expected
  const start = sizeBytes - FOOTER_SIZE
  const fail = (at: number, what: string): SSTableError => corrupt(file, start + at, what)
  if (MAGIC.some((byte, i) => bytes[CRC_AT + 4 + i] !== byte)) {
    throw fail(CRC_AT + 4, 'it does not end like a table: cut off, or no table')
  }
  const tailChecksum = readUint32(bytes, CRC_AT)
  const isIntact = tailChecksum === compute(bytes, 0, CRC_AT)
  const version = readUint32(bytes, 104)
  const features = readUint32(bytes, 108)
  // A newer version may keep its checksum elsewhere; a damaged version number of ours is told by the rest.
  if (version > VERSION || (isIntact && features !== 0)) {
    const message = `${file}: version ${version} with features ${features.toString(16)} needs a newer release`
    throw new SSTableError('SSTABLE_UNSUPPORTED_FORMAT', message, { file, offset: start + 104 })
  }
  if (!isIntact) throw fail(CRC_AT, 'the footer does not match its checksum')
  if (version !== VERSION || readUint32(bytes, 112) !== 0) throw fail(104, 'the footer holds what no writer writes')
  if (!sameBytes(bytes.subarray(72, 88), expected.id)) throw fail(72, 'the footer is that of another table')
  if (!sameBytes(bytes.subarray(88, 104), expected.storeId)) throw fail(88, 'the table is that of another store')
  if (expected.tailChecksum !== undefined && expected.tailChecksum !== tailChecksum) {
    throw fail(CRC_AT, `stale: its tail checksum is ${tailChecksum}, and should be ${expected.tailChecksum}`)
  }

  const dataSize = readUint64(bytes, 64)
  let end = dataSize
  const parts = PARTS.map((name, i): PartHandle => {
    const at = i * 16
    const part = { offset: readUint64(bytes, at), size: readUint32(bytes, at + 8), crc: readUint32(bytes, at + 12) }
    const isOptional = i < 2
    if (isOptional && part.size === 0 && part.offset === 0 && part.crc === 0) return part
    if (part.offset !== end || part.size < TRAILER_SIZE) {
      throw fail(at, `${name}: ${part.size} bytes at ${part.offset}, where the part before ends at ${end}`)
    }
    end += part.size
    return part
  })
  if (end !== start) throw fail(0, `the parts end at ${end} and the footer starts at ${start}`)
  const [rangeTombstones, filter, index, properties] = parts as [PartHandle, PartHandle, PartHandle, PartHandle]
  const { id, storeId } = expected
  return { rangeTombstones, filter, index, properties, dataSize, id, storeId, tailChecksum }
}
