/**
 * The engine's main job: imports the cities, flushes and compacts, closes and recovers, answers lookups, scans and a
 * snapshot, deletes a country by range, and verifies. Every answer is compared with what went in.
 */
import { strict as assert } from 'node:assert'
import { join, relative } from 'node:path'
import { drawTree, readable, startProgress } from '@lsm/cli'
import { Engine, type EngineOptions, type Entry, LsmError, type Operation } from '@lsm/engine'
import { type City, type CityRecord, loadCities, sampleOf, shuffled } from './cities.ts'
import { digestOfStore, Expectation } from './expectation.ts'

const STORE = join(import.meta.dirname, '..', '.cache', 'cities')

/** Far smaller than the defaults, so that 37 MB are enough for a tree with several levels. */
const OPTIONS: EngineOptions = {
  memtableSizeBytes: 2 * 1024 * 1024,
  keyspaceDefaults: { tableSizeBytes: 1024 * 1024, level1SizeBytes: 4 * 1024 * 1024, levelMultiplier: 4 },
}
const BATCH = 500
const NOTED = 1000
const LOOKUPS = 20_000
const DELETED_COUNTRY = 'IT'

const decoder = new TextDecoder()
const encoder = new TextEncoder()
const count = (value: number): string => readable(value, 'count')
const say = (text: string): void => console.log(`  ${text}`)

export async function runMainJob(): Promise<void> {
  const started = performance.now()
  const cities = await loadCities()
  const expectation = new Expectation()
  console.log(`${count(cities.length)} cities of GeoNames (CC BY 4.0), as country/region/name/place`)
  await destroyOld()

  let engine = await Engine.open(STORE, OPTIONS)
  let inWorker = 0
  engine.on('compaction', (event) => {
    if (event.inWorker) inWorker += 1
  })
  try {
    await step('import, in no order', () => importAll(engine, cities, expectation))
    await step('flush and compact', () => flushAndCompact(engine, cities.length))
    // A worker thread needs built files: from sources, the same job runs in slices on this thread.
    say(
      inWorker > 0
        ? `${count(inWorker)} compactions ran in a worker thread`
        : 'compactions ran in slices on this thread',
    )
    const lastSeq = await step(`write ${count(NOTED)} of them again, and close`, async () => {
      await addNotes(engine, cities, expectation)
      const { lastSeq: last } = engine.stats()
      await engine.close()
      return last
    })
    await step('open again: recovery', async () => {
      engine = await Engine.open(STORE, OPTIONS)
      checkRecovery(engine, lastSeq)
    })
    await step('point lookups', () => lookUp(engine, cities, expectation))
    await step('scans', () => scan(engine, expectation))
    await step('a snapshot, and a country deleted by range', () => deleteCountry(engine, expectation))
    await step('verify', () => verify(engine, expectation))
    await step('the tree and the statistics', async () => {
      draw(engine)
      tellStatistics(engine)
    })
  } finally {
    await engine.close()
  }
  console.log(`\nread back as written, in ${((performance.now() - started) / 1000).toFixed(1)} s`)
  tellNext()
}

/** Prints what is done, and how long it took. */
async function step<T>(name: string, work: () => Promise<T>): Promise<T> {
  console.log(`\n${name}`)
  const started = performance.now()
  const result = await work()
  say(`(${readable(performance.now() - started, 'ms')})`)
  return result
}

async function destroyOld(): Promise<void> {
  try {
    await Engine.destroy(STORE)
  } catch (error) {
    if (!(error instanceof LsmError && error.code === 'LSM_NOT_FOUND')) throw error
  }
}

async function importAll(engine: Engine, cities: readonly CityRecord[], expectation: Expectation): Promise<void> {
  const records = shuffled(cities)
  const bar = startProgress(process.stderr, { label: '  import', total: records.length })
  const started = performance.now()
  try {
    for (let at = 0; at < records.length; at += BATCH) {
      const batch = records.slice(at, at + BATCH)
      const operations = batch.map(({ key, value }): Operation => ({ type: 'put', key, value }))
      await engine.write(operations, { durability: 'os' })
      for (const { key, value } of batch) expectation.put(key, value)
      bar.update(at + batch.length, at + batch.length)
    }
    await engine.sync()
  } finally {
    bar.stop()
  }
  assert.equal(expectation.size, cities.length, 'two cities have the same key')
  const { writes } = engine.stats()
  const perSecond = (records.length / (performance.now() - started)) * 1000
  say(`${count(writes.operations)} records, ${readable(writes.userBytes, 'bytes')}, ${count(perSecond)} a second`)
  draw(engine)
}

