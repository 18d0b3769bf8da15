/** Numbers as a person reads them in a terminal, and as a program reads them in a pipe. */

export type Unit = 'count' | 'bytes' | 'ms' | 'ratio' | 'share' | 'text'

const WHOLE = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 })

/** Returns 171075 as "171,075", 12,300,000 bytes as "12.3 MB", 0.0042 ms as "4.2 µs", a share of 0.5 as "50.0%". */
export function readable(value: number, unit: Unit): string {
  if (!Number.isFinite(value)) return '–'
  switch (unit) {
    case 'bytes':
      return scaled(value, ['B', 'kB', 'MB', 'GB', 'TB', 'PB'])
    case 'ms':
      if (value >= 1000) return `${fixed(value / 1000)} s`
      if (value >= 1 || value === 0) return `${fixed(value)} ms`
      return value >= 0.001 ? `${fixed(value * 1000)} µs` : `${WHOLE.format(value * 1e6)} ns`
    case 'ratio':
      return value.toFixed(2)
    case 'share':
      return `${(value * 100).toFixed(1)}%`
    default:
      return WHOLE.format(value)
  }
}

/** Returns the number without grouping or unit: bytes, milliseconds, and four digits after the point at the most. */
export function plain(value: number): string {
  return Number.isInteger(value) ? String(value) : String(Number(value.toFixed(4)))
}

/** Returns "1 record", "2,500 records". */
export function plural(count: number, noun: string): string {
  return `${readable(count, 'count')} ${noun}${count === 1 ? '' : 's'}`
}

/** Three digits that count. */
function fixed(value: number): string {
  return value >= 100 ? WHOLE.format(value) : value.toFixed(value >= 10 ? 1 : 2)
}

function scaled(value: number, units: readonly string[]): string {
  let rest = value
  let unit = 0
  while (rest >= 999.5 && unit < units.length - 1) {
    rest /= 1000
    unit += 1
  }
  return unit === 0 ? `${WHOLE.format(rest)} B` : `${fixed(rest)} ${units[unit]}`
}
