/** What the store must hold, kept beside it in plain maps, and the comparison of the two. */
import { strict as assert } from 'node:assert'
import { createHash } from 'node:crypto'
import type { Reader, ScanOptions } from '@lsm/engine'

const decoder = new TextDecoder()

export class Expectation {
  readonly #values = new Map<string, Uint8Array>()

  get size(): number {
    return this.#values.size
  }

  put(key: Uint8Array, value: Uint8Array): void {
    this.#values.set(decoder.decode(key), value)
  }

  /** Returns how many keys that was. */
  deletePrefix(prefix: string): number {
    const gone = [...this.#values.keys()].filter((key) => key.startsWith(prefix))
    for (const key of gone) this.#values.delete(key)
    return gone.length
  }

  /** Throws unless `value` is what `key` must have. */
  check(key: Uint8Array, value: Uint8Array | undefined): void {
    const name = decoder.decode(key)
    assert.deepEqual(text(value), text(this.#values.get(name)), `wrong value for ${name}`)
  }

  /** Throws unless a scan finds exactly these keys, in this order, with these values. Returns how many they were. */
  async checkScan(reader: Reader, options: ScanOptions & { readonly prefix?: string } = {}): Promise<number> {
    const wanted = this.#sorted(options.prefix ?? '')
    if (options.reverse === true) wanted.reverse()
    let count = 0
    for await (const [key, value] of reader.scan(options)) {
      const expected = wanted[count]
      assert.ok(expected !== undefined, `a scan found ${decoder.decode(key)} behind the last key`)
      assert.ok(
        Buffer.compare(key, expected.key) === 0 && Buffer.compare(value, expected.value) === 0,
        `a scan found ${decoder.decode(key)} where ${expected.key} must be, or another value for it`,
      )
      count += 1
    }
    assert.equal(count, Math.min(wanted.length, options.limit ?? Number.POSITIVE_INFINITY), 'a scan ended early')
    return count
  }

  /** SHA-256 over all keys and values in order, each with its length before it. */
  digest(): string {
    return digestOf(this.#sorted(''))
  }

  #sorted(prefix: string): { key: Buffer; value: Uint8Array }[] {
    return [...this.#values]
      .filter(([key]) => key.startsWith(prefix))
      .map(([key, value]) => ({ key: Buffer.from(key), value }))
      .sort((a, b) => Buffer.compare(a.key, b.key))
  }
}

/** The same digest of what a store holds. */
export async function digestOfStore(reader: Reader): Promise<string> {
  const pairs: { key: Uint8Array; value: Uint8Array }[] = []
  for await (const [key, value] of reader.scan()) pairs.push({ key, value })
  return digestOf(pairs)
}

function digestOf(pairs: Iterable<{ key: Uint8Array; value: Uint8Array }>): string {
  const hash = createHash('sha256')
  for (const { key, value } of pairs) hash.update(`${key.length} ${value.length} `).update(key).update(value)
  return hash.digest('hex')
}

function text(value: Uint8Array | undefined): string | undefined {
  return value === undefined ? undefined : decoder.decode(value)
}
