/**
 * A crash after every operation of a random workload: what was synced is there, what never was is not, and what was
 * published is whole or absent. The model keeps sets of what may be, and shares no code with the disk.
 */
import { fuzz } from '@lsm/fuzz'
import fc from 'fast-check'
import { expect } from 'vitest'
import type { StorageFile } from '../src/index.ts'
import { CrashDisk, type CrashStorage, FaultPlan, FaultStorage } from '../src/testing/index.ts'

type Step =
  | { step: 'create' | 'remove' | 'datasync' | 'closeAndOpen'; name: string }
  | { step: 'append'; name: string; length: number }
  | { step: 'write'; name: string; position: number; length: number }
  | { step: 'truncate'; name: string; size: number }
  | { step: 'publish'; name: string; length: number }
  | { step: 'syncDirectory' }

const name = fc.constantFrom('a', 'b', 'c')
const length = fc.oneof(fc.nat(40), fc.nat(3000))
const arbStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      step: fc.constantFrom('create' as const, 'create' as const, 'remove' as const, 'closeAndOpen' as const),
      name,
    }),
  },
  { weight: 4, arbitrary: fc.record({ step: fc.constant('datasync' as const), name }) },
  { weight: 6, arbitrary: fc.record({ step: fc.constant('append' as const), name, length }) },
  { weight: 3, arbitrary: fc.record({ step: fc.constant('write' as const), name, position: length, length }) },
  { weight: 2, arbitrary: fc.record({ step: fc.constant('truncate' as const), name, size: length }) },
  { weight: 2, arbitrary: fc.record({ step: fc.constant('publish' as const), name, length }) },
  { weight: 2, arbitrary: fc.record({ step: fc.constant('syncDirectory' as const) }) },
)

/** What may be found of one file. */
class ModelFile {
  bytes: number[] = []
  synced: number[] = []
  /** Places that were written or cut off since the sync. */
  touched = new Set<number>()
  shortest = 0
  longest = 0

  write(position: number, data: Uint8Array): void {
    if (data.length === 0) return
    while (this.bytes.length < position) this.bytes.push(0)
    for (const [i, byte] of data.entries()) {
      this.bytes[position + i] = byte
      this.touched.add(position + i)
    }
    this.longest = Math.max(this.longest, this.bytes.length)
  }

  truncate(size: number): void {
    for (let i = size; i < this.bytes.length; i++) this.touched.add(i)
    while (this.bytes.length < size) this.bytes.push(0)
    this.bytes.length = size
    this.shortest = Math.min(this.shortest, size)
    this.longest = Math.max(this.longest, size)
  }

  sync(): void {
    this.synced = [...this.bytes]
    this.touched.clear()
    this.shortest = this.bytes.length
    this.longest = this.bytes.length
  }

  /** Why `found` cannot be what a crash left of this file, or `undefined` when it can. */
  objection(found: Uint8Array): string | undefined {
    if (found.length < this.shortest || found.length > this.longest) {
      return `length ${found.length}, not ${this.shortest} to ${this.longest}`
    }
    for (const [i, byte] of found.entries()) {
      if (!this.touched.has(i) && byte !== (this.synced[i] ?? 0)) return `byte ${i} is ${byte}, not ${this.synced[i]}`
    }
    return undefined
  }
}

class Model {
  readonly names = new Map<string, ModelFile>()
  /** For each name all that it may stand for after a crash. */
  readonly possible = new Map<string, Set<ModelFile | undefined>>()

  setName(called: string, file: ModelFile | undefined): void {
    this.allow(called, file)
    if (file === undefined) this.names.delete(called)
    else this.names.set(called, file)
  }

  allow(called: string, file: ModelFile | undefined): void {
    if (!this.possible.has(called)) this.possible.set(called, new Set([undefined]))
    this.possible.get(called)!.add(file)
  }

  syncDirectory(): void {
    for (const called of this.possible.keys()) this.possible.set(called, new Set([this.names.get(called)]))
  }

  check(after: CrashStorage, disk: CrashDisk, what: string): void {
    for (const called of ['a', 'b', 'c']) {
      const possible = this.possible.get(called) ?? new Set([undefined])
      if (!disk.has(called)) {
        expect(possible.has(undefined), `${what}: "${called}" is missing`).toBe(true)
        continue
      }
      const file = after.openSync(called)
      const buffer = new Uint8Array(disk.stat(called))
      file.readSync(buffer, 0)
      const objections = [...possible].map((each) => each?.objection(buffer) ?? (each ? undefined : 'no such file'))
      expect(objections.includes(undefined), `${what}: "${called}": ${objections.join('; ')}`).toBe(true)
    }
  }
}

const SEEDS = 3

