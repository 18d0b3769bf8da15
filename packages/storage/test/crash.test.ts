import { describe, expect, test } from 'vitest'
import { PagedBytes } from '../src/paged-bytes.ts'
import { CrashDisk, type CrashStorage, type LossStyle } from '../src/testing/index.ts'

async function contents(storage: CrashStorage, name: string): Promise<Uint8Array | undefined> {
  if (!(await storage.list()).includes(name)) return undefined
  const bytes = new Uint8Array(await storage.size(name))
  const file = storage.openSync(name)
  file.readSync(bytes, 0)
  return bytes
}

/** What is seen over many seeds, each once. */
async function outcomes(disk: CrashDisk, name: string, seeds = 300, style?: LossStyle): Promise<Set<string>> {
  const seen = new Set<string>()
  for (let seed = 0; seed < seeds; seed++) {
    const after = disk.crash({ seed, ...(style === undefined ? {} : { style }) }).storage()
    seen.add((await contents(after, name))?.join(' ') ?? 'missing')
  }
  return seen
}

async function durableFile(disk: CrashDisk, name: string, data: Uint8Array) {
  const storage = disk.storage()
  const file = await storage.open(name, { mode: 'create' })
  await file.append(data)
  await file.datasync()
  await storage.syncDirectory()
  return { storage, file }
}

describe('what was synced', () => {
  test('survives every crash, and the disk that crashed goes on', async () => {
    const disk = new CrashDisk()
    const { file } = await durableFile(disk, 'a', new Uint8Array([1, 2, 3]))
    expect([...(await outcomes(disk, 'a'))]).toEqual(['1 2 3'])
    expect(await file.append(new Uint8Array([4]))).toBe(3)
    await file.datasync()
    expect([...(await outcomes(disk, 'a'))]).toEqual(['1 2 3 4'])
  })

  test('stays where a neighbour in its sector is lost', async () => {
    const disk = new CrashDisk()
    const { file } = await durableFile(disk, 'a', new Uint8Array([1, 2, 3]))
    await file.append(new Uint8Array([4, 5, 6]))
    const seen = await outcomes(disk, 'a')
    for (const each of seen) expect(each).toMatch(/^1 2 3/)
    expect(seen.size).toBeGreaterThan(5)
  })
})

test('bytes that were lent to a write are not looked at again when they are synced or lost', async () => {
  const disk = new CrashDisk()
  const storage = disk.storage()
  const file = await storage.open('a', { mode: 'create' })
  await storage.syncDirectory()
  const lent = new Uint8Array([1, 2])
  await file.append(lent)
  lent.fill(9)
  expect(await outcomes(disk, 'a', 5, 'nothing')).toEqual(new Set(['1 2']))
  await file.datasync()
  expect(await outcomes(disk, 'a', 5)).toEqual(new Set(['1 2']))
})

