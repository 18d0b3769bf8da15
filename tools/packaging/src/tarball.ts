/**
 * Reads the files of an npm package as packed: gzip around the POSIX tar format (ustar, with pax headers for long
 * names). A header block of 512 bytes: name at 0 (100), size in octal at 124 (12), type at 156, prefix at 345 (155);
 * then the content, filled up to a multiple of 512.
 */
import { gunzipSync } from 'node:zlib'

const BLOCK = 512

/** Content by path, with npm's leading `package/` taken off. Throws a `RangeError` when the archive is cut short. */
export function readTarball(tarball: Uint8Array): Map<string, Uint8Array> {
  const tar = gunzipSync(tarball)
  const files = new Map<string, Uint8Array>()
  let longName: string | undefined
  for (let at = 0; at + BLOCK <= tar.length && tar[at] !== 0; ) {
    const header = tar.subarray(at, at + BLOCK)
    const size = Number.parseInt(text(header, 124, 12).trim() || '0', 8)
    const start = at + BLOCK
    if (start + size > tar.length) throw new RangeError(`the archive ends inside "${text(header, 0, 100)}"`)
    const content = tar.subarray(start, start + size)
    at = start + Math.ceil(size / BLOCK) * BLOCK
    const type = String.fromCharCode(header[156] ?? 0)
    if (type === 'x') {
      longName = /^\d+ path=(.*)$/m.exec(new TextDecoder().decode(content))?.[1]
      continue
    }
    const prefix = text(header, 345, 155)
    const name = longName ?? (prefix === '' ? text(header, 0, 100) : `${prefix}/${text(header, 0, 100)}`)
    longName = undefined
    if (type === '0' || type === '\0') files.set(name.replace(/^[^/]+\//, ''), content)
  }
  return files
}

function text(header: Uint8Array, offset: number, length: number): string {
  const field = header.subarray(offset, offset + length)
  const end = field.indexOf(0)
  return new TextDecoder().decode(end < 0 ? field : field.subarray(0, end))
}
