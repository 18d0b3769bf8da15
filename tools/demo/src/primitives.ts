/**
 * The eight primitives together on some thousand real cities, without the engine. Two sorted runs are written, read
 * through filter, index and cache, merged into one, and every answer is checked.
 */
import { strict as assert } from 'node:assert'
import { BlockCache } from '@lsm/block-cache'
import { compute } from '@lsm/crc'
import { RECORD_KIND } from '@lsm/encoding'
import { KWayMergeIterator } from '@lsm/merge-iterator'
import { AsyncRWLock } from '@lsm/rwlock'
import { SSTableRegistry } from '@lsm/sstable-registry'
import { loadCities, sampleOf } from './cities.ts'
import { type Write, writeRun } from './run-file.ts'
import { type Part, RunReader } from './run-reader.ts'

const CITIES = 5000
const DELETED_COUNTRY = 'AT'

const started = performance.now()
const decoder = new TextDecoder()
const encoder = new TextEncoder()
const say = (text: string): void => console.log(text)
const country = (key: Uint8Array): string => decoder.decode(key.subarray(0, 2))

const cities = sampleOf(await loadCities(), CITIES)
const timestampMs = Date.UTC(2026, 0, 1)
say(`${cities.length} cities of GeoNames (CC BY 4.0)`)

// The older run holds every city; the newer one renames each tenth and deletes one country.
const older: Write[] = cities.map(({ key, value }, i) => ({ key, value, seq: i + 1 }))
const newer: Write[] = cities.flatMap(({ key }, i): Write[] => {
  if (country(key) === DELETED_COUNTRY) return [{ key, value: null, seq: CITIES + i + 1 }]
  return i % 10 === 0 ? [{ key, value: encoder.encode(`renamed ${i}`), seq: CITIES + i + 1 }] : []
})
const expected = new Map([...older, ...newer].map(({ key, value }) => [decoder.decode(key), value]))

const cache = new BlockCache<Part>()
const registry = new SSTableRegistry<RunReader>()
const lock = new AsyncRWLock()
const files = [older, newer].map((writes) => writeRun(writes, timestampMs))
for (const [id, file] of files.entries()) registry.register(id, new RunReader(id, file, cache))
for (const [id, { blocks, index, filter }] of files.entries()) {
  const sizes = `${blocks.length} bytes of records, ${index.length} of index, ${filter.length} of filter`
  say(`run ${id}: ${sizes}, CRC-32 ${compute(blocks).toString(16)}`)
}

// Point lookups, newest run first, under the lock's reader side.
await lock.withRead(() => {
  const handles = [1, 0].map((id) => registry.openReader(id))
  try {
    for (const { key } of cities) {
      const found = handles.map(({ reader }) => reader.find(key)).find((record) => record !== undefined)
      const value = found === undefined || found.kind === RECORD_KIND.tombstone ? null : found.value
      assert.deepEqual(value, expected.get(decoder.decode(key)), decoder.decode(key))
    }
    for (const { key } of cities)
      assert.equal(handles[0]!.reader.find(encoder.encode(`${decoder.decode(key)}?`)), undefined)
  } finally {
    for (const handle of handles) handle.release()
  }
})
const { data, filter } = cache.stats()
say(
  `${cities.length} lookups right, as many of absent keys; data tier ${data.hits} hits, ${data.misses} misses; filter tier ${filter.hits} hits`,
)

// A compaction: merge both runs into one without what is deleted, and swap it in under the writer side.
await lock.withWrite(async () => {
  const handles = [1, 0].map((id) => registry.openReader(id))
  const sources = handles.map(({ reader }) =>
    [...reader.records()].map(({ key, seq, kind, value }) => ({
      key,
      seq,
      value: kind === RECORD_KIND.tombstone ? null : value,
    })),
  )
  const merged = [...new KWayMergeIterator(sources, { skipTombstones: true })]
  registry.register(2, new RunReader(2, writeRun(merged, timestampMs), cache))
  const gone = [0, 1].map((id) => registry.markForDeletion(id))
  assert.equal(
    handles.some(({ reader }) => reader.isClosed),
    false,
    'a reader was closed while it was in use',
  )
  for (const handle of handles) handle.release()
  await Promise.all(gone)

  const live = [...expected].filter(([, value]) => value !== null)
  assert.deepEqual(
    merged.map(({ key }) => decoder.decode(key)),
    live.map(([key]) => key).sort(compareAsBytes),
  )
  say(`merged into one run: ${merged.length} cities, ${cities.length - merged.length} of ${DELETED_COUNTRY} deleted`)
})

const last = registry.openReader(2)
for (const [key, value] of expected) assert.deepEqual(last.reader.find(encoder.encode(key))?.value ?? null, value, key)
last.release()
await registry.closeAll()
say(`read back as written, in ${((performance.now() - started) / 1000).toFixed(1)} s`)
say('\nnext: npm run test:quick, npm run fuzz -- --package merge-iterator, npm run bench -- --package crc')

function compareAsBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}
