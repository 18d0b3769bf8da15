/**
 * How keys and their versions lie in the arena, and the loops that read them where they lie.
 *
 *     key        ┌──────────────┬──────────────┬─────────────────┐
 *                │ keyLength u32│ newest u32   │ key bytes, padded to 8
 *                └──────────────┴──────────────┴─────────────────┘
 *     version  ┌ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ┌─────────┬───────────┬───────────┬────────────────┐
 *                jump u32 │ depth u32   │ seq f64 │ time f64  │ older u32 │ valueLength u32│ value, padded to 8
 *              └ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ └─────────┴───────────┴───────────┴────────────────┘
 *
 * `newest`, `older` and `jump` are references to versions. A key's first version has no `older` and no jump word, and
 * lies directly behind the key, so that a point read touches one place of memory: reading a table is cache misses, not
 * arithmetic. The top bit of `older` marks a range tombstone, that of `valueLength` a tombstone.
 *
 * `jump` makes a read at an old sequence number O(log versions) instead of O(versions): it leads back to an ancestor as
 * in Myers, "An applicative random-access stack" (1983), which costs one word and no rebalancing.
 */
import { RECORD_KIND, type RecordKind } from '@lsm/encoding'
import { type Arena, LARGE_UNITS, type Memory, NONE, UNIT_BITS, UNIT_BYTES, UNIT_MASK } from './arena.ts'

const KEY_HEADER_UNITS = 1
const VERSION_HEADER_UNITS = 3
const FLAG = 0x80000000
const WITHOUT_FLAG = 0x7fffffff

/** The longest key or value. */
export const MAX_LENGTH: number = 2 ** 31 - 1

/** A key of this length and a first version of it, in arena bytes. */
export function keyAndVersionBytes(keyLength: number, valueLength: number): number {
  return (keyUnits(keyLength) + versionUnits(valueLength)) * UNIT_BYTES
}

/** One more version of a key that the table has, in arena bytes. */
export function laterVersionBytes(valueLength: number): number {
  return (1 + versionUnits(valueLength)) * UNIT_BYTES
}

function keyUnits(keyLength: number): number {
  return KEY_HEADER_UNITS + Math.ceil(keyLength / UNIT_BYTES)
}

function versionUnits(valueLength: number): number {
  return VERSION_HEADER_UNITS + Math.ceil(valueLength / UNIT_BYTES)
}

/** What `write` takes: an entry of the table, as its users pass it. */
export interface EntryFields {
  readonly seq: number
  readonly timestampMs: number
  readonly kind: RecordKind
}

/** Writes a key and its first version; returns the key's reference. */
export function writeKey(arena: Arena, key: Uint8Array, value: Uint8Array, fields: EntryFields): number {
  const forKey = keyUnits(key.length)
  const forVersion = versionUnits(value.length)
  let node: number
  let version: number
  if (forKey + forVersion <= LARGE_UNITS) {
    node = arena.allocate(forKey + forVersion)
    version = node + forKey
  } else {
    // Only the start of a large allocation can be addressed: key and version get one each.
    node = arena.allocate(forKey)
    version = arena.allocate(forVersion)
  }
  const chunk = node >>> UNIT_BITS
  const unit = node & UNIT_MASK
  const words = arena.words[chunk]!
  words[unit * 2] = key.length
  words[unit * 2 + 1] = version
  copyInto(arena.bytes[chunk]!, (unit + KEY_HEADER_UNITS) * UNIT_BYTES, key)
  writeVersion(arena, version, NONE, value, fields)
  return node
}

/** Writes a newer version of the key at `node` and makes it the newest. */
export function writeLaterVersion(arena: Arena, node: number, value: Uint8Array, fields: EntryFields): void {
  const version = arena.allocate(1 + versionUnits(value.length)) + 1
  const older = newestVersion(arena, node)
  const jumpWord = ((version - 1) & UNIT_MASK) * 2
  const words = arena.words[version >>> UNIT_BITS]!
  const depth = depthOf(arena, older)
  const jump = jumpOf(arena, older)
  const far = jumpOf(arena, jump)
  const evenlySpaced = depth - depthOf(arena, jump) === depthOf(arena, jump) - depthOf(arena, far)
  words[jumpWord] = evenlySpaced ? far : older
  words[jumpWord + 1] = depth + 1
  writeVersion(arena, version, older, value, fields)
  arena.words[node >>> UNIT_BITS]![(node & UNIT_MASK) * 2 + 1] = version
}

function writeVersion(arena: Arena, version: number, older: number, value: Uint8Array, fields: EntryFields): void {
  const chunk = version >>> UNIT_BITS
  const unit = version & UNIT_MASK
  const doubles = arena.doubles[chunk]!
  const words = arena.words[chunk]!
  doubles[unit] = fields.seq
  doubles[unit + 1] = fields.timestampMs
  words[unit * 2 + 4] = fields.kind === RECORD_KIND.rangeTombstone ? older | FLAG : older
  words[unit * 2 + 5] = fields.kind === RECORD_KIND.tombstone ? value.length | FLAG : value.length
  copyInto(arena.bytes[chunk]!, (unit + VERSION_HEADER_UNITS) * UNIT_BYTES, value)
}

function copyInto(target: Uint8Array, at: number, source: Uint8Array): void {
  const length = source.length
  // Measured on Node 20: up to about 32 bytes the loop is faster than the call of `set`.
  if (length > 32) target.set(source, at)
  else for (let i = 0; i < length; i++) target[at + i] = source[i]!
}

