/** The table that is written to. */
import { isRecordKind, RECORD_KIND, type RecordKind } from '@lsm/encoding'
import { Arena, canShareMemory } from './arena.ts'
import type { Contents } from './contents.ts'
import { keyAndVersionBytes, MAX_LENGTH, newestVersion } from './entries.ts'
import { checkBytes, checkNumber, checkObject, MemtableError, rangeError, typeError } from './errors.ts'
import { type HashSeed, randomHashSeed } from './hash.ts'
import { type KeyOrderStats, MAX_SLICE_KEYS } from './key-order.ts'
import { INDEX_BYTES_PER_KEY, WritableKeys } from './keys.ts'
import { MemtableView } from './memtable-view.ts'
import { RangeTombstones } from './range-tombstones.ts'
import { type SharedMemtable, toShared } from './shared.ts'

export interface MemtableOptions {
  /**
   * 64 secret bits as two integers, from which the hash of the keys is made: whoever does not know them cannot make
   * keys that collide. Default: from the platform's random source.
   */
  readonly hashSeed?: HashSeed
  /** Whether to use memory that other threads can read. Default: where the runtime has it. */
  readonly sharedMemory?: boolean
}

/** One write. The table copies what it needs before `add` returns, so the object and its bytes may be reused. */
export interface MemtableWrite {
  /** The key; the start of the range for a range tombstone. */
  readonly key: Uint8Array
  /** The value; the exclusive end of the range for a range tombstone. Default empty. */
  readonly value?: Uint8Array
  /** Greater than that of every write before. */
  readonly seq: number
  /** 0 value (the default), 1 tombstone, 2 range tombstone. */
  readonly kind?: RecordKind
  readonly timestampMs: number
}

export interface MemtableStats extends KeyOrderStats {
  /** Bytes of all buffers that the table has allocated, unused room in them included. */
  readonly allocatedBytes: number
}

const EMPTY: Uint8Array = /* @__PURE__ */ new Uint8Array(0)

class WritableContents implements Contents {
  readonly memory: Arena
  readonly points: WritableKeys
  readonly ranges: WritableKeys
  readonly tombstones: RangeTombstones
  firstSeq = -1
  lastSeq = -1
  entryCount = 0

  constructor(shared: boolean, seed: HashSeed) {
    this.memory = new Arena(shared)
    this.points = new WritableKeys(this.memory, seed)
    this.ranges = new WritableKeys(this.memory, seed)
    this.tombstones = new RangeTombstones(this.memory)
  }

  get byteSize(): number {
    return this.points.byteSize + this.ranges.byteSize
  }
}

/**
 * A sorted table of versioned keys in memory. Point reads go through a hash table; order is kept as sorted runs that
 * are merged a little with every write, so neither a write, nor a scan, nor a freeze ever stops to sort everything.
 */
export class Memtable extends MemtableView {
  readonly #contents: WritableContents
  #frozen = false
  // The fields of the write at hand in an object of one shape: `add` may be passed objects of many.
  readonly #fields: { seq: number; timestampMs: number; kind: RecordKind } = { seq: 0, timestampMs: 0, kind: 0 }

  constructor(options: MemtableOptions = {}) {
    checkObject(options, 'options')
    const { hashSeed = randomHashSeed(), sharedMemory = canShareMemory() } = options
    if (!Array.isArray(hashSeed) || hashSeed.length !== 2 || !hashSeed.every(Number.isSafeInteger)) {
      throw typeError('hashSeed must be two integers')
    }
    if (typeof sharedMemory !== 'boolean') throw typeError('sharedMemory must be a boolean')
    if (sharedMemory && !canShareMemory()) throw typeError('this runtime has no SharedArrayBuffer')
    const contents = new WritableContents(sharedMemory, hashSeed as HashSeed)
    super(contents)
    this.#contents = contents
  }

