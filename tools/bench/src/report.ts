/** Turns results into a table for the terminal and for the README of the package that was measured. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import type { CaseResult, Measurement, SuiteResult } from './measure.ts'

const START = '<!-- bench:start -->'
const END = '<!-- bench:end -->'

export function renderTable({ cases }: SuiteResult): string {
  const rows = cases.map((each) => [
    each.name,
    figure(each.contenders[each.ours]),
    `${figure(each.contenders[each.best])} (${each.best})`,
    `${each.ratio.toFixed(2)}×`,
    bytes(each),
  ])
  const head = ['case', 'ours', 'best other', 'ratio', 'bytes allocated']
  return [head, ['---', '--:', '--:', '--:', '--:'], ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n')
}

function figure(measured: Measurement | undefined): string {
  if (measured === undefined) return '–'
  const { nsPerOperation: ns, megabytesPerSecond } = measured
  if (megabytesPerSecond !== undefined) return `${Math.round(megabytesPerSecond).toLocaleString('en')} MB/s`
  if (ns < 1e4) return `${ns} ns`
  return ns < 1e7 ? `${Number((ns / 1e3).toPrecision(3))} µs` : `${Number((ns / 1e6).toPrecision(3))} ms`
}

function bytes({ contenders, ours, best }: CaseResult): string {
  const of = (name: string): string => (contenders[name]?.bytesPerOperation ?? Number.NaN).toFixed(0)
  return `${of(ours)} / ${of(best)}`
}

/** Replaces the figures between the markers of a README; one without markers is left as it is. */
export function fillReadme(readme: string, result: SuiteResult): boolean {
  if (!existsSync(readme)) return false
  const text = readFileSync(readme, 'utf8')
  const start = text.indexOf(START)
  const end = text.indexOf(END)
  if (start < 0 || end < start) return false
  const { machine, date, rounds, command } = result
  const where = `${machine.cpu}, ${machine.cores} cores, Node.js ${machine.node}`
  const block = [
    START,
    renderTable(result),
    '',
    `Medians of ${rounds} rounds, each contender in a process of its own, a ratio over 1 says that this package is`,
    `faster; bytes are per operation, ours / theirs. ${where}, ${date}: \`${command}\`.`,
    '',
  ].join('\n')
  writeFileSync(readme, text.slice(0, start) + block + text.slice(end))
  return true
}
