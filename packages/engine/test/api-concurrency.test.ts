/** Reads that stay right while flushes and compactions run beside them, and an event loop that goes on turning. */
import { systemScheduler } from '@lsm/wal'
import { describe, expect, onTestFinished, test } from 'vitest'
import { Engine, type EngineOptions, type Reader } from '../src/index.ts'
import { openMemory, TINY, temporaryDirectory, text, turns } from './api-fixtures.ts'

const ACCOUNTS = 40
const TOTAL = ACCOUNTS * 100

const account = (i: number): string => `account/${String(i).padStart(3, '0')}`
/** A balance in many bytes, so that a few transfers fill a memtable. */
const balance = (amount: number): string => String(amount).padStart(6, '0').repeat(30)
const amountOf = (value: Uint8Array | undefined): number => Number(text(value)!.slice(0, 6))

/**
 * Moves money about in batches, `least` times and on until `isEnough`: the sum never changes, and the number of
 * transfers only grows. Returns how many there were.
 */
async function transfer(engine: Engine, least: number, isEnough: () => boolean): Promise<number> {
  const amounts = new Array<number>(ACCOUNTS).fill(100)
  let i = 0
  for (; i < least || !isEnough(); i++) {
    const from = (i * 7) % ACCOUNTS
    const to = (i * 13 + 5) % ACCOUNTS
    const moved = from === to ? 0 : Math.min(amounts[from]!, i % 40)
    amounts[from]! -= moved
    amounts[to]! += moved
    await engine.write([
      { type: 'put', key: account(from), value: balance(amounts[from]!) },
      { type: 'put', key: account(to), value: balance(amounts[to]!) },
      { type: 'put', key: 'transfers', value: String(i + 1) },
      // What lies under a deleted range must not come back.
      { type: 'put', key: `scratch/${i % 10}`, value: 'x'.repeat(200) },
      { type: 'deleteRange', range: { prefix: 'scratch/' } },
    ])
    if (i % 16 === 0) await turns(1)
  }
  return i
}

/** One consistent look: every account, the sum, and no scratch. Returns the transfers that it saw. */
async function audit(reader: Reader, round: number): Promise<number> {
  let sum = 0
  let seen = 0
  let transfers = 0
  let last = ''
  const reverse = round % 2 === 1
  for await (const [key, value] of reader.scan({ reverse })) {
    const name = text(key)!
    if (last !== '') expect(reverse ? name < last : name > last).toBe(true)
    last = name
    expect(name.startsWith('scratch/')).toBe(false)
    if (name === 'transfers') transfers = Number(text(value))
    else {
      seen++
      sum += amountOf(value)
    }
    // So that the store moves on under the scan.
    if (seen % 16 === 0) await turns(1)
  }
  expect([seen, sum]).toEqual([ACCOUNTS, TOTAL])
  return transfers
}

/** All of them at once, the writer for as long as the others have not had their share. */
async function race(engine: Engine, least: number): Promise<void> {
  for (let i = 0; i < ACCOUNTS; i++) await engine.put(account(i), balance(100))
  await engine.put('transfers', '0')
  let isRunning = true
  let scans = 0
  let snapshots = 0
  const scanner = async (): Promise<void> => {
    let newest = 0
    while (isRunning) {
      const transfers = await audit(engine, scans)
      expect(transfers).toBeGreaterThanOrEqual(newest)
      newest = transfers
      scans++
    }
  }
  const snapshotter = async (): Promise<void> => {
    while (isRunning) {
      const snapshot = engine.snapshot()
      try {
        const first = await audit(snapshot, snapshots)
        await turns(3)
        expect(await audit(snapshot, snapshots + 1)).toBe(first)
        const keys = Array.from({ length: ACCOUNTS }, (_, i) => account(i))
        const values = await snapshot.getMany(keys)
        expect(values.reduce((sum, value) => sum + amountOf(value), 0)).toBe(TOTAL)
        expect(await snapshot.count({ prefix: 'account/' })).toBe(ACCOUNTS)
      } finally {
        snapshot.close()
      }
      snapshots++
    }
  }
  const pointReader = async (): Promise<void> => {
    let newest = 0
    for (let i = 0; isRunning; i++) {
      const seen = Number(text(i % 2 === 0 ? await engine.get('transfers') : engine.getSync('transfers')))
      expect(seen).toBeGreaterThanOrEqual(newest)
      newest = seen
      expect(await engine.has(account(i % ACCOUNTS))).toBe(true)
      expect(await engine.get(`scratch/${i % 10}`)).toBeUndefined()
      expect(engine.hasSync('nothing')).toBe(false)
      await turns(1)
    }
  }
  const compactor = async (): Promise<void> => {
    while (isRunning) {
      await engine.compact()
      await turns(50)
    }
  }
  const others = [scanner(), snapshotter(), pointReader(), compactor()]
  let hasFailed = false
  for (const other of others) other.catch(() => (hasFailed = true))
  const writer = transfer(engine, least, () => hasFailed || (scans >= 3 && snapshots >= 3)).finally(() => {
    isRunning = false
  })
  await Promise.all([writer, ...others])
  expect(await audit(engine, 0)).toBe(await writer)
}

