import { describe, expect, test } from 'vitest'
import { asVisible, parseBytes } from '../src/byte-text.ts'
import { readLines } from '../src/lines.ts'
import { recordFormat } from '../src/record-format.ts'

const utf8 = { key: 'utf8', value: 'utf8' } as const
const text = (bytes: Uint8Array | string): string => Buffer.from(bytes as Uint8Array).toString()
const line = (content: string): Uint8Array => Buffer.from(content)
const input = (message: RegExp): object =>
  expect.objectContaining({ code: 'CLI_INPUT', message: expect.stringMatching(message) })

function thrownBy(action: () => unknown): unknown {
  try {
    action()
  } catch (error) {
    return error
  }
  throw new Error('nothing was thrown')
}

describe('ndjson', () => {
  const format = recordFormat('ndjson', utf8)

  test('a record is an object with key and value', () => {
    expect(format.encode(line('a'), line('"x"\n'))).toBe('{"key":"a","value":"\\"x\\"\\n"}\n')
  })

  test('bytes that are no UTF-8 say that they are base64, and the other half stays readable', () => {
    const encoded = format.encode(line('a'), Uint8Array.of(0xff, 0xfe))
    expect(encoded).toBe('{"key":"a","value":"//4=","valueEncoding":"base64"}\n')
    expect(format.decode(line(text(encoded).trimEnd()))?.[1]).toEqual(Buffer.from([0xff, 0xfe]))
  })

  test('a byte order mark is data', () => {
    expect(format.decode(line('{"key":"\ufeffa","value":""}'))?.[0]).toEqual(new Uint8Array([0xef, 0xbb, 0xbf, 0x61]))
  })

  test.each([
    ['{"key":"a"}', /has no "value"/],
    ['{"key":"a","value":1}', /a "value" that is no string/],
    ['{"key":"a","value":"","ttl":5}', /has "ttl", which is not one of/],
    ['{"key":"a","value":"","__proto__":{}}', /has "__proto__"/],
    ['{"key":"a","key":"b","value":"1"}', /has a member twice/],
    ['{"key":{"value":1},"key":"b","value":"1"}', /has a member twice/],
    ['{"key":"a","value":"1","k\\u0065y":"\\\\"}', /has a member twice/],
    ['["a","b"]', /is no JSON object/],
    ['null', /is no JSON object/],
    ['{"key":"a",', /is not JSON/],
    ['{"key":"\\ud800","value":""}', /half of a surrogate pair/],
    ['{"key":"a","value":"zz","valueEncoding":"hex"}', /not a row of pairs of hexadecimal/],
    ['{"key":"a","value":"a","valueEncoding":"rot13"}', /not one of utf8, base64, hex/],
  ])('refuses %s', (content, message) => {
    expect(thrownBy(() => format.decode(line(content)))).toEqual(input(message))
  })

  test.each([
    { key: '', value: '' },
    { key: '"', value: '\\' },
    { key: '"\\', value: '\\\\"\\"', valueEncoding: 'utf8' },
  ])('quotes in strings make no member: %j', (record) => {
    expect(format.decode(line(JSON.stringify(record)))?.map(text)).toEqual([record.key, record.value])
  })

  test('a line that is no UTF-8 is refused, not mangled', () => {
    expect(thrownBy(() => format.decode(Uint8Array.of(0x22, 0xff, 0x22)))).toEqual(input(/is not UTF-8/))
  })
})

describe('for a terminal', () => {
  const content = line('\u001b[2J\u009b\u007f')

  test('NDJSON has none of the control characters that JSON leaves as they are', () => {
    const shown = text(recordFormat('ndjson', utf8, { isTerminal: true }).encode(content, line('é')))
    expect(shown).toBe('{"key":"\\u001b[2J\\u009b\\u007f","value":"é"}\n')
  })

  test('raw shows them, and bytes that are no text, as escapes that can be read again', () => {
    const format = recordFormat('raw', utf8, { isTerminal: true })
    const shown = text(format.encode(content, Uint8Array.of(0x5c, 0x09, 0xff)))
    expect(shown).toBe('\\x1b[2J\\xc2\\x9b\\x7f\t\\\\\\t\\xff\n')
    expect(format.decode(line('\\x1b\t\\\\\\t\\xff'))).toEqual([Uint8Array.of(0x1b), Uint8Array.of(0x5c, 0x09, 0xff)])
  })
})

describe('raw', () => {
  const format = recordFormat('raw', utf8)

  test('escapes what would end a field or a line, and nothing else', () => {
    expect(text(format.encode(line('a\tb'), line('c\\d\r\né')))).toBe('a\\tb\tc\\\\d\\r\\né\n')
    const binary = Uint8Array.of(0, 255, 128)
    expect(format.encode(line('k'), binary)).toEqual(Buffer.from([0x6b, 9, 0, 255, 128, 10]))
  })

  test('the first tab ends the key; later ones belong to the value', () => {
    expect(format.decode(line('a\tb\tc'))?.map(text)).toEqual(['a', 'b\tc'])
  })

  test('reads \\xNN', () => {
    expect(format.decode(line('\\x41\t\\xfF'))).toEqual([Uint8Array.of(0x41), Uint8Array.of(0xff)])
  })

  test.each([
    ['a', /no tab/],
    ['', /no tab/],
    ['a\t\\q', /a backslash in its value/],
    ['a\\\tb', /a backslash in its key/],
    ['a\t\\x4', /a backslash in its value/],
  ])('refuses %j', (content, message) => {
    expect(thrownBy(() => format.decode(line(content)))).toEqual(input(message))
  })
})

describe('text for bytes', () => {
  test.each(['YQ', 'YQ=', 'YQ==\n', 'Y-==', 'YR=='])('%j is not base64', (content) => {
    expect(thrownBy(() => parseBytes(content, 'base64', 'the key'))).toEqual(input(/the key is not base64/))
  })

  test('a terminal is shown no control characters', () => {
    expect(asVisible(line('a\u001b[31mb\u009b'))).toBe('a\\x1b[31mb\\xc2\\x9b')
    expect(asVisible(Uint8Array.of(0x41, 0xff, 0x1b))).toBe('A\\xff\\x1b')
  })
})

describe('lines', () => {
  async function collect(pieces: readonly string[], limit?: number): Promise<string[]> {
    async function* source(): AsyncGenerator<Uint8Array> {
      for (const piece of pieces) yield Buffer.from(piece)
    }
    const lines: string[] = []
    const options = { name: 'b.ndjson', ...(limit !== undefined && { maxLineBytes: limit }) }
    for await (const some of readLines(source(), options)) lines.push(...some.map(text))
    return lines
  }

  test('a line may span pieces, and the last one needs no line feed', async () => {
    expect(await collect(['a\nb', 'c', '\n\nd'])).toEqual(['a', 'bc', '', 'd'])
    expect(await collect(['a\n'])).toEqual(['a'])
    expect(await collect([])).toEqual([])
  })

  test('a line over the limit is refused before it is whole, with the name of its source', async () => {
    await expect(collect(['ok\n123', '456'], 5)).rejects.toEqual(
      input(/^b\.ndjson, line 2: it is longer than 5 bytes$/),
    )
    await expect(collect(['123456\n'], 5)).rejects.toEqual(input(/^b\.ndjson, line 1: it is longer/))
  })
})
