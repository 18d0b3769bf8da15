/**
 * Lays frames into blocks as fragments. Normative text: docs/format/wal.md.
 *
 *   fragment: CRC-32 u32 | length u16 | type u8 | zero u8 | synced mark u32 | payload
 *
 * Pure: it knows where in the file the bytes will lie, and no file.
 */
import { compute, extend } from '@lsm/crc'
import { BLOCK_SIZE, FRAGMENT, FRAGMENT_HEADER_SIZE } from './segment.ts'

/** The CRC of a fragment depends on its segment and its place; this computes it without joining the parts. */
export class FragmentChecksum {
  readonly #idCrc: number
  readonly #place = new Uint8Array(8)
  readonly #placeView = new DataView(this.#place.buffer)

  constructor(segmentId: Uint8Array) {
    this.#idCrc = compute(segmentId)
  }

  /** Of the fragment whose header starts at `at` in `bytes` and at `offset` in the file, `length` bytes of payload. */
  compute(bytes: Uint8Array, at: number, length: number, offset: number): number {
    // Segments are shorter than 2^32 bytes: the upper word of the offset is always zero.
    this.#placeView.setUint32(4, offset)
    return extend(extend(this.#idCrc, this.#place), bytes, at + 4, at + FRAGMENT_HEADER_SIZE + length)
  }
}

/** Bytes of a frame with `length` bytes of payload that starts at `offset` in the file, padding before it included. */
export function framedSize(offset: number, length: number): number {
  let at = offset
  let left = length
  while (left > 0) {
    const room = BLOCK_SIZE - (at % BLOCK_SIZE)
    if (room <= FRAGMENT_HEADER_SIZE) {
      at += room
      continue
    }
    const payload = Math.min(left, room - FRAGMENT_HEADER_SIZE)
    at += FRAGMENT_HEADER_SIZE + payload
    left -= payload
  }
  return at - offset
}

/** Frames for one write, in one buffer that is used again. */
export class FrameBuffer {
  #bytes = new Uint8Array(64 * 1024)
  #view = new DataView(this.#bytes.buffer)
  #length = 0

  /** What was framed since `clear`; borrowed until the next call. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length)
  }

  get length(): number {
    return this.#length
  }

  /** Forgets the frames. A buffer that grew past `keepBytes` shrinks again. */
  clear(keepBytes: number = 1024 * 1024): void {
    this.#length = 0
    if (this.#bytes.length <= keepBytes) return
    this.#bytes = new Uint8Array(keepBytes)
    this.#view = new DataView(this.#bytes.buffer)
  }

  /**
   * Adds one frame with the payload `bytes[start, end)`. `base` is the file's offset of this buffer's first byte,
   * `syncedMark` how much of the segment is durable.
   */
  add(
    bytes: Uint8Array,
    start: number,
    end: number,
    place: { readonly base: number; readonly syncedMark: number; readonly checksum: FragmentChecksum },
  ): void {
    const { base, syncedMark, checksum } = place
    this.#reserve(framedSize(base + this.#length, end - start))
    let at = this.#length
    let from = start
    while (from < end) {
      const room = BLOCK_SIZE - ((base + at) % BLOCK_SIZE)
      if (room <= FRAGMENT_HEADER_SIZE) {
        this.#bytes.fill(0, at, at + room)
        at += room
        continue
      }
      const length = Math.min(end - from, room - FRAGMENT_HEADER_SIZE)
      const isFirst = from === start
      const isLast = from + length === end
      const header = at
      this.#view.setUint16(header + 4, length)
      this.#bytes[header + 6] = isFirst
        ? isLast
          ? FRAGMENT.whole
          : FRAGMENT.first
        : isLast
          ? FRAGMENT.last
          : FRAGMENT.middle
      this.#bytes[header + 7] = 0
      this.#view.setUint32(header + 8, syncedMark)
      at += FRAGMENT_HEADER_SIZE
      copy(bytes, from, this.#bytes, at, length)
      this.#view.setUint32(header, checksum.compute(this.#bytes, header, length, base + header))
      at += length
      from += length
    }
    this.#length = at
  }

  #reserve(size: number): void {
    const needed = this.#length + size
    if (needed <= this.#bytes.length) return
    const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2))
    grown.set(this.#bytes.subarray(0, this.#length))
    this.#bytes = grown
    this.#view = new DataView(grown.buffer)
  }
}

/** Copies without a view for short pieces: `subarray` costs more than a loop over 64 bytes. */
function copy(from: Uint8Array, start: number, to: Uint8Array, at: number, length: number): void {
  if (length > 64) {
    to.set(from.subarray(start, start + length), at)
    return
  }
  for (let i = 0; i < length; i++) to[at + i] = from[start + i]!
}
