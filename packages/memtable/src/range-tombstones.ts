/**
 * Which range tombstone hides a key, at any sequence number.
 *
 * Tombstones come with ascending sequence numbers, and equal numbers of neighbours are fused into layers, as in a
 * binary counter. A layer covers consecutive tombstones and keeps, in fragments that do not overlap, the newest one
 * for each stretch of keys:
 *
 *     tombstones   3 [b ─────── k)          fragments   a   b       e       k   m
 *                  2 [a ─── e)                          │ 2 │   3   │   3   │ 1 │
 *                  1         [c ──── m)
 *
 * A read asks the layers from the newest to the oldest and stops at the first hit; a layer that its sequence number
 * cuts in two is asked by its halves. So a read costs O(log² n), and all layers together O(n log n) memory, however
 * the ranges overlap: one list of sequence numbers a fragment, the usual way, takes n² for n nested ranges.
 */
import { compareBytes } from '@lsm/encoding'
import { type Memory, NONE, UNIT_BITS } from './arena.ts'
import { keyLength, keyStart, seqOf, valueLength, valueStart } from './entries.ts'

/** A start that is not before its end covers no key; such a tombstone is kept, as the log has accepted it. */
interface Tombstone {
  readonly start: Uint8Array
  readonly end: Uint8Array
  readonly node: number
  readonly version: number
  readonly seq: number
}

interface Layer {
  /** It covers the tombstones `[from, to)` in the order of their arrival. */
  readonly from: number
  readonly to: number
  /** `hiders[i]` is the newest tombstone over `[bounds[i], bounds[i + 1])`, or -1. */
  readonly bounds: readonly Uint8Array[]
  readonly hiders: readonly number[]
  /** Its halves; a layer of one tombstone has none. */
  readonly older?: Layer
  readonly newer?: Layer
}

export class RangeTombstones {
  readonly #memory: Memory
  readonly #tombstones: Tombstone[] = []
  readonly #layers: Layer[] = []

  constructor(memory: Memory) {
    this.#memory = memory
  }

  get count(): number {
    return this.#tombstones.length
  }

  /**
   * Adds the tombstone whose start is the key at `node` and whose end is the value of `version`. Its sequence number
   * is greater than all before it. O(log n) amortized.
   */
  add(node: number, version: number): void {
    const memory = this.#memory
    const startAt = keyStart(node)
    const endAt = valueStart(version)
    const start = memory.bytes[node >>> UNIT_BITS]!.subarray(startAt, startAt + keyLength(memory, node))
    const end = memory.bytes[version >>> UNIT_BITS]!.subarray(endAt, endAt + valueLength(memory, version))
    const from = this.#tombstones.length
    this.#tombstones.push({ start, end, node, version, seq: seqOf(memory, version) })
    const isEmpty = compareBytes(start, end) >= 0
    let layer: Layer = {
      from,
      to: from + 1,
      bounds: isEmpty ? [] : [start, end],
      hiders: isEmpty ? [] : [from],
    }
    for (;;) {
      const last = this.#layers.at(-1)
      if (last === undefined || last.to - last.from > layer.to - layer.from) break
      this.#layers.pop()
      layer = fuse(last, layer)
    }
    this.#layers.push(layer)
  }

  /** Node and version of each tombstone, in the order in which they were added: what `add` takes elsewhere. */
  references(): Uint32Array {
    const references = new Uint32Array(this.#tombstones.length * 2)
    for (const [i, { node, version }] of this.#tombstones.entries()) references.set([node, version], i * 2)
    return references
  }

  /** The version of the newest tombstone up to `visibleSeq` that covers `key`, or `NONE`. O(log² n). */
  find(key: Uint8Array, visibleSeq: number): number {
    if (this.#tombstones.length === 0) return NONE
    const limit = this.#countVisible(visibleSeq)
    for (let i = this.#layers.length - 1; i >= 0; i--) {
      const hider = this.#hiderIn(this.#layers[i]!, key, limit)
      if (hider >= 0) return this.#tombstones[hider]!.version
    }
    return NONE
  }

  #countVisible(visibleSeq: number): number {
    let low = 0
    let high = this.#tombstones.length
    if (this.#tombstones[high - 1]!.seq <= visibleSeq) return high
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#tombstones[middle]!.seq <= visibleSeq) low = middle + 1
      else high = middle
    }
    return low
  }

  /** The newest tombstone of the layer, of those before `limit`, that covers `key`; -1 when there is none. */
  #hiderIn(layer: Layer, key: Uint8Array, limit: number): number {
    if (layer.from >= limit) return -1
    if (layer.to <= limit) {
      const fragment = countUpTo(layer.bounds, key) - 1
      return layer.hiders[fragment] ?? -1
    }
    // A layer that is cut covers at least two tombstones, so it has halves.
    const hider = this.#hiderIn(layer.newer!, key, limit)
    return hider >= 0 ? hider : this.#hiderIn(layer.older!, key, limit)
  }
}

/** How many of the ascending `bounds` are not after `key`. */
function countUpTo(bounds: readonly Uint8Array[], key: Uint8Array): number {
  let low = 0
  let high = bounds.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (compareBytes(bounds[middle]!, key) <= 0) low = middle + 1
    else high = middle
  }
  return low
}

/** One layer over the tombstones of both: where they overlap, the newer hides. */
function fuse(older: Layer, newer: Layer): Layer {
  const bounds: Uint8Array[] = []
  const hiders: number[] = []
  let i = 0
  let j = 0
  while (i < older.bounds.length || j < newer.bounds.length) {
    const a = older.bounds[i]
    const b = newer.bounds[j]
    const order = a === undefined ? 1 : b === undefined ? -1 : compareBytes(a, b)
    if (order <= 0) i++
    if (order >= 0) j++
    const below = older.hiders[i - 1] ?? -1
    const above = newer.hiders[j - 1] ?? -1
    const hider = above >= 0 ? above : below
    if (hider === (hiders.at(-1) ?? -1)) continue
    bounds.push((order <= 0 ? a : b)!)
    hiders.push(hider)
  }
  return { from: older.from, to: newer.to, bounds, hiders, older, newer }
}
