import { compute, pack } from '@lsm/crc'
import { fuzz } from '@lsm/fuzz'
import fc from 'fast-check'
import { expect } from 'vitest'
import { LsmError } from '../src/errors.ts'
import { crcOfManifest, decodeManifest, encodeManifest, type ManifestState } from '../src/manifest.ts'
import { arbState, STORE_ID } from './manifests.ts'

const header = { number: 9, epoch: 3, storeId: STORE_ID }

fuzz(
  import.meta.url,
  'any state comes back from a full manifest',
  fc.property(arbState, (state) => {
    const encoded = encodeManifest(header, state)
    const decoded = decodeManifest(encoded, 'm')
    const { number, epoch, storeId } = decoded
    expect({ number, epoch, storeId }).toEqual(header)
    expect(decoded.crc).toBe(crcOfManifest(encoded))
    expect(decoded.resolve()).toEqual(state)
  }),
  { runs: 300 },
)

/** The entries of one state, or of the other, so that a delta drops, changes, keeps and adds. */
function mixed(from: ManifestState, to: ManifestState, choices: number): ManifestState {
  const pick = <K, V>(a: ReadonlyMap<K, V>, b: ReadonlyMap<K, V>): Map<K, V> => {
    const picked = new Map<K, V>()
    let bits = choices
    for (const [key, value] of [...a, ...b]) {
      if (bits % 3 !== 0) picked.set(key, value)
      bits = Math.floor(bits / 3)
    }
    return picked
  }
  const sealed = (
    state: ManifestState,
  ): Map<number, ManifestState['segments'] extends ReadonlyMap<number, infer S> ? S : never> =>
    new Map([...state.segments].filter(([, { sealedLength }]) => sealedLength !== undefined))
  return {
    ...to,
    keyspaces: pick(from.keyspaces, to.keyspaces),
    segments: pick(sealed(from), sealed(to)),
    tables: pick(from.tables, to.tables),
  }
}

fuzz(
  import.meta.url,
  'any state comes back from a delta over any base',
  fc.property(arbState, arbState, fc.nat(), (from, to, choices) => {
    const base = { number: 4, crc: crcOfManifest(encodeManifest({ ...header, number: 4 }, from)), state: from }
    for (const state of [to, mixed(from, to, choices), from]) {
      const encoded = encodeManifest(header, state, base)
      const decoded = decodeManifest(encoded, 'm')
      expect(decoded.base).toEqual({ number: 4, crc: base.crc })
      expect(decoded.resolve(from)).toEqual(state)
    }
  }),
  { runs: 300 },
)

interface Change {
  readonly at: number
  readonly byte: number
  readonly kind: 'set' | 'cut' | 'insert'
}

const change: fc.Arbitrary<Change> = fc.record({
  at: fc.nat(),
  byte: fc.oneof(fc.nat(255), fc.constantFrom(0, 1, 2, 3, 129, 130, 131, 255)),
  kind: fc.constantFrom('set', 'set', 'set', 'cut', 'insert'),
})

/** A manifest with changes under a checksum that is right. */
function changed(encoded: Uint8Array, changes: readonly Change[]): Uint8Array {
  const bytes = [...encoded.subarray(0, -4)]
  for (const { at, byte, kind } of changes) {
    if (kind === 'set') bytes[at % bytes.length] = byte
    else if (kind === 'cut') bytes.splice(88 + (at % Math.max(1, bytes.length - 88)), 1 + (byte % 8))
    else bytes.splice(88 + (at % Math.max(1, bytes.length - 88)), 0, byte)
  }
  const out = Uint8Array.from([...bytes, 0, 0, 0, 0])
  out.set(pack(out.length - 92), 84)
  out.set(pack(compute(out, 0, out.length - 4)), out.length - 4)
  return out
}

/** The state of any bytes, or `undefined` where they are refused as they should be. */
function readAny(bytes: Uint8Array, base?: ManifestState): ManifestState | undefined {
  try {
    const decoded = decodeManifest(bytes, 'm')
    return decoded.resolve(decoded.base === undefined ? undefined : base)
  } catch (error) {
    if (error instanceof TypeError && base === undefined) return undefined
    expect(error).toBeInstanceOf(LsmError)
    expect((error as LsmError).code).toMatch(/^LSM_(CORRUPTION|UNSUPPORTED_FORMAT)$/)
    expect((error as LsmError).file).toBe('m')
    return undefined
  }
}

const sizeOf = (state: ManifestState): number =>
  [...state.tables.values()].reduce((sum, { smallest, largest }) => sum + smallest.length + largest.key.length, 0) +
  [...state.keyspaces.values()].reduce((sum, { name, options }) => sum + name.length + options.length, 0)

fuzz(
  import.meta.url,
  'changes under a checksum made good again give a state no larger than the bytes, or a coded error',
  fc.property(arbState, arbState, fc.array(change, { minLength: 1, maxLength: 4 }), (from, to, changes) => {
    const whole = encodeManifest({ ...header, number: 4 }, from)
    const base = { number: 4, crc: crcOfManifest(whole), state: from }
    const full = changed(encodeManifest(header, to), changes)
    const state = readAny(full)
    if (state) {
      expect(sizeOf(state)).toBeLessThanOrEqual(full.length)
      // It is a state: what is read is what would be written.
      expect(decodeManifest(encodeManifest(header, state), 'm').resolve()).toEqual(state)
    }
    readAny(changed(encodeManifest(header, to, base), changes), from)
  }),
  { runs: 1500, capMs: 4000 },
)

fuzz(
  import.meta.url,
  'any bytes at all are refused or a state',
  fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
    readAny(bytes)
  }),
  { runs: 500 },
)
