import { describe, expect, test } from 'vitest'
import type { EngineOptions, KeyspaceOptions } from '../src/api.ts'
import {
  decodeKeyspaceOptions,
  durable,
  encodeKeyspaceOptions,
  resolveKeyspaceOptions,
  resolveOptions,
} from '../src/options.ts'

function problemsOf(options: unknown): readonly string[] {
  try {
    resolveOptions(options as EngineOptions)
  } catch (error) {
    expect(error).toBeInstanceOf(TypeError)
    expect(error).toMatchObject({ code: 'LSM_INVALID_OPTIONS' })
    return (error as { problems: string[] }).problems
  }
  return []
}

describe('options', () => {
  test('that are left out have the documented defaults', () => {
    const defaults = resolveOptions()
    expect(defaults).toEqual({
      createIfMissing: true,
      errorIfExists: false,
      readOnly: false,
      durability: 'sync',
      recovery: 'tail',
      memtableSizeBytes: 16 * 2 ** 20,
      maxFrozenMemtables: 2,
      maxWalSizeBytes: 128 * 2 ** 20,
      cacheSizeBytes: 32 * 2 ** 20,
      maxOpenFiles: 512,
      compactionWorkers: 1,
      maxKeySizeBytes: 65_536,
      maxValueSizeBytes: 64 * 2 ** 20,
      // The largest key with the largest value.
      maxBatchSizeBytes: 64 * 2 ** 20 + 65_536,
      keyspaceDefaults: {
        blockSizeBytes: 4096,
        tableSizeBytes: 8 * 2 ** 20,
        filterFalsePositiveRate: 0.01,
        compression: 'none',
        l0Compact: 4,
        l0Slow: 12,
        l0Stop: 20,
        level1SizeBytes: 64 * 2 ** 20,
        levelMultiplier: 10,
      },
    })
    expect(resolveOptions({ readOnly: undefined, keyspaceDefaults: undefined } as unknown as EngineOptions)).toEqual(
      defaults,
    )
  })

  test('that are given are kept', () => {
    const options = resolveOptions({
      durability: { intervalMs: 5 },
      cacheSizeBytes: 0,
      keyspaceDefaults: { filterFalsePositiveRate: false },
    })
    expect(options).toMatchObject({ durability: { intervalMs: 5 }, cacheSizeBytes: 0 })
    expect(options.keyspaceDefaults).toMatchObject({ filterFalsePositiveRate: false, blockSizeBytes: 4096 })
  })

  test('that are wrong or unknown are all reported at once', () => {
    const wrong = {
      createIfMissing: 1,
      errorIfExists: 'yes',
      readOnly: null,
      durability: 'fsync',
      recovery: 'lenient',
      memtableSizeBytes: 0,
      maxFrozenMemtables: 1.5,
      maxWalSizeBytes: Number.NaN,
      cacheSizeBytes: -1,
      maxOpenFiles: '512',
      compactionWorkers: 17,
      maxKeySizeBytes: Number.POSITIVE_INFINITY,
      maxValueSizeBytes: 2 ** 31,
      maxBatchSizeBytes: 10n,
      walDirectory: '/elsewhere',
    }
    const wrongKeyspace = {
      blockSizeBytes: 1,
      tableSizeBytes: {},
      filterFalsePositiveRate: 1,
      compression: 'snappy',
      l0Compact: 0,
      l0Slow: 'many',
      l0Stop: [20],
      level1SizeBytes: true,
      levelMultiplier: 1,
      bloomBits: 10,
    }
    const problems = problemsOf({ ...wrong, keyspaceDefaults: wrongKeyspace })
    const names = [...Object.keys(wrong), ...Object.keys(wrongKeyspace).map((name) => `keyspaceDefaults.${name}`)]
    for (const name of names) {
      expect(problems.filter((problem) => problem.startsWith(`${name} `))).toHaveLength(1)
    }
    expect(problems).toHaveLength(names.length)
  })

  test('that exclude each other', () => {
    expect(problemsOf({ readOnly: true, errorIfExists: true })).toEqual([
      'readOnly and errorIfExists exclude each other',
    ])
    expect(problemsOf({ keyspaceDefaults: { l0Slow: 3 } })).toEqual([
      'keyspaceDefaults.l0Compact, l0Slow and l0Stop ascend, and are 4, 3, 20',
    ])
  })

  test('that are no object', () => {
    for (const options of [null, 5, 'sync', []]) expect(problemsOf(options)).toHaveLength(1)
    for (const keyspaceDefaults of [null, 5, []]) expect(problemsOf({ keyspaceDefaults })).toHaveLength(1)
  })

  test('that cannot be shown are reported all the same', () => {
    const circular: Record<string, unknown> = {}
    circular.self = circular
    for (const durability of [circular, { intervalMs: 1n }, Symbol('sync'), () => {}]) {
      expect(problemsOf({ durability })).toEqual([expect.stringMatching(/^durability is /)])
    }
  })

  test('durabilities', () => {
    for (const good of ['sync', 'os', { intervalMs: 1 }, { intervalMs: 2 ** 31 - 1 }])
      expect(durable(good)).toBeUndefined()
    for (const bad of [
      '',
      null,
      undefined,
      5,
      {},
      { intervalMs: 0 },
      { intervalMs: 2 ** 31 },
      { intervalMs: '5' },
      { intervalMs: 5, sync: true },
    ]) {
      expect(durable(bad)).toMatch(/^is 'sync', 'os' or/)
    }
  })
})

