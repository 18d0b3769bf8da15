/**
 * Hits over 64 files of 128 blocks in random order, all cached; and a block cache's day: a skewed mix over four times
 * as many blocks as the budget holds, each miss put. Bare lru-cache is measured with the composite keys that a program
 * without this package would use: a number (file number * 2^32 + offset), computed beforehand, and a string, computed
 * beforehand and at each call.
 */

import { type Case, type Contender, suite } from '@lsm/bench'
import { BlockCache } from '@lsm/block-cache'
import { LRUCache } from 'lru-cache'

const FILES = 64
const BLOCKS = 128
const BLOCK_BYTES = 4096
const LOOKUPS = 16_384

interface Block {
  readonly byteLength: number
}

/** xorshift32: the same sequence in every process. */
function randomNumbers(seed: number): () => number {
  let state = seed
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) / 2 ** 32
  }
}

interface Lookups {
  /** 32 hexadecimal digits each. */
  readonly ids: readonly string[]
  readonly files: Int32Array
  readonly offsets: Int32Array
}

function makeLookups(skewed: boolean): Lookups {
  const random = randomNumbers(20_261_122)
  const word = () => Math.floor(random() * 2 ** 32)
  const ids = Array.from({ length: FILES }, () =>
    [word(), word(), word(), word()].map((each) => each.toString(16).padStart(8, '0')).join(''),
  )
  const files = new Int32Array(LOOKUPS)
  const offsets = new Int32Array(LOOKUPS)
  for (let i = 0; i < LOOKUPS; i++) {
    // The cube gives the first tenth of the blocks nearly half of the look-ups.
    const block = Math.floor((skewed ? random() ** 3 : random()) * FILES * BLOCKS)
    files[i] = block % FILES
    offsets[i] = Math.floor(block / FILES) * BLOCK_BYTES
  }
  return { ids, files, offsets }
}

function eachBlock(visit: (file: number, offset: number) => void): void {
  for (let block = 0; block < BLOCKS; block++) {
    for (let file = 0; file < FILES; file++) visit(file, block * BLOCK_BYTES)
  }
}

const block = (): Block => ({ byteLength: BLOCK_BYTES })
const everyFile = { dataEntries: FILES * BLOCKS }

function filled(ids: readonly (string | number)[]): BlockCache<Block> {
  const cache = new BlockCache<Block>(everyFile)
  eachBlock((file, offset) => cache.put(ids[file] as string | number, offset, block()))
  return cache
}

/** `get(id, offset)` with ids made from the file's number and its 32 digits. */
function hits(idOf: (file: number, ids: readonly string[]) => string | number): Contender {
  return () => {
    const { ids, files, offsets } = makeLookups(false)
    const cache = filled(ids.map((_, file) => idOf(file, ids)))
    const wanted = Array.from(files, (file) => idOf(file, ids))
    return () => {
      let found = 0
      for (let i = 0; i < LOOKUPS; i++) {
        if (cache.get(wanted[i] as string | number, offsets[i] as number) !== undefined) found++
      }
      return found
    }
  }
}

const hitsThroughFile: Contender = () => {
  const { ids, files, offsets } = makeLookups(false)
  const cache = filled(ids)
  const views = ids.map((id) => cache.file(id))
  const wanted = Array.from(files, (file) => views[file] as (typeof views)[0])
  return () => {
    let found = 0
    for (let i = 0; i < LOOKUPS; i++) if (wanted[i]?.get(offsets[i] as number) !== undefined) found++
    return found
  }
}

/** Bare lru-cache with keys that were made before the clock runs. */
function bareHits<K extends NonNullable<unknown>>(
  keyOf: (file: number, offset: number, ids: readonly string[]) => K,
): Contender {
  return () => {
    const { ids, files, offsets } = makeLookups(false)
    const cache = new LRUCache<K, Block>({ max: FILES * BLOCKS })
    eachBlock((file, offset) => cache.set(keyOf(file, offset, ids), block()))
    const wanted = Array.from(files, (file, i) => keyOf(file, offsets[i] as number, ids))
    return () => {
      let found = 0
      for (let i = 0; i < LOOKUPS; i++) if (cache.get(wanted[i] as K) !== undefined) found++
      return found
    }
  }
}