describe('reads stay right while flushes and compactions run', () => {
  const sets: readonly (readonly [string, EngineOptions])[] = [
    ['inline', { ...TINY, compactionWorkers: 0 }],
    ['inline, without a cache', { ...TINY, compactionWorkers: 0, cacheSizeBytes: 0 }],
    ['inline, compressed', { ...TINY, keyspaceDefaults: { ...TINY.keyspaceDefaults, compression: 'deflate' } }],
  ]
  test.each(sets)('in memory, %s', async (_, options) => {
    const engine = await openMemory(options)
    await race(engine, 500)
    const { flushes, compactions } = engine.stats()
    expect(flushes.count).toBeGreaterThan(20)
    expect(compactions.count).toBeGreaterThan(10)
  })

  test.each([
    ['with the default number of workers', 1],
    ['inline', 0],
  ])('on files, %s', async (_, compactionWorkers) => {
    const engine = await Engine.open(await temporaryDirectory(), { ...TINY, compactionWorkers })
    onTestFinished(() => engine.close())
    await race(engine, 300)
    expect(engine.stats().compactions.count).toBeGreaterThan(5)
  })
})

describe('the event loop', () => {
  test('has its turns during a long compaction on the main thread', async () => {
    const keyspaceDefaults = { l0Compact: 1000, l0Slow: 1000, l0Stop: 1000 }
    // A clock that moves a millisecond each time the job looks at it: slices of 4 ms, whatever the machine is busy with.
    let looks = 0
    const scheduler = { ...systemScheduler, now: () => looks++ }
    const options = { memtableSizeBytes: 2 << 20, durability: 'os', keyspaceDefaults } as const
    const engine = await openMemory(options, { scheduler })
    const value = 'v'.repeat(20)
    const batch = (round: number, from: number) =>
      Array.from({ length: 1000 }, (_, i) => ({
        type: 'put' as const,
        key: `key${String(from + i).padStart(6, '0')}`,
        value: `${value}${round}`,
      }))
    for (let round = 0; round < 4; round++) {
      for (let from = 0; from < 25_000; from += 1000) await engine.write(batch(round, from))
      await engine.flush()
    }
    let turnsTaken = 0
    let isRunning = true
    const tick = (): void => {
      turnsTaken++
      if (isRunning) setImmediate(tick)
    }
    looks = 0
    setImmediate(tick)
    await engine.compact()
    isRunning = false
    expect(engine.stats().compactions.recordsDropped).toBe(75_000)
    expect(await engine.count()).toBe(25_000)
    // Of 100,000 records that were read there is a look for every few hundred, and a turn for every four or five looks.
    expect(looks).toBeGreaterThan(150)
    expect(turnsTaken).toBeGreaterThan(looks / 6)
  })

  test('has its turns while one caller writes and awaits without end', async () => {
    const engine = await openMemory({ durability: 'os' })
    let isOver = false
    setTimeout(() => {
      isOver = true
    }, 20)
    let written = 0
    // Without turns for the timer it would end with this bound.
    while (!isOver && written < 10_000_000) {
      await engine.put(`k${written % 100}`, 'v')
      written++
    }
    expect(isOver).toBe(true)
  })
})
