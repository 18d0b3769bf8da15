import { fuzz } from '@lsm/fuzz'
import fc from 'fast-check'
import { expect } from 'vitest'
import { Memtable, openShared } from '../src/index.ts'

const arbAnything = fc.oneof(
  fc.anything(),
  fc.uint8Array({ maxLength: 9 }),
  fc.double(),
  fc.constantFrom<unknown>(
    0,
    1,
    -0,
    2 ** 53,
    Number.POSITIVE_INFINITY,
    Number.NaN,
    'newest',
    'all',
    true,
    null,
    undefined,
  ),
)
const arbShape = fc.oneof(
  arbAnything,
  fc.record(
    {
      key: arbAnything,
      value: arbAnything,
      seq: fc.oneof(fc.nat(5), arbAnything),
      kind: fc.oneof(fc.nat(3), arbAnything),
      timestampMs: fc.oneof(fc.nat(5), arbAnything),
      visibleSeq: arbAnything,
      versions: arbAnything,
      reverse: arbAnything,
      skipDeleted: arbAnything,
      start: arbAnything,
      end: arbAnything,
      hashSeed: fc.oneof(fc.tuple(fc.integer(), fc.integer()), arbAnything),
      sharedMemory: fc.boolean(),
      format: fc.constant('lsm-memtable-1'),
      chunks: arbAnything,
      points: arbAnything,
    },
    { requiredKeys: [] },
  ),
)

const CALLS: Readonly<Record<string, (table: Memtable, a: never, b: never) => unknown>> = {
  create: (_, a) => new Memtable(a),
  add: (table, a) => table.add(a),
  get: (table, a, b) => table.get(a, b)?.value,
  find: (table, a, b) => table.reader().find(a, b),
  coveringSeq: (table, a, b) => table.coveringSeq(a, b),
  cursor: (table, a) => table.cursor(a).next(),
  rangeTombstones: (table, a) => table.rangeTombstones(a).next(),
  seek: (table, a) => table.cursor().seek(a),
  rangeSize: (table, a) => table.rangeSize(a),
  costOf: (table, a, b) => table.costOf(a, b),
  step: (table, a) => table.step(a),
  openShared: (_, a) => openShared(a),
}

fuzz(
  import.meta.url,
  'whatever is passed in, a result or a coded error comes out, and the table still works',
  fc.property(
    fc.array(fc.tuple(fc.constantFrom(...Object.keys(CALLS)), arbShape, arbAnything), { maxLength: 30 }),
    (calls) => {
      const table = new Memtable({ hashSeed: [1, 2] })
      table.add({ key: Uint8Array.of(1), value: Uint8Array.of(2), seq: 1, timestampMs: 3 })
      for (const [name, a, b] of calls) {
        try {
          CALLS[name]!(table, a as never, b as never)
        } catch (error) {
          expect((error as { code?: unknown }).code, `${name}: ${String(error)}`).toMatch(/^MEMTABLE_/)
        }
      }
      expect(table.get(Uint8Array.of(1), 1)?.seq).toBe(1)
      const cursor = table.cursor({ versions: 'all' })
      let entries = table.rangeTombstoneCount
      while (cursor.next()) entries++
      expect(entries).toBe(table.entryCount)
    },
  ),
  { runs: 300, capMs: 3000 },
)
