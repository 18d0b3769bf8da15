/**
 * A process that opens a directory for writing, and says how it went. Bundled by the tests and run as
 * `race-entry.mjs <directory> <method> <milliseconds to hold>`; lines on standard output are the answers.
 */
import cluster from 'node:cluster'
import { systemCode } from '../src/map-error.ts'
import { NodeStorage, nodeFileSystem } from '../src/node/index.ts'
import { type LockMethod, takeNodeLock } from '../src/node/lock.ts'

const [directory = '', method = 'auto', holdMs = '0', workers = '0'] = process.argv.slice(2)

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

async function race(): Promise<void> {
  try {
    if (method === 'auto') await (await NodeStorage.open(directory)).lock()
    else await takeNodeLock(nodeFileSystem, directory, [method as LockMethod])
    say('locked')
    await new Promise((resolve) => setTimeout(resolve, Number(holdMs)))
  } catch (error) {
    say(systemCode(error) ?? String(error))
  }
  // Without a release: the lock must go with the process.
  process.exit(0)
}

if (cluster.isPrimary && Number(workers) > 0) {
  for (let i = 0; i < Number(workers); i++) cluster.fork()
} else {
  await race()
}
