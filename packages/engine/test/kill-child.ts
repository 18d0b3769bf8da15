/** The process that is killed: opens the store, writes on from where it is, and says which writes are acknowledged. */
import { writeSync } from 'node:fs'
import { Engine } from '../src/index.ts'
import { operationsOf, WINDOW } from './kill-writes.ts'

const [path, durability] = process.argv.slice(2) as [string, 'sync' | 'os' | 'both']
writeSync(1, 'opening\n')
const engine = await Engine.open(path, {
  memtableSizeBytes: 16_384,
  maxWalSizeBytes: 65_536,
  keyspaceDefaults: { tableSizeBytes: 8192, l0Compact: 2, level1SizeBytes: 16_384, levelMultiplier: 2 },
})
const count = await engine.get('~count')
let next = count === undefined ? 1 : Number(new TextDecoder().decode(count)) + 1
writeSync(1, `open ${next}\n`)

async function write(): Promise<never> {
  for (;;) {
    const n = next++
    const asked = durability === 'both' ? (n % 3 === 0 ? 'sync' : 'os') : durability
    await engine.write(operationsOf(n), { durability: asked })
    // At once and not through a stream: what the pipe has got is there, whatever becomes of this process.
    writeSync(1, `${n}\n`)
    // The event loop has a turn, so that flushes and compactions go on beside the writes.
    await new Promise((resolve) => setImmediate(resolve))
  }
}

await Promise.all(Array.from({ length: WINDOW }, write))