describe('what was not synced', () => {
  test('a file whose name was not synced can vanish, however well its bytes were', async () => {
    const disk = new CrashDisk()
    const storage = disk.storage()
    const file = await storage.open('a', { mode: 'create' })
    await file.append(new Uint8Array([1]))
    await file.datasync()
    expect((await outcomes(disk, 'a', 100)).has('missing')).toBe(true)
    await storage.syncDirectory()
    expect((await outcomes(disk, 'a', 100)).has('missing')).toBe(false)
  })

  test('a file whose bytes were not synced can be empty, torn, zeros or garbage under its durable name', async () => {
    const disk = new CrashDisk()
    const storage = disk.storage()
    const file = await storage.open('a', { mode: 'create' })
    await storage.syncDirectory()
    await file.append(new Uint8Array([1, 2, 3, 4]))
    const seen = await outcomes(disk, 'a', 500)
    expect(seen).toContain('')
    expect(seen).toContain('1 2')
    expect(seen).toContain('1 2 3 4')
    expect(seen).toContain('0 0 0 0')
    expect([...seen].some((each) => /^(?!1|0)\d+ \d+ \d+ \d+$/.test(each))).toBe(true)
    expect(seen).not.toContain('missing')
    await file.append(new Uint8Array([5, 6]))
    // The length as it was between the two, with nothing of the bytes.
    expect([...(await outcomes(disk, 'a', 500))]).toEqual(expect.arrayContaining(['0 0 0 0', '0 0 0 0 0 0']))
  })

  test('a removal that was not synced can come undone, and one that was cannot', async () => {
    const disk = new CrashDisk()
    const { storage } = await durableFile(disk, 'a', new Uint8Array([1]))
    await storage.remove('a')
    expect(await outcomes(disk, 'a', 100)).toEqual(new Set(['1', 'missing']))
    await storage.syncDirectory()
    expect(await outcomes(disk, 'a', 100)).toEqual(new Set(['missing']))
  })

  test('a later name can be there without an earlier one', async () => {
    const disk = new CrashDisk()
    const storage = disk.storage()
    await storage.open('a', { mode: 'create' })
    await storage.open('b', { mode: 'create' })
    const seen = new Set<string>()
    for (let seed = 0; seed < 300; seed++) seen.add(disk.crash({ seed }).names().sort().join(' '))
    expect([...seen].sort()).toEqual(['', 'a', 'a b', 'b'])
  })

  test('a later write can be there without an earlier one, in one file and across files', async () => {
    const disk = new CrashDisk()
    const { file: a } = await durableFile(disk, 'a', new Uint8Array(8192))
    const { file: b } = await durableFile(disk, 'b', new Uint8Array(1))
    await a.write(new Uint8Array([1]), 0)
    await a.write(new Uint8Array([2]), 5000)
    await b.write(new Uint8Array([3]), 0)
    const seen = new Set<string>()
    for (let seed = 0; seed < 500; seed++) {
      const after = disk.crash({ seed }).storage()
      const [inA, inB] = [(await contents(after, 'a'))!, (await contents(after, 'b'))!]
      seen.add(`${inA[0] === 1} ${inA[5000] === 2} ${inB[0] === 3}`)
    }
    for (const first of [true, false]) {
      for (const second of [true, false]) {
        for (const third of [true, false]) expect(seen).toContain(`${first} ${second} ${third}`)
      }
    }
  })

  test('an overwritten place holds its old bytes, its new ones, or what a torn sector leaves, and nothing beside it', async () => {
    const disk = new CrashDisk()
    const { file } = await durableFile(disk, 'a', new Uint8Array([1, 2, 3, 4, 5]))
    await file.write(new Uint8Array([9]), 2)
    const seen = await outcomes(disk, 'a')
    for (const each of seen) expect(each).toMatch(/^1 2 \d+ 4 5$/)
    expect(seen).toContain('1 2 3 4 5')
    expect(seen).toContain('1 2 9 4 5')
    expect(seen).toContain('1 2 0 4 5')
  })

  test('a truncation can come undone', async () => {
    const disk = new CrashDisk()
    const { file } = await durableFile(disk, 'a', new Uint8Array([1, 2, 3, 4]))
    await file.truncate(1)
    const seen = await outcomes(disk, 'a')
    expect(seen).toContain('1 2 3 4')
    expect(seen).toContain('1')
    await file.datasync()
    expect(await outcomes(disk, 'a')).toEqual(new Set(['1']))
  })

  test('tears fall on bytes, on sectors and on pages', async () => {
    const disk = new CrashDisk()
    const storage = disk.storage()
    const file = await storage.open('a', { mode: 'create' })
    await storage.syncDirectory()
    await file.append(new Uint8Array(20_000).fill(7))
    const lengths = new Set<number>()
    for (let seed = 0; seed < 400; seed++) {
      lengths.add((await contents(disk.crash({ seed, style: 'after' }).storage(), 'a'))!.length)
    }
    const all = [...lengths]
    expect(all.some((length) => length % 512 !== 0 && length !== 20_000)).toBe(true)
    expect(all.some((length) => length % 512 === 0 && length % 4096 !== 0)).toBe(true)
    expect(all.some((length) => length % 4096 === 0 && length > 0)).toBe(true)
  })
})

