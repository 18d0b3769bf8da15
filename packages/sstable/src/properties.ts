/**
 * What a table says of its contents. Normative text: docs/format/table.md.
 *
 *   count u16, then with ascending tags: tag u16 | length u32 | bytes
 */
import { readUint32, readUint64, writeUint32, writeUint64 } from './bytes.ts'
import { corrupt, SSTableError } from './errors.ts'

/** Where a table's keys end. */
export interface TableUpperBound {
  readonly key: Uint8Array
  /** False where the largest bound is the end of a range tombstone. */
  readonly inclusive: boolean
}

export interface TableProperties {
  readonly keyspaceId: number
  /** All versions and tombstones counted. */
  readonly pointRecords: number
  /** Of the point records. */
  readonly tombstones: number
  readonly rangeTombstones: number
  /** Of point records. */
  readonly distinctKeys: number
  /** The least sequence number; 0 in a table with no record. */
  readonly smallestSeq: number
  /** The greatest sequence number; 0 in a table with no record. */
  readonly largestSeq: number
  /** The smallest key, starts of range tombstones counted. Empty in a table with no record. */
  readonly smallest: Uint8Array
  /** The largest key or end of a range tombstone. Empty and exclusive, so of no key, in a table with no record. */
  readonly largest: TableUpperBound
  /** Bytes of all keys of point records. */
  readonly keyBytes: number
  /** Bytes of all values of point records. */
  readonly valueBytes: number
  readonly dataBlocks: number
  /** `undefined`: there is no filter. */
  readonly filterName: string | undefined
}

/** All that there is to say of a table: what the manifest keeps, and more. */
export interface TableInfo extends TableProperties {
  /** 32 lower-case hexadecimal digits. */
  readonly id: string
  readonly sizeBytes: number
  /** The CRC of the footer, which pins every part of the file. */
  readonly tailChecksum: number
}

const TAG = { smallest: 4, largest: 5, filterName: 11, keyspaceId: 13 } as const
/** Numbers of 64 bits, by their tags. */
const NUMBERS = {
  1: 'pointRecords',
  2: 'tombstones',
  3: 'rangeTombstones',
  6: 'smallestSeq',
  7: 'largestSeq',
  8: 'keyBytes',
  9: 'valueBytes',
  10: 'dataBlocks',
  12: 'distinctKeys',
} as const
/** Tags from here on must be known. */
const CRITICAL = 0x8000

/** Returns the properties' bytes. */
export function encodeProperties(properties: TableProperties): Uint8Array {
  const entries: [tag: number, bytes: Uint8Array][] = []
  for (const [tag, name] of Object.entries(NUMBERS)) {
    const bytes = new Uint8Array(8)
    writeUint64(bytes, 0, properties[name])
    entries.push([Number(tag), bytes])
  }
  const { smallest, largest, filterName } = properties
  if (properties.pointRecords + properties.rangeTombstones > 0) {
    const upper = new Uint8Array(1 + largest.key.length)
    upper[0] = largest.inclusive ? 1 : 0
    upper.set(largest.key, 1)
    entries.push([TAG.smallest, smallest], [TAG.largest, upper])
  }
  if (filterName !== undefined) entries.push([TAG.filterName, new TextEncoder().encode(filterName)])
  const keyspaceId = new Uint8Array(4)
  writeUint32(keyspaceId, 0, properties.keyspaceId)
  entries.push([TAG.keyspaceId, keyspaceId])
  entries.sort(([a], [b]) => a - b)

  const encoded = new Uint8Array(entries.reduce((size, [, bytes]) => size + 6 + bytes.length, 2))
  encoded[1] = entries.length
  let at = 2
  for (const [tag, bytes] of entries) {
    encoded[at + 1] = tag
    writeUint32(encoded, at + 2, bytes.length)
    encoded.set(bytes, at + 6)
    at += 6 + bytes.length
  }
  return encoded
}

/** Returns the properties in `bytes`, which stand at `offset` of `file`. Keys are copies. */
export function decodeProperties(bytes: Uint8Array, file: string, offset: number): TableProperties {
  const fail = (at: number, what: string): SSTableError => corrupt(file, offset + at, `properties: ${what}`)
  const found = new Map<number, Uint8Array>()
  if (bytes.length < 2) throw fail(0, 'cut off')
  const count = (bytes[0]! << 8) | bytes[1]!
  let at = 2
  let last = -1
  for (let i = 0; i < count; i++) {
    if (bytes.length - at < 6) throw fail(at, 'cut off')
    const tag = (bytes[at]! << 8) | bytes[at + 1]!
    const end = at + 6 + readUint32(bytes, at + 2)
    if (end > bytes.length) throw fail(at, 'an entry ends behind the last')
    if (tag <= last) throw fail(at, 'tags do not ascend')
    if (tag >= CRITICAL) {
      const message = `${file}: property ${tag.toString(16)} needs a newer release`
      throw new SSTableError('SSTABLE_UNSUPPORTED_FORMAT', message, { file, offset: offset + at })
    }
    found.set(tag, bytes.subarray(at + 6, end))
    last = tag
    at = end
  }
  if (at !== bytes.length) throw fail(at, 'bytes behind the last entry')

  const take = (tag: number, size: number): Uint8Array => {
    const entry = found.get(tag)
    if (entry?.length !== size) throw fail(0, `${entry === undefined ? 'no' : 'a wrong'} entry ${tag}`)
    return entry
  }
  const numbers = { ...ZEROS }
  for (const [tag, name] of Object.entries(NUMBERS)) {
    const value = readUint64(take(Number(tag), 8), 0)
    if (value > Number.MAX_SAFE_INTEGER) throw fail(0, `${name} is over 2^53 - 1`)
    numbers[name] = value
  }
  const { pointRecords, tombstones, rangeTombstones, smallestSeq, largestSeq, distinctKeys, dataBlocks } = numbers
  const isEmpty = pointRecords + rangeTombstones === 0
  const smallest = found.get(TAG.smallest)
  const largest = found.get(TAG.largest)
  if ((smallest === undefined) !== isEmpty || (largest === undefined) !== isEmpty || largest?.length === 0) {
    throw fail(0, 'the bounds do not fit the number of records')
  }
  if (
    tombstones > pointRecords ||
    smallestSeq > largestSeq ||
    distinctKeys > pointRecords ||
    dataBlocks > distinctKeys ||
    (pointRecords === 0) !== (dataBlocks === 0) ||
    (largest !== undefined && largest[0]! > 1)
  ) {
    throw fail(0, 'numbers that contradict each other')
  }
  const filterName = found.get(TAG.filterName)
  return {
    ...numbers,
    keyspaceId: readUint32(take(TAG.keyspaceId, 4), 0),
    smallest: new Uint8Array(smallest ?? []),
    largest: { key: new Uint8Array(largest?.subarray(1) ?? []), inclusive: largest?.[0] === 1 },
    filterName: filterName && new TextDecoder().decode(filterName),
  }
}

const ZEROS: Record<(typeof NUMBERS)[keyof typeof NUMBERS], number> = {
  pointRecords: 0,
  tombstones: 0,
  rangeTombstones: 0,
  smallestSeq: 0,
  largestSeq: 0,
  keyBytes: 0,
  valueBytes: 0,
  dataBlocks: 0,
  distinctKeys: 0,
}
