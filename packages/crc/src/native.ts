/**
 * The runtime's own CRC-32, where it has one: `zlib.crc32` of Node.js 20.15, Bun and Deno, found without an import,
 * so that the package bundles for a browser as it is.
 */
export type NativeCrc32 = (data: Uint8Array, crc: number) => number

let found: NativeCrc32 | false | undefined

/** Returns the runtime's function, or `false` where there is none. Looked up once, at the first call. */
export function nativeCrc32(): NativeCrc32 | false {
  found ??= look() ?? false
  return found
}

function look(): NativeCrc32 | undefined {
  const { process } = globalThis as { process?: { getBuiltinModule?: (name: string) => unknown } }
  return (process?.getBuiltinModule?.('node:zlib') as { crc32?: NativeCrc32 } | undefined)?.crc32
}
