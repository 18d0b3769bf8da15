/**
 * CRC-32 in a plain loop: slicing-by-16 (Kounavis and Berry, "Novel Table Lookup-Based Algorithms for
 * High-Performance CRC Generation", 2008), for the reflected polynomial 0xEDB88320. Knows of no runtime and
 * checks nothing.
 */
const SLICES = 16

const tables: readonly Int32Array[] = /* @__PURE__ */ buildTables()
// Sixteen names and not an array of tables: each is a constant to the compiler, which then needs no bounds check.
const T0 = /* @__PURE__ */ slice(0)
const T1 = /* @__PURE__ */ slice(1)
const T2 = /* @__PURE__ */ slice(2)
const T3 = /* @__PURE__ */ slice(3)
const T4 = /* @__PURE__ */ slice(4)
const T5 = /* @__PURE__ */ slice(5)
const T6 = /* @__PURE__ */ slice(6)
const T7 = /* @__PURE__ */ slice(7)
const T8 = /* @__PURE__ */ slice(8)
const T9 = /* @__PURE__ */ slice(9)
const T10 = /* @__PURE__ */ slice(10)
const T11 = /* @__PURE__ */ slice(11)
const T12 = /* @__PURE__ */ slice(12)
const T13 = /* @__PURE__ */ slice(13)
const T14 = /* @__PURE__ */ slice(14)
const T15 = /* @__PURE__ */ slice(15)

/** Returns the CRC-32, unsigned, of what `crc` covers followed by `data[start, end)`. O(end - start). */
export function extendInLoop(crc: number, data: Uint8Array, start: number, end: number): number {
  let c = ~crc
  let i = start
  const last = end - 15
  while (i < last) {
    c =
      T15[data[i++]! ^ (c & 255)]! ^
      T14[data[i++]! ^ ((c >> 8) & 255)]! ^
      T13[data[i++]! ^ ((c >> 16) & 255)]! ^
      T12[data[i++]! ^ (c >>> 24)]! ^
      T11[data[i++]!]! ^
      T10[data[i++]!]! ^
      T9[data[i++]!]! ^
      T8[data[i++]!]! ^
      T7[data[i++]!]! ^
      T6[data[i++]!]! ^
      T5[data[i++]!]! ^
      T4[data[i++]!]! ^
      T3[data[i++]!]! ^
      T2[data[i++]!]! ^
      T1[data[i++]!]! ^
      T0[data[i++]!]!
  }
  while (i < end) c = (c >>> 8) ^ T0[(c ^ data[i++]!) & 255]!
  return ~c >>> 0
}

/** `tables[k][b]` is the CRC register after byte `b` and `k` zero bytes. */
function buildTables(): Int32Array[] {
  const first = new Int32Array(256)
  for (let byte = 0; byte < 256; byte++) {
    let c = byte
    for (let bit = 0; bit < 8; bit++) c = c & 1 ? (c >>> 1) ^ 0xedb88320 : c >>> 1
    first[byte] = c
  }
  const all = [first]
  for (let k = 1; k < SLICES; k++) all.push(all[k - 1]!.map((c) => (c >>> 8) ^ first[c & 255]!))
  return all
}

function slice(k: number): Int32Array {
  return tables[k]!
}
