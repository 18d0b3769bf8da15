/**
 * A store of format version 1 that is read for ever, and what damage to any of its files does: an error that names a
 * file, or nothing at all; never a wrong answer.
 *
 * LSM_WRITE_GOLDEN=1 writes the store anew: only for a format that has not been released.
 */
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { CrashStorage } from '@lsm/storage/testing'
import { afterAll, describe, expect, test } from 'vitest'
import { Engine, LsmError } from '../src/index.ts'
import { contentsOf, SimRandom, simComponents } from './crash-sim.ts'

const golden = fileURLToPath(new URL('./golden/v1/store', import.meta.url))
const decoder = new TextDecoder()

/** What was written, in order; the store holds what is left of it. */
const WRITES: readonly (readonly [key: string, value: string] | readonly [key: string])[] = [
  ...Array.from({ length: 60 }, (_, i) => [`city/${String(i).padStart(3, '0')}`, `value ${i} `.repeat(i % 9)] as const),
  ['city/007'],
  ['', 'the empty key'],
  ['empty', ''],
]
const LATER: typeof WRITES = [
  ['city/001', 'written again'],
  ['city/002'],
  ['\u{1f3d9}', 'not ASCII'],
  ...Array.from({ length: 12 }, (_, i) => [`late/${i}`, 'x'.repeat(i * 11)] as const),
]
const LOGGED: typeof WRITES = [['log', 'only in the log'], ['city/003'], ['late/1', 'changed in the log']]

function expectedContents(): Map<string, string> {
  const state = new Map<string, string>()
  const apply = (writes: typeof WRITES): void => {
    for (const [key, value] of writes) {
      if (value === undefined) state.delete(key)
      else state.set(key, value)
    }
  }
  apply(WRITES)
  apply(LATER)
  for (const key of [...state.keys()]) if (key >= 'city/02' && key < 'city/03') state.delete(key)
  apply(LOGGED)
  return state
}

async function writeGolden(): Promise<Map<string, Uint8Array>> {
  const storage = new CrashStorage()
  const { disk } = storage
  const options = {
    memtableSizeBytes: 1024 * 1024,
    keyspaceDefaults: { blockSizeBytes: 512, tableSizeBytes: 4096, level1SizeBytes: 4096, l0Compact: 4 },
  }
  const engine = await Engine.open('golden', options, { ...simComponents(20), storage })
  const write = async (writes: typeof WRITES): Promise<void> => {
    for (const [key, value] of writes) await (value === undefined ? engine.delete(key) : engine.put(key, value))
  }
  await write(WRITES)
  await engine.compact()
  await write(LATER)
  await engine.deleteRange({ gte: 'city/02', lt: 'city/03' })
  await engine.flush()
  await write(LOGGED)
  await engine.close()
  return filesOf(disk)
}

function filesOf(disk: CrashStorage['disk']): Map<string, Uint8Array> {
  const files = new Map<string, Uint8Array>()
  for (const name of disk.names().sort()) {
    const bytes = new Uint8Array(disk.stat(name))
    disk.open(name).read(bytes, 0, bytes.length, 0)
    files.set(name, bytes)
  }
  return files
}

if (process.env.LSM_WRITE_GOLDEN === '1') {
  rmSync(golden, { recursive: true, force: true })
  mkdirSync(golden, { recursive: true })
  for (const [name, bytes] of await writeGolden()) writeFileSync(join(golden, name), bytes)
}

function readGolden(): Map<string, Uint8Array> {
  const names = readdirSync(golden).sort()
  return new Map(names.map((name) => [name, new Uint8Array(readFileSync(join(golden, name)))]))
}

async function pairsOf(engine: Engine): Promise<Map<string, string>> {
  const found = new Map<string, string>()
  for await (const [key, value] of engine.scan()) found.set(decoder.decode(key), decoder.decode(value))
  return found
}

const scratch = mkdtempSync(join(tmpdir(), 'lsm-golden-'))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

