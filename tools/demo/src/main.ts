/**
 * What `npm start` runs: the engine's main job on 171,075 real cities. With `--primitives`, the eight primitives alone
 * on some thousand of them. Ends with exit code 1 when one answer is wrong.
 */
import { parseArgs } from 'node:util'

try {
  const { values } = parseArgs({ options: { primitives: { type: 'boolean', default: false } } })
  if (values.primitives) await import('./primitives.ts')
  else await (await import('./main-job.ts')).runMainJob()
} catch (error) {
  console.error(`\n✗ ${(error as Error).stack}`)
  process.exitCode = 1
}