async function flushAndCompact(engine: Engine, cities: number): Promise<void> {
  await engine.flush()
  await engine.compact()
  draw(engine)
  const { flushes, compactions, stalls, writeAmplification, levels } = engine.stats()
  say(`${count(flushes.count)} flushes wrote ${readable(flushes.bytesWritten, 'bytes')}`)
  const merged = `${readable(compactions.bytesRead, 'bytes')} read, ${readable(compactions.bytesWritten, 'bytes')} written`
  say(`${count(compactions.count)} compactions and ${count(compactions.moves)} moves: ${merged}`)
  say(`write amplification ${readable(writeAmplification, 'ratio')}, writers stopped ${count(stalls.stopped)} times`)
  assert.ok(flushes.count > 1, 'nothing was flushed while the import ran')
  assert.ok(compactions.count > 0, 'nothing was compacted')
  assert.equal(
    levels.reduce((sum, { pointRecords }) => sum + pointRecords, 0),
    cities,
    'the tables hold another number of records',
  )
}

/** Few enough to stay in the memtable: after this only the log has them. */
async function addNotes(engine: Engine, cities: readonly CityRecord[], expectation: Expectation): Promise<void> {
  const operations = sampleOf(cities, NOTED).map(({ city, key }): Operation => {
    const value = encoder.encode(JSON.stringify({ ...city, note: 'seen' }))
    expectation.put(key, value)
    return { type: 'put', key, value }
  })
  await engine.write(operations)
}

function checkRecovery(engine: Engine, lastSeq: number): void {
  const { lastSeq: recovered, memtableBytes, walSegments } = engine.stats()
  assert.equal(recovered, lastSeq, 'the last write did not come back')
  assert.ok(memtableBytes > 0, 'nothing was replayed from the log')
  say(
    `${readable(memtableBytes, 'bytes')} replayed from ${count(walSegments)} log segments, up to write ${count(recovered)}`,
  )
}

async function lookUp(engine: Engine, cities: readonly CityRecord[], expectation: Expectation): Promise<void> {
  for (const name of ['Reykjavík', 'Nairobi', 'Timbuktu']) {
    const record = cities.find(({ city }) => city.name === name)
    assert.ok(record !== undefined, `${name} is no city`)
    const value = await engine.get(record.key)
    expectation.check(record.key, value)
    say(`${decoder.decode(record.key)} → ${decoder.decode(value)}`)
  }
  const sample = sampleOf(shuffled(cities), LOOKUPS)
  const started = performance.now()
  const found = sample.map(({ key }) => engine.getSync(key))
  const absent = sample.map(({ key }) => engine.getSync(`${decoder.decode(key)}?`))
  const took = performance.now() - started
  for (const [i, { key }] of sample.entries()) expectation.check(key, found[i])
  const wrong = absent.findIndex((value) => value !== undefined)
  assert.equal(wrong, -1, `there is a value for ${decoder.decode(sample[wrong]?.key)}?`)
  const values = await engine.getMany(sample.map(({ key }) => key))
  for (const [i, { key }] of sample.entries()) expectation.check(key, values[i])
  say(
    `${count(sample.length)} lookups right, as many of absent keys, in ${readable(took, 'ms')}; the same with getMany`,
  )
}

async function scan(engine: Engine, expectation: Expectation): Promise<void> {
  await show('in Iceland, the first three', engine.scan({ prefix: 'IS/', limit: 3 }))
  await show('of all, the last three', engine.scan({ reverse: true, limit: 3 }))
  const iceland = await expectation.checkScan(engine, { prefix: 'IS/' })
  const bavaria = await expectation.checkScan(engine, { prefix: 'DE/02/', reverse: true })
  await expectation.checkScan(engine, { reverse: true, limit: 1000 })
  assert.equal(await engine.count({ prefix: 'IS/' }), iceland, 'count and scan differ')
  say(`${count(iceland)} cities in Iceland, and ${count(bavaria)} in Bavaria backwards: all as they must be`)
}

