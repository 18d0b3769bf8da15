import { fuzz } from '@lsm/fuzz'
import fc from 'fast-check'
import { expect } from 'vitest'
import { type CompactionTask, pickCompaction, pickRange } from '../src/compaction-policy.ts'
import { LEVEL_COUNT } from '../src/version.ts'
import { Model } from './compactions.ts'

const keys = fc.uniqueArray(fc.nat(40), { minLength: 1, maxLength: 6 })
const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('flush' as const), keys }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('compact' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('range' as const),
      level: fc.nat(LEVEL_COUNT - 1),
      from: fc.nat(40),
      length: fc.nat(20),
    }),
  },
)

/** Checks a task on its own terms and returns the version after it. */
function run(model: Model, task: CompactionTask, recordsPerTable: number): Model {
  const { inputs, overlapping, level, outputLevel } = task
  expect(inputs.length).toBeGreaterThan(0)
  expect(outputLevel).toBe(level + 1)
  expect(inputs.every((each) => each.level === level)).toBe(true)
  expect(overlapping.every((each) => each.level === outputLevel)).toBe(true)
  // `Version.of` throws where levels overlap.
  const next = model.apply(task, recordsPerTable)
  expect(next.answers()).toEqual(model.answers())
  for (let key = 0; key <= 40; key++) {
    const seqs = next.seqsOf(key)
    expect(seqs).toEqual(seqs.toSorted((a, b) => b - a))
  }
  return next
}

fuzz(
  import.meta.url,
  'an older version of a key never stays above a newer one, no level overlaps, and compacting comes to an end',
  fc.property(
    fc.array(step, { minLength: 1, maxLength: 25 }),
    fc.integer({ min: 1, max: 4 }),
    fc.integer({ min: 1, max: 5 }),
    (steps, l0Compact, recordsPerTable) => {
      const options = { l0Compact, level1SizeBytes: 600, levelMultiplier: 2 }
      let model = Model.empty()
      let seq = 0
      const cursors: (Uint8Array | undefined)[] = []
      const compact = (): boolean => {
        const task = pickCompaction(model.version, options, cursors)
        if (task === undefined) return false
        cursors[task.level] = task.inputs.at(-1)!.smallest
        model = run(model, task, recordsPerTable)
        return true
      }
      for (const each of steps) {
        if (each.kind === 'flush') {
          model = model.withTable(
            0,
            each.keys.map((key) => ({ key, seq: ++seq })),
          )
        } else if (each.kind === 'compact') compact()
        else {
          const { level, from, length } = each
          const range = {
            smallest: Uint8Array.of(from),
            largest: { key: Uint8Array.of(from + length), inclusive: true },
          }
          const task = pickRange(model.version, level, range)
          if (task) model = run(model, task, recordsPerTable)
        }
      }
      // Each task moves tables downward, so it takes no more of them than there are tables and levels.
      const limit = (model.version.tables.length + 45) * LEVEL_COUNT * 2
      let rounds = 0
      while (compact()) expect(++rounds).toBeLessThan(limit)
    },
  ),
  { runs: 300, capMs: 5000 },
)
