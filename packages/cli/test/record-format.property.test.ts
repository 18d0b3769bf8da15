import { fuzz } from '@lsm/fuzz'
import fc from 'fast-check'
import { expect } from 'vitest'
import { BYTE_ENCODINGS } from '../src/byte-text.ts'
import { CliError } from '../src/failure.ts'
import { readLines } from '../src/lines.ts'
import { RECORD_FORMATS, recordFormat } from '../src/record-format.ts'

const awkward = fc.constantFrom(
  '',
  '\t',
  '\n',
  '\r\n',
  '\\',
  '\\t',
  '\\x41',
  '\ufeff',
  '"',
  '\u0000',
  '\u001b[2J\u009b',
  'é\u{1f600}',
  '\u2028',
)
const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 40 }),
  fc.array(awkward, { maxLength: 6 }).map((parts) => new Uint8Array(Buffer.from(parts.join('')))),
  fc.string({ unit: 'binary', maxLength: 20 }).map((text) => new Uint8Array(Buffer.from(text))),
)
const settings = fc.record({
  format: fc.constantFrom(...RECORD_FORMATS),
  key: fc.constantFrom(...BYTE_ENCODINGS),
  value: fc.constantFrom(...BYTE_ENCODINGS),
  isTerminal: fc.boolean(),
})

// biome-ignore lint/suspicious/noControlCharactersInRegex: no terminal is to see one.
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/

async function* cut(data: Uint8Array, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  let at = 0
  for (let i = 0; at < data.length; i++) {
    const end = at + (sizes[i % sizes.length] ?? 1)
    yield data.slice(at, end)
    at = end
  }
}

async function decodeAll(data: Uint8Array, sizes: readonly number[], format: ReturnType<typeof recordFormat>) {
  const records: (readonly [string, string])[] = []
  for await (const lines of readLines(cut(data, sizes), { name: 'records' })) {
    for (const line of lines) {
      const record = format.decode(line)
      if (record !== undefined) records.push([hex(record[0]), hex(record[1])])
    }
  }
  return records
}

const hex = (part: Uint8Array): string => Buffer.from(part).toString('hex')

fuzz(
  import.meta.url,
  'any records come back through both formats and all encodings, however the stream is cut',
  fc.asyncProperty(
    settings,
    fc.array(fc.tuple(bytes, bytes), { maxLength: 8 }),
    fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 5 }),
    fc.boolean(),
    async ({ format: name, key, value, isTerminal }, records, sizes, endsInLineFeed) => {
      const format = recordFormat(name, { key, value }, { isTerminal })
      const whole = Buffer.concat(records.map((record) => Buffer.from(format.encode(...record))))
      if (isTerminal) expect(whole.toString()).not.toMatch(CONTROL)
      const data = endsInLineFeed ? whole : whole.subarray(0, -1)
      expect(await decodeAll(data, sizes, format)).toEqual(records.map(([k, v]) => [hex(k), hex(v)]))
    },
  ),
  { runs: 400, capMs: 5000 },
)

fuzz(
  import.meta.url,
  'any line is a record, a blank, or a coded error',
  fc.property(
    settings,
    fc.oneof(
      bytes,
      fc.json().map((text) => new Uint8Array(Buffer.from(text))),
    ),
    (how, line) => {
      const format = recordFormat(how.format, { key: how.key, value: how.value })
      try {
        const record = format.decode(line)
        if (record === undefined) expect(how.format).toBe('ndjson')
        else expect(record.every((part) => part instanceof Uint8Array)).toBe(true)
      } catch (error) {
        expect(error).toBeInstanceOf(CliError)
        expect(error).toMatchObject({ code: 'CLI_INPUT' })
      }
    },
  ),
  { runs: 400, capMs: 5000 },
)
