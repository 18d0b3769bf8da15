/**
 * Key → node, by extendible hashing (Fagin et al., 1979): a directory, indexed by the top bits of the hash, of segments
 * of at most 8,192 slots each, open addressing inside. A full segment is split in two and the others stay as they are,
 * so the longest pause is that of one segment (about 40 µs), where doubling one big table of a million keys was
 * measured at 25 ms.
 *
 *     segment: Int32Array, slot i = [ hash, node ] at 2i (node 0: empty), then [ keys in it, bits of the directory used ]
 */
import { type Memory, NONE } from './arena.ts'
import { hasKey } from './entries.ts'

const FIRST_SLOTS = 256
const MAX_SLOTS = 8192
/** Segments are not split any further: with a keyed hash, only a broken one gets here. They grow instead. */
const MAX_DEPTH = 20

export class HashIndex {
  readonly #memory: Memory
  #directory: Int32Array[] = [createSegment(FIRST_SLOTS, 0)]
  // `(hash >>> 1) >>> shift` is the directory's index: a shift by 32 for an empty directory would be a shift by 0.
  #shift = 31
  #allocatedBytes: number = this.#directory[0]!.byteLength

  constructor(memory: Memory) {
    this.#memory = memory
  }

  get allocatedBytes(): number {
    return this.#allocatedBytes
  }

  /** The node of `key`, or `NONE`. O(1) expected. */
  find(hash: number, key: Uint8Array): number {
    const segment = this.#directory[(hash >>> 1) >>> this.#shift]!
    const mask = segment.length - 4
    let at = (hash << 1) & mask
    for (;;) {
      const node = segment[at + 1]!
      if (node === NONE) return NONE
      if (segment[at] === hash && hasKey(this.#memory, node, key)) return node
      at = (at + 2) & mask
    }
  }

  /** Adds the node of a key that is not in the index. O(1) amortized; at worst O(8,192). */
  insert(hash: number, node: number): void {
    let segment = this.#directory[(hash >>> 1) >>> this.#shift]!
    while (isFull(segment)) {
      this.#makeRoom(segment, hash)
      segment = this.#directory[(hash >>> 1) >>> this.#shift]!
    }
    put(segment, hash, node)
  }

  #makeRoom(segment: Int32Array, hash: number): void {
    const slots = slotsOf(segment)
    const depth = depthOf(segment)
    const splits = slots >= MAX_SLOTS && depth < MAX_DEPTH
    if (splits && depth === 31 - this.#shift) this.#doubleDirectory()
    const low = splits ? createSegment(slots, depth + 1) : createSegment(slots * 2, depth)
    const high = splits ? createSegment(slots, depth + 1) : low
    for (let at = 0; at < slots * 2; at += 2) {
      const node = segment[at + 1]!
      const its = segment[at]!
      if (node !== NONE) put((its >>> (31 - depth)) & 1 ? high : low, its, node)
    }
    this.#replace(hash, depth, low, high)
    this.#allocatedBytes += low.byteLength + (splits ? high.byteLength : 0) - segment.byteLength
  }

  /** Points the directory's entries for the first `depth` bits of `hash` to `low`, and the upper half to `high`. */
  #replace(hash: number, depth: number, low: Int32Array, high: Int32Array): void {
    const span = 1 << (31 - this.#shift - depth)
    const first = ((hash >>> 1) >>> this.#shift) & ~(span - 1)
    for (let i = 0; i < span; i++) this.#directory[first + i] = i < span / 2 ? low : high
  }

  #doubleDirectory(): void {
    const old = this.#directory
    this.#directory = new Array<Int32Array>(old.length * 2)
    for (let i = 0; i < this.#directory.length; i++) this.#directory[i] = old[i >>> 1]!
    this.#shift--
  }
}

function createSegment(slots: number, depth: number): Int32Array {
  const segment = new Int32Array(slots * 2 + 2)
  segment[slots * 2 + 1] = depth
  return segment
}

function slotsOf(segment: Int32Array): number {
  return segment.length / 2 - 1
}

function depthOf(segment: Int32Array): number {
  return segment[segment.length - 1]!
}

/** At three quarters linear probing still finds a missing key within about eight slots, which share a cache line. */
function isFull(segment: Int32Array): boolean {
  return segment[segment.length - 2]! >= slotsOf(segment) * 0.75
}

function put(segment: Int32Array, hash: number, node: number): void {
  const mask = segment.length - 4
  let at = (hash << 1) & mask
  while (segment[at + 1] !== NONE) at = (at + 2) & mask
  segment[at] = hash
  segment[at + 1] = node
  segment[segment.length - 2]!++
}
