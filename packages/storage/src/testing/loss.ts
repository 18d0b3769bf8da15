/**
 * What a power cut leaves of one file and of the directory's names.
 *
 * Of a file: the bytes that were synced and not written since stay, always. Of what was written since, in time order
 * each change may be there or not, and the disk may have taken them out of order, in sectors, with old bytes, zeros
 * or garbage in the sectors it had not got to; the length may be that after any of the changes.
 */
import type { PagedBytes } from '../paged-bytes.ts'
import type { Random } from './random.ts'

/** A change of a file that is not yet synced. `time` orders it among all changes of the disk. */
export type Change =
  | { readonly time: number; readonly kind: 'write'; readonly position: number; readonly data: Uint8Array }
  | { readonly time: number; readonly kind: 'truncate'; readonly size: number; readonly before: number }

/** A change of names that is not yet synced; `file: undefined` takes the name away. */
export interface NameChange<File> {
  readonly time: number
  readonly name: string
  readonly file: File | undefined
}

/**
 * - `'nothing'`: the cut comes after all was written back.
 * - `'everything'`: nothing that was not synced is there.
 * - `'after'`: all changes up to `time` are there, none later, over all files and names alike; the last one is torn.
 * - `'mixed'`: every file and every name has a fate of its own, so changes are reordered across files.
 */
export type LossStyle = 'nothing' | 'everything' | 'after' | 'mixed'

/** What lies in a sector that the disk had not got to. */
export type Filler = 'old' | 'zeros' | 'garbage'

const TEAR_BYTES: readonly number[] = [1, 512, 4096]

/** The first `count` changes, the next one torn at a multiple of a byte, a sector or a page. */
export function keepPrefix(durable: PagedBytes, changes: readonly Change[], count: number, random: Random): PagedBytes {
  const bytes = durable.clone()
  for (const change of changes.slice(0, count)) apply(bytes, change)
  const torn = changes[count]
  if (torn?.kind !== 'write') return bytes
  const unit = random.pick(TEAR_BYTES)
  const cut = random.below(Math.floor(torn.data.byteLength / unit) + 1) * unit
  bytes.write(torn.data.subarray(0, cut), torn.position)
  return bytes
}

/** Each sector as it was at a moment of its own since the sync, and the length as it was at another. */
export function keepSectors(
  durable: PagedBytes,
  changes: readonly Change[],
  options: { readonly sectorBytes: number; readonly filler: Filler; readonly random: Random },
): PagedBytes {
  const { sectorBytes, filler, random } = options
  const sizes = [durable.size]
  for (const change of changes) sizes.push(sizeAfter(sizes.at(-1)!, change))
  const bytes = durable.clone()
  bytes.resize(Math.max(...sizes))
  for (const [sector, touching] of touchedSectors(changes, sectorBytes)) {
    const start = sector * sectorBytes
    const kept = random.below(touching.length + 1)
    for (const change of touching.slice(0, kept)) applyWithin(bytes, change, start, start + sectorBytes)
    if (filler === 'old') continue
    for (const change of touching.slice(kept)) spoilWithin(bytes, change, start, start + sectorBytes, filler, random)
  }
  // The ends of the range are the likely ones: the length is kept with the last write, or not at all.
  const size = random.chance(0.5) ? sizes.at(-1)! : random.pick(sizes)
  bytes.resize(size)
  return bytes
}

/** What a power cut leaves of one file whose fate is its own. */
export function loseFrom(durable: PagedBytes, changes: readonly Change[], random: Random): PagedBytes {
  if (changes.length === 0) return durable.clone()
  switch (random.below(5)) {
    case 0:
      return durable.clone()
    case 1:
      return keepPrefix(durable, changes, changes.length, random)
    case 2:
      return keepPrefix(durable, changes, random.below(changes.length), random)
    default: {
      const filler = random.pick<Filler>(['old', 'zeros', 'garbage'])
      return keepSectors(durable, changes, { sectorBytes: random.pick([512, 4096]), filler, random })
    }
  }
}

/** Which names a power cut leaves, where their fate is not that of the files. */
export function loseNames<File>(
  durable: ReadonlyMap<string, File>,
  changes: readonly NameChange<File>[],
  random: Random,
): Map<string, File> {
  const names = new Map(durable)
  const style = random.below(4)
  if (style === 0) return names
  if (style === 1) return applyNames(names, changes)
  if (style === 2) return applyNames(names, changes.slice(0, random.below(changes.length + 1)))
  const byName = new Map<string, NameChange<File>[]>()
  for (const change of changes) {
    const list = byName.get(change.name)
    if (list === undefined) byName.set(change.name, [change])
    else list.push(change)
  }
  for (const list of byName.values()) applyNames(names, list.slice(0, random.below(list.length + 1)))
  return names
}

export function applyNames<File>(names: Map<string, File>, changes: readonly NameChange<File>[]): Map<string, File> {
  for (const { name, file } of changes) {
    if (file === undefined) names.delete(name)
    else names.set(name, file)
  }
  return names
}

export function apply(bytes: PagedBytes, change: Change): void {
  if (change.kind === 'write') bytes.write(change.data, change.position)
  else bytes.resize(change.size)
}

function sizeAfter(size: number, change: Change): number {
  if (change.kind === 'truncate') return change.size
  return change.data.byteLength === 0 ? size : Math.max(size, change.position + change.data.byteLength)
}

/** The range whose bytes a change sets; a truncation sets what it cuts off, and what it adds, to zeros. */
function rangeOf(change: Change): readonly [number, number] {
  if (change.kind === 'write') return [change.position, change.position + change.data.byteLength]
  return [Math.min(change.size, change.before), Math.max(change.size, change.before)]
}

function touchedSectors(changes: readonly Change[], sectorBytes: number): Map<number, Change[]> {
  const sectors = new Map<number, Change[]>()
  for (const change of changes) {
    const [start, end] = rangeOf(change)
    if (start === end) continue
    for (let sector = Math.floor(start / sectorBytes); sector * sectorBytes < end; sector++) {
      const list = sectors.get(sector)
      if (list === undefined) sectors.set(sector, [change])
      else list.push(change)
    }
  }
  return sectors
}

function applyWithin(bytes: PagedBytes, change: Change, start: number, end: number): void {
  const [from, to] = within(change, start, end)
  if (from >= to) return
  if (change.kind === 'truncate') bytes.write(new Uint8Array(to - from), from)
  else bytes.write(change.data.subarray(from - change.position, to - change.position), from)
}

function spoilWithin(
  bytes: PagedBytes,
  change: Change,
  start: number,
  end: number,
  filler: Filler,
  random: Random,
): void {
  if (change.kind === 'truncate') return
  const [from, to] = within(change, start, end)
  if (from < to) bytes.write(filler === 'zeros' ? new Uint8Array(to - from) : random.bytes(to - from), from)
}

function within(change: Change, start: number, end: number): readonly [number, number] {
  const [from, to] = rangeOf(change)
  return [Math.max(from, start), Math.min(to, end)]
}
