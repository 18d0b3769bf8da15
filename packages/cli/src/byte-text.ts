/** Bytes as text and back, without losing any: UTF-8, base64 or hexadecimal digits. */
import { escapeByte, escapeControls } from './control-characters.ts'
import { CliError } from './failure.ts'

export const BYTE_ENCODINGS = ['utf8', 'base64', 'hex'] as const
export type ByteEncoding = (typeof BYTE_ENCODINGS)[number]

// A byte order mark is data like any other.
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const encoder = new TextEncoder()

/** Returns the bytes that `text` stands for. Throws `CLI_INPUT`, with `what` in the message, where it stands for none. */
export function parseBytes(text: string, encoding: ByteEncoding, what: string): Uint8Array {
  switch (encoding) {
    case 'utf8':
      if (!text.isWellFormed()) throw new CliError('CLI_INPUT', `${what} has half of a surrogate pair: it is no text`)
      return encoder.encode(text)
    case 'base64': {
      const bytes = Buffer.from(text, 'base64')
      // Node.js skips what it does not know, so only what comes back the same was base64.
      if (bytes.toString('base64') !== text) {
        throw new CliError('CLI_INPUT', `${what} is not base64 (A-Z a-z 0-9 + /, padded with =): ${quote(text)}`)
      }
      return bytes
    }
    case 'hex':
      if (text.length % 2 !== 0 || !/^[0-9a-f]*$/i.test(text)) {
        throw new CliError('CLI_INPUT', `${what} is not a row of pairs of hexadecimal digits: ${quote(text)}`)
      }
      return Buffer.from(text, 'hex')
  }
}

/** Returns the text for `bytes`, or `undefined` where they are to be UTF-8 and are not. */
export function formatBytes(bytes: Uint8Array, encoding: ByteEncoding): string | undefined {
  if (encoding === 'utf8') return asText(bytes)
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString(encoding)
}

/** Returns the text that `bytes` are the UTF-8 of, or `undefined`. */
export function asText(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes)
  } catch {
    return undefined
  }
}

/** Returns what a person can read, and no terminal obeys: control characters and bytes that are no text as `\xNN`. */
export function asVisible(bytes: Uint8Array): string {
  const text = asText(bytes)
  if (text !== undefined) return escapeControls(text)
  let result = ''
  for (const byte of bytes) result += byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : escapeByte(byte)
  return result
}

/** Returns at most 60 characters of `text` in quotes. */
export function quote(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text)
}
