/** The cursor of the public API: borrowed keys and values, and positions to seek. */
import type { Bytes, Cursor } from './api.ts'
import { toBytes } from './input.ts'
import { copyOf } from './key-bound.ts'
import type { EntryScan } from './scan-iterators.ts'

const NOTHING = new Uint8Array(0)

export class EngineCursor implements Cursor {
  declare readonly [Symbol.dispose]: () => void
  readonly #scan: EntryScan
  #sought: Uint8Array | undefined
  #isOnPair = false

  constructor(scan: EntryScan) {
    this.#scan = scan
  }

  seek(key: Bytes): void {
    this.#sought = copyOf(toBytes(key, 'key'))
    this.#isOnPair = false
  }

  next(): boolean | Promise<boolean> {
    const sought = this.#sought
    this.#sought = undefined
    this.#isOnPair = false
    const moved = sought === undefined ? this.#scan.move() : this.#scan.seek(sought)
    if (typeof moved !== 'boolean') return moved.then((late) => this.#moved(late))
    return this.#moved(moved)
  }

  #moved(has: boolean): boolean {
    this.#isOnPair = has
    return has
  }

  get key(): Uint8Array {
    return this.#isOnPair ? this.#scan.borrowedKey : NOTHING
  }

  get value(): Uint8Array {
    return this.#isOnPair ? this.#scan.borrowedValue : NOTHING
  }

  close(): void {
    this.#isOnPair = false
    this.#scan.close()
  }

  static {
    if (typeof Symbol.dispose === 'symbol') {
      Object.defineProperty(EngineCursor.prototype, Symbol.dispose, { value: EngineCursor.prototype.close })
    }
  }
}