describe('styles', () => {
  test('everything, nothing, and what came after a moment', async () => {
    const disk = new CrashDisk()
    const { storage, file } = await durableFile(disk, 'a', new Uint8Array([1]))
    await file.append(new Uint8Array([2]))
    const other = await storage.open('b', { mode: 'create' })
    await other.append(new Uint8Array([3]))
    expect(await outcomes(disk, 'a', 20, 'everything')).toEqual(new Set(['1']))
    expect(await outcomes(disk, 'b', 20, 'everything')).toEqual(new Set(['missing']))
    expect(await outcomes(disk, 'a', 20, 'nothing')).toEqual(new Set(['1 2']))
    expect(await outcomes(disk, 'b', 20, 'nothing')).toEqual(new Set(['3']))
    // In time order: b never is there when a's second byte is not.
    const seen = new Set<string>()
    for (let seed = 0; seed < 200; seed++) {
      const after = disk.crash({ seed, style: 'after' }).storage()
      seen.add(`${await contents(after, 'a')} / ${await contents(after, 'b')}`)
    }
    expect([...seen].sort()).toEqual(['1 / undefined', '1,2 / ', '1,2 / 3', '1,2 / undefined'])
  })

  test('the same seed gives the same crash, and a crash changes nothing', async () => {
    const run = async (): Promise<string[]> => {
      const disk = new CrashDisk()
      const { storage, file } = await durableFile(disk, 'a', new Uint8Array([1, 2, 3]))
      for (let i = 0; i < 20; i++) {
        await file.append(new Uint8Array(700).fill(i))
        if (i % 5 === 0) await (await storage.open(`f${i}`, { mode: 'create' })).append(new Uint8Array([i]))
      }
      const states: string[] = []
      for (let seed = 0; seed < 50; seed++) {
        const after = disk.crash({ seed }).storage()
        for (const name of await after.list()) states.push(`${seed} ${name} ${await contents(after, name)}`)
      }
      states.push(JSON.stringify(disk.trace))
      return states
    }
    expect(await run()).toEqual(await run())
  })
})

describe('the next process', () => {
  test('after a death without a power cut finds all, unlocked, and can still lose what was not synced', async () => {
    const disk = new CrashDisk()
    const { storage, file } = await durableFile(disk, 'a', new Uint8Array([1]))
    await storage.lock()
    await file.append(new Uint8Array([2]))
    const next = disk.restart()
    await next.storage().lock()
    expect(await contents(next.storage(), 'a')).toEqual(new Uint8Array([1, 2]))
    expect(await outcomes(next, 'a', 20, 'everything')).toEqual(new Set(['1']))
    const again = await next.storage().open('a', { mode: 'write' })
    await again.datasync()
    expect(await outcomes(next, 'a')).toEqual(new Set(['1 2']))
    // A name that was not synced before the death is one file with what the next process wrote into it.
    await (await storage.open('b', { mode: 'create' })).append(new Uint8Array([5]))
    const third = disk.restart()
    await (await third.storage().open('b', { mode: 'write' })).append(new Uint8Array([6]))
    expect(await outcomes(third, 'b', 1, 'nothing')).toEqual(new Set(['5 6']))
    // The old process's disk is another one by now.
    expect(await outcomes(disk, 'a', 20, 'everything')).toEqual(new Set(['1']))
  })
})

describe('the trace', () => {
  test('tells every change, publish step by step', async () => {
    const kinds: string[] = []
    const disk = new CrashDisk({
      onOperation: ({ kind, name, length }) => kinds.push(`${kind} ${name} ${length ?? ''}`),
    })
    const storage = disk.storage()
    await storage.publish('m', new Uint8Array(5))
    expect(kinds.map((each) => each.trim())).toEqual([
      'create .publish-0-m',
      'write .publish-0-m 5',
      'datasync .publish-0-m',
      'link m',
      'syncDirectory',
      'unlink .publish-0-m',
    ])
    expect(disk.trace.map(({ index }) => index)).toEqual([1, 2, 3, 4, 5, 6])
    expect(disk.operationCount).toBe(6)
  })

  test('a crash costs what was not synced, not what the disk holds', async () => {
    const disk = new CrashDisk({ keepTrace: false })
    const { file } = await durableFile(disk, 'a', new Uint8Array(64 * 1024 * 1024))
    await file.append(new Uint8Array(100))
    const before = process.memoryUsage().arrayBuffers
    const copies = Array.from({ length: 50 }, (_, seed) => disk.crash({ seed }))
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(16 * 1024 * 1024)
    expect(copies).toHaveLength(50)
  })
})

test('pages are shared by copies until one of them writes', () => {
  const bytes = new PagedBytes()
  bytes.write(new Uint8Array(10_000).fill(1), 0)
  const copy = bytes.clone()
  bytes.write(new Uint8Array([2]), 5000)
  copy.write(new Uint8Array([3]), 0)
  expect([bytes.slice(0, 1)[0], bytes.slice(5000, 5001)[0]]).toEqual([1, 2])
  expect([copy.slice(0, 1)[0], copy.slice(5000, 5001)[0]]).toEqual([3, 1])
})
