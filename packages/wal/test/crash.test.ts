/**
 * The log on disks that lose power and fail. Writers with mixed durabilities run over rotations; the disk is cut after
 * every operation, in every way that a disk loses what was not synced, and each single operation fails in turn.
 */
import type { Storage } from '@lsm/storage'
import { CrashDisk, type Fault, FaultPlan, FaultStorage, type LossStyle } from '@lsm/storage/testing'
import { describe, expect, test } from 'vitest'
import {
  createSegment,
  type ReadSegmentOptions,
  type SealedSegment,
  segmentFileName,
  type WalDurability,
  WalError,
  WalWriter,
} from '../src/index.ts'
import { identity, putOf, readBack } from './log.ts'

/** The same choices for the same seed. */
function randomOf(seed: number): (limit: number) => number {
  let state = Math.imul(seed, 0x9e37_79b1) >>> 0
  return (limit) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * limit)
  }
}

/** What one batch was told. The key in the log is `k` and `id`, so that each is found again. */
interface Submitted {
  readonly id: number
  outcome: 'pending' | 'synced' | 'written' | 'refused' | 'failed'
  seq: number | undefined
}

/** A log with all that its owner knows: what a manifest would hold, and what the writers were told. */
class Owner {
  readonly submitted: Submitted[] = []
  readonly errors: Error[] = []
  /** Durable as soon as it is changed, as a manifest is. */
  segments: ReadSegmentOptions[] = []
  /** Sequence numbers up to here were acknowledged as durable. */
  syncedThrough = 0
  writer: WalWriter | undefined
  readonly #storage: Storage
  #last = 0

  constructor(storage: Storage) {
    this.#storage = storage
  }

