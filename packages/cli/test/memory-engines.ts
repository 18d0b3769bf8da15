/** The part of the engine's contract that the command uses, over a map: for failures that no real store has to order. */
import { type Bytes, LsmError, type LsmErrorCode, type Range, type Stats } from '@lsm/engine'
import type { Engines, OpenStore } from '../src/engines.ts'

export type Method = 'open' | 'get' | 'put' | 'write' | 'scan' | 'verify' | 'sync' | 'close'

export class MemoryEngines implements Engines {
  /** How many stores were opened and not closed. */
  openStores = 0
  readonly options: unknown[] = []
  readonly calls: string[] = []
  readonly #failures: Partial<Record<Method, unknown>>
  readonly #entries = new Map<string, Uint8Array>()

  constructor(failures: Partial<Record<Method, LsmErrorCode | Error>> = {}) {
    this.#failures = Object.fromEntries(
      Object.entries(failures).map(([method, failure]) => [
        method,
        typeof failure === 'string' ? new LsmError(failure, `${method} failed`) : failure,
      ]),
    )
  }

  async open(_path: string, options: unknown): Promise<OpenStore> {
    this.options.push(options)
    this.#call('open')
    this.openStores += 1
    let isClosed = false
    const call = (method: Method): void => {
      if (isClosed && method !== 'close') throw new LsmError('LSM_CLOSED', 'the store is closed')
      this.#call(method)
    }
    const entries = this.#entries
    const part = {
      async get(key: Bytes) {
        call('get')
        return entries.get(nameOf(key))
      },
      async put(key: Bytes, value: Bytes) {
        call('put')
        entries.set(nameOf(key), Buffer.from(value as Uint8Array))
      },
      async write(operations: readonly { key: Bytes; value: Bytes }[]) {
        call('write')
        for (const { key, value } of operations) entries.set(nameOf(key), Buffer.from(value as Uint8Array))
      },
      async count() {
        return entries.size
      },
      async *scan(_range: Range) {
        for (const name of [...entries.keys()].sort()) {
          call('scan')
          yield [Buffer.from(name, 'latin1'), entries.get(name)!] as [Uint8Array, Uint8Array]
        }
      },
      async verify() {
        call('verify')
        return { tables: 1, blocks: 2, records: 3, bytes: 4, walSegments: 5 }
      },
      async sync() {
        call('sync')
      },
      stats: () => ({ levels: [] }) as unknown as Stats,
      close: async () => {
        if (!isClosed) this.openStores -= 1
        isClosed = true
        call('close')
      },
    }
    return part as unknown as OpenStore
  }

  async destroy(): Promise<void> {
    throw new LsmError('LSM_NOT_FOUND', 'there is none')
  }

  #call(method: Method): void {
    this.calls.push(method)
    if (this.#failures[method] !== undefined) throw this.#failures[method]
  }
}

function nameOf(key: Bytes): string {
  return Buffer.from(key as Uint8Array).toString('latin1')
}
