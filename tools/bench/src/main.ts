/**
 * `npm run bench -- [--package NAME …] [--rounds N]`: measures the built packages against their peers, writes
 * `packages/NAME/bench/results.json` and fills in the figures of the package's README.
 */
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { runSuite } from './measure.ts'
import { fillReadme, renderTable } from './report.ts'
import type { Suite } from './suite.ts'

const packages = join(import.meta.dirname, '..', '..', '..', 'packages')

const { values } = parseArgs({
  options: {
    package: { type: 'string', multiple: true },
    rounds: { type: 'string', default: '3' },
  },
})
const rounds = Number(values.rounds)
if (!Number.isInteger(rounds) || rounds < 1) throw new RangeError(`--rounds is "${values.rounds}", not a count`)

const measured = readdirSync(packages).filter((name) => existsSync(join(packages, name, 'bench')))
for (const name of values.package ?? []) {
  if (!measured.includes(name)) throw new RangeError(`no benchmark for "${name}": one of ${measured.join(', ')}`)
}

const onProgress = (text: string): void => {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`)
}

for (const name of values.package ?? measured) {
  const folder = join(packages, name, 'bench')
  for (const entry of readdirSync(folder).filter((each) => each.endsWith('.bench.ts'))) {
    const file = join(folder, entry)
    const { default: loaded } = (await import(pathToFileURL(file).href)) as { default: Suite }
    const command = `npm run bench -- --package ${name}${rounds === 3 ? '' : ` --rounds ${rounds}`}`
    const result = await runSuite(loaded, { file, command, rounds, onProgress })
    onProgress('')
    console.log(`\n${name}: ${loaded.name}\n${renderTable(result)}`)
    const single = entry === `${loaded.name}.bench.ts` || loaded.name === name
    writeFileSync(
      join(folder, single ? 'results.json' : `${loaded.name}.results.json`),
      `${JSON.stringify(result, null, 2)}\n`,
    )
    if (single) fillReadme(join(packages, name, 'README.md'), result)
  }
}