async function runWorkload(steps: readonly Step[], crashSeed: number): Promise<void> {
  const model = new Model()
  let checked = 0
  const disk = new CrashDisk({
    keepTrace: false,
    onOperation: ({ index, kind, name: called }, now) => {
      for (let seed = 0; seed < SEEDS; seed++) {
        const crashed = now.crash({ seed: crashSeed + index * SEEDS + seed }, { keepTrace: false })
        model.check(crashed.storage(), crashed, `operation ${index} (${kind} ${called})`)
        checked++
      }
    },
  })
  const storage = disk.storage()
  const open = new Map<string, StorageFile>()

  for (const [index, step] of steps.entries()) {
    const file = 'name' in step ? open.get(step.name) : undefined
    const known = 'name' in step ? model.names.get(step.name) : undefined
    const data =
      'length' in step ? Uint8Array.from({ length: step.length }, (_, i) => 1 + ((index * 7 + i) % 255)) : undefined
    switch (step.step) {
      case 'create': {
        if (known !== undefined) break
        // The model first: the crash comes as soon as the operation has taken effect.
        model.setName(step.name, new ModelFile())
        open.set(step.name, await storage.open(step.name, { mode: 'create' }))
        break
      }
      case 'append':
        if (file === undefined) break
        known!.write(known!.bytes.length, data!)
        await file.append(data!)
        break
      case 'write':
        if (file === undefined) break
        known!.write(step.position, data!)
        await file.write(data!, step.position)
        break
      case 'truncate':
        if (file === undefined) break
        known!.truncate(step.size)
        await file.truncate(step.size)
        break
      case 'datasync':
        if (file === undefined) break
        known!.sync()
        await file.datasync()
        break
      case 'closeAndOpen':
        if (file === undefined) break
        await file.close()
        open.set(step.name, await storage.open(step.name, { mode: 'write' }))
        break
      case 'remove':
        if (known === undefined) break
        model.setName(step.name, undefined)
        await storage.remove(step.name)
        open.delete(step.name)
        break
      case 'syncDirectory':
        model.syncDirectory()
        await storage.syncDirectory()
        break
      case 'publish': {
        if (known !== undefined) break
        const whole = new ModelFile()
        whole.write(0, data!)
        whole.sync()
        model.allow(step.name, whole)
        await storage.publish(step.name, data!)
        model.names.set(step.name, whole)
        model.syncDirectory()
        open.set(step.name, await storage.open(step.name, { mode: 'write' }))
        break
      }
    }
    // Once more when the answer is out: now the promise holds.
    for (let seed = 0; seed < SEEDS; seed++) {
      const crashed = disk.crash({ seed: crashSeed * 31 + index * SEEDS + seed })
      model.check(crashed.storage(), crashed, `after step ${index}`)
      // A second cut on what was found changes nothing: all of it is durable.
      model.check(crashed.crash({ seed }).storage(), crashed.crash({ seed }), `twice, after step ${index}`)
    }
  }
  expect(checked).toBe(disk.operationCount * SEEDS)
}

fuzz(
  import.meta.url,
  'what was synced survives a crash after any operation, and what is published is whole or absent',
  fc.asyncProperty(fc.array(arbStep, { maxLength: 30 }), fc.nat(0x7fff_ffff), runWorkload),
  { runs: 300, capMs: 6000 },
)

fuzz(
  import.meta.url,
  'a publish that fails anywhere, before a crash anywhere, leaves the whole file or none',
  fc.asyncProperty(
    fc.nat(5000),
    fc.nat(12),
    fc.constantFrom('EIO' as const, 'ENOSPC' as const, 'short' as const),
    fc.boolean(),
    fc.nat(0x7fff_ffff),
    async (size, at, fault, afterEffect, seed) => {
      const data = Uint8Array.from({ length: size }, (_, i) => 1 + (i % 255))
      const disk = new CrashDisk({
        onOperation: (_, now) => {
          for (let cut = 0; cut < SEEDS; cut++) check(now.crash({ seed: seed + cut }))
        },
      })
      const plan = new FaultPlan().add({ fault, at, afterEffect })
      const storage = new FaultStorage(plan, disk)
      const done = await storage.publish('m', data).then(
        () => true,
        () => false,
      )
      await storage.close()
      for (let cut = 0; cut < 10; cut++) {
        const after = disk.crash({ seed: seed + 7 * cut })
        check(after)
        if (done) expect(after.has('m')).toBe(true)
        const next = after.storage()
        await next.lock()
        expect(after.names().filter((each) => each !== 'm')).toEqual([])
        await next.close()
      }

      function check(crashed: CrashDisk): void {
        if (!crashed.has('m')) return
        const found = new Uint8Array(crashed.stat('m'))
        crashed.storage().openSync('m').readSync(found, 0)
        // A deep comparison of this many bytes would take most of the run.
        expect(Buffer.compare(found, data), `${found.length} bytes of ${data.length}`).toBe(0)
      }
    },
  ),
  { runs: 200, capMs: 3000 },
)
