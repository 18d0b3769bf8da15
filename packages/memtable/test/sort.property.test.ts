import { fuzz } from '@lsm/fuzz'
import fc from 'fast-check'
import { expect } from 'vitest'
import { Arena, UNIT_BITS } from '../src/arena.ts'
import { keyLength, keyStart, writeKey } from '../src/entries.ts'
import { MergeJob } from '../src/merge-job.ts'
import { countBefore, type Run } from '../src/run.ts'
import { MAX_SORTED_KEYS, sortIntoRun } from '../src/sort.ts'

const FIELDS = { seq: 1, timestampMs: 0, kind: 0 } as const

// Keys that agree for long, end early, or go on with zeros: what a sort by prefixes gets wrong first.
const arbStem = fc.constantFrom(
  '',
  '00',
  '0000000000',
  '61',
  '616263',
  '6162636465',
  '616263646566676869',
  'ff',
  'ffffffffffff00',
)
const arbKey = fc
  .tuple(arbStem, arbStem, fc.uint8Array({ maxLength: 4, max: 2 }))
  .map(([a, b, rest]) => `${a}${b}${Buffer.from(rest).toString('hex')}`)
const arbKeys = fc.uniqueArray(arbKey, { maxLength: 400, size: 'max' })

function write(arena: Arena, keys: readonly string[]): Uint32Array {
  return Uint32Array.from(keys, (key) => writeKey(arena, Buffer.from(key, 'hex'), new Uint8Array(0), FIELDS))
}

function keysOf(arena: Arena, run: Run): string[] {
  return Array.from(run.nodes, (node) => {
    const start = keyStart(node)
    return Buffer.from(arena.bytes[node >>> UNIT_BITS]!.subarray(start, start + keyLength(arena, node))).toString('hex')
  })
}

/** Bytes in hexadecimal sort as the bytes do. */
function sorted(keys: readonly string[]): string[] {
  return [...keys].sort()
}

fuzz(
  import.meta.url,
  'a tail is sorted by key',
  fc.property(arbKeys, (keys) => {
    const arena = new Arena(false)
    const run = sortIntoRun(arena, write(arena, keys), keys.length, 0)
    expect(keysOf(arena, run)).toEqual(sorted(keys))
    for (let i = 1; i < keys.length; i++) expect(run.prefixes[i]).toBeGreaterThanOrEqual(run.prefixes[i - 1]!)
  }),
  { runs: 150, capMs: 2000 },
)

fuzz(
  import.meta.url,
  'a merge in slices gives all keys of both runs, in order, whatever prefixes they were cut at',
  fc.property(
    arbKeys,
    fc.nat(100),
    fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1 }),
    fc.boolean(),
    (keys, cut, budgets, stem) => {
      // One run with a longer common stem than the other: `skip` differs, and prefixes must be read again.
      const at = Math.min(cut, keys.length)
      const first = keys.slice(0, at).map((key) => (stem ? `7878${key}` : key))
      const second = keys.slice(at)
      const all = [...new Set([...first, ...second])]
      const others = all.slice(first.length)
      const arena = new Arena(false)
      const a = sortIntoRun(arena, write(arena, first), first.length, stem ? 2 : 0)
      const b = sortIntoRun(arena, write(arena, others), others.length, 0)
      const job = new MergeJob(arena, a, b, false)
      for (let i = 0; job.remaining > 0; i++) {
        const before = job.remaining
        job.advance(budgets[i % budgets.length]!)
        expect(before - job.remaining).toBe(Math.min(before, budgets[i % budgets.length]!))
      }
      expect(keysOf(arena, job.output)).toEqual(sorted(all))
      for (const probe of [...keys.slice(0, 20), '', '6162', 'ffff', '787861']) {
        for (const run of [a, job.output]) {
          const its = keysOf(arena, run)
          const key = Buffer.from(probe, 'hex')
          expect(countBefore(arena, run, key, false)).toBe(its.filter((each) => each < probe).length)
          expect(countBefore(arena, run, key, true)).toBe(its.filter((each) => each <= probe).length)
        }
      }
    },
  ),
  { runs: 150, capMs: 2000 },
)

fuzz(
  import.meta.url,
  'as many keys as a tail holds are sorted, equal in all but their last bytes',
  fc.property(fc.nat(40), fc.integer({ min: 1, max: 1021 }), (stemLength, stride) => {
    const stem = '78'.repeat(stemLength)
    const keys = Array.from({ length: MAX_SORTED_KEYS }, (_, i) => {
      const number = (i * (stride * 2 + 1)) % MAX_SORTED_KEYS
      return `${stem}${(number >> 6).toString(16).padStart(4, '0')}${'00'.repeat(number & 63)}`
    })
    const arena = new Arena(false)
    const run = sortIntoRun(arena, write(arena, keys), keys.length, stemLength)
    expect(keysOf(arena, run)).toEqual(sorted(keys))
  }),
  { runs: 40, capMs: 3000 },
)