describe('the store of format version 1', () => {
  test('is read in full where it lies, without a change', async () => {
    const before = readGolden()
    const engine = await Engine.open(golden, { readOnly: true })
    try {
      expect(await pairsOf(engine)).toEqual(expectedContents())
      for (const [key, value] of expectedContents()) expect(decoder.decode(await engine.get(key))).toBe(value)
      for (const gone of ['city/002', 'city/003', 'city/007', 'city/025']) {
        expect(await engine.get(gone)).toBe(undefined)
      }
      const { tables, walSegments, records } = await engine.verify()
      expect(tables).toBeGreaterThanOrEqual(2)
      expect(walSegments).toBeGreaterThanOrEqual(1)
      expect(records).toBeGreaterThan(40)
      expect(engine.stats().levels.filter(({ tables: count }) => count > 0).length).toBeGreaterThanOrEqual(2)
    } finally {
      await engine.close()
    }
    expect(readGolden()).toEqual(before)
  })

  test('is opened for writing, goes on and is compacted', async () => {
    const path = join(scratch, 'writable')
    cpSync(golden, path, { recursive: true })
    const engine = await Engine.open(path)
    const expected = expectedContents()
    expect(await pairsOf(engine)).toEqual(expected)
    await engine.put('new', 'now')
    await engine.compact()
    expect(await pairsOf(engine)).toEqual(expected.set('new', 'now'))
    await engine.verify()
    await engine.close()
  })
})

/** Damages of one file; what is undamaged after all is left out. */
function damagesOf(
  files: ReadonlyMap<string, Uint8Array>,
  name: string,
  seed: number,
): [string, Uint8Array | undefined][] {
  const bytes = files.get(name)!
  const random = new SimRandom(seed)
  const damages: [string, Uint8Array | undefined][] = [
    ['deleted', undefined],
    ['emptied', new Uint8Array(0)],
    ['filled with zeros', new Uint8Array(bytes.length)],
    ['with a byte more', new Uint8Array([...bytes, 7])],
  ]
  for (let i = 0; i < 40; i++) {
    const length = random.below(bytes.length)
    damages.push([`cut to ${length}`, bytes.slice(0, length)])
  }
  for (let i = 0; i < 160; i++) {
    const at = random.below(bytes.length)
    const bit = random.below(8)
    const flipped = bytes.slice()
    flipped[at]! ^= 1 << bit
    damages.push([`bit ${bit} of byte ${at} flipped`, flipped])
  }
  for (const [other, otherBytes] of files) if (other !== name) damages.push([`replaced by ${other}`, otherBytes])
  return damages
}

let mutants = 0
let noticed = 0
afterAll(() => console.log(`damage: ${mutants} stores, ${noticed} of them refused, the others as they were`))

describe('a closed store of which one file is damaged', () => {
  const files = readGolden()

  test.each([...files.keys()])('%s: refused, or as it was', async (name) => {
    const whole = await readDamaged(files)
    for (const [what, bytes] of damagesOf(files, name, 11)) {
      mutants++
      const damaged = new Map(files)
      if (bytes === undefined) damaged.delete(name)
      else damaged.set(name, bytes)
      for (const readOnly of [true, false]) {
        const answer = await readDamaged(damaged, readOnly).catch((error: unknown) => {
          const where = `${name} ${what}: ${String(error)}`
          expect(error, where).toBeInstanceOf(LsmError)
          const { code, file } = error as LsmError
          expect(['LSM_CORRUPTION', 'LSM_UNSUPPORTED_FORMAT', 'LSM_UNSUPPORTED'], where).toContain(code)
          expect(file, where).toEqual(expect.any(String))
          if (readOnly) noticed++
          return undefined
        })
        if (answer !== undefined) expect(answer, `${name} ${what}`).toBe(whole)
      }
    }
  })

  test('with two files of a kind swapped', async () => {
    const tables = [...files.keys()].filter((name) => name.endsWith('.sst'))
    const [a, b] = tables as [string, string]
    const swapped = new Map(files).set(a, files.get(b)!).set(b, files.get(a)!)
    await expect(readDamaged(swapped)).rejects.toMatchObject({ code: 'LSM_CORRUPTION', file: expect.any(String) })
  })
})

async function readDamaged(files: ReadonlyMap<string, Uint8Array>, readOnly = true): Promise<string> {
  const storage = new CrashStorage()
  for (const [name, bytes] of files) storage.disk.create(name).write(bytes, 0)
  const engine = await Engine.open('damaged', { readOnly }, { ...simComponents(3), storage })
  try {
    const contents = await contentsOf(engine)
    for (const key of expectedContents().keys()) await engine.get(key)
    await engine.verify()
    return contents
  } finally {
    await engine.close().catch(() => {})
  }
}
