import { type Case, type Contender, suite } from '@lsm/bench'

/** The same bytes in every process: a linear congruential generator, its high byte. */
function bytes(length: number): Uint8Array {
  let state = 1
  return Uint8Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state >>> 24
  })
}

function contenders(length: number): Record<string, Contender> {
  return {
    '@lsm/crc': async () => {
      const { compute } = await import('@lsm/crc')
      const data = bytes(length)
      return () => compute(data)
    },
    '@lsm/crc, loop alone': async () => {
      // What a browser runs: the package must find no zlib, and looks only once.
      Reflect.set(process, 'getBuiltinModule', undefined)
      const { compute } = await import('@lsm/crc')
      const data = bytes(length)
      return () => compute(data)
    },
    'crc-32': async () => {
      const { default: crc32 } = (await import('crc-32')) as unknown as { default: typeof import('crc-32') }
      const data = bytes(length)
      return () => crc32.buf(data)
    },
    'buffer-crc32': async () => {
      const { default: crc32 } = (await import('buffer-crc32')) as unknown as { default: typeof import('buffer-crc32') }
      const data = Buffer.from(bytes(length))
      return () => crc32.unsigned(data)
    },
    '@node-rs/crc32': async () => {
      const { crc32 } = await import('@node-rs/crc32')
      const data = Buffer.from(bytes(length))
      return () => crc32(data)
    },
    'zlib.crc32': async () => {
      const { crc32 } = await import('node:zlib')
      const data = bytes(length)
      return () => crc32(data)
    },
  }
}

const SIZES: readonly (readonly [string, number])[] = [
  ['16 B', 16],
  ['64 B', 64],
  ['256 B', 256],
  ['1 KiB', 1 << 10],
  ['4 KiB', 1 << 12],
  ['64 KiB', 1 << 16],
  ['1 MiB', 1 << 20],
]

const cases: Case[] = SIZES.map(([name, length]) => ({
  name,
  bytes: length,
  contenders: contenders(length),
  reference: ['@lsm/crc, loop alone', '@node-rs/crc32'],
}))

export default suite('crc', cases)
