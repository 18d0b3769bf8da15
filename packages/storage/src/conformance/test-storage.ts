import { directoryCases } from './directory-cases.ts'
import { fileCases } from './file-cases.ts'
import type { ConformanceCase, StorageFixture } from './suite.ts'

/** Every case of the contract. Each wants a fixture of its own. */
export const conformanceCases: readonly ConformanceCase[] = [...fileCases, ...directoryCases]

/**
 * Registers every case with a test runner: `testStorage(test, () => makeFixture())`.
 * `test` is vitest's, Node's or any other that takes a name and an asynchronous function.
 */
export function testStorage(
  test: (name: string, run: () => Promise<void>) => unknown,
  makeFixture: () => Promise<StorageFixture>,
): void {
  for (const each of conformanceCases) {
    test(each.name, async () => {
      const fixture = await makeFixture()
      try {
        await each.run(fixture)
      } finally {
        await fixture.dispose()
      }
    })
  }
}
