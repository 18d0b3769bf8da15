/**
 * What the memtable is measured against: a skip list as LevelDB and RocksDB have it, in typed arrays. Keys and values
 * are copied into an arena, nodes are offsets, and each node carries a prefix of its key as a number, as the
 * memtable's runs do, so that the structures are compared and not the care taken with them. It keeps one version of a
 * key and has no sequence numbers: less than the job.
 */
const MAX_HEIGHT = 12
const BRANCHING_BITS = 2
const PREFIX_BYTES = 6

export class SkipList {
  #bytes: Uint8Array
  #used = 0
  /** By node: key offset, key length, value offset, value length, where its tower starts in `#next`. */
  #fields: Int32Array
  #prefixes: Float64Array
  #next: Int32Array
  #nextUsed = MAX_HEIGHT
  #nodes = 1
  #height = 1
  #random = 0x2545f491
  readonly #before = new Int32Array(MAX_HEIGHT)

  constructor(capacity = 1024) {
    this.#bytes = new Uint8Array(capacity * 64)
    this.#fields = new Int32Array(capacity * 5)
    this.#prefixes = new Float64Array(capacity)
    this.#next = new Int32Array(capacity * 2 + MAX_HEIGHT)
  }

  get size(): number {
    return this.#nodes - 1
  }

  set(key: Uint8Array, value: Uint8Array): void {
    const prefix = prefixOf(key)
    const found = this.#findAtOrAfter(key, prefix, true)
    if (found !== 0 && this.#compare(found, key, prefix) === 0) {
      this.#fields[found * 5 + 2] = this.#copy(value)
      this.#fields[found * 5 + 3] = value.length
      return
    }
    const height = this.#randomHeight()
    while (this.#height < height) this.#before[this.#height++] = 0
    const node = this.#nodes++
    if (node * 5 + 5 > this.#fields.length) this.#growNodes()
    const tower = this.#nextUsed
    this.#nextUsed += height
    if (this.#nextUsed > this.#next.length) this.#next = grown(this.#next, new Int32Array(this.#nextUsed * 2))
    this.#fields[node * 5] = this.#copy(key)
    this.#fields[node * 5 + 1] = key.length
    this.#fields[node * 5 + 2] = this.#copy(value)
    this.#fields[node * 5 + 3] = value.length
    this.#fields[node * 5 + 4] = tower
    this.#prefixes[node] = prefix
    for (let level = 0; level < height; level++) {
      const link = this.#tower(this.#before[level]!) + level
      this.#next[tower + level] = this.#next[link]!
      this.#next[link] = node
    }
  }

  /** The node of `key`, or 0. */
  find(key: Uint8Array): number {
    const prefix = prefixOf(key)
    const node = this.#findAtOrAfter(key, prefix, false)
    return node !== 0 && this.#compare(node, key, prefix) === 0 ? node : 0
  }

  /** The first node at or after `key`, or 0. */
  seek(key: Uint8Array): number {
    return this.#findAtOrAfter(key, prefixOf(key), false)
  }

  first(): number {
    return this.#next[0]!
  }

  next(node: number): number {
    return this.#next[this.#tower(node)]!
  }

  firstValueByte(node: number): number {
    return this.#bytes[this.#fields[node * 5 + 2]!]!
  }

  #tower(node: number): number {
    return node === 0 ? 0 : this.#fields[node * 5 + 4]!
  }

  #findAtOrAfter(key: Uint8Array, prefix: number, keepPath: boolean): number {
    let node = 0
    let level = this.#height - 1
    for (;;) {
      const next = this.#next[this.#tower(node) + level]!
      if (next !== 0 && this.#compare(next, key, prefix) < 0) {
        node = next
        continue
      }
      if (keepPath) this.#before[level] = node
      if (level === 0) return next
      level--
    }
  }

  #compare(node: number, key: Uint8Array, prefix: number): number {
    const difference = this.#prefixes[node]! - prefix
    if (difference !== 0) return difference
    const start = this.#fields[node * 5]!
    const length = this.#fields[node * 5 + 1]!
    const shared = Math.min(length, key.length)
    for (let i = 0; i < shared; i++) {
      const byte = this.#bytes[start + i]! - key[i]!
      if (byte !== 0) return byte
    }
    return length - key.length
  }

  #copy(source: Uint8Array): number {
    const at = this.#used
    this.#used += source.length
    if (this.#used > this.#bytes.length) this.#bytes = grown(this.#bytes, new Uint8Array(this.#used * 2))
    this.#bytes.set(source, at)
    return at
  }

  #growNodes(): void {
    this.#fields = grown(this.#fields, new Int32Array(this.#fields.length * 2))
    this.#prefixes = grown(this.#prefixes, new Float64Array(this.#fields.length / 5))
  }

  #randomHeight(): number {
    let random = this.#random
    random ^= random << 13
    random ^= random >>> 17
    random ^= random << 5
    this.#random = random
    let height = 1
    while (height < MAX_HEIGHT && (random & ((1 << BRANCHING_BITS) - 1)) === 0) {
      height++
      random >>>= BRANCHING_BITS
    }
    return height
  }
}

function prefixOf(key: Uint8Array): number {
  let prefix = 0
  for (let i = 0; i < PREFIX_BYTES; i++) prefix = prefix * 256 + (i < key.length ? key[i]! : 0)
  return prefix
}

function grown<T extends Uint8Array | Int32Array | Float64Array>(from: T, to: T): T {
  to.set(from)
  return to
}
