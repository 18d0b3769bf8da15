/** Iterators over a scan: pairs that stay valid for ever, made of one private copy a block. */
import type { Entry } from './api.ts'
import { LsmError } from './errors.ts'
import type { ScanCursor } from './scan-cursor.ts'
import { translate } from './translate.ts'
import { keptHere, ValueSlab } from './value-slab.ts'

export interface EntryScanOptions {
  readonly limit: number
  readonly signal: AbortSignal | undefined
  /** Throws when the store, or the snapshot, is closed. */
  readonly checkOpen: () => void
}

/** Blocks up to this size are copied whole; out of larger memory, each key and value by itself. */
const LARGEST_COPIED_BLOCK = 64 * 1024

/** A scan under way. Ends itself behind the last pair, at the limit, and at an error. */
export class EntryScan implements Iterator<Entry> {
  readonly #cursor: ScanCursor
  readonly #options: EntryScanOptions
  readonly #slab = new ValueSlab()
  /** The private copy of each source's block that is being read. */
  readonly #copies = new Map<object, { readonly of: Uint8Array; readonly copy: Uint8Array }>()
  #left: number
  /** What ended it, if not the end of the data: whoever asks again must not take the one for the other. */
  #failure: unknown

  constructor(cursor: ScanCursor, options: EntryScanOptions) {
    this.#cursor = cursor
    this.#options = options
    this.#left = options.limit
  }

  /** Throws when the store, or the snapshot, is closed. */
  checkOpen(): void {
    this.#options.checkOpen()
  }

  /** Goes to the next pair; a promise only where a block must be read. */
  move(): boolean | Promise<boolean> {
    return this.#guard(() => this.#cursor.next())
  }

  /** Goes to the first pair whose key is not before `key`, in the scan's order. */
  seek(key: Uint8Array): boolean | Promise<boolean> {
    return this.#guard(() => this.#cursor.seek(key))
  }

  #guard(step: () => boolean | Promise<boolean>): boolean | Promise<boolean> {
    try {
      this.#options.checkOpen()
      if (this.#failure !== undefined) throw this.#failure
      if (this.#left <= 0) {
        this.close()
        return false
      }
      const { signal } = this.#options
      if (signal?.aborted) throw new LsmError('LSM_ABORTED', 'the scan was called off', { cause: signal.reason })
      const moved = step()
      if (typeof moved === 'boolean') return this.#moved(moved)
      return this.#movedLate(moved)
    } catch (error) {
      throw this.#fail(error)
    }
  }

  async #movedLate(moved: Promise<boolean>): Promise<boolean> {
    try {
      const has = await moved
      // Closing the store ends scans that wait, which must not look like the end of the data.
      this.#options.checkOpen()
      return this.#moved(has)
    } catch (error) {
      throw this.#fail(error)
    }
  }

  #moved(has: boolean): boolean {
    if (has) this.#left--
    return has
  }

  #fail(error: unknown): unknown {
    this.close()
    this.#failure ??= translate(error)
    return this.#failure
  }

  /** The current key, borrowed. */
  get borrowedKey(): Uint8Array {
    const { keyBytes, keyStart, keyEnd } = this.#cursor.current ?? this.#gone()
    return keyBytes.subarray(keyStart, keyEnd)
  }

  /** The current value, borrowed. */
  get borrowedValue(): Uint8Array {
    const { valueBytes, valueStart, valueEnd } = this.#cursor.current ?? this.#gone()
    return valueBytes.subarray(valueStart, valueEnd)
  }

  /** Closing the store ends the scan under whoever is on a pair. */
  #gone(): never {
    this.#options.checkOpen()
    throw new LsmError('LSM_CLOSED', 'the cursor is closed')
  }

  /** The current key, the caller's for ever. */
  get key(): Uint8Array {
    const { keyBytes, keyStart, keyEnd } = this.#cursor.current!
    return this.#own(keyBytes, keyStart, keyEnd)
  }

  /** The current value, the caller's for ever. */
  get value(): Uint8Array {
    const { valueBytes, valueStart, valueEnd } = this.#cursor.current!
    return this.#own(valueBytes, valueStart, valueEnd)
  }

  get entry(): Entry {
    return [this.key, this.value]
  }

  #own(bytes: Uint8Array, start: number, end: number): Uint8Array {
    if (bytes.length > LARGEST_COPIED_BLOCK) return this.#slab.copy(bytes, start, end)
    const source = this.#cursor.current!
    let copied = this.#copies.get(source)
    // One that somebody transferred all the same has no bytes any more.
    if (copied?.of !== bytes || copied.copy.length === 0) {
      copied = { of: bytes, copy: keptHere(bytes.slice()) }
      this.#copies.set(source, copied)
    }
    return copied.copy.subarray(start, end)
  }

  /** For synchronous scans: a promise here is a mistake of ours. */
  next(): IteratorResult<Entry, undefined> {
    const moved = this.move()
    if (typeof moved !== 'boolean') throw new TypeError('a synchronous scan had to wait')
    if (moved) return { done: false, value: this.entry }
    this.close()
    return { done: true, value: undefined }
  }

  return(): IteratorResult<Entry, undefined> {
    this.close()
    return { done: true, value: undefined }
  }

  close(): void {
    this.#left = 0
    this.#copies.clear()
    this.#cursor.close()
  }
}

