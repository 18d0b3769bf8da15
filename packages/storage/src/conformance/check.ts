/** The few assertions of the suite, so that it runs under any test runner, or none. */

export function equal(actual: unknown, expected: unknown, what: string): void {
  const [shown, wanted] = [show(actual), show(expected)]
  if (shown !== wanted) throw new Error(`${what}: got ${shown}, expected ${wanted}`)
}

/** Awaits the failure of `run` and compares its code. */
export async function failsWith(code: string, run: () => unknown, what: string): Promise<Error> {
  let result: unknown
  try {
    result = await run()
  } catch (error) {
    if (!(error instanceof Error)) throw new Error(`${what}: threw ${show(error)}, which is no Error`)
    equal('code' in error ? error.code : `${error.name}: ${error.message}`, code, what)
    return error
  }
  throw new Error(`${what}: succeeded with ${show(result)}, expected ${code}`)
}

/** `length` bytes that differ from place to place, and from those of another `start`. */
export function pattern(length: number, start = 1): Uint8Array {
  const bytes = new Uint8Array(length)
  for (let i = 0; i < length; i++) bytes[i] = (start + i * 7 + (i >> 8)) & 0xff
  return bytes
}

function show(value: unknown): string {
  if (value instanceof Uint8Array) {
    return value.length <= 64 ? `bytes(${value.join(' ')})` : `bytes(${value.length}, hash ${hash(value)})`
  }
  if (Array.isArray(value)) return `[${value.map(show).join(', ')}]`
  return JSON.stringify(value) ?? String(value)
}

function hash(bytes: Uint8Array): number {
  let sum = 0x811c9dc5
  for (const byte of bytes) sum = Math.imul(sum ^ byte, 0x01000193)
  return sum >>> 0
}
