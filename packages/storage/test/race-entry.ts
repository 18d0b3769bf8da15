/**
 * A process that opens a directory for writing, and says how it went. Bundled by the tests and run as
 * `race-entry.mjs <directory> <method> <workers> <step to die at>`; lines on standard output are the answers.
 */
import cluster from 'node:cluster'
import { once } from 'node:events'
import { systemCode } from '../src/map-error.ts'
import { type NodeFileSystem, NodeStorage, nodeFileSystem } from '../src/node/index.ts'
import { type LockMethod, takeNodeLock } from '../src/node/lock.ts'

const [directory = '', method = 'auto', workers = '0', deathStep = ''] = process.argv.slice(2)

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

/**
 * The real calls, among which this process ends as by kill -9. Each has two steps to end at: before it is made, and a
 * turn of the event loop after its answer, when what follows from it has begun, such as a flock(1) that was started.
 */
function deadly(): { fileSystem: NodeFileSystem; arm(): void } {
  let isArmed = false
  let steps = 0
  const isHere = (): boolean => isArmed && steps++ === Number(deathStep)
  const die = (): void => void process.kill(process.pid, 'SIGKILL')
  const fileSystem = new Proxy(nodeFileSystem, {
    get(target, name: keyof NodeFileSystem) {
      return async (...rest: unknown[]) => {
        if (isHere()) die()
        const answer = await (target[name] as (...rest: unknown[]) => unknown)(...rest)
        if (isHere()) setImmediate(die)
        return answer
      }
    },
  })
  return {
    fileSystem,
    arm: () => {
      isArmed = true
    },
  }
}

async function lock(): Promise<void> {
  if (method !== 'auto') {
    await takeNodeLock(nodeFileSystem, directory, [method as LockMethod])
  } else if (deathStep === '') {
    await (await NodeStorage.open(directory)).lock()
  } else {
    const { fileSystem, arm } = deadly()
    const storage = await NodeStorage.open(directory, {}, { fileSystem })
    arm()
    await storage.lock()
  }
}

async function race(): Promise<void> {
  try {
    await lock()
    say('locked')
    // Held for as long as a test looks, however long that is: its end of this pipe is closed when it is over or dead.
    process.stdin.resume()
    await once(process.stdin, 'end')
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
