/**
 * The runtime's own CRC-32, where it has one: `zlib.crc32` of Node.js 20.15, Bun and Deno, found without an import,
 * so that the package bundles for a browser as it is.
 */
export type NativeCrc32 = (data: Uint8Array, crc: number) => number

let found: NativeCrc32 | null | undefined

/** Returns the runtime's function, or `null` where there is none. Looked up once. */
export function nativeCrc32(): NativeCrc32 | null {
  if (found === undefined) found = look()
  return found
}

function look(): NativeCrc32 | null {
  const { process } = globalThis as { process?: { getBuiltinModule?: (name: string) => unknown } }
  const zlib = process?.getBuiltinModule?.('node:zlib') as { crc32?: NativeCrc32 } | undefined
  return zlib?.crc32 ?? null
}
