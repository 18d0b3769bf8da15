/** Values share memory: what somebody does with one must not reach the others. */
import { afterEach, describe, expect, test, vi } from 'vitest'
import { openMemory, TINY, text } from './api-fixtures.ts'

/** Tries to send the whole buffer away, as a transfer list does; some runtimes refuse it, some copy instead. */
function transfer(bytes: Uint8Array): void {
  try {
    structuredClone(bytes, { transfer: [bytes.buffer as ArrayBuffer] })
  } catch (error) {
    expect(error).toHaveProperty('name', 'DataCloneError')
  }
}

describe('a value or key that somebody transfers', () => {
  test('takes no others with it, and reads go on', async () => {
    const engine = await openMemory(TINY)
    for (let i = 0; i < 40; i++) await engine.put(`k${i + 10}`, `v${i + 10}`)
    for (const place of ['the memtable', 'a table']) {
      if (place === 'a table') await engine.flush()
      const got = await engine.getMany(['k10', 'k11', 'k12'])
      transfer(got[0]!)
      expect(got.slice(1).map(text), place).toEqual(['v11', 'v12'])
      const again = engine.getSync('k13')!
      transfer(again)
      expect(text(await engine.get('k14'))).toBe('v14')
      const kept: Uint8Array[] = []
      for await (const [key, value] of engine.scan()) {
        if (kept.length % 4 === 0) transfer(kept.length % 8 === 0 ? key : value)
        kept.push(key, value)
      }
      expect(kept.length).toBe(80)
      expect(kept.slice(2).every((bytes) => bytes.length === 3)).toBe(true)
      let pairs = 0
      for (const [key, value] of engine.scanSync()) {
        transfer(value)
        expect(text(key)!.slice(1)).toBe(`${10 + pairs++}`)
      }
      expect(pairs).toBe(40)
    }
  })
})

describe('where no buffer can be held back', () => {
  afterEach(() => {
    vi.restoreAllMocks()
    vi.resetModules()
  })

  const runtimes: readonly (readonly [string, object | undefined])[] = [
    ['the runtime has no worker threads', undefined],
    ['it only says that it has', { markAsUntransferable: () => expect.unreachable() }],
  ]
  test.each(runtimes)('%s: a slab that is gone is followed by another', async (_, threads) => {
    vi.spyOn(process, 'getBuiltinModule').mockImplementation((() => threads) as typeof process.getBuiltinModule)
    vi.resetModules()
    const { ValueSlab } = await import('../src/value-slab.ts')
    const slab = new ValueSlab()
    const source = new TextEncoder().encode('some bytes')
    for (const [start, end] of [
      [0, 4],
      [5, 10],
      [3, 3],
      [0, 10],
    ] as const) {
      const first = slab.copy(source, start, end)
      expect(text(first)).toBe('some bytes'.slice(start, end))
      transfer(first)
      expect(first.buffer.byteLength).toBe(0)
    }
    expect(text(slab.copy(source, 0, 0))).toBe('')
  })
})
