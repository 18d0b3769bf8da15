import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import fc from 'fast-check'
import { afterAll, expect, test } from 'vitest'
import { Corpus } from '../src/corpus.ts'
import { fuzz } from '../src/index.ts'
import { readSettings } from '../src/settings.ts'

// Where packages are found, and where neither the linter nor another run of these tests looks.
const cache = join(import.meta.dirname, '..', '.cache')
mkdirSync(cache, { recursive: true })
const folder = mkdtempSync(join(cache, 'fuzz-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

test('a corpus keeps bytes, undefined, negative zero and big integers', () => {
  const corpus = new Corpus<unknown[]>(pathToFileURL(join(folder, 'a.test.ts')).href, 'Any value!')
  const example = [new Uint8Array([0, 255]), undefined, -0, Number.NaN, 2n ** 70n, { nested: [null] }]
  expect(corpus.load()).toEqual([])
  corpus.add(example)
  corpus.add(example)
  expect(corpus.load()).toEqual([example])
  expect(Object.is(corpus.load()[0]?.[2], -0)).toBe(true)
})

test('settings that are not numbers are refused by name', () => {
  expect(() => readSettings({ LSM_FUZZ_SEED: 'x' })).toThrow(/LSM_FUZZ_SEED/)
  expect(readSettings({})).toMatchObject({ budgetMs: undefined, path: undefined, save: false })
})

const isSlow = (text: string): boolean => {
  const until = performance.now() + 30
  while (performance.now() < until);
  return text.length >= 0
}

fuzz(import.meta.url, 'a run that takes longer than there is time counts once', fc.property(fc.string(), isSlow), {
  capMs: 1,
})

test('a property that fails is shrunk, saved, named with its replay command, and replayed first', () => {
  const project = join(folder, 'packages', 'sample')
  mkdirSync(join(project, 'test'), { recursive: true })
  const file = join(project, 'test', 'sample.property.test.ts')
  writeFileSync(
    file,
    `import { fuzz } from '@lsm/fuzz'
import fc from 'fast-check'
fuzz(import.meta.url, 'numbers stay small', fc.property(fc.nat(), (n) => n < 1000))
`,
  )
  const run = (environment: Record<string, string>): string => {
    const vitest = join(import.meta.dirname, '..', '..', '..', 'node_modules', 'vitest', 'vitest.mjs')
    const config = join(import.meta.dirname, '..', 'vitest.config.ts')
    const child = spawnSync(
      process.execPath,
      [vitest, 'run', '--root', project, '--config', config, '--reporter=verbose'],
      {
        encoding: 'utf8',
        // A budget that no machine needs: shrinking ends with the smallest, and not with the time.
        env: { ...process.env, NO_COLOR: '1', LSM_FUZZ_SEED: '7', LSM_FUZZ_BUDGET_MS: '60000', ...environment },
      },
    )
    expect(child.status).toBe(1)
    return child.stdout + child.stderr
  }
  const first = run({ LSM_FUZZ_SAVE: '1' })
  expect(first).toContain('counterexample: [1000]')
  expect(first).toMatch(/npm run fuzz -- --package sample --property "numbers stay small" --seed 7 --path [\d:]+/)
  expect(readFileSync(join(project, 'test', 'corpus', 'numbers-stay-small.json'), 'utf8')).toContain('1000')
  expect(run({ LSM_FUZZ_SEED: '8' })).toContain('a saved counterexample fails again')
})
