/** The cursor of the public API: borrowed keys and values, and positions to seek. */
import type { Bytes, Cursor } from './api.ts'
import { LsmError } from './errors.ts'
import { toBytes } from './input.ts'
import { copyOf } from './key-bound.ts'
import type { EntryScan } from './scan-iterators.ts'

export class EngineCursor implements Cursor {
  declare readonly [Symbol.dispose]: () => void
  readonly #scan: EntryScan
  #sought: Uint8Array | undefined
  #isOnPair = false
  /** Whether a promise of `next` has not settled yet. */
  #isMoving = false

  constructor(scan: EntryScan) {
    this.#scan = scan
  }

  seek(key: Bytes): void {
    this.#scan.checkOpen()
    // Taken now, it would be undone when the pair that is being read arrives.
    if (this.#isMoving) throw busy('seek')
    this.#sought = copyOf(toBytes(key, 'key'))
    this.#isOnPair = false
  }

  next(): boolean | Promise<boolean> {
    if (this.#isMoving) {
      this.#scan.checkOpen()
      throw busy('next')
    }
    const sought = this.#sought
    this.#sought = undefined
    this.#isOnPair = false
    const moved = sought === undefined ? this.#scan.move() : this.#scan.seek(sought)
    if (typeof moved === 'boolean') return this.#moved(moved)
    this.#isMoving = true
    return this.#movedLate(moved)
  }

  #moved(has: boolean): boolean {
    this.#isOnPair = has
    return has
  }

  async #movedLate(moved: Promise<boolean>): Promise<boolean> {
    try {
      return this.#moved(await moved)
    } finally {
      this.#isMoving = false
    }
  }

  get key(): Uint8Array {
    return this.#isOnPair ? this.#scan.borrowedKey : new Uint8Array(0)
  }

  get value(): Uint8Array {
    return this.#isOnPair ? this.#scan.borrowedValue : new Uint8Array(0)
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

function busy(method: string): LsmError {
  return new LsmError('LSM_BUSY', `${method}() before the promise of next() has settled: await it first`)
}
