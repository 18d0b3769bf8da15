/** `lsm stats` and `lsm levels`. */

import type { LatencyHistogram, Stats } from '@lsm/engine'
import type { Command } from 'commander'
import { addCommonOptions, addReadOnly, type Cli, type CommonFlags, withStore } from '../cli.ts'
import { type Column, type Fact, formatFacts, formatTable, type TableOptions } from '../table.ts'
import { drawTree } from '../tree-drawing.ts'

export function addInspectionCommands(program: Command, cli: Cli): void {
  const stats = program
    .command('stats')
    .description('print sizes and counters; counters begin at 0 when a store is opened')
  addReadOnly(addCommonOptions(stats)).action(async (_: unknown, command: Command) => {
    const flags: CommonFlags = command.optsWithGlobals()
    const found = await readStats(cli, flags)
    await cli.out.write(flags.json === true ? `${JSON.stringify(found)}\n` : formatStats(found, cli.out))
  })

  const levels = program.command('levels').description('draw the tree')
  addReadOnly(addCommonOptions(levels)).action(async (_: unknown, command: Command) => {
    const flags: CommonFlags = command.optsWithGlobals()
    const found = await readStats(cli, flags)
    const { out, world } = cli
    if (flags.json === true) await out.write(`${JSON.stringify(found.levels)}\n`)
    else if (!out.isTerminal) await out.write(formatLevels(found, out))
    else await out.write(drawTree(found, { columns: out.columns, hasColor: (world.env.NO_COLOR ?? '') === '' }))
  })
}

function readStats(cli: Cli, flags: CommonFlags): Promise<Stats> {
  return withStore(cli, flags, { create: false }, async (store) => store.stats())
}

const LEVEL_COLUMNS: readonly Column[] = [
  { name: 'level', unit: 'count' },
  { name: 'tables', unit: 'count' },
  { name: 'size', unit: 'bytes' },
  { name: 'records', unit: 'count' },
  { name: 'tombstones', unit: 'count' },
  { name: 'range tombstones', unit: 'count' },
  { name: 'score', unit: 'ratio' },
]

function formatLevels({ levels }: Stats, options: TableOptions): string {
  const rows = levels.map((each) => [
    each.level,
    each.tables,
    each.sizeBytes,
    each.pointRecords,
    each.tombstones,
    each.rangeTombstones,
    each.score,
  ])
  return formatTable(LEVEL_COLUMNS, rows, options)
}

/** For a person, groups with headings; for a program, one list of `group.name TAB value`. */
export function formatStats(stats: Stats, { isTerminal }: TableOptions): string {
  const options = { isTerminal }
  const groups = factsOf(stats)
  if (!isTerminal) {
    const all = groups.flatMap(([title, facts]) =>
      facts.map(([name, value, unit = 'count']): Fact => [`${title}.${name}`, value, unit]),
    )
    return formatFacts(all, options)
  }
  // Counters begin at 0 when a store is opened: a page of zeros says nothing.
  const isIdle = ([title, facts]: Group): boolean =>
    title !== 'store' && facts.every(([, value, unit = 'count']) => unit !== 'count' || value === 0)
  const text = groups
    .filter((each) => !isIdle(each))
    .map(([title, facts]) => `${title}\n${formatFacts(facts, options)}`)
  const idle = groups.filter(isIdle).map(([title]) => title)
  const rest = idle.length === 0 ? '' : `\nsince it was opened, no ${idle.join(', ')}\n`
  return `${text.join('\n')}\nlevels\n${formatLevels(stats, options)}${rest}`
}

type Group = readonly [title: string, facts: readonly Fact[]]

function factsOf(stats: Stats): readonly Group[] {
  const { writes, reads, cache, flushes, compactions, stalls } = stats
  const size = stats.levels.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  const tier = (name: 'data' | 'index' | 'filter'): Fact[] => {
    const { entries, sizeBytes, hits, misses } = cache[name]
    return [
      [`${name} entries`, entries],
      [`${name} size`, sizeBytes, 'bytes'],
      [`${name} hit rate`, hits + misses === 0 ? 0 : hits / (hits + misses), 'share'],
    ]
  }
  return [
    [
      'store',
      [
        ['last sequence number', stats.lastSeq],
        ['visible sequence number', stats.visibleSeq],
        ['size of tables', size, 'bytes'],
        ['tables', stats.levels.reduce((sum, { tables }) => sum + tables, 0)],
        ['open tables', stats.openTables],
        ['memtable', stats.memtableBytes, 'bytes'],
        ['frozen memtables', stats.frozenMemtables],
        ['log segments', stats.walSegments],
        ['log size', stats.walSizeBytes, 'bytes'],
        ['snapshots', stats.snapshots],
        ['write amplification', stats.writeAmplification, 'ratio'],
        ['space amplification', stats.spaceAmplification, 'ratio'],
        ['failure', stats.failure === undefined ? 'none' : `${stats.failure.code}: ${stats.failure.message}`],
      ],
    ],
    [
      'writes',
      [
        ['batches', writes.batches],
        ['operations', writes.operations],
        ['user bytes', writes.userBytes, 'bytes'],
        ['log bytes', writes.walBytes, 'bytes'],
      ],
    ],
    [
      'reads',
      [
        ['gets', reads.gets],
        ['memtable hits', reads.memtableHits],
        ['filter skips', reads.filterSkips],
        ['block reads', reads.blockReads],
      ],
    ],
    ['cache', [...tier('data'), ...tier('index'), ...tier('filter')]],
    ['flushes', [...latency('flushes', flushes.latency), ['bytes written', flushes.bytesWritten, 'bytes']]],
    [
      'compactions',
      [
        ...latency('compactions', compactions.latency),
        ['moves', compactions.moves],
        ['bytes read', compactions.bytesRead, 'bytes'],
        ['bytes written', compactions.bytesWritten, 'bytes'],
        ['records dropped', compactions.recordsDropped],
      ],
    ],
    ['stalls', [['delayed', stalls.delayed], ['stopped', stalls.stopped], ...latency('stalls', stalls.latency)]],
  ]
}

function latency(name: string, { count, sumMs, maxMs }: LatencyHistogram): Fact[] {
  return [
    [name, count],
    [`${name} mean`, count === 0 ? 0 : sumMs / count, 'ms'],
    [`${name} longest`, maxMs, 'ms'],
  ]
}
