/** What a table asks of a filter; which one it is, whoever opens the table says. */

/** Collects the keys of one table. */
export interface FilterBuilder {
  /** Takes the key `bytes[start, end)`, borrowed for the call. Keys come ascending, each once, at least one. */
  add(bytes: Uint8Array, start: number, end: number): void
  /** Returns the filter over all keys taken. Called once: only now is their number known. */
  finish(): Uint8Array
}

/** Says "certainly not in this table" or "perhaps". */
export interface TableFilter {
  mayContain(key: Uint8Array): boolean
  /** The same for a key whose hash, as the filter's maker computes it, stands at `hash[at]`. */
  mayContainHash?(hash: Int32Array, at: number): boolean
  /** What it takes in memory, for the cache's budget. Default: the bytes that it was read from. */
  readonly byteLength?: number
}

/** A kind of filter. `name` is stored in the table; a reader that lacks a policy of that name reads without it. */
export interface FilterPolicy {
  /** 1 to 255 bytes of UTF-8: `bloom`. */
  readonly name: string
  createBuilder(): FilterBuilder
  /** Returns the filter that `finish` gave these bytes of; they are borrowed for the call. Throws for any others. */
  read(bytes: Uint8Array): TableFilter
}
