import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parse, stringify } from 'devalue'

/**
 * Past counterexamples of one property, as the values themselves (devalue's JSON, which keeps bytes, `undefined`,
 * `-0` and big integers) and not as seeds, which mean something else as soon as a generator changes.
 */
export class Corpus<Arguments> {
  readonly #file: string

  /** `testFileUrl` is the property file's `import.meta.url`; the corpus lies beside it in `corpus/`. */
  constructor(testFileUrl: string, propertyName: string) {
    const slug = propertyName
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, '-')
      .replace(/^-|-$/g, '')
    this.#file = join(dirname(fileURLToPath(testFileUrl)), 'corpus', `${slug}.json`)
  }

  load(): Arguments[] {
    if (!existsSync(this.#file)) return []
    const lines = JSON.parse(readFileSync(this.#file, 'utf8')) as unknown[]
    return lines.map((line) => parse(JSON.stringify(line)) as Arguments)
  }

  /** Adds one counterexample; one that is there already is not added twice. Returns the file's path. */
  add(example: Arguments): string {
    const encode = (value: Arguments): unknown => JSON.parse(stringify(value))
    const all = this.load().map((value) => JSON.stringify(encode(value)))
    const text = JSON.stringify(encode(example))
    if (!all.includes(text)) all.push(text)
    mkdirSync(dirname(this.#file), { recursive: true })
    writeFileSync(this.#file, `[\n${all.map((line) => `  ${line}`).join(',\n')}\n]\n`)
    return this.#file
  }
}
