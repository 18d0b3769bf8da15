import { fuzz } from '@lsm/fuzz'
import fc from 'fast-check'
import { expect } from 'vitest'
import { Memtable } from '../src/index.ts'
import { Model } from './model.ts'

const arbKey = fc.nat(40).map((i) => Uint8Array.of(i))
const arbRange = fc.oneof(
  fc.tuple(arbKey, arbKey),
  // Nested ones: each inside the one before or around it.
  fc.nat(20).map((i) => [Uint8Array.of(i), Uint8Array.of(40 - i)] as [Uint8Array, Uint8Array]),
)

fuzz(
  import.meta.url,
  'the newest covering tombstone is found at every sequence number, however ranges overlap',
  fc.property(
    fc.array(arbRange, { maxLength: 70, size: 'max' }),
    fc.array(fc.nat(80), { minLength: 1, maxLength: 8 }),
    (ranges, seqs) => {
      const table = new Memtable({ hashSeed: [1, 2] })
      const model = new Model()
      for (const [i, [key, value]] of ranges.entries()) {
        const write = { key, value, kind: 2 as const, seq: i + 1, timestampMs: 0 }
        table.add(write)
        model.writes.push(write)
      }
      for (const visibleSeq of [...seqs, ranges.length]) {
        for (let i = 0; i <= 41; i++) {
          const key = Uint8Array.of(i)
          expect(table.coveringSeq(key, visibleSeq)).toBe(model.coveringSeq(key, visibleSeq))
        }
      }
    },
  ),
  { runs: 150, capMs: 4000 },
)

fuzz(
  import.meta.url,
  'thousands of nested ranges answer like the last ones that reach a key',
  fc.property(
    fc.integer({ min: 1, max: 3000 }),
    fc.array(fc.tuple(fc.nat(3000), fc.nat(3000)), { maxLength: 50 }),
    (count, probes) => {
      // Range i is [i, 6000 - i): key k is covered by all ranges up to k, or up to 5999 - k on the other side.
      const table = new Memtable({ hashSeed: [1, 2] })
      const keyOf = (i: number): Uint8Array => Uint8Array.of(i >> 8, i & 255)
      for (let i = 0; i < count; i++)
        table.add({ key: keyOf(i), value: keyOf(6000 - i), kind: 2, seq: i, timestampMs: 0 })
      for (const [at, visibleSeq] of probes) {
        expect(table.coveringSeq(keyOf(at), visibleSeq)).toBe(Math.min(at, 5999 - at, visibleSeq, count - 1))
      }
    },
  ),
  { runs: 30, capMs: 4000 },
)
