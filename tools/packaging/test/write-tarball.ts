import { gzipSync } from 'node:zlib'

const BLOCK = 512

function padded(bytes: Uint8Array): Uint8Array {
  const result = new Uint8Array(Math.ceil(bytes.length / BLOCK) * BLOCK)
  result.set(bytes)
  return result
}

function entry(name: string, content: Uint8Array, type: '0' | 'x' = '0'): Uint8Array[] {
  const header = Buffer.alloc(BLOCK)
  header.write(name, 0, 100)
  header.write('0000644\0', 100)
  header.write('0000000\0', 108)
  header.write('0000000\0', 116)
  header.write(`${content.length.toString(8).padStart(11, '0')}\0`, 124)
  header.write('00000000000\0', 136)
  header.write('        ', 148)
  header.write(type, 156)
  header.write('ustar\u000000', 257)
  const sum = header.reduce((total, byte) => total + byte, 0)
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return [header, padded(content)]
}

/** An npm tarball of these files; names over 100 bytes go into pax headers, as packers do. */
export function writeTarball(files: Readonly<Record<string, string>>): Uint8Array {
  const encoder = new TextEncoder()
  const blocks = Object.entries(files).flatMap(([path, text]) => {
    const name = `package/${path}`
    if (name.length <= 100) return entry(name, encoder.encode(text))
    const record = ` path=${name}\n`
    const length = record.length + String(record.length + 3).length
    return [...entry('PaxHeader', encoder.encode(`${length}${record}`), 'x'), ...entry('long', encoder.encode(text))]
  })
  return gzipSync(Buffer.concat([...blocks, new Uint8Array(2 * BLOCK)]))
}
