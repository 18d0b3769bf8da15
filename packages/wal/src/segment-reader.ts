/**
 * Reads one segment: hands out its whole frames in order, and then says how the segment ends. It reads on past the
 * first bad place, because only what follows tells a crash from damage (docs/format/wal.md, "Reading").
 */
import type { Storage } from '@lsm/storage'
import { invalidRange, WalError } from './errors.ts'
import { FragmentScanner } from './fragment-scanner.ts'
import { FragmentChecksum } from './framing.ts'
import {
  BLOCK_SIZE,
  checkIdentity,
  checkSegmentHeader,
  FRAGMENT,
  SEGMENT_HEADER_SIZE,
  type SegmentIdentity,
  segmentFileName,
} from './segment.ts'

/** Blocks that are read at once. */
const CHUNK_SIZE = 32 * BLOCK_SIZE

/**
 * How a segment ends. `'whole'`: with its last frame. `'torn'`: with something that a crash can have left.
 * `'damaged'`: with something that only damage explains.
 */
export type SegmentEnd = 'whole' | 'torn' | 'damaged'

export interface SegmentReport {
  readonly file: string
  readonly end: SegmentEnd
  /** Where the last whole frame ends, or the header: what counts of the segment. */
  readonly validLength: number
  /** Bytes of the file, those beyond a sealed length left out. */
  readonly fileLength: number
  readonly frames: number
  /** The largest synced mark of all good fragments. */
  readonly syncedMark: number
  /** What is wrong at `validLength`, where something is. */
  readonly reason: string | undefined
}

export interface ReadSegmentOptions extends SegmentIdentity {
  /** The length that the manifest gives; `undefined` for the open segment. */
  readonly sealedLength: number | undefined
}

/**
 * Called for each whole frame with its payload `bytes[start, end)`, borrowed until it returns, and the offset of the
 * frame in the file. A `WAL_CORRUPT` that it throws marks the frame as damaged; other errors are the caller's own.
 */
export type OnFrame = (bytes: Uint8Array, start: number, end: number, offset: number) => void

/** Reads a segment. Throws for a damaged header (`WAL_CORRUPT`, `WAL_UNSUPPORTED_FORMAT`) and the storage's errors. */
export async function readSegment(
  storage: Storage,
  options: ReadSegmentOptions,
  onFrame: OnFrame,
): Promise<SegmentReport> {
  checkIdentity(options)
  const { sealedLength } = options
  if (sealedLength !== undefined && !(Number.isSafeInteger(sealedLength) && sealedLength >= 0)) {
    throw invalidRange(`a sealed length is a whole number of bytes, not ${sealedLength}`)
  }
  const name = segmentFileName(options.number)
  const file = await storage.open(name, { mode: 'read' })
  try {
    const size = await file.size()
    let length = Math.min(size, sealedLength ?? size)
    const reader = new FrameAssembler(name, options.id, onFrame)
    // Never more than the file holds, whatever a manifest says.
    const buffer = new Uint8Array(Math.min(CHUNK_SIZE, Math.max(SEGMENT_HEADER_SIZE, length)))
    for (let offset = 0; offset < length || offset === 0; offset += CHUNK_SIZE) {
      const wanted = Math.min(buffer.length, length - offset)
      const got = await file.read(buffer.subarray(0, wanted), offset)
      if (offset === 0) checkSegmentHeader(buffer.subarray(0, got), options)
      reader.takeChunk(buffer, got, offset)
      // The file became shorter meanwhile.
      if (got < wanted) length = offset + got
    }
    return reader.report(length, sealedLength)
  } finally {
    await file.close()
  }
}

/** Joins fragments to frames, notes the first bad place, and gathers synced marks behind it. */
class FrameAssembler {
  readonly #file: string
  readonly #onFrame: OnFrame
  readonly #scanner: FragmentScanner
  #parts: Uint8Array[] = []
  #partsStart = 0
  #frames = 0
  #syncedMark = 0
  #validLength = SEGMENT_HEADER_SIZE
  #badReason: string | undefined
  /** A good checksum over what no writer writes: no crash explains it. */
  #isDamaged = false

  constructor(file: string, segmentId: Uint8Array, onFrame: OnFrame) {
    this.#file = file
    this.#onFrame = onFrame
    this.#scanner = new FragmentScanner(new FragmentChecksum(segmentId))
  }

  takeChunk(bytes: Uint8Array, length: number, fileOffset: number): void {
    for (let block = 0; block < length; block += BLOCK_SIZE) {
      const start = fileOffset + block === 0 ? SEGMENT_HEADER_SIZE : block
      this.#scanner.reset(bytes, fileOffset, start, Math.min(block + BLOCK_SIZE, length))
      this.#takeBlock()
    }
  }

  #takeBlock(): void {
    const scanner = this.#scanner
    for (;;) {
      const found = scanner.next()
      if (found === 'block end') return
      if (found !== 'fragment') {
        this.#bad(found === 'empty' ? 'nothing but zeros' : scanner.reason)
        // No length in this block can be trusted any more, and what follows still tells how much was durable.
        if (found === 'empty' || !scanner.resynchronise()) return
      }
      if (scanner.syncedMark > this.#syncedMark) this.#syncedMark = scanner.syncedMark
      if (this.#badReason === undefined) this.#takeFragment()
    }
  }

  #takeFragment(): void {
    const { type, bytes, payloadStart, payloadEnd, offset } = this.#scanner
    const continues = type === FRAGMENT.middle || type === FRAGMENT.last
    if (continues !== this.#parts.length > 0) {
      this.#bad(continues ? 'the middle of a frame without its start' : 'a frame without its end')
      return
    }
    if (type === FRAGMENT.whole) {
      this.#deliver(bytes, payloadStart, payloadEnd, offset)
      return
    }
    if (this.#parts.length === 0) this.#partsStart = offset
    this.#parts.push(bytes.slice(payloadStart, payloadEnd))
    if (type !== FRAGMENT.last) return
    const joined = join(this.#parts)
    this.#parts = []
    this.#deliver(joined, 0, joined.length, this.#partsStart)
  }

  #deliver(bytes: Uint8Array, start: number, end: number, offset: number): void {
    const position = this.#scanner.position
    try {
      this.#onFrame(bytes, start, end, offset)
    } catch (error) {
      if (!(error instanceof WalError && error.code === 'WAL_CORRUPT')) throw error
      this.#isDamaged = true
      this.#bad(error.message)
      return
    }
    this.#frames++
    this.#validLength = position
  }

  #bad(reason: string): void {
    this.#badReason ??= reason
    this.#parts = []
  }

  report(length: number, sealedLength: number | undefined): SegmentReport {
    let reason = this.#badReason
    if (reason === undefined && this.#parts.length > 0) reason = 'a frame without its end'
    if (reason === undefined && sealedLength !== undefined && length < sealedLength) {
      reason = `the file is ${length} bytes long and should be ${sealedLength}`
    }
    // Bytes that were durable were damaged: the frame that is bad begins below the mark.
    const isDamaged = this.#isDamaged || sealedLength !== undefined || this.#syncedMark > this.#validLength
    return {
      file: this.#file,
      end: reason === undefined ? 'whole' : isDamaged ? 'damaged' : 'torn',
      validLength: this.#validLength,
      fileLength: length,
      frames: this.#frames,
      syncedMark: this.#syncedMark,
      reason,
    }
  }
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    joined.set(part, at)
    at += part.length
  }
  return joined
}
