/** The sequence numbers that somebody still reads at. */
export class SnapshotList {
  readonly #counts = new Map<number, number>()
  #sorted: number[] | undefined = []

  /** How many are open. */
  get size(): number {
    let size = 0
    for (const count of this.#counts.values()) size += count
    return size
  }

  /** Ascending, each number once. */
  get seqs(): readonly number[] {
    this.#sorted ??= [...this.#counts.keys()].sort((a, b) => a - b)
    return this.#sorted
  }

  add(seq: number): void {
    this.#counts.set(seq, (this.#counts.get(seq) ?? 0) + 1)
    this.#sorted = undefined
  }

  remove(seq: number): void {
    const count = this.#counts.get(seq) ?? 0
    if (count <= 1) this.#counts.delete(seq)
    else this.#counts.set(seq, count - 1)
    this.#sorted = undefined
  }
}
