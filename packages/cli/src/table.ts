/** Tables: drawn with lines for a person, separated by tabs for a program. */
import CliTable from 'cli-table3'
import { plain, readable, type Unit } from './quantity.ts'

export interface Column {
  readonly name: string
  readonly unit: Unit
}

export type Cell = number | string | undefined

export interface TableOptions {
  readonly isTerminal: boolean
}

/** Returns the table with a heading, each row ended by a line feed. */
export function formatTable(
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
  { isTerminal }: TableOptions,
): string {
  const head = columns.map(({ name }) => name)
  const cells = rows.map((row) => columns.map(({ unit }, i) => cell(row[i], unit, isTerminal)))
  if (!isTerminal) return [head, ...cells].map((row) => `${row.join('\t')}\n`).join('')
  const table = new CliTable({
    head,
    colAligns: columns.map(({ unit }) => (unit === 'text' ? 'left' : 'right')),
    style: { head: [], border: [], compact: true },
  })
  for (const row of cells) table.push(row)
  return `${table.toString()}\n`
}

/** One named figure. */
export type Fact = readonly [name: string, value: Cell, unit?: Unit]

/** Returns a line for each figure: aligned for a person, `name TAB value` for a program. */
export function formatFacts(facts: readonly Fact[], { isTerminal }: TableOptions): string {
  const width = Math.max(0, ...facts.map(([name]) => name.length))
  return facts
    .map(([name, value, unit = 'count']) => {
      const text = cell(value, typeof value === 'string' ? 'text' : unit, isTerminal)
      return isTerminal ? `  ${name.padEnd(width)}  ${text}\n` : `${name}\t${text}\n`
    })
    .join('')
}

function cell(value: Cell, unit: Unit, isTerminal: boolean): string {
  if (value === undefined) return ''
  if (typeof value === 'string') return value
  return isTerminal ? readable(value, unit) : plain(value)
}
