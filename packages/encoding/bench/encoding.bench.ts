/**
 * Against what one would write by hand, a loop over a DataView with the same layout and checksum, and against
 * msgpackr, a fast general encoder, which has no checksum and must find out the types.
 */
import { type Case, suite } from '@lsm/bench'
import { compute } from '@lsm/crc'
import { encodeRecord, encodeRecordInto, iterBlock, RecordCursor, recordOffsets } from '@lsm/encoding'

const RECORDS = 1000
const TIMESTAMP_MS = 1_700_000_000_000
const SIZES = [
  { name: '16 B keys, 100 B values', valueLength: 100 },
  { name: '16 B keys, 4 KiB values', valueLength: 4096 },
]

interface Input {
  readonly keys: readonly Uint8Array[]
  readonly value: Uint8Array
  readonly size: number
}

function makeInput(valueLength: number): Input {
  const keys = Array.from({ length: RECORDS }, (_, i) => new TextEncoder().encode(String(i * 7919).padStart(16, '0')))
  const value = Uint8Array.from({ length: valueLength }, (_, i) => (i * 31) & 255)
  return { keys, value, size: 28 + 16 + valueLength }
}

function makeBlock({ keys, value, size }: Input): Uint8Array {
  const block = new Uint8Array(RECORDS * size)
  let at = 0
  for (let i = 0; i < RECORDS; i++) at = encodeRecordInto(block, at, keys[i]!, 2 ** 40 + i, TIMESTAMP_MS, value)
  return block
}

function encodeByHand(
  view: DataView,
  bytes: Uint8Array,
  at: number,
  key: Uint8Array,
  seq: number,
  value: Uint8Array,
): number {
  view.setUint32(at, key.length)
  view.setUint32(at + 4, value.length)
  view.setUint32(at + 8, Math.floor(seq / 2 ** 32))
  view.setUint32(at + 12, seq >>> 0)
  view.setUint32(at + 16, Math.floor(TIMESTAMP_MS / 2 ** 32))
  view.setUint32(at + 20, TIMESTAMP_MS >>> 0)
  bytes.set(key, at + 24)
  bytes.set(value, at + 24 + key.length)
  const end = at + 24 + key.length + value.length
  view.setUint32(end, compute(bytes, at, end))
  return end + 4
}

/** Calls `each` with the places in every record; checks that it ends inside the block and, if told to, its checksum. */
function walkByHand(
  view: DataView,
  bytes: Uint8Array,
  check: boolean,
  each: (at: number, keyEnd: number, end: number) => void,
): void {
  let at = 0
  while (at < bytes.length) {
    const keyEnd = at + 24 + view.getUint32(at)
    const end = keyEnd + view.getUint32(at + 4)
    if (end + 4 > bytes.length) throw new Error('truncated')
    if (check && compute(bytes, at, end) !== view.getUint32(end)) throw new Error('corrupt')
    each(at, keyEnd, end)
    at = end + 4
  }
}