describe("a keyspace's options", () => {
  const defaults = resolveOptions({ keyspaceDefaults: { blockSizeBytes: 8192, l0Stop: 30 } }).keyspaceDefaults

  test('stand over the defaults of the engine', () => {
    expect(resolveKeyspaceOptions({ l0Slow: 25 }, defaults)).toEqual({ ...defaults, l0Slow: 25 })
    expect(() => resolveKeyspaceOptions({ l0Slow: 31 }, defaults)).toThrow(
      expect.objectContaining({ code: 'LSM_INVALID_OPTIONS', problems: [expect.stringContaining('4, 31, 30')] }),
    )
    expect(() => resolveKeyspaceOptions({ nothing: 1 } as KeyspaceOptions, defaults)).toThrow(TypeError)
  })

  test('come back from the manifest, whatever the order of their names', () => {
    const text = encodeKeyspaceOptions(defaults)
    expect({ ...decodeKeyspaceOptions(text) }).toEqual(defaults)
    const reversed = Object.fromEntries(Object.entries(defaults).reverse()) as unknown as typeof defaults
    expect(encodeKeyspaceOptions(reversed)).toBe(text)
    expect({ ...decodeKeyspaceOptions('') }).toEqual({})
  })

  test('of a hostile manifest bring nothing with them', () => {
    const text =
      '{"__proto__":{"polluted":1},"constructor":1,"blockSizeBytes":-5,"l0Stop":"20","compression":"deflate","new":1}'
    const options = decodeKeyspaceOptions(text)
    expect(Object.getPrototypeOf(options)).toBeNull()
    expect({ ...options }).toEqual({ compression: 'deflate' })
    expect(Reflect.get({}, 'polluted')).toBeUndefined()
    for (const other of ['null', '5', '[]', '"x"']) expect({ ...decodeKeyspaceOptions(other) }).toEqual({})
    for (const broken of ['{', 'undefined', '{"a":}']) {
      expect(() => decodeKeyspaceOptions(broken)).toThrow(expect.objectContaining({ code: 'LSM_CORRUPTION' }))
    }
  })

  test('a batch can hold the largest key with the largest value, unless its own limit is given', () => {
    const MIB = 2 ** 20
    expect(resolveOptions({ maxKeySizeBytes: 10, maxValueSizeBytes: 10 }).maxBatchSizeBytes).toBe(64 * MIB)
    const large = { maxKeySizeBytes: MIB, maxValueSizeBytes: 1024 * MIB }
    expect(resolveOptions(large).maxBatchSizeBytes).toBe(1025 * MIB)
    expect(resolveOptions({ ...large, maxBatchSizeBytes: 7 }).maxBatchSizeBytes).toBe(7)
  })
})