/** An async iterator by hand: an async generator costs twice as much for each pair. */
class ScanIterator<T> implements AsyncIterableIterator<T, undefined> {
  declare readonly [Symbol.asyncDispose]: () => Promise<void>
  readonly #open: () => EntryScan
  readonly #pick: (scan: EntryScan) => T
  #scan: EntryScan | undefined
  #isDone = false
  /** The call before, while it runs: `next` may be called again before it has answered. */
  #last: Promise<unknown> | undefined

  constructor(open: () => EntryScan, pick: (scan: EntryScan) => T) {
    this.#open = open
    this.#pick = pick
  }

  next(): Promise<IteratorResult<T, undefined>> {
    if (this.#last !== undefined) return this.#queue(() => this.#step())
    const step = this.#step()
    return step instanceof Promise ? this.#queue(() => step) : Promise.resolve(step)
  }

  #step(): IteratorResult<T, undefined> | Promise<IteratorResult<T, undefined>> {
    if (this.#isDone) return { done: true, value: undefined }
    try {
      this.#scan ??= this.#open()
      const moved = this.#scan.move()
      if (typeof moved === 'boolean') return this.#result(moved)
      return moved.then(
        (late) => this.#result(late),
        (error: unknown) => this.#fail(error),
      )
    } catch (error) {
      return this.#fail(error)
    }
  }

  #fail(error: unknown): Promise<never> {
    this.#isDone = true
    return Promise.reject(error)
  }

  #result(has: boolean): IteratorResult<T, undefined> {
    if (has && !this.#isDone) return { done: false, value: this.#pick(this.#scan!) }
    this.#finish()
    return { done: true, value: undefined }
  }

  async #queue<R>(run: () => R | Promise<R>): Promise<R> {
    const before = this.#last
    const mine = (async () => {
      await before?.catch(() => {})
      return run()
    })()
    this.#last = mine
    try {
      return await mine
    } finally {
      if (this.#last === mine) this.#last = undefined
    }
  }

  return(): Promise<IteratorResult<T, undefined>> {
    const end = (): IteratorResult<T, undefined> => {
      this.#finish()
      return { done: true, value: undefined }
    }
    return this.#last === undefined ? Promise.resolve(end()) : this.#queue(end)
  }

  #finish(): void {
    this.#isDone = true
    this.#scan?.close()
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  static {
    if (typeof Symbol.asyncDispose === 'symbol') {
      Object.defineProperty(ScanIterator.prototype, Symbol.asyncDispose, {
        async value(this: ScanIterator<unknown>) {
          await this.return()
        },
      })
    }
  }
}

function iterable<T>(open: () => EntryScan, pick: (scan: EntryScan) => T): AsyncIterable<T> {
  return { [Symbol.asyncIterator]: () => new ScanIterator(open, pick) }
}

export function entries(open: () => EntryScan): AsyncIterable<Entry> {
  return iterable(open, (scan) => scan.entry)
}

export function keysOf(open: () => EntryScan): AsyncIterable<Uint8Array> {
  return iterable(open, (scan) => scan.key)
}

export function valuesOf(open: () => EntryScan): AsyncIterable<Uint8Array> {
  return iterable(open, (scan) => scan.value)
}
