/**
 * A growable byte string in pages that copies share until one of them writes: a copy costs one array of page
 * references, so a simulated disk can be copied after every operation.
 *
 * Only writing copies a page: each instance knows which pages it alone refers to.
 */
const PAGE_SIZE = 4096

export class PagedBytes {
  #size = 0
  /** `undefined` is a page of zeros. */
  #pages: (Uint8Array | undefined)[] = []
  #owned: Set<number> = new Set()

  get size(): number {
    return this.#size
  }

  /** Returns an independent copy. O(pages), no bytes copied. */
  clone(): PagedBytes {
    const copy = new PagedBytes()
    copy.#size = this.#size
    copy.#pages = this.#pages.slice()
    this.#owned = new Set()
    return copy
  }

  /** Copies at most `length` bytes from `position` on into `buffer` at `offset`; returns how many there were. */
  read(buffer: Uint8Array, offset: number, length: number, position: number): number {
    const count = Math.min(length, this.#size - position)
    if (count <= 0) return 0
    let done = 0
    while (done < count) {
      const at = position + done
      const start = at % PAGE_SIZE
      const part = Math.min(PAGE_SIZE - start, count - done)
      const page = this.#pages[(at - start) / PAGE_SIZE]
      if (page === undefined) buffer.fill(0, offset + done, offset + done + part)
      else buffer.set(page.subarray(start, start + part), offset + done)
      done += part
    }
    return count
  }

  /** Writes `data` at `position`; a gap behind the old end reads as zeros. */
  write(data: Uint8Array, position: number): void {
    const length = data.byteLength
    let done = 0
    while (done < length) {
      const at = position + done
      const start = at % PAGE_SIZE
      const part = Math.min(PAGE_SIZE - start, length - done)
      this.#writable((at - start) / PAGE_SIZE).set(data.subarray(done, done + part), start)
      done += part
    }
    if (length > 0) this.#size = Math.max(this.#size, position + length)
  }

  /** Cuts, or extends with zeros. */
  resize(size: number): void {
    if (size < this.#size) {
      const inside = size % PAGE_SIZE
      const whole = (size - inside) / PAGE_SIZE
      this.#pages.length = Math.min(this.#pages.length, inside === 0 ? whole : whole + 1)
      for (const index of this.#owned) if (index >= this.#pages.length) this.#owned.delete(index)
      // What lay behind the end must not come back when the file grows again.
      if (inside > 0 && this.#pages[whole] !== undefined) this.#writable(whole).fill(0, inside)
    }
    this.#size = size
  }

  /** The bytes of `[start, end)`, with zeros behind the end. */
  slice(start: number, end: number): Uint8Array {
    const bytes = new Uint8Array(end - start)
    this.read(bytes, 0, bytes.length, start)
    return bytes
  }

  #writable(index: number): Uint8Array {
    const page = this.#pages[index]
    if (page !== undefined && this.#owned.has(index)) return page
    const own = page === undefined ? new Uint8Array(PAGE_SIZE) : page.slice()
    while (this.#pages.length < index) this.#pages.push(undefined)
    this.#pages[index] = own
    this.#owned.add(index)
    return own
  }
}
