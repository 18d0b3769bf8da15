/**
 * One process, one contender: times every case that the contender takes part in and prints one JSON line each.
 * Started by main.ts: `child.ts FILE CONTENDER time|allocations`.
 */
import { pathToFileURL } from 'node:url'
import { measure } from 'mitata'
import type { Suite } from './suite.ts'

const [file = '', contenderName = '', mode = 'time'] = process.argv.slice(2)
const { default: loaded } = (await import(pathToFileURL(file).href)) as { default: Suite }

for (const each of loaded.cases) {
  const prepare = each.contenders[contenderName]
  if (prepare === undefined) continue
  const operations = each.operations ?? 1
  const work = await prepare()
  const perCall = mode === 'allocations' ? await allocatedBytes(work) : await nanoseconds(work)
  console.log(JSON.stringify({ case: each.name, value: perCall / operations }))
}
process.exit(0)

async function nanoseconds(work: () => unknown): Promise<number> {
  const stats = await measure(work, { min_cpu_time: 300e6, min_samples: 10 })
  return stats.p50
}

/** Bytes allocated by one call: the heap's growth over some calls with no collection between them. */
async function allocatedBytes(work: () => unknown): Promise<number> {
  const used = (): number => {
    const { heapUsed, arrayBuffers } = process.memoryUsage()
    return heapUsed + arrayBuffers
  }
  // Compiled code allocates less than interpreted code does: let it be compiled first.
  const warmUntil = performance.now() + 150
  for (let i = 0; i < 10_000 && performance.now() < warmUntil; i++) await work()
  globalThis.gc?.()
  const before = used()
  // The new space of this process holds 256 MiB: no collection happens below that.
  const budget = 64 * 1024 * 1024
  let calls = 0
  const until = performance.now() + 500
  for (let batch = 1; calls < 4096 && used() - before < budget && performance.now() < until; batch *= 2) {
    for (let i = 0; i < batch; i++) {
      const result = work()
      if (result instanceof Promise) await result
    }
    calls += batch
  }
  return Math.max(0, (used() - before) / calls)
}
