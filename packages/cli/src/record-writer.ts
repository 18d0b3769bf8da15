/** Writes the records of an import in batches, and knows how far it came. */
import type { OpenStore } from './engines.ts'
import { CliError, codeOf } from './failure.ts'
import { plural } from './quantity.ts'
import type { SourcedRecord } from './record-source.ts'

/** A batch ends here even if it has few records: large values must not pile up. */
const BATCH_BYTES = 1024 * 1024

export class RecordWriter {
  readonly #batchRecords: number
  #batch: SourcedRecord[] = []
  #batchBytes = 0
  #last: SourcedRecord | undefined
  #records = 0
  #bytes = 0

  /** `batchRecords` is how many records are written as one. */
  constructor(batchRecords: number) {
    this.#batchRecords = batchRecords
  }

  /** Records that the store has acknowledged. */
  get records(): number {
    return this.#records
  }

  /** Their keys and values. */
  get bytes(): number {
    return this.#bytes
  }

  /** What the store has acknowledged, such as "2,000 records, to line 2001 of stdin". */
  get extent(): string {
    if (this.#last === undefined) return 'nothing'
    return `${plural(this.#records, 'record')}, to line ${this.#last.line} of ${this.#last.source}`
  }

  /** Takes records, which it writes whenever a batch is full. Throws `CLI_INPUT` for one that the engine refuses. */
  async write(store: OpenStore, records: readonly SourcedRecord[]): Promise<void> {
    for (const record of records) {
      this.#batch.push(record)
      this.#batchBytes += sizeOf(record)
      if (this.#batch.length >= this.#batchRecords || this.#batchBytes >= BATCH_BYTES) await this.flush(store)
    }
  }

  /** Writes what is left. */
  async flush(store: OpenStore): Promise<void> {
    const batch = this.#batch
    if (batch.length === 0) return
    this.#batch = []
    this.#batchBytes = 0
    try {
      await store.write(batch.map(({ key, value }) => ({ type: 'put', key, value })))
    } catch (error) {
      if (codeOf(error) !== 'LSM_INVALID_ARGUMENT') throw error
      await this.#writeEach(store, batch)
      return
    }
    for (const record of batch) this.#acknowledge(record)
  }

  /**
   * Writes the records of a batch that was refused, and so not begun: too large as a whole it goes through now, and of
   * a record that is too large by itself it is known which one it is.
   */
  async #writeEach(store: OpenStore, batch: readonly SourcedRecord[]): Promise<void> {
    for (const record of batch) {
      try {
        await store.put(record.key, record.value)
      } catch (error) {
        if (codeOf(error) !== 'LSM_INVALID_ARGUMENT') throw error
        const { source, line } = record
        throw new CliError('CLI_INPUT', `${source}, line ${line}: ${(error as Error).message}`, { cause: error })
      }
      this.#acknowledge(record)
    }
  }

  #acknowledge(record: SourcedRecord): void {
    this.#records += 1
    this.#bytes += sizeOf(record)
    this.#last = record
  }
}

function sizeOf({ key, value }: SourcedRecord): number {
  return key.length + value.length
}
