/** The tree of a store as a picture in a terminal. */
import type { LevelStats, Stats } from '@lsm/engine'
import { plural, readable } from './quantity.ts'

export interface DrawingOptions {
  readonly columns: number
  /** Whether what needs a compaction may be yellow. */
  readonly hasColor: boolean
}

interface Floor {
  readonly name: string
  readonly sizeBytes: number
  readonly text: string
  readonly isFull: boolean
}

const YELLOW = '\u001b[33m'
const PLAIN = '\u001b[0m'
const MAX_BAR = 36

/**
 * Returns the memtable and each level as a bar, the top of the tree first, ended by a line feed. The length of a bar
 * grows with the logarithm of the size, so that levels ten times apart stay comparable; what has nothing has no bar.
 */
export function drawTree(stats: Stats, { columns, hasColor }: DrawingOptions): string {
  const deepest = stats.levels.findLastIndex(({ tables }) => tables > 0)
  const floors = [memtableFloor(stats), ...stats.levels.slice(0, deepest + 1).map(levelFloor)]
  const nameWidth = Math.max(...floors.map(({ name }) => name.length))
  const textWidth = Math.max(...floors.map(({ text }) => text.length))
  const width = Math.max(8, Math.min(MAX_BAR, columns - nameWidth - textWidth - 4))
  const largest = Math.max(...floors.map(({ sizeBytes }) => sizeBytes))
  return floors
    .map(({ name, sizeBytes, text, isFull }) => {
      const length = barLength(sizeBytes, largest, width)
      const left = Math.floor((width - length) / 2)
      const picture = ' '.repeat(left) + '█'.repeat(length) + ' '.repeat(width - length - left)
      const bar = isFull && hasColor ? `${YELLOW}${picture}${PLAIN}` : picture
      return `${name.padEnd(nameWidth)}  ${bar}  ${text}`.trimEnd()
    })
    .map((line) => `${line}\n`)
    .join('')
}

function memtableFloor({ memtableBytes, frozenMemtables }: Stats): Floor {
  const frozen = frozenMemtables > 0 ? `, ${frozenMemtables} waiting for their flush` : ''
  return {
    name: 'memory',
    sizeBytes: memtableBytes,
    text: `${readable(memtableBytes, 'bytes')}${frozen}`,
    isFull: false,
  }
}

function levelFloor({ level, tables, sizeBytes, pointRecords, tombstones, rangeTombstones, score }: LevelStats): Floor {
  const deletions = tombstones + rangeTombstones
  const parts = [
    `${readable(sizeBytes, 'bytes')} in ${plural(tables, 'table')}`,
    plural(pointRecords, 'record'),
    ...(deletions > 0 ? [plural(deletions, 'tombstone')] : []),
    `${Math.round(score * 100)}% full`,
  ]
  return { name: `L${level}`, sizeBytes, text: tables === 0 ? '–' : parts.join(', '), isFull: score >= 1 }
}

/** Each halving takes the same off the bar; a kilobyte beside terabytes still shows. */
function barLength(sizeBytes: number, largest: number, width: number): number {
  if (sizeBytes === 0) return 0
  const halvings = Math.log2(largest / sizeBytes)
  return Math.max(1, Math.round(width * (1 - halvings / 14)))
}