async function show(what: string, entries: AsyncIterable<Entry>): Promise<void> {
  const names: string[] = []
  for await (const [, value] of entries) {
    const { name, country } = JSON.parse(decoder.decode(value)) as City
    names.push(`${name} (${country})`)
  }
  say(`${what}: ${names.join(', ')}`)
}

async function deleteCountry(engine: Engine, expectation: Expectation): Promise<void> {
  const prefix = `${DELETED_COUNTRY}/`
  const snapshot = engine.snapshot()
  try {
    const before = await engine.count({ prefix })
    await engine.deleteRange({ prefix })
    const after = await engine.count({ prefix })
    await engine.flush()
    const seen = await expectation.checkScan(snapshot, { prefix })
    say(`${count(before)} cities in Italy, then ${count(after)}; the snapshot still reads ${count(seen)}`)
    assert.deepEqual([after, seen], [0, before], 'the deletion, or the snapshot, does not hold')
    assert.equal(expectation.deletePrefix(prefix), before, 'another number of cities was deleted')
  } finally {
    snapshot.close()
  }
  await engine.compact()
  const { levels, compactions } = engine.stats()
  assert.equal(
    levels.reduce((sum, { pointRecords }) => sum + pointRecords, 0),
    expectation.size,
    'after a compaction the tables hold more than the keys that are left',
  )
  say(`compacted when the snapshot was closed: ${count(compactions.recordsDropped)} records dropped for good`)
}

async function verify(engine: Engine, expectation: Expectation): Promise<void> {
  const { tables, blocks, records, bytes } = await engine.verify()
  say(`${count(blocks)} blocks in ${count(tables)} tables, ${readable(bytes, 'bytes')}: every checksum is right`)
  assert.equal(records, expectation.size, 'the tables hold another number of records')
  const scanned = await expectation.checkScan(engine)
  const digest = await digestOfStore(engine)
  assert.equal(digest, expectation.digest(), 'what is read back is not what went in')
  say(`${count(scanned)} cities read back as they went in, SHA-256 ${digest.slice(0, 16)}…`)
}

function draw(engine: Engine): void {
  const columns = (process.stdout.columns || 100) - 2
  for (const line of drawTree(engine.stats(), { columns, hasColor: false }).trimEnd().split('\n')) say(line)
}

/** Of the time since the store was opened again. */
function tellStatistics(engine: Engine): void {
  const { cache, reads, compactions, openTables, walSizeBytes, spaceAmplification, failure } = engine.stats()
  for (const tier of ['data', 'index', 'filter'] as const) {
    const { entries, sizeBytes, hits, misses } = cache[tier]
    const rate = readable(hits + misses === 0 ? 0 : hits / (hits + misses), 'share')
    say(`cache, ${tier}: ${count(entries)} entries, ${readable(sizeBytes, 'bytes')}, hit rate ${rate}`)
  }
  say(`${count(reads.gets)} gets, ${count(reads.memtableHits)} of them answered by the memtable`)
  say(`${count(compactions.count)} compactions, ${count(compactions.recordsDropped)} records dropped`)
  say(`${count(openTables)} tables open, log ${readable(walSizeBytes, 'bytes')}`)
  say(`space amplification ${readable(spaceAmplification, 'ratio')}`)
  assert.equal(failure, undefined, 'something failed in the background')
}

function tellNext(): void {
  const store = relative(process.cwd(), STORE)
  const lsm = 'node packages/cli/dist/main.js'
  console.log(`
next, on the store that is there now:
  export LSM_DB=${store}
  ${lsm} levels
  ${lsm} scan --prefix IS/39/ --limit 5
  ${lsm} count --prefix FR/
  ${lsm} export --prefix JP/ --output japan.ndjson
  ${lsm} stats
  ${lsm} bench --num 100000
  npm start -- --primitives`)
}
