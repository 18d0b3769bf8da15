/** Growing writer and checked reader for the manifest's big-endian fields. */
import { corruption, type LsmError } from './errors.ts'

/** Appends fields to a buffer that grows. */
export class BytesWriter {
  #buffer: Uint8Array
  #view: DataView
  #length = 0

  constructor(capacity = 1024) {
    this.#buffer = new Uint8Array(Math.max(64, capacity))
    this.#view = new DataView(this.#buffer.buffer)
  }

  get length(): number {
    return this.#length
  }

  u8(value: number): void {
    // First the room, then the buffer: making room may replace it.
    const at = this.#take(1)
    this.#view.setUint8(at, value)
  }

  u32(value: number): void {
    const at = this.#take(4)
    this.#view.setUint32(at, value)
  }

  /** `value` is a whole number up to 2^53 - 1. */
  u64(value: number): void {
    const at = this.#take(8)
    this.#view.setUint32(at, Math.floor(value / 2 ** 32))
    this.#view.setUint32(at + 4, value >>> 0)
  }

  bytes(value: Uint8Array): void {
    const at = this.#take(value.length)
    this.#buffer.set(value, at)
  }

  /** Length u32, then the bytes. */
  sized(value: Uint8Array): void {
    this.u32(value.length)
    this.bytes(value)
  }

  hex(digits: string): void {
    for (let i = 0; i < digits.length; i += 2) this.u8(Number.parseInt(digits.slice(i, i + 2), 16))
  }

  /** `tag u8 | length u32 | what write() writes`. */
  entry(tag: number, write: (out: BytesWriter) => void): void {
    this.u8(tag)
    const at = this.#take(4)
    write(this)
    this.#view.setUint32(at, this.#length - at - 4)
  }

  /** What was written so far; a view that later writes may leave behind. */
  finish(): Uint8Array {
    return this.#buffer.subarray(0, this.#length)
  }

  #take(size: number): number {
    const at = this.#length
    this.#length += size
    if (this.#length > this.#buffer.length) {
      const grown = new Uint8Array(Math.max(this.#length, this.#buffer.length * 2))
      grown.set(this.#buffer)
      this.#buffer = grown
      this.#view = new DataView(grown.buffer)
    }
    return at
  }
}

/** Reads fields between two offsets; anything that does not fit is `LSM_CORRUPTION`. What it returns is a copy. */
export class BytesReader {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  readonly #file: string
  readonly #end: number
  #at: number

  constructor(bytes: Uint8Array, { start, end, file }: { start: number; end: number; file: string }) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#file = file
    this.#at = start
    this.#end = end
  }

  get isAtEnd(): boolean {
    return this.#at === this.#end
  }

  get remaining(): number {
    return this.#end - this.#at
  }

  u8(): number {
    return this.#view.getUint8(this.#take(1))
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4))
  }

  u64(): number {
    const at = this.#take(8)
    const value = this.#view.getUint32(at) * 2 ** 32 + this.#view.getUint32(at + 4)
    if (!Number.isSafeInteger(value)) throw this.corrupt('a number beyond 2^53 - 1', at)
    return value
  }

  bytes(length: number): Uint8Array {
    const at = this.#take(length)
    // Not `slice`, which is a view where the bytes are a Buffer.
    return new Uint8Array(this.#bytes.subarray(at, at + length))
  }

  text(length: number): string {
    const at = this.#take(length)
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(this.#bytes.subarray(at, at + length))
    } catch {
      throw this.corrupt('text that is not UTF-8', at)
    }
  }

  hex(length: number): string {
    return Array.from(this.bytes(length), (byte) => byte.toString(16).padStart(2, '0')).join('')
  }

  /** Steps over `words` when they are next. */
  skipIf(words: readonly number[]): boolean {
    if (this.remaining < words.length * 4) return false
    if (words.some((word, i) => this.#view.getUint32(this.#at + i * 4) !== word)) return false
    this.#at += words.length * 4
    return true
  }

  /** A reader of the next `length` bytes, which this one steps over. */
  section(length: number): BytesReader {
    const start = this.#take(length)
    return new BytesReader(this.#bytes, { start, end: start + length, file: this.#file })
  }

  corrupt(what: string, offset: number = this.#at): LsmError {
    return corruption(`${this.#file}: ${what} at offset ${offset}`, { file: this.#file, offset })
  }

  #take(size: number): number {
    const at = this.#at
    if (size > this.#end - at) throw this.corrupt(`${size} bytes are wanted and ${this.#end - at} are left`)
    this.#at = at + size
    return at
  }
}