  async open(): Promise<void> {
    const segment = await createSegment(this.#storage, identity(1))
    this.segments = [{ ...segment.identity, sealedLength: undefined }]
    this.writer = new WalWriter(segment, { supportsSync: true, nextSeq: 1 })
  }

  submit(size: number, durability: WalDurability): void {
    const { writer } = this
    const each: Submitted = { id: this.submitted.length, outcome: 'pending', seq: undefined }
    this.submitted.push(each)
    try {
      writer!.batch.begin(0)
      putOf(size, each.id)(writer!.batch)
      writer!.submit(durability, {
        committed: (seq) => {
          // Acknowledged in the order of the sequence numbers, without a gap.
          expect(seq).toBe(this.#last + 1)
          this.#last = seq
          each.seq = seq
          each.outcome = durability === 'sync' ? 'synced' : 'written'
          if (durability === 'sync') this.syncedThrough = seq
        },
        failed: (error) => this.#refused(each, error),
      })
    } catch (error) {
      this.#refused(each, error)
    }
  }

  #refused(each: Submitted, error: unknown): void {
    expect(error).toBeInstanceOf(WalError)
    const { code, outcome } = error as WalError
    expect(['WAL_NOT_WRITTEN', 'WAL_FAILED']).toContain(code)
    each.outcome = code === 'WAL_FAILED' && outcome === 'unknown' ? 'failed' : 'refused'
  }

  async sync(): Promise<void> {
    const through = this.#last
    await this.writer!.sync()
    this.syncedThrough = Math.max(this.syncedThrough, through)
  }

  async rotate(): Promise<void> {
    const number = this.segments.at(-1)!.number + 1
    const next = await createSegment(this.#storage, identity(number))
    await this.writer!.rotate(next, async (sealed) => this.#publish(sealed, number))
  }

  async close(): Promise<void> {
    const sealed = await this.writer!.close()
    this.#publish(sealed)
  }

  #publish(sealed: SealedSegment, next?: number): void {
    this.syncedThrough = this.#last
    const done = { ...this.segments.at(-1)!, sealedLength: sealed.length }
    const open = next === undefined ? [] : [{ ...identity(next), sealedLength: undefined }]
    this.segments = [...this.segments.slice(0, -1), done, ...open]
  }
}

/** One small batch in a burst, or one over several blocks, then a pause of a random length. */
async function work(owner: Owner, seed: number, rounds: number): Promise<void> {
  const random = randomOf(seed)
  const attempt = async (step: () => Promise<void>): Promise<void> => {
    try {
      await step()
    } catch (error) {
      owner.errors.push(error as Error)
    }
  }
  await attempt(() => owner.open())
  if (owner.writer === undefined) return
  const background: Promise<void>[] = []
  for (let round = 0; round < rounds; round++) {
    for (let i = random(4); i >= 0; i--) {
      const size = random(8) === 0 ? random(40_000) : random(300)
      owner.submit(size, random(3) === 0 ? 'sync' : random(4) === 0 ? { intervalMs: 1000 } : 'os')
    }
    const what = random(10)
    if (what === 0) background.push(attempt(() => owner.sync()))
    if (what === 1) await attempt(() => owner.rotate())
    // Sometimes what was submitted is written first, and sometimes more comes while it is synced.
    for (let i = random(6); i > 0; i--) await Promise.resolve()
    if (random(3) === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  await attempt(() => owner.close())
  await Promise.all(background)
}

interface Promised {
  readonly segments: readonly ReadSegmentOptions[]
  readonly syncedThrough: number
  readonly submitted: readonly Submitted[]
}

const promisedBy = (owner: Owner): Promised => ({
  segments: owner.segments,
  syncedThrough: owner.syncedThrough,
  submitted: owner.submitted.map((each) => ({ ...each })),
})

/** Reads the log of a disk twice and checks that it is a prefix that keeps every promise. */
async function check(disk: CrashDisk, { segments, syncedThrough, submitted }: Promised): Promise<number> {
  const storage = disk.storage()
  if (segments.length === 0) return 0
  const first = await readBack(storage, segments)
  expect(await readBack(storage, segments)).toEqual(first)
  expect(storage.openFiles).toEqual([])
  const { operations } = first
  expect(operations.map(({ seq }) => seq)).toEqual(operations.map((_, i) => i + 1))
  expect(operations.length).toBeGreaterThanOrEqual(syncedThrough)
  const byKey = new Map(submitted.map((each) => [`k${each.id}`, each]))
  let lastId = -1
  for (const { key, seq } of operations) {
    const each = byKey.get(key)
    // A batch that was refused is not there, and each is where its acknowledgement said.
    expect(each?.outcome).not.toBe('refused')
    if (each!.seq !== undefined) expect(seq).toBe(each!.seq)
    expect(each!.id).toBeGreaterThan(lastId)
    lastId = each!.id
  }
  return operations.length
}

const STYLES: readonly (LossStyle | undefined)[] = ['nothing', 'everything', 'after', 'mixed', 'mixed', undefined]

describe('a power cut after every operation leaves a prefix that holds all that was acknowledged as durable', () => {
  test.each(Array.from({ length: 10 }, (_, i) => i + 1))('seed %i', async (seed) => {
    const cuts: { disk: CrashDisk; promised: Promised }[] = []
    let owner: Owner | undefined
    const disk = new CrashDisk({
      onOperation: (operation, now) => {
        const promised = promisedBy(owner!)
        for (const [i, style] of STYLES.entries()) {
          const options = { seed: seed * 100_000 + operation.index * 10 + i, ...(style && { style }) }
          cuts.push({ disk: now.crash(options), promised })
        }
      },
    })
    owner = new Owner(disk.storage())
    await work(owner, seed, 30)
    expect(owner.errors).toEqual([])
    // Those that were pending when the power went may be there or not: what they were told later does not count.
    const lengths = new Set<number>()
    for (const { disk, promised } of cuts) lengths.add(await check(disk, promised))
    expect(lengths.size).toBeGreaterThan(10)
    const last = await check(disk, promisedBy(owner))
    expect(last).toBe(owner.submitted.length)
    expect(owner.segments.length).toBeGreaterThan(1)
  })
})

describe('every operation fails in turn', () => {
  const cases: [Fault, 'once' | 'for ever', boolean][] = [
    ['EIO', 'once', true],
    ['EIO', 'once', false],
    ['EIO', 'for ever', true],
    ['ENOSPC', 'once', true],
    ['ENOSPC', 'for ever', true],
    ['short', 'once', true],
    ['short', 'for ever', true],
  ]

  test.each(cases)('%s, %s, unsynced pages visible after a failed sync: %s', async (fault, times, keepVisible) => {
    const outcomes = new Set<string>()
    for (let at = 1; ; at++) {
      const plan = new FaultPlan({ keepVisible }).add({ fault, at, forever: times === 'for ever' })
      const storage = new FaultStorage(plan)
      const owner = new Owner(storage)
      await work(owner, 7 + (at % 3), 12)
      if (plan.failures === 0) break
      for (const each of owner.submitted) outcomes.add(each.outcome)
      // Everybody was told something, and whoever held a descriptor gave it back.
      expect(owner.submitted.filter(({ outcome }) => outcome === 'pending')).toEqual([])
      expect(storage.openFiles).toEqual([])
      expect(plan.openDescriptors).toBe(0)
      for (const error of owner.errors) expect(error).toMatchObject({ code: expect.stringMatching(/^(WAL|STORAGE)_/) })
      if (fault === 'short') expect(owner.errors).toEqual([])
      const promised = promisedBy(owner)
      for (const style of ['everything', 'nothing', 'mixed'] as const) {
        await check(storage.disk.crash({ seed: at, style }), promised)
      }
    }
    if (fault === 'short') expect([...outcomes].sort()).toEqual(['synced', 'written'])
    else expect([...outcomes]).toEqual(expect.arrayContaining(['synced', 'written', 'refused']))
  })

  test('a write that fails half-way again and again never leaves a batch that was refused', async () => {
    const plan = new FaultPlan()
    const storage = new FaultStorage(plan)
    const owner = new Owner(storage)
    await owner.open()
    for (let i = 0; i < 40; i++) {
      // The first part is written, the rest meets a full disk, every other time.
      if (i % 2 === 1) {
        plan.add({ fault: 'short', when: ({ kind }) => kind === 'write' })
        plan.add({ fault: 'ENOSPC', when: ({ kind, name }) => kind === 'write' && name === segmentFileName(1) })
      }
      owner.submit(i * 50, i % 3 === 0 ? 'sync' : 'os')
      await new Promise((resolve) => setImmediate(resolve))
      for (const style of ['everything', 'nothing', 'after', 'mixed', 'mixed'] as const) {
        await check(storage.disk.crash({ seed: i, style }), promisedBy(owner))
      }
    }
    expect(plan.failures).toBeGreaterThanOrEqual(40)
    expect(owner.submitted.filter(({ outcome }) => outcome === 'refused')).toHaveLength(20)
    await owner.close()
    expect(await check(storage.disk, promisedBy(owner))).toBe(20)
  })
})
