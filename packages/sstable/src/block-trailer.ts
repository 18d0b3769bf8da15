/**
 * The trailer behind every block of a table. Normative text: docs/format/table.md.
 *
 *   payload | compression u8 | block type u8 | zero u16 | uncompressed size u32 | CRC-32 u32
 *
 * The CRC covers the table's id, the block's offset, the payload as stored and the trailer before it, so that a block
 * of another table or from another place does not check out.
 */
import { compute, extend } from '@lsm/crc'
import { readUint32, writeUint32, writeUint64 } from './bytes.ts'
import { corrupt } from './errors.ts'

/** Bytes of a block's trailer. */
export const TRAILER_SIZE = 12
/** Largest payload when uncompressed: 1 GiB for a value, 64 MiB for the rest. */
export const MAX_PAYLOAD_SIZE = 1_140_850_688

export const BLOCK_TYPE = { data: 1, rangeTombstones: 2, filter: 3, index: 4, properties: 5 } as const

export type BlockType = (typeof BLOCK_TYPE)[keyof typeof BLOCK_TYPE]

/** Checksums of one table's blocks. */
export class BlockChecksum {
  /** Table id and block offset: what the CRC begins with. */
  readonly #place = new Uint8Array(24)

  constructor(tableId: Uint8Array) {
    this.#place.set(tableId)
  }

  /** Returns the CRC of the block at `offset` of the file, whose bytes but for the CRC are `bytes[start, end)`. */
  of(bytes: Uint8Array, start: number, end: number, offset: number): number {
    writeUint64(this.#place, 16, offset)
    return extend(compute(this.#place), bytes, start, end)
  }

  /**
   * Writes the trailer of the block `bytes[start, end)` behind it, for the place `offset` in the file, and returns
   * its CRC.
   */
  seal(bytes: Uint8Array, start: number, end: number, block: BlockHeader): number {
    bytes[end] = block.compression
    bytes[end + 1] = block.type
    bytes[end + 2] = 0
    bytes[end + 3] = 0
    writeUint32(bytes, end + 4, block.size)
    const crc = this.of(bytes, start, end + 8, block.offset)
    writeUint32(bytes, end + 8, crc)
    return crc
  }

  /** Throws unless `bytes[start, end)` is a whole block of that type, from that place, of a size that is allowed. */
  check(bytes: Uint8Array, start: number, end: number, block: { file: string; type: BlockType; offset: number }): void {
    const { file, type, offset } = block
    const trailer = end - TRAILER_SIZE
    if (trailer < start) throw corrupt(file, offset, `a block of ${end - start} bytes has no room for its trailer`)
    if (this.of(bytes, start, trailer + 8, offset) !== readUint32(bytes, trailer + 8)) {
      throw corrupt(file, offset, `the block of ${end - start} bytes does not match its checksum`)
    }
    if (bytes[trailer + 1] !== type) {
      throw corrupt(file, offset, `a block of type ${bytes[trailer + 1]} where one of type ${type} belongs`)
    }
    if (bytes[trailer + 2] !== 0 || bytes[trailer + 3] !== 0) {
      throw corrupt(file, offset, `reserved bytes of the block's trailer are not 0`)
    }
    const size = readUint32(bytes, trailer + 4)
    if (size > MAX_PAYLOAD_SIZE) throw corrupt(file, offset, `a block of ${size} bytes is larger than any can be`)
    const isStoredAsIs = bytes[trailer] === 0
    if (isStoredAsIs && size !== trailer - start) {
      throw corrupt(file, offset, `the block holds ${trailer - start} bytes and says ${size}`)
    }
    if (!isStoredAsIs && type !== BLOCK_TYPE.data) throw corrupt(file, offset, `only data blocks are compressed`)
  }
}

export interface BlockHeader {
  readonly compression: number
  readonly type: BlockType
  /** Size of the payload when uncompressed. */
  readonly size: number
  /** Where the block starts in the file. */
  readonly offset: number
}