const bareHitsKeyMade: Contender = () => {
  const { ids, files, offsets } = makeLookups(false)
  const cache = new LRUCache<string, Block>({ max: FILES * BLOCKS })
  eachBlock((file, offset) => cache.set(`${ids[file]}:${offset}`, block()))
  return () => {
    let found = 0
    for (let i = 0; i < LOOKUPS; i++) if (cache.get(`${ids[files[i] as number]}:${offsets[i]}`) !== undefined) found++
    return found
  }
}

const numberKey = (file: number, offset: number): number => file * 2 ** 32 + offset
const stringKey = (file: number, offset: number, ids: readonly string[]): string => `${ids[file]}:${offset}`
/** No file and no offset in it: what lru-cache costs at the least. */
const ordinal = (file: number, offset: number): number => (offset / BLOCK_BYTES) * FILES + file

const budgetBytes = (FILES * BLOCKS * BLOCK_BYTES) / 4

const churn: Contender = () => {
  const { ids, files, offsets } = makeLookups(true)
  const cache = new BlockCache<Block>({ dataBytes: budgetBytes })
  const views = ids.map((id) => cache.file(id))
  return () => {
    let found = 0
    for (let i = 0; i < LOOKUPS; i++) {
      const view = views[files[i] as number] as (typeof views)[0]
      const offset = offsets[i] as number
      if (view.get(offset) !== undefined) found++
      else view.put(offset, block())
    }
    return found
  }
}

/** Bare lru-cache; with `indexed`, and a set of each file's keys, so that it too could drop a file's blocks. */
function bareChurn(indexed: boolean): Contender {
  return () => {
    const { files, offsets } = makeLookups(true)
    const keys = Array.from({ length: FILES }, () => new Set<number>())
    const dispose = (_: Block, key: number): void => {
      keys[Math.floor(key / 2 ** 32)]?.delete(key)
    }
    const cache = new LRUCache<number, Block>({ maxSize: budgetBytes, ...(indexed ? { dispose } : {}) })
    return () => {
      let found = 0
      for (let i = 0; i < LOOKUPS; i++) {
        const key = numberKey(files[i] as number, offsets[i] as number)
        if (cache.get(key) !== undefined) {
          found++
          continue
        }
        cache.set(key, block(), { size: BLOCK_BYTES })
        if (indexed) keys[files[i] as number]?.add(key)
      }
      return found
    }
  }
}

const cases: Case[] = [
  {
    name: 'hit, by the view of a file',
    operations: LOOKUPS,
    contenders: {
      '@lsm/block-cache file(id).get': hitsThroughFile,
      'lru-cache, number keys made beforehand': bareHits(numberKey),
      'lru-cache, small integers for keys': bareHits(ordinal),
    },
    reference: ['lru-cache, small integers for keys'],
  },
  {
    name: 'hit, by a number and an offset',
    operations: LOOKUPS,
    contenders: {
      '@lsm/block-cache get': hits((file) => file),
      'lru-cache, number keys made beforehand': bareHits(numberKey),
    },
  },
  {
    name: 'hit, by a string of 32 and an offset',
    operations: LOOKUPS,
    contenders: {
      '@lsm/block-cache get': hits((file, ids) => ids[file] as string),
      'lru-cache, string keys made beforehand': bareHits(stringKey),
      'lru-cache, string key made at each call': bareHitsKeyMade,
    },
  },
  {
    name: 'get, and put on a miss, byte budget for a quarter of the blocks',
    operations: LOOKUPS,
    contenders: {
      '@lsm/block-cache': churn,
      'lru-cache, number keys, a Set for each file': bareChurn(true),
      'lru-cache, number keys': bareChurn(false),
    },
    // It cannot drop the blocks of one file but by walking all of them.
    reference: ['lru-cache, number keys'],
  },
]

export default suite('block-cache', cases)
