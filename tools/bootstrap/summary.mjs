/** Adds up what vitest reported for each project and says which of them ran no test. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { top } from './install.mjs'

let passed = 0
let failed = 0
let skipped = 0
const silent = []

for (const group of ['packages', 'tools']) {
  for (const name of readdirSync(join(top, group))) {
    const folder = join(top, group, name)
    if (!existsSync(join(folder, 'vitest.config.ts'))) continue
    const report = join(folder, '.cache', 'vitest.json')
    if (!existsSync(report)) {
      silent.push(name)
      continue
    }
    const result = JSON.parse(readFileSync(report, 'utf8'))
    if (result.numPassedTests === 0) silent.push(name)
    passed += result.numPassedTests
    failed += result.numFailedTests
    skipped += result.numPendingTests + result.numTodoTests
    // A test that this machine could not run says so by its name.
    for (const file of result.testResults) {
      for (const each of file.assertionResults) {
        if (each.status === 'pending' || each.status === 'skipped') console.log(`not run: ${name}: ${each.fullName}`)
      }
    }
  }
}

if (silent.length > 0) console.log(`ran no test: ${silent.join(', ')}`)
console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`)
process.exitCode = failed > 0 || passed === 0 || silent.length > 0 ? 1 : 0
