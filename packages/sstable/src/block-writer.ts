/**
 * The blocks of a table on their way to the file: records are encoded where they will be written from, and a block is
 * sealed in place. One buffer of about 256 KiB goes to the storage at once.
 */
import type { StorageFile } from '@lsm/storage'
import { BLOCK_TYPE, BlockChecksum, type BlockType, MAX_PAYLOAD_SIZE, TRAILER_SIZE } from './block-trailer.ts'
import type { CompressionCodec } from './compression.ts'
import { SSTableError } from './errors.ts'
import type { PartHandle } from './footer.ts'

/** Sealed bytes that are written at once. */
const WRITE_SIZE = 256 * 1024

export class BlockWriter {
  readonly #file: StorageFile
  readonly #checksum: BlockChecksum
  readonly #codec: CompressionCodec | undefined
  /** Sealed blocks in `[0, blockStart)`, the payload of the open one in `[blockStart, end)`. */
  bytes: Uint8Array = new Uint8Array(WRITE_SIZE + 64 * 1024)
  blockStart = 0
  end = 0
  /** Bytes in the file. */
  #written = 0

  constructor(file: StorageFile, tableId: Uint8Array, codec: CompressionCodec | undefined) {
    this.#file = file
    this.#checksum = new BlockChecksum(tableId)
    this.#codec = codec
  }

  /** Where the open block will stand in the file. */
  get blockOffset(): number {
    return this.#written + this.blockStart
  }

  /** Bytes of the file so far, the open block included. */
  get sizeBytes(): number {
    return this.#written + this.end
  }

  /** Makes room for `size` bytes more of the open block; `SSTABLE_TOO_LARGE` beyond what a block can hold. */
  reserve(size: number): void {
    const payloadSize = this.end - this.blockStart + size
    if (payloadSize > MAX_PAYLOAD_SIZE) {
      const message = `${this.#file.name}: a block of ${payloadSize} bytes is over the limit of ${MAX_PAYLOAD_SIZE}`
      throw new SSTableError('SSTABLE_TOO_LARGE', message, { file: this.#file.name, offset: this.blockOffset })
    }
    const needed = this.end + size + TRAILER_SIZE
    if (needed <= this.bytes.length) return
    const grown = new Uint8Array(Math.max(needed, Math.min(this.bytes.length * 2, MAX_PAYLOAD_SIZE + WRITE_SIZE)))
    grown.set(this.bytes.subarray(0, this.end))
    this.bytes = grown
  }

  /** Seals the open block as a data block. A promise only where the codec's or the storage's is to be waited for. */
  endDataBlock(): undefined | Promise<void> {
    const payload = this.bytes.subarray(this.blockStart, this.end)
    const packed = this.#codec?.compress(payload)
    if (packed === undefined || packed instanceof Uint8Array) return this.#sealData(packed, payload.length)
    return Promise.resolve(packed).then((bytes) => this.#sealData(bytes, payload.length))
  }

  #sealData(packed: Uint8Array | undefined, size: number): undefined | Promise<void> {
    let compression = 0
    // What is saved must be worth the work of every later read.
    if (packed !== undefined && packed.length <= size - size / 8) {
      this.bytes.set(packed, this.blockStart)
      this.end = this.blockStart + packed.length
      compression = this.#codec!.id
    }
    this.#seal(BLOCK_TYPE.data, compression, size)
    return this.end < WRITE_SIZE ? undefined : this.flush()
  }

  /** Writes a block of another kind and returns where it lies. */
  async writePart(type: BlockType, payload: Uint8Array): Promise<PartHandle> {
    this.reserve(payload.length)
    this.bytes.set(payload, this.end)
    this.end += payload.length
    const offset = this.blockOffset
    const crc = this.#seal(type, 0, payload.length)
    const size = payload.length + TRAILER_SIZE
    if (this.end >= WRITE_SIZE) await this.flush()
    return { offset, size, crc }
  }

  #seal(type: BlockType, compression: number, size: number): number {
    const { blockStart, end, blockOffset: offset } = this
    const crc = this.#checksum.seal(this.bytes, blockStart, end, { type, compression, size, offset })
    this.end += TRAILER_SIZE
    this.blockStart = this.end
    return crc
  }

  /** Appends bytes that are no block. */
  appendRaw(bytes: Uint8Array): void {
    this.reserve(bytes.length)
    this.bytes.set(bytes, this.end)
    this.end += bytes.length
    this.blockStart = this.end
  }

  /** Writes the sealed blocks to the file. */
  async flush(): Promise<void> {
    const size = this.blockStart
    await this.#file.append(this.bytes.subarray(0, size))
    this.bytes.copyWithin(0, size, this.end)
    this.#written += size
    this.end -= size
    this.blockStart = 0
  }
}