  /**
   * Adds a version of a key, or a range tombstone. Throws `MEMTABLE_SEQ_NOT_ASCENDING`, `MEMTABLE_FROZEN` or
   * `MEMTABLE_FULL`, and then nothing has changed. Copies key and value, allocates no object, O(1) amortized but for
   * its share of the ordering: at most 4,096 keys are sorted and merged on the way.
   */
  add(write: MemtableWrite): void {
    checkObject(write, 'a write')
    const { key, value = EMPTY, seq, kind = RECORD_KIND.value, timestampMs } = write
    checkBytes(key, 'key')
    checkBytes(value, 'value')
    checkNumber(seq, 'seq')
    checkNumber(timestampMs, 'timestampMs')
    if (!isRecordKind(kind)) throw rangeError('kind must be 0, 1 or 2')
    checkLengths(key.length, value.length)
    if (this.#frozen) throw new MemtableError('MEMTABLE_FROZEN', 'the table is frozen: write to the one after it')
    const contents = this.#contents
    if (seq <= contents.lastSeq) {
      const message = `seq ${seq} comes after ${contents.lastSeq}: every write needs a greater one than all before it`
      throw new MemtableError('MEMTABLE_SEQ_NOT_ASCENDING', message)
    }
    const fields = this.#fields
    fields.seq = seq
    fields.timestampMs = timestampMs
    fields.kind = kind
    if (kind === RECORD_KIND.rangeTombstone) {
      const node = contents.ranges.add(key, value, fields)
      contents.tombstones.add(node, newestVersion(contents.memory, node))
    } else {
      contents.points.add(key, value, fields)
    }
    if (contents.firstSeq < 0) contents.firstSeq = seq
    contents.lastSeq = seq
    contents.entryCount++
  }

  /** What a write of a key that is not in the table adds to `byteSize`, exactly; for a key that is, an upper bound. */
  costOf(keyLength: number, valueLength: number): number {
    checkNumber(keyLength, 'keyLength')
    checkNumber(valueLength, 'valueLength')
    checkLengths(keyLength, valueLength)
    return keyAndVersionBytes(keyLength, valueLength) + INDEX_BYTES_PER_KEY
  }

  get isFrozen(): boolean {
    return this.#frozen
  }

  /** Ends all writing. O(1): what is not in order yet is put in order by `step` and by cursors, in slices. */
  freeze(): void {
    this.#frozen = true
  }

  /**
   * Goes on ordering the keys, about `budgetKeys` of them and never more than 4,096 in one call; returns whether there
   * is more to do. Optional: it makes scans faster, and is meant for the time that a program has left between others.
   */
  step(budgetKeys: number = MAX_SLICE_KEYS): boolean {
    checkNumber(budgetKeys, 'budgetKeys')
    // A loop over `step(0)` would never end.
    if (budgetKeys === 0) throw rangeError('budgetKeys must be at least 1')
    const { points, ranges } = this.#contents
    return points.order.work(budgetKeys) || ranges.order.work(budgetKeys)
  }

  /**
   * The frozen table as plain data, for `openShared` in another thread. With shared memory no key and no value is
   * copied, here or in `postMessage`; without, `postMessage` copies them. Throws `MEMTABLE_NOT_FROZEN`.
   */
  share(): SharedMemtable {
    if (!this.#frozen) throw new MemtableError('MEMTABLE_NOT_FROZEN', 'freeze the table before it is shared')
    return toShared(this.#contents)
  }

  /** Of the order, that of the keys and not of the range tombstones. */
  get stats(): MemtableStats {
    const { memory, points, ranges } = this.#contents
    return {
      ...points.order.stats,
      allocatedBytes: memory.allocatedBytes + points.indexBytes + ranges.indexBytes,
    }
  }
}

function checkLengths(keyLength: number, valueLength: number): void {
  if (keyLength <= MAX_LENGTH && valueLength <= MAX_LENGTH) return
  throw rangeError(`key and value may have up to ${MAX_LENGTH} bytes, not ${keyLength} and ${valueLength}`)
}
