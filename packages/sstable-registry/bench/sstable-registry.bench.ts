/**
 * Opening and releasing, over 64 readers, against the least that counts uses: a `Map` of readers with a number,
 * incremented and decremented by hand. That has no handle, so a second release goes unnoticed and closes a reader that
 * somebody else uses. Released at once, the engine can do without our handle; 64 held at a time, it cannot.
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

function filledRegistry(): { all: SSTableRegistry<Reader>; names: string[] } {
  const all = new SSTableRegistry<Reader>()
  const names = ids()
  for (const [i, name] of names.entries()) all.register(name, makeReader(i))
  return { all, names }
}

const registryOneByOne: Contender = () => {
  const { all, names } = filledRegistry()
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

const registryHeld: Contender = () => {
  const { all, names } = filledRegistry()
  const held = names.map((name) => all.openReader(name))
  for (const handle of held) handle.release()
  return () => {
    let sum = 0
    for (let round = 0; round < ROUNDS; round++) {
      for (let i = 0; i < READERS; i++) held[i] = all.openReader(names[i] as string)
      for (const handle of held) {
        sum += handle.reader.serial
        handle.release()
      }
    }
    return sum
  }
}

class Counted {
  readonly reader: Reader
  uses = 0
  marked = false

  constructor(reader: Reader) {
    this.reader = reader
  }

  release(): void {
    this.uses--
    if (this.uses === 0 && this.marked) this.reader.close()
  }
}

function filledMap(): { open: (name: string) => Counted; names: string[] } {
  const all = new Map<string, Counted>()
  const names = ids()
  for (const [i, name] of names.entries()) all.set(name, new Counted(makeReader(i)))
  const open = (name: string): Counted => {
    const counted = all.get(name)
    if (counted === undefined || counted.marked) throw new Error('not there')
    counted.uses++
    return counted
  }
  return { open, names }
}

const mapOneByOne: Contender = () => {
  const { open, names } = filledMap()
  return () => {
    let sum = 0
    for (let round = 0; round < ROUNDS; round++) {
      for (const name of names) {
        const counted = open(name)
        sum += counted.reader.serial
        counted.release()
      }
    }
    return sum
  }
}

const mapHeld: Contender = () => {
  const { open, names } = filledMap()
  const held = names.map((name) => open(name))
  for (const counted of held) counted.release()
  return () => {
    let sum = 0
    for (let round = 0; round < ROUNDS; round++) {
      for (let i = 0; i < READERS; i++) held[i] = open(names[i] as string)
      for (const counted of held) {
        sum += counted.reader.serial
        counted.release()
      }
    }
    return sum
  }
}

export default suite('sstable-registry', [
  {
    name: 'open, use, release',
    operations: READERS * ROUNDS,
    contenders: { '@lsm/sstable-registry': registryOneByOne, 'Map and counts by hand': mapOneByOne },
  },
  {
    name: 'open 64, use and release them',
    operations: READERS * ROUNDS,
    contenders: { '@lsm/sstable-registry': registryHeld, 'Map and counts by hand': mapHeld },
  },
])
