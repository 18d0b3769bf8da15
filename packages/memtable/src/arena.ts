/**
 * Memory that only grows: chunks of up to 1 MiB, each one buffer seen as bytes, words and doubles. Nothing in it ever
 * moves or is reused, so a view of it stays good as long as the table does.
 *
 * A place in it is a *reference*: 31 bits, `chunk << 17 | unit`, a unit being 8 bytes. The first chunks are small, so
 * that an empty table costs little. An allocation over 256 KiB gets a chunk of its own, of whatever size it needs:
 * only its start has to be addressable. The chunks are shared memory where the runtime has it, so a worker can read
 * them without a copy. The arena refuses to know what is written into it.
 */
import { MemtableError } from './errors.ts'

export type SharedOrPlainBuffer = ArrayBuffer | SharedArrayBuffer

export const UNIT_BYTES = 8
/** Chunk of a reference: `reference >>> UNIT_BITS`. Unit inside it: `reference & UNIT_MASK`. */
export const UNIT_BITS = 17
export const UNIT_MASK: number = (1 << UNIT_BITS) - 1
/** No reference. What it would lead to is never given out and stays zero: no key, an empty value. */
export const NONE = 0
const RESERVED_UNITS = 4

/** An allocation of more units than this has a chunk of its own (256 KiB). */
export const LARGE_UNITS: number = 1 << 15
const FIRST_CHUNK_UNITS = 1 << 11
const MAX_CHUNK_UNITS = 1 << UNIT_BITS
const MAX_CHUNKS = 1 << (31 - UNIT_BITS)

/** Whether this runtime has memory that threads can share. */
export function canShareMemory(): boolean {
  return typeof SharedArrayBuffer === 'function'
}

/** `byteLength` bytes of zeros; throws `MEMTABLE_FULL` where the runtime has no room for them. */
export function allocateBuffer(byteLength: number, shared: boolean): SharedOrPlainBuffer {
  try {
    return shared ? new SharedArrayBuffer(byteLength) : new ArrayBuffer(byteLength)
  } catch (cause) {
    throw new MemtableError('MEMTABLE_FULL', `no memory for ${byteLength} bytes more`, { cause })
  }
}

/**
 * Chunks for reading: three arrays in step, by chunk. They are plain fields, because the hot loops read them in the
 * middle of a comparison.
 */
export interface Memory {
  readonly bytes: Uint8Array[]
  readonly words: Uint32Array[]
  readonly doubles: Float64Array[]
}

function appendChunk(memory: Memory, buffer: SharedOrPlainBuffer): void {
  memory.bytes.push(new Uint8Array(buffer))
  memory.words.push(new Uint32Array(buffer))
  memory.doubles.push(new Float64Array(buffer))
}

/** The memory over the buffers of another thread's arena. */
export function memoryOver(buffers: readonly SharedOrPlainBuffer[]): Memory {
  const memory: Memory = { bytes: [], words: [], doubles: [] }
  for (const buffer of buffers) appendChunk(memory, buffer)
  return memory
}

export class Arena implements Memory {
  readonly bytes: Uint8Array[] = []
  readonly words: Uint32Array[] = []
  readonly doubles: Float64Array[] = []
  readonly shared: boolean
  #allocatedBytes = 0
  #nextChunkUnits = FIRST_CHUNK_UNITS
  #current = 0
  #next = 0
  #limit = 0

  constructor(shared: boolean) {
    this.shared = shared
    this.#startChunk(1)
    this.#next = RESERVED_UNITS
  }

  /** Bytes of all chunks, unused room in them included. */
  get allocatedBytes(): number {
    return this.#allocatedBytes
  }

  /** A reference to `units` units of zeroed memory. Throws `MEMTABLE_FULL`, and then nothing has changed. */
  allocate(units: number): number {
    const unit = this.#next
    if (unit + units <= this.#limit) {
      this.#next = unit + units
      return (this.#current << UNIT_BITS) | unit
    }
    if (units > LARGE_UNITS) return this.#addChunk(units) << UNIT_BITS
    this.#startChunk(units)
    this.#next = units
    return this.#current << UNIT_BITS
  }

  #startChunk(neededUnits: number): void {
    let units = this.#nextChunkUnits
    while (units < neededUnits) units *= 2
    this.#current = this.#addChunk(units)
    this.#limit = units
    this.#nextChunkUnits = Math.min(units * 2, MAX_CHUNK_UNITS)
  }

  #addChunk(units: number): number {
    const index = this.bytes.length
    if (index >= MAX_CHUNKS) {
      throw new MemtableError(
        'MEMTABLE_FULL',
        `the table has ${MAX_CHUNKS} chunks of memory: freeze it and start another`,
      )
    }
    appendChunk(this, allocateBuffer(units * UNIT_BYTES, this.shared))
    this.#allocatedBytes += units * UNIT_BYTES
    return index
  }
}
