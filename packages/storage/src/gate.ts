/**
 * What keeps a resource open while calls are using it, and what keeps syncs in line.
 *
 * A descriptor that is closed while a write is pending in the thread pool is handed to the next open, and the write
 * lands in the wrong file. So nothing is closed but through a gate.
 */

/** Counts the calls inside; `shut` refuses new ones at once and resolves when the last has left. */
export class Gate {
  #inside = 0
  #shut = false
  #whenEmpty: (() => void) | undefined

  get isShut(): boolean {
    return this.#shut
  }

  /** Call only when not shut, and `leave` once for each. */
  enter(): void {
    this.#inside++
  }

  leave(): void {
    if (--this.#inside === 0) this.#whenEmpty?.()
  }

  /** Call once. */
  async shut(): Promise<void> {
    this.#shut = true
    if (this.#inside === 0) return
    await new Promise<void>((resolve) => {
      this.#whenEmpty = resolve
    })
  }
}

/**
 * Runs one sync at a time. Calls that arrive while one runs share the next: it begins after all of them, so it
 * covers what they wrote. In line, because the system reports a lost page to one sync only: of two that run side by
 * side on one descriptor, the second would succeed.
 */
export class SyncLine {
  readonly #sync: () => Promise<void>
  #running: Promise<void> | undefined
  #next: Promise<void> | undefined

  constructor(sync: () => Promise<void>) {
    this.#sync = sync
  }

  run(): Promise<void> {
    if (this.#next !== undefined) return this.#next
    if (this.#running === undefined) return this.#start()
    this.#next = this.#running.then(noop, noop).then(() => {
      this.#next = undefined
      return this.#start()
    })
    return this.#next
  }

  #start(): Promise<void> {
    const running = this.#sync().finally(() => {
      if (this.#running === running) this.#running = undefined
    })
    this.#running = running
    return running
  }
}

function noop(): void {}
