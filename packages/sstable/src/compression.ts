/**
 * How data blocks are compressed: deflate and zstd through the platform, found without an import so that the package
 * bundles for a browser as it is, and whatever a user brings.
 */
import { invalidRange, invalidType, SSTableError } from './errors.ts'

/**
 * A way to compress. Input is borrowed until the call returns or its promise settles; results are the caller's.
 * A codec that returns promises serves `add` and `find`, but neither `findSync` nor a synchronous cursor.
 */
export interface CompressionCodec {
  /** Stored in every block: 1 deflate, 2 zstd, 128 to 255 for codecs of one's own. */
  readonly id: number
  readonly name: string
  compress(bytes: Uint8Array): Uint8Array | Promise<Uint8Array>
  /** Returns the `sizeBytes` bytes that were compressed; never makes more than that many. Throws for damage. */
  decompress(bytes: Uint8Array, sizeBytes: number): Uint8Array | Promise<Uint8Array>
}

interface Zlib {
  deflateRawSync(bytes: Uint8Array, options: { level: number }): Uint8Array
  inflateRawSync(bytes: Uint8Array, options: { maxOutputLength: number }): Uint8Array
  zstdCompressSync?(bytes: Uint8Array): Uint8Array
  zstdDecompressSync?(bytes: Uint8Array, options: { maxOutputLength: number }): Uint8Array
}

function platformZlib(): Zlib | undefined {
  const { process } = globalThis as { process?: { getBuiltinModule?: (name: string) => unknown } }
  return process?.getBuiltinModule?.('node:zlib') as Zlib | undefined
}

/**
 * Returns raw deflate (RFC 1951): the runtime's zlib, or `CompressionStream`, which is asynchronous, where there is
 * none. `SSTABLE_UNSUPPORTED_COMPRESSION` where there is neither.
 */
export function deflateCodec(options: { readonly level?: number } = {}): CompressionCodec {
  const { level = 6 } = options
  if (!(Number.isInteger(level) && level >= 1 && level <= 9)) throw invalidRange('level must be an integer from 1 to 9')
  const zlib = platformZlib()
  if (zlib !== undefined) {
    return {
      id: 1,
      name: 'deflate',
      compress: (bytes) => zlib.deflateRawSync(bytes, { level }),
      // zlib refuses a limit of 0.
      decompress: (bytes, sizeBytes) => zlib.inflateRawSync(bytes, { maxOutputLength: sizeBytes || 1 }),
    }
  }
  if (typeof CompressionStream !== 'function') throw unsupported('deflate')
  return {
    id: 1,
    name: 'deflate',
    compress: (bytes) => pump(bytes, new CompressionStream('deflate-raw'), Number.POSITIVE_INFINITY),
    decompress: (bytes, sizeBytes) => pump(bytes, new DecompressionStream('deflate-raw'), sizeBytes),
  }
}

/** Returns zstd, of Node.js 22.15 and newer; `SSTABLE_UNSUPPORTED_COMPRESSION` where the runtime has none. */
export function zstdCodec(): CompressionCodec {
  const { zstdCompressSync, zstdDecompressSync } = platformZlib() ?? {}
  if (zstdCompressSync === undefined || zstdDecompressSync === undefined) throw unsupported('zstd')
  return {
    id: 2,
    name: 'zstd',
    compress: (bytes) => zstdCompressSync(bytes),
    decompress: (bytes, sizeBytes) => zstdDecompressSync(bytes, { maxOutputLength: sizeBytes || 1 }),
  }
}

function unsupported(name: string): SSTableError {
  return new SSTableError('SSTABLE_UNSUPPORTED_COMPRESSION', `this runtime has no ${name}`)
}

/** Sends `bytes` through `stream`; stops before more than `limit` bytes have come out. */
async function pump(
  bytes: Uint8Array,
  stream: { readonly writable: WritableStream; readonly readable: ReadableStream },
  limit: number,
): Promise<Uint8Array> {
  const writer = stream.writable.getWriter()
  const reader = (stream.readable as ReadableStream<Uint8Array>).getReader()
  const written = writer.write(bytes).then(() => writer.close())
  // What fails in the stream fails the read below.
  written.catch(() => {})
  const parts: Uint8Array[] = []
  let size = 0
  for (;;) {
    const { done, value } = await reader.read()
    if (done) break
    size += value.length
    if (size > limit) {
      await reader.cancel()
      throw new RangeError(`more than ${limit} bytes come out`)
    }
    parts.push(value)
  }
  const whole = new Uint8Array(size)
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

/** The codecs that a reader can use: the platform's, made when first needed, and the user's. */
export class CodecTable {
  readonly #codecs = new Map<number, CompressionCodec>()

  constructor(codecs: readonly CompressionCodec[] = []) {
    for (const codec of codecs) {
      checkCodec(codec)
      this.#codecs.set(codec.id, codec)
    }
  }

  /** Returns the codec with this id; `SSTABLE_UNSUPPORTED_COMPRESSION` when there is none. */
  get(id: number): CompressionCodec {
    let codec = this.#codecs.get(id)
    if (codec === undefined) {
      if (id !== 1 && id !== 2) {
        const message = `blocks are compressed with codec ${id}, which was not registered`
        throw new SSTableError('SSTABLE_UNSUPPORTED_COMPRESSION', message)
      }
      codec = id === 1 ? deflateCodec() : zstdCodec()
      this.#codecs.set(id, codec)
    }
    return codec
  }
}

/** Throws unless `codec` can be one. */
export function checkCodec(codec: CompressionCodec): void {
  if (typeof codec?.compress !== 'function' || typeof codec.decompress !== 'function') {
    throw invalidType('a codec has an id, a name, compress and decompress')
  }
  const { id } = codec
  if (id === 1 || id === 2 || (Number.isInteger(id) && id >= 128 && id <= 255)) return
  throw invalidRange(`a codec's id is 1 (deflate), 2 (zstd) or 128 to 255, not ${String(id)}`)
}
