/**
 * The two formats of `import`, `export` and `scan`, a record a line.
 *
 *   ndjson   {"key":"a","value":"1"}
 *            With an encoding other than UTF-8 asked for, both are written in it. Where bytes are no UTF-8, the record
 *            says "keyEncoding":"base64" or "valueEncoding":"base64": nothing is lost, and the rest stays readable.
 *   raw      key TAB value
 *            The bytes themselves, but `\t` for a tab, `\n` for a line feed, `\r` for a carriage return and `\\` for a
 *            backslash, as in PostgreSQL's COPY; `\xNN` is read as well. With base64 or hex there is nothing to escape.
 *
 * A terminal gets control characters, and in raw also bytes that are no text, as escapes that mean the same.
 */
import { asText, asVisible, BYTE_ENCODINGS, type ByteEncoding, formatBytes, parseBytes, quote } from './byte-text.ts'
import { escapeControlsInJson } from './control-characters.ts'
import { CliError } from './failure.ts'

export const RECORD_FORMATS = ['ndjson', 'raw'] as const
export type RecordFormatName = (typeof RECORD_FORMATS)[number]

export interface Encodings {
  readonly key: ByteEncoding
  readonly value: ByteEncoding
}

export interface RecordFormat {
  /** The line with its line feed; either may be left out. */
  encode(key: Uint8Array | undefined, value: Uint8Array | undefined): Uint8Array | string
  /** `undefined` for a line that may be skipped. Throws `CLI_INPUT` without the line's number. */
  decode(line: Uint8Array): [key: Uint8Array, value: Uint8Array] | undefined
}

export interface RecordFormatOptions {
  /** Whether a terminal is what `encode` is for. */
  readonly isTerminal?: boolean
}

export function recordFormat(
  name: RecordFormatName,
  encodings: Encodings,
  { isTerminal = false }: RecordFormatOptions = {},
): RecordFormat {
  return name === 'ndjson' ? ndjson(encodings, isTerminal) : raw(encodings, isTerminal)
}

function ndjson(encodings: Encodings, isTerminal: boolean): RecordFormat {
  return {
    encode(key, value) {
      const record: Record<string, string> = {}
      const fallback: Record<string, string> = {}
      const add = (name: 'key' | 'value', bytes: Uint8Array | undefined): void => {
        if (bytes === undefined) return
        const text = formatBytes(bytes, encodings[name])
        record[name] = text ?? Buffer.from(bytes).toString('base64')
        if (text === undefined) fallback[`${name}Encoding`] = 'base64'
      }
      add('key', key)
      add('value', value)
      const json = JSON.stringify({ ...record, ...fallback })
      return `${isTerminal ? escapeControlsInJson(json) : json}\n`
    },
    decode(line) {
      const text = asText(line)
      if (text === undefined) throw new CliError('CLI_INPUT', 'is not UTF-8: is this raw data (--format raw)?')
      if (/^\s*$/.test(text)) return undefined
      const record = parseObject(text)
      const field = (name: 'key' | 'value'): Uint8Array => {
        const content = record[name]
        if (typeof content !== 'string') {
          throw new CliError(
            'CLI_INPUT',
            `has ${content === undefined ? `no "${name}"` : `a "${name}" that is no string`}`,
          )
        }
        return parseBytes(content, encodingOf(record, `${name}Encoding`, encodings[name]), name)
      }
      const decoded: [Uint8Array, Uint8Array] = [field('key'), field('value')]
      // All that is left in `record` is a string now, so each string beyond its own is of a member that JSON.parse dropped.
      if (stringsIn(text) > 2 * Object.keys(record).length) throw new CliError('CLI_INPUT', 'has a member twice')
      return decoded
    },
  }
}

/** How many strings there are in JSON text, names included. O(n), at the speed of `indexOf` where little is escaped. */
function stringsIn(json: string): number {
  let quotes = 0
  for (let at = json.indexOf('"'); at >= 0; at = json.indexOf('"', at + 1)) {
    let backslashes = 0
    while (json.charCodeAt(at - 1 - backslashes) === BACKSLASH) backslashes += 1
    if (backslashes % 2 === 0) quotes += 1
  }
  return quotes / 2
}

const FIELDS = ['key', 'value', 'keyEncoding', 'valueEncoding']

