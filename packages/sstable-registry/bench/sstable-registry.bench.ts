/**
 * A handle opened and released, over 64 readers in turn, against the least that counts uses: a `Map` of readers with
 * a number, incremented and decremented by hand, with no protection against a second release.
 */
import { type Contender, suite } from '@lsm/bench'
import { SSTableRegistry } from '@lsm/sstable-registry'

const READERS = 64
const ROUNDS = 256

interface Reader {
  readonly serial: number
  close(): void
}

const makeReader = (serial: number): Reader => ({ serial, close() {} })
const ids = (): string[] => Array.from({ length: READERS }, (_, i) => `table-${String(i).padStart(6, '0')}`)

const registry: Contender = () => {
  const all = new SSTableRegistry<Reader>()
  const names = ids()
  for (const [i, name] of names.entries()) all.register(name, makeReader(i))
  return () => {
    let sum = 0
    for (let round = 0; round < ROUNDS; round++) {
      for (const name of names) {
        const handle = all.openReader(name)
        sum += handle.reader.serial
        handle.release()
      }
    }
    return sum
  }
}

const mapWithCounts: Contender = () => {
  const all = new Map<string, { readonly reader: Reader; uses: number; marked: boolean }>()
  const names = ids()
  for (const [i, name] of names.entries()) all.set(name, { reader: makeReader(i), uses: 0, marked: false })
  return () => {
    let sum = 0
    for (let round = 0; round < ROUNDS; round++) {
      for (const name of names) {
        const entry = all.get(name)
        if (entry === undefined || entry.marked) throw new Error('not there')
        entry.uses++
        sum += entry.reader.serial
        entry.uses--
        if (entry.uses === 0 && entry.marked) entry.reader.close()
      }
    }
    return sum
  }
}

const mapWithClosures: Contender = () => {
  const all = new Map<string, { readonly reader: Reader; uses: number; marked: boolean }>()
  const names = ids()
  for (const [i, name] of names.entries()) all.set(name, { reader: makeReader(i), uses: 0, marked: false })
  const open = (name: string): { readonly reader: Reader; readonly release: () => void } => {
    const entry = all.get(name)
    if (entry === undefined || entry.marked) throw new Error('not there')
    entry.uses++
    let released = false
    const release = (): void => {
      if (released) return
      released = true
      entry.uses--
      if (entry.uses === 0 && entry.marked) entry.reader.close()
    }
    return { reader: entry.reader, release }
  }
  return () => {
    let sum = 0
    for (let round = 0; round < ROUNDS; round++) {
      for (const name of names) {
        const handle = open(name)
        sum += handle.reader.serial
        handle.release()
      }
    }
    return sum
  }
}

export default suite('sstable-registry', [
  {
    name: 'open and release',
    operations: READERS * ROUNDS,
    contenders: {
      '@lsm/sstable-registry': registry,
      'Map, counts and a closure for release': mapWithClosures,
      'Map and counts by hand': mapWithCounts,
    },
    // No handle, so nothing that a second release could be told from.
    reference: ['Map and counts by hand'],
  },
])
