import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fuzz } from '@lsm/fuzz'
import { MemoryStorage } from '@lsm/storage'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Engine, type EngineOptions, type KeyspaceOptions } from '../src/index.ts'
import { operations } from './model-arbitraries.ts'
import { ModelDriver, reached } from './model-driver.ts'

// So small that some tens of operations flush, go down several levels and split tables.
const TINY_TABLES: KeyspaceOptions = {
  blockSizeBytes: 64,
  tableSizeBytes: 4096,
  l0Compact: 2,
  l0Slow: 4,
  l0Stop: 6,
  level1SizeBytes: 4096,
  levelMultiplier: 2,
}
const TINY: EngineOptions = {
  memtableSizeBytes: 4096,
  maxFrozenMemtables: 1,
  maxWalSizeBytes: 65_536,
  durability: 'os',
  compactionWorkers: 0,
  keyspaceDefaults: TINY_TABLES,
}

/** All of them must answer as the model does, and so as each other. */
const OPTION_SETS: readonly (readonly [name: string, options: EngineOptions])[] = [
  ['defaults', { compactionWorkers: 0 }],
  ['tiny', TINY],
  ['tiny, no cache', { ...TINY, cacheSizeBytes: 0 }],
  ['tiny, a small cache', { ...TINY, cacheSizeBytes: 2048, maxFrozenMemtables: 3 }],
  ['tiny, no filter', { ...TINY, keyspaceDefaults: { ...TINY_TABLES, filterFalsePositiveRate: false } }],
  ['tiny, a bad filter', { ...TINY, keyspaceDefaults: { ...TINY_TABLES, filterFalsePositiveRate: 0.5 } }],
  ['tiny, deflate', { ...TINY, keyspaceDefaults: { ...TINY_TABLES, compression: 'deflate' } }],
  ['tiny, sync', { ...TINY, durability: 'sync' }],
  ['tiny, every millisecond', { ...TINY, durability: { intervalMs: 1 } }],
  [
    'every flush is compacted, blocks of 4 KiB',
    { ...TINY, keyspaceDefaults: { ...TINY_TABLES, blockSizeBytes: 4096, l0Compact: 1, l0Slow: 1, l0Stop: 2 } },
  ],
  [
    'nothing is compacted by itself',
    { ...TINY, keyspaceDefaults: { ...TINY_TABLES, l0Compact: 1000, l0Slow: 1000, l0Stop: 1000 } },
  ],
  ['a large memtable over tiny tables', { ...TINY, memtableSizeBytes: 1 << 20 }],
]

for (const [name, options] of OPTION_SETS) {
  fuzz(
    import.meta.url,
    `in memory, ${name}: every answer is the model's`,
    fc.asyncProperty(operations, (list) => {
      let storage: MemoryStorage | undefined
      return ModelDriver.run(() => {
        const opened = storage?.reopen() ?? new MemoryStorage()
        storage ??= opened as MemoryStorage
        return Engine.open('memory', options, { storage: opened })
      }, list)
    }),
    { runs: 150, capMs: 2000 },
  )
}

for (const [name, options] of [
  OPTION_SETS[1]!,
  OPTION_SETS[6]!,
  ['tiny, in a worker where there is one', tinyByDefault()] as const,
]) {
  fuzz(
    import.meta.url,
    `on files, ${name}: every answer is the model's`,
    fc.asyncProperty(operations, async (list) => {
      const path = await mkdtemp(join(tmpdir(), 'lsm-model-'))
      try {
        await ModelDriver.run(() => Engine.open(path, options), list)
      } finally {
        await rm(path, { recursive: true })
      }
    }),
    { runs: 40, capMs: 4000 },
  )
}

/** Everything that has a default where compactions run is left to it. */
function tinyByDefault(): EngineOptions {
  const { compactionWorkers: _, durability: __, ...rest } = TINY
  return rest
}

test('the runs above met flushes, compactions, moves, stalls, several levels and several tables in one', (context) => {
  // Nothing ran before it when one property is replayed.
  if (reached.operations < 2000) context.skip()
  console.log(`model: ${JSON.stringify(reached)}`)
  for (const count of ['flushes', 'compactions', 'moves', 'stalls'] as const) expect(reached[count]).toBeGreaterThan(20)
  expect(reached.deepestLevel).toBeGreaterThanOrEqual(3)
  expect(reached.mostTables).toBeGreaterThanOrEqual(3)
})
