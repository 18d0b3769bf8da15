/** Cuts a stream of bytes into lines. */
import { CliError } from './failure.ts'

const LINE_FEED = 10

/** No line is longer: longer ones could not become a string in any case. */
export const MAX_LINE_BYTES: number = 256 * 1024 * 1024

export interface LineOptions {
  /** What messages call the source. */
  readonly name: string
  readonly maxLineBytes?: number
}

/**
 * Yields the lines of `source` without their line feeds, as many together as one piece of it completed. The last one
 * needs no line feed. A line is a view of the piece that it came in, so it costs no copy unless it spans two.
 */
export async function* readLines(
  source: AsyncIterable<Uint8Array>,
  { name, maxLineBytes = MAX_LINE_BYTES }: LineOptions,
): AsyncGenerator<Uint8Array[]> {
  let begun: Uint8Array[] = []
  let begunBytes = 0
  let count = 0
  const check = (bytes: number): void => {
    if (bytes > maxLineBytes) {
      throw new CliError('CLI_INPUT', `${name}, line ${count + 1}: it is longer than ${maxLineBytes} bytes`)
    }
  }
  for await (const piece of source) {
    const lines: Uint8Array[] = []
    let start = 0
    for (let end = piece.indexOf(LINE_FEED); end >= 0; end = piece.indexOf(LINE_FEED, start)) {
      check(begunBytes + end - start)
      let line = piece.subarray(start, end)
      if (begun.length > 0) {
        line = Buffer.concat([...begun, line])
        begun = []
        begunBytes = 0
      }
      lines.push(line)
      count += 1
      start = end + 1
    }
    if (start < piece.length) {
      begun.push(piece.subarray(start))
      begunBytes += piece.length - start
      check(begunBytes)
    }
    if (lines.length > 0) yield lines
  }
  if (begun.length > 0) yield [Buffer.concat(begun)]
}
