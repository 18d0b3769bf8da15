import { afterEach, expect, test, vi } from 'vitest'

afterEach(() => {
  vi.unstubAllGlobals()
  vi.resetModules()
})

const data = Uint8Array.from({ length: 5000 }, (_, i) => (i * 31) & 255)

test('without zlib, as in a browser, the results are the same', async () => {
  const { compute: withZlib } = await import('../src/index.ts')
  const expected = [withZlib(data), withZlib(data, 1), withZlib(data, 0, 4000)]
  for (const absent of [undefined, {}, { getBuiltinModule: () => undefined }, { getBuiltinModule: () => ({}) }]) {
    vi.resetModules()
    vi.stubGlobal('process', absent)
    const { compute } = await import('../src/index.ts')
    expect([compute(data), compute(data, 1), compute(data, 0, 4000)]).toEqual(expected)
  }
})

test('short input never asks the runtime, long input asks it once', async () => {
  const getBuiltinModule = vi.fn(() => ({ crc32: () => 12345 }))
  vi.stubGlobal('process', { getBuiltinModule })
  const { compute } = await import('../src/index.ts')
  compute(data, 0, 100)
  expect(getBuiltinModule).not.toHaveBeenCalled()
  expect([compute(data), compute(data, 1)]).toEqual([12345, 12345])
  expect(getBuiltinModule).toHaveBeenCalledTimes(1)
})

test('more than 1 GiB is summed piece by piece', async () => {
  // Never written, so it costs address space and hardly any memory.
  const GIB = 2 ** 30
  const huge = new Uint8Array(GIB + 1000)
  huge[GIB + 500] = 1
  const { combine, compute } = await import('../src/index.ts')
  const tail = compute(huge.slice(GIB - 16))
  expect(compute(huge)).toBe(combine(compute(huge, 0, GIB - 16), tail, 1016))
  expect(compute(huge, GIB - 16)).toBe(tail)
  expect(compute(huge, GIB + 400, GIB + 600)).toBe(compute(huge.slice(GIB + 400, GIB + 600)))
})
