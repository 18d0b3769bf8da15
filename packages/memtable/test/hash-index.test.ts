import { describe, expect, test } from 'vitest'
import { Arena, NONE } from '../src/arena.ts'
import { writeKey } from '../src/entries.ts'
import { HashIndex } from '../src/hash-index.ts'

const FIELDS = { seq: 1, timestampMs: 0, kind: 0 } as const
const keyOf = (i: number): Uint8Array => new Uint8Array(Uint32Array.of(i).buffer)

/** An index of `count` keys under the given hash, and a check that it finds these and no others. */
function fill(count: number, hashOf: (i: number) => number): { index: HashIndex; check: () => void } {
  const arena = new Arena(false)
  const index = new HashIndex(arena)
  const nodes: number[] = []
  for (let i = 0; i < count; i++) {
    expect(index.find(hashOf(i), keyOf(i))).toBe(NONE)
    nodes.push(writeKey(arena, keyOf(i), new Uint8Array(0), FIELDS))
    index.insert(hashOf(i), nodes[i]!)
  }
  const check = (): void => {
    for (let i = 0; i < count; i++)
      if (index.find(hashOf(i), keyOf(i)) !== nodes[i]) throw new Error(`key ${i} is lost`)
    for (let i = count; i < count + 500; i++) expect(index.find(hashOf(i), keyOf(i))).toBe(NONE)
  }
  return { index, check }
}

describe('HashIndex', () => {
  test('keeps every key through growth and splits', () => {
    const { index, check } = fill(60_000, (i) => Math.imul(i, 0x9e3779b1) | 0)
    check()
    // Each key has at least 8 bytes; with no more than 3/8 of the slots empty on average, no more than 24.
    expect(index.allocatedBytes).toBeGreaterThan(60_000 * 8)
    expect(index.allocatedBytes).toBeLessThan(60_000 * 24)
  })

  test('a small one is small', () => {
    expect(fill(10, (i) => i * 1e6).index.allocatedBytes).toBeLessThan(4096)
  })

  test('answers when all hashes are equal', () => {
    fill(2000, () => -1).check()
  })

  test('answers when hashes differ only in bits that no split looks at', () => {
    fill(6500, (i) => (i & 0x7ff) | 0).check()
  })

  test('splits unevenly: only one of the directory’s parts is full', () => {
    fill(30_000, (i) => (i % 50 === 0 ? Math.imul(i, 0x9e3779b1) : (Math.imul(i, 0x9e3779b1) >>> 9) | 0)).check()
  })
})
