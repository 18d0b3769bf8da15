/** A table's file, read block by block: bounds first, then bytes, then checksums. */
import type { StorageFile } from '@lsm/storage'
import { BlockChecksum, type BlockType, TRAILER_SIZE } from './block-trailer.ts'
import { readUint32 } from './bytes.ts'
import type { CodecTable, CompressionCodec } from './compression.ts'
import { corrupt, SSTableError } from './errors.ts'

export class TableFile {
  readonly name: string
  readonly sizeBytes: number
  readonly #file: StorageFile
  readonly #checksum: BlockChecksum
  readonly #codecs: CodecTable
  #pending = 0
  #closing: Promise<void> | undefined
  #whenIdle: (() => void) | undefined

  constructor(file: StorageFile, sizeBytes: number, tableId: Uint8Array, codecs: CodecTable) {
    this.#file = file
    this.name = file.name
    this.sizeBytes = sizeBytes
    this.#checksum = new BlockChecksum(tableId)
    this.#codecs = codecs
  }

  /** Throws once `close` was called. */
  checkOpen(): void {
    if (this.#closing !== undefined) {
      throw new SSTableError('SSTABLE_CLOSED', `${this.name}: the reader is closed`, { file: this.name })
    }
  }

  /** Runs something that waits for reads; `close` waits for it. */
  async run<T>(task: () => Promise<T>): Promise<T> {
    this.#pending++
    try {
      return await task()
    } finally {
      this.#pending--
      if (this.#pending === 0) this.#whenIdle?.()
    }
  }

  /** Waits for what runs, then closes the file. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#closeWhenIdle()
    return this.#closing
  }

  async #closeWhenIdle(): Promise<void> {
    if (this.#pending > 0) {
      await new Promise<void>((resolve) => {
        this.#whenIdle = resolve
      })
    }
    await this.#file.close()
  }

  /** Returns `[offset, offset + size)` of the file, in memory that is the caller's. The range lies in the file. */
  async read(offset: number, size: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(size)
    return this.#whole(bytes, await this.#file.read(bytes, offset), offset)
  }

  readSync(offset: number, size: number): Uint8Array {
    const bytes = new Uint8Array(size)
    return this.#whole(bytes, this.#file.readSync(bytes, offset), offset)
  }

  #whole(bytes: Uint8Array, got: number, offset: number): Uint8Array {
    if (got === bytes.length) return bytes
    throw corrupt(this.name, offset + got, `the file ends here, and was ${this.sizeBytes} bytes long`)
  }

  /** Returns the payload, a view, of the uncompressed block `bytes`, which stands at `offset` and has this checksum. */
  openPart(bytes: Uint8Array, type: BlockType, { offset, crc }: { offset: number; crc: number }): Uint8Array {
    const file = this.name
    this.#checksum.check(bytes, 0, bytes.length, { file, type, offset })
    if (readUint32(bytes, bytes.length - 4) !== crc) throw corrupt(file, offset, 'the footer knows another block here')
    return bytes.subarray(0, bytes.length - TRAILER_SIZE)
  }

  /** Returns the payload of the data block `bytes[start, end)`, which stands at `offset`: a view, if not compressed. */
  openDataBlock(bytes: Uint8Array, start: number, end: number, offset: number): Uint8Array | Promise<Uint8Array> {
    this.#checksum.check(bytes, start, end, { file: this.name, type: 1, offset })
    const trailer = end - TRAILER_SIZE
    const payload = bytes.subarray(start, trailer)
    const compression = bytes[trailer]!
    if (compression === 0) return payload
    return this.#decompress(this.#codec(compression, offset), payload, readUint32(bytes, trailer + 4), offset)
  }

  #codec(id: number, offset: number): CompressionCodec {
    try {
      return this.#codecs.get(id)
    } catch (error) {
      const { code, message } = error as SSTableError
      throw new SSTableError(code, `${this.name}: ${message}`, { file: this.name, offset, cause: error })
    }
  }

  #decompress(
    codec: CompressionCodec,
    payload: Uint8Array,
    size: number,
    offset: number,
  ): Uint8Array | Promise<Uint8Array> {
    const fail = (cause: unknown): never => {
      throw corrupt(this.name, offset, `${codec.name} cannot decompress the block to ${size} bytes`, cause)
    }
    const check = (bytes: Uint8Array): Uint8Array => {
      if (bytes.length !== size) fail(undefined)
      // Results of zlib are parts of larger buffers, which must not be kept alive for a block.
      return bytes.buffer.byteLength === size ? bytes : new Uint8Array(bytes)
    }
    let bytes: Uint8Array | Promise<Uint8Array>
    try {
      bytes = codec.decompress(payload, size)
    } catch (error) {
      return fail(error)
    }
    return bytes instanceof Uint8Array ? check(bytes) : Promise.resolve(bytes).then(check, fail)
  }
}

/** What a storage throws when there is no such file, as this package's error; other errors as they are. */
export function asNotFound(error: unknown, file: string): unknown {
  if ((error as { code?: unknown } | null)?.code !== 'STORAGE_NOT_FOUND') return error
  return new SSTableError('SSTABLE_NOT_FOUND', `there is no table ${file}`, { file, cause: error })
}