function casesOf({ name, valueLength }: (typeof SIZES)[number]): Case[] {
  const figures = { operations: RECORDS, bytes: RECORDS * (28 + 16 + valueLength) }
  return [
    {
      name: `encode into a buffer, ${name}`,
      ...figures,
      contenders: {
        '@lsm/encoding': () => {
          const input = makeInput(valueLength)
          const target = new Uint8Array(RECORDS * input.size)
          return () => {
            let at = 0
            for (let i = 0; i < RECORDS; i++) {
              at = encodeRecordInto(target, at, input.keys[i]!, 2 ** 40 + i, TIMESTAMP_MS, input.value)
            }
            return at
          }
        },
        'DataView loop': () => {
          const input = makeInput(valueLength)
          const target = new Uint8Array(RECORDS * input.size)
          const view = new DataView(target.buffer)
          return () => {
            let at = 0
            for (let i = 0; i < RECORDS; i++)
              at = encodeByHand(view, target, at, input.keys[i]!, 2 ** 40 + i, input.value)
            return at
          }
        },
      },
    },
    {
      name: `encode to new bytes, ${name}`,
      ...figures,
      reference: ['msgpackr (no checksum)'],
      contenders: {
        '@lsm/encoding': () => {
          const { keys, value } = makeInput(valueLength)
          return () => {
            let sum = 0
            for (let i = 0; i < RECORDS; i++) sum += encodeRecord(keys[i]!, 2 ** 40 + i, TIMESTAMP_MS, value).length
            return sum
          }
        },
        'DataView loop': () => {
          const { keys, value, size } = makeInput(valueLength)
          return () => {
            let sum = 0
            for (let i = 0; i < RECORDS; i++) {
              const bytes = new Uint8Array(size)
              sum += encodeByHand(new DataView(bytes.buffer), bytes, 0, keys[i]!, 2 ** 40 + i, value)
            }
            return sum
          }
        },
        'msgpackr (no checksum)': async () => {
          const { Packr } = await import('msgpackr')
          const packr = new Packr({ useRecords: false })
          const { keys, value } = makeInput(valueLength)
          return () => {
            let sum = 0
            for (let i = 0; i < RECORDS; i++) sum += packr.pack([keys[i]!, 2 ** 40 + i, TIMESTAMP_MS, value]).length
            return sum
          }
        },
      },
    },
    {
      name: `decode to objects, ${name}`,
      ...figures,
      reference: ['msgpackr (no checksum)'],
      contenders: {
        '@lsm/encoding': () => {
          const block = makeBlock(makeInput(valueLength))
          return () => {
            let sum = 0
            for (const record of iterBlock(block)) sum += record.seq + record.key.length + record.value.length
            return sum
          }
        },
        'DataView loop': () => {
          const block = makeBlock(makeInput(valueLength))
          const view = new DataView(block.buffer)
          return () => {
            let sum = 0
            walkByHand(view, block, true, (at, keyEnd, end) => {
              const record = {
                key: block.subarray(at + 24, keyEnd),
                seq: (view.getUint32(at + 8) & 0xffffff) * 2 ** 32 + view.getUint32(at + 12),
                timestampMs: view.getUint32(at + 16) * 2 ** 32 + view.getUint32(at + 20),
                value: block.subarray(keyEnd, end),
                kind: block[at + 8],
                nextOffset: end + 4,
              }
              sum += record.seq + record.key.length + record.value.length
            })
            return sum
          }
        },
        'msgpackr (no checksum)': async () => {
          const { Packr } = await import('msgpackr')
          const packr = new Packr({ useRecords: false })
          const { keys, value } = makeInput(valueLength)
          const packed = keys.map((key, i) => Uint8Array.from(packr.pack([key, 2 ** 40 + i, TIMESTAMP_MS, value])))
          return () => {
            let sum = 0
            for (const bytes of packed) {
              const [key, seq, , own] = packr.unpack(bytes) as [Uint8Array, number, number, Uint8Array]
              sum += seq + key.length + own.length
            }
            return sum
          }
        },
      },
    },
    {
      name: `walk in place, checksums verified, ${name}`,
      ...figures,
      contenders: walkers(valueLength, true),
    },
    {
      // No MB/s: only headers are read.
      name: `walk in place, bytes trusted, ${name}`,
      operations: RECORDS,
      contenders: walkers(valueLength, false),
    },
  ]
}

function walkers(valueLength: number, verifyChecksums: boolean): Case['contenders'] {
  return {
    '@lsm/encoding': () => {
      const block = makeBlock(makeInput(valueLength))
      const cursor = new RecordCursor({ verifyChecksums })
      return () => {
        let sum = 0
        cursor.reset(block)
        while (cursor.next()) sum += cursor.seq + cursor.keyEnd + cursor.valueEnd
        return sum
      }
    },
    'DataView loop': () => {
      const block = makeBlock(makeInput(valueLength))
      const view = new DataView(block.buffer)
      return () => {
        let sum = 0
        walkByHand(view, block, verifyChecksums, (at, keyEnd, end) => {
          sum += (view.getUint32(at + 8) & 0xffffff) * 2 ** 32 + view.getUint32(at + 12) + keyEnd + end
        })
        return sum
      }
    },
  }
}

const offsets: Case = {
  name: 'offsets of 28 records in a 4 KiB block',
  operations: 28,
  contenders: {
    '@lsm/encoding': () => {
      const { size, ...input } = makeInput(100)
      const block = makeBlock({ size, ...input }).subarray(0, 28 * size)
      return () => recordOffsets(block).length
    },
    'array of a DataView loop': () => {
      const { size, ...input } = makeInput(100)
      const block = makeBlock({ size, ...input }).subarray(0, 28 * size)
      return () => {
        const view = new DataView(block.buffer, block.byteOffset, block.length)
        const found: number[] = []
        for (let at = 0; at < block.length; at += 28 + view.getUint32(at) + view.getUint32(at + 4)) found.push(at)
        return found.length
      }
    },
  },
}

export default suite('encoding', [...SIZES.flatMap(casesOf), offsets])