export function keyLength(memory: Memory, node: number): number {
  return memory.words[node >>> UNIT_BITS]![(node & UNIT_MASK) * 2]!
}

/** Where the key's bytes start in the bytes of its chunk. */
export function keyStart(node: number): number {
  return ((node & UNIT_MASK) + KEY_HEADER_UNITS) * UNIT_BYTES
}

export function newestVersion(memory: Memory, node: number): number {
  return memory.words[node >>> UNIT_BITS]![(node & UNIT_MASK) * 2 + 1]!
}

export function seqOf(memory: Memory, version: number): number {
  return memory.doubles[version >>> UNIT_BITS]![version & UNIT_MASK]!
}

export function timestampOf(memory: Memory, version: number): number {
  return memory.doubles[version >>> UNIT_BITS]![(version & UNIT_MASK) + 1]!
}

/** The next older version of the same key, or `NONE`. */
export function olderVersion(memory: Memory, version: number): number {
  return memory.words[version >>> UNIT_BITS]![(version & UNIT_MASK) * 2 + 4]! & WITHOUT_FLAG
}

export function kindOf(memory: Memory, version: number): RecordKind {
  const words = memory.words[version >>> UNIT_BITS]!
  const at = (version & UNIT_MASK) * 2
  if (words[at + 5]! >= FLAG) return RECORD_KIND.tombstone
  return words[at + 4]! >= FLAG ? RECORD_KIND.rangeTombstone : RECORD_KIND.value
}

export function valueLength(memory: Memory, version: number): number {
  return memory.words[version >>> UNIT_BITS]![(version & UNIT_MASK) * 2 + 5]! & WITHOUT_FLAG
}

/** Where the version's value starts in the bytes of its chunk. */
export function valueStart(version: number): number {
  return ((version & UNIT_MASK) + VERSION_HEADER_UNITS) * UNIT_BYTES
}

/** How many older versions there are; 0 for a key's first one, which is its own jump. */
function depthOf(memory: Memory, version: number): number {
  if (olderVersion(memory, version) === NONE) return 0
  return memory.words[version >>> UNIT_BITS]![((version - 1) & UNIT_MASK) * 2 + 1]!
}

function jumpOf(memory: Memory, version: number): number {
  if (olderVersion(memory, version) === NONE) return version
  return memory.words[version >>> UNIT_BITS]![((version - 1) & UNIT_MASK) * 2]!
}

/** The newest version of the key at `node` with a sequence number up to `visibleSeq`, or `NONE`. O(log versions). */
export function visibleVersion(memory: Memory, node: number, visibleSeq: number): number {
  let version = newestVersion(memory, node)
  while (version !== NONE && seqOf(memory, version) > visibleSeq) {
    const older = olderVersion(memory, version)
    if (older === NONE) return NONE
    const jump = jumpOf(memory, version)
    version = seqOf(memory, jump) > visibleSeq ? jump : older
  }
  return version
}

/** Whether the key at `node` is `key`. */
export function hasKey(memory: Memory, node: number, key: Uint8Array): boolean {
  const chunk = node >>> UNIT_BITS
  const unit = node & UNIT_MASK
  const length = key.length
  if (memory.words[chunk]![unit * 2] !== length) return false
  const bytes = memory.bytes[chunk]!
  const start = (unit + KEY_HEADER_UNITS) * UNIT_BYTES
  for (let i = 0; i < length; i++) if (bytes[start + i] !== key[i]) return false
  return true
}

/** Compares the key at `node` with `key`, both from byte `skip` on: they are known to agree before it. */
export function compareWithKey(memory: Memory, node: number, key: Uint8Array, skip: number): number {
  const start = keyStart(node)
  return compareFrom(skip, memory.bytes[node >>> UNIT_BITS]!, start, keyLength(memory, node), key, 0, key.length)
}

/** Compares the keys at two nodes, both from byte `skip` on. */
export function compareNodes(memory: Memory, a: number, b: number, skip: number): number {
  const aBytes = memory.bytes[a >>> UNIT_BITS]!
  const bBytes = memory.bytes[b >>> UNIT_BITS]!
  return compareFrom(skip, aBytes, keyStart(a), keyLength(memory, a), bBytes, keyStart(b), keyLength(memory, b))
}

function compareFrom(
  skip: number,
  a: Uint8Array,
  aStart: number,
  aLength: number,
  b: Uint8Array,
  bStart: number,
  bLength: number,
): number {
  const shared = Math.min(aLength, bLength)
  for (let i = skip; i < shared; i++) {
    const difference = a[aStart + i]! - b[bStart + i]!
    if (difference !== 0) return difference
  }
  return aLength - bLength
}

/** How many bytes, at most `limit`, the keys at two nodes both start with; they are known to share `known`. */
export function commonBytes(memory: Memory, a: number, b: number, known: number, limit: number): number {
  const aBytes = memory.bytes[a >>> UNIT_BITS]!
  const bBytes = memory.bytes[b >>> UNIT_BITS]!
  const aStart = keyStart(a)
  const bStart = keyStart(b)
  const end = Math.min(limit, keyLength(memory, a), keyLength(memory, b))
  let same = known
  while (same < end && aBytes[aStart + same] === bBytes[bStart + same]) same++
  return same
}
