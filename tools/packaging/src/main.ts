/**
 * Packs every package and holds the tarballs to what users rely on:
 * `node --conditions=@lsm/source --import tsx tools/packaging/src/main.ts [--package NAME]… [--check NAME]… [--keep]`.
 * The packages must be built. Exit code 1 when a package falls short.
 */
import { mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { findPackages, type Packed, packAll } from './pack.ts'
import { CHECKS, inParallel, type Verdict, verify } from './verify.ts'

const top = join(import.meta.dirname, '..', '..', '..')
const { values } = parseArgs({
  options: {
    package: { type: 'string', multiple: true, default: [] },
    check: { type: 'string', multiple: true, default: [...CHECKS] },
    keep: { type: 'boolean', default: false },
  },
})

function progress(line: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${line}`)
}

function chosen(all: readonly Packed[]): readonly Packed[] {
  const wanted = values.package.map((name) => name.replace(/^@lsm\//, ''))
  const unknown = wanted.filter((name) => !all.some((each) => each.name === name))
  if (unknown.length > 0)
    throw new RangeError(`no package ${unknown.join(', ')}: there are ${all.map(({ name }) => name).join(', ')}`)
  return wanted.length === 0 ? all : all.filter(({ name }) => wanted.includes(name))
}

function refuseUnknownChecks(): void {
  const unknown = values.check.filter((name) => !CHECKS.includes(name))
  if (unknown.length > 0) throw new RangeError(`no check ${unknown.join(', ')}: there are ${CHECKS.join(', ')}`)
}

function print(verdicts: readonly Verdict[]): void {
  const width = Math.max(...verdicts.map(({ packageName }) => packageName.length))
  for (const { packageName, problems, notes } of verdicts) {
    console.log(`${problems.length === 0 ? '✓' : '✗'} ${packageName.padEnd(width)}  ${notes.join(', ')}`)
    for (const problem of problems) console.log(`    ${problem.replaceAll('\n', '\n      ')}`)
  }
}

const scratch = realpathSync(mkdtempSync(join(tmpdir(), 'lsm-packaging-')))
try {
  refuseUnknownChecks()
  progress('packing')
  const all = await packAll(top, findPackages(top), join(scratch, 'tarballs'))
  const packages = chosen(all)
  let done = 0
  const onStep = (name: string, check: string): void => progress(`${done} of ${packages.length}  ${name}: ${check}`)
  const verdicts = await inParallel(packages, {
    limit: 2,
    work: async (each) => {
      const verdict = await verify(each, all, { top, scratch, only: values.check, onStep })
      done += 1
      return verdict
    },
  })
  progress('')
  print(verdicts)
  const short = verdicts.filter(({ problems }) => problems.length > 0).length
  console.log(`packaging: ${verdicts.length - short} of ${verdicts.length} packages pass ${values.check.join(', ')}`)
  if (short > 0 || verdicts.length === 0) process.exitCode = 1
} catch (error) {
  if (!(error instanceof RangeError)) throw error
  console.error(error.message)
  process.exitCode = 2
} finally {
  if (values.keep) console.log(`kept in ${scratch}`)
  else rmSync(scratch, { recursive: true, force: true })
}
