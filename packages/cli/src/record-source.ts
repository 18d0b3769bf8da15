/** Where the records of an import come from: files and stdin, line by line. */
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { CliError } from './failure.ts'
import { readInput } from './input.ts'
import { readLines } from './lines.ts'
import type { RecordFormat } from './record-format.ts'
import type { World } from './world.ts'

export interface Source {
  readonly name: string
  readonly sizeBytes: number | undefined
  open(): AsyncIterable<Uint8Array>
}

/** A record and where it stood. */
export interface SourcedRecord {
  readonly key: Uint8Array
  readonly value: Uint8Array
  readonly source: string
  readonly line: number
}

export interface RecordGroup {
  readonly records: readonly SourcedRecord[]
  /** Of the lines that they were on. */
  readonly inputBytes: number
}

/** Returns the sources that `names` stand for, `-` for stdin. Every file is looked at before the first one is read. */
export async function findSources(world: World, names: readonly string[]): Promise<Source[]> {
  if (names.filter((name) => name === '-').length > 1) {
    throw new CliError('CLI_USAGE', 'stdin, as - has it, can be read only once')
  }
  return Promise.all(names.map((name) => (name === '-' ? stdinSource(world) : fileSource(world, name))))
}

function stdinSource({ stdin, stderr, interrupted }: World): Source {
  const name = 'stdin'
  return {
    name,
    sizeBytes: undefined,
    open() {
      if (stdin.isTTY === true) stderr.write('reading records from the terminal; Ctrl-D ends them\n')
      return readInput(stdin, { name, interrupted })
    },
  }
}

async function fileSource({ interrupted }: World, name: string): Promise<Source> {
  const found = await stat(name).catch((cause: Error) => {
    throw new CliError('CLI_INPUT', `cannot read ${name}: ${cause.message}`, { cause })
  })
  if (found.isDirectory()) throw new CliError('CLI_INPUT', `cannot read ${name}: it is a folder`)
  return {
    name,
    // A pipe with a name has no size.
    sizeBytes: found.isFile() ? found.size : undefined,
    open: () => readInput(createReadStream(name, { highWaterMark: 256 * 1024 }), { name, interrupted }),
  }
}

/**
 * Yields the records of `sources`, as many together as one piece of input completed. Throws `CLI_INPUT` with source and
 * line for a line that is wrong, after all records before it were yielded.
 */
export async function* readRecords(sources: readonly Source[], format: RecordFormat): AsyncGenerator<RecordGroup> {
  for (const source of sources) {
    let line = 0
    for await (const lines of readLines(source.open(), source)) {
      const records: SourcedRecord[] = []
      let inputBytes = 0
      let failure: unknown
      for (const bytes of lines) {
        line += 1
        inputBytes += bytes.length + 1
        try {
          const record = format.decode(bytes)
          if (record !== undefined) records.push({ key: record[0], value: record[1], source: source.name, line })
        } catch (error) {
          failure = located(error, source.name, line)
          break
        }
      }
      if (records.length > 0 || failure === undefined) yield { records, inputBytes }
      if (failure !== undefined) throw failure
    }
  }
}

function located(error: unknown, source: string, line: number): unknown {
  if (!(error instanceof CliError)) return error
  const what = error.message.replace(/^(key|value) (?=is |has )/, 'has a $1 that ')
  return new CliError(error.code, `${source}, line ${line}: it ${what}`, { cause: error })
}