function parseObject(text: string): Readonly<Record<string, unknown>> {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch (cause) {
    throw new CliError('CLI_INPUT', `is not JSON: ${(cause as Error).message}`, { cause })
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw new CliError('CLI_INPUT', 'is no JSON object with "key" and "value"')
  }
  // What would be left out without a word is refused instead.
  const unknown = Object.keys(parsed).find((name) => !FIELDS.includes(name))
  if (unknown !== undefined) {
    throw new CliError('CLI_INPUT', `has ${quote(unknown)}, which is not one of ${FIELDS.join(', ')}`)
  }
  return parsed as Record<string, unknown>
}

function encodingOf(
  record: Readonly<Record<string, unknown>>,
  name: 'keyEncoding' | 'valueEncoding',
  fallback: ByteEncoding,
): ByteEncoding {
  const given = record[name]
  if (given === undefined) return fallback
  const known = BYTE_ENCODINGS.find((encoding) => encoding === given)
  if (known === undefined) {
    throw new CliError('CLI_INPUT', `has the ${name} ${JSON.stringify(given)}, not one of ${BYTE_ENCODINGS.join(', ')}`)
  }
  return known
}

const TAB = 0x09
const LINE_FEED = 0x0a
const CARRIAGE_RETURN = 0x0d
const BACKSLASH = 0x5c
const LETTERS = new Map([
  [TAB, 't'],
  [LINE_FEED, 'n'],
  [CARRIAGE_RETURN, 'r'],
  [BACKSLASH, '\\'],
])
const MEANINGS = new Map([...LETTERS].map(([byte, letter]) => [letter.charCodeAt(0), byte]))

function raw(encodings: Encodings, isTerminal: boolean): RecordFormat {
  const escaped = (bytes: Uint8Array): Uint8Array =>
    isTerminal ? Buffer.from(asVisible(escapeBytes(bytes))) : escapeBytes(bytes)
  const encodeField = (bytes: Uint8Array, encoding: ByteEncoding): Uint8Array =>
    encoding === 'utf8' ? escaped(bytes) : Buffer.from(formatBytes(bytes, encoding) ?? '')
  const decodeField = (bytes: Uint8Array, encoding: ByteEncoding, what: string): Uint8Array =>
    encoding === 'utf8' ? unescapeBytes(bytes, what) : parseBytes(Buffer.from(bytes).toString('latin1'), encoding, what)
  const end = Uint8Array.of(LINE_FEED)
  return {
    encode(key, value) {
      const fields: Uint8Array[] = []
      if (key !== undefined) fields.push(encodeField(key, encodings.key))
      if (key !== undefined && value !== undefined) fields.push(Uint8Array.of(TAB))
      if (value !== undefined) fields.push(encodeField(value, encodings.value))
      return Buffer.concat([...fields, end])
    },
    decode(line) {
      const tab = line.indexOf(TAB)
      if (tab < 0) throw new CliError('CLI_INPUT', 'has no tab between key and value')
      return [
        decodeField(line.subarray(0, tab), encodings.key, 'key'),
        decodeField(line.subarray(tab + 1), encodings.value, 'value'),
      ]
    },
  }
}

function escapeBytes(bytes: Uint8Array): Uint8Array {
  let size = bytes.length
  for (const byte of bytes) if (LETTERS.has(byte)) size += 1
  if (size === bytes.length) return bytes
  const result = new Uint8Array(size)
  let at = 0
  for (const byte of bytes) {
    const letter = LETTERS.get(byte)
    if (letter !== undefined) result[at++] = BACKSLASH
    result[at++] = letter === undefined ? byte : letter.charCodeAt(0)
  }
  return result
}

function unescapeBytes(bytes: Uint8Array, what: string): Uint8Array {
  if (!bytes.includes(BACKSLASH)) return bytes
  const result = new Uint8Array(bytes.length)
  let length = 0
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at]!
    if (byte !== BACKSLASH) {
      result[length++] = byte
      continue
    }
    const letter = bytes[++at]
    const meaning = letter === undefined ? undefined : MEANINGS.get(letter)
    if (meaning !== undefined) {
      result[length++] = meaning
      continue
    }
    const digits = Buffer.from(bytes.subarray(at + 1, at + 3)).toString('latin1')
    if (letter !== 0x78 || !/^[0-9a-f]{2}$/i.test(digits)) {
      throw new CliError('CLI_INPUT', `has a backslash in its ${what} that is followed by none of \\ t n r xNN`)
    }
    result[length++] = Number.parseInt(digits, 16)
    at += 2
  }
  return result.subarray(0, length)
}
