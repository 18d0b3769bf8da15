/** Floor lookups against a B+ tree and a binary search over an array of keys; building and decoding against the tree. */
import { type Case, suite } from '@lsm/bench'
import { compute } from '@lsm/crc'
import { SparseIndex } from '@lsm/sparse-index'

const LOOKUPS = 20_000
const SIZES = [1000, 100_000]

function keyOf(number: number): Uint8Array {
  return new TextEncoder().encode(`user:${String(number).padStart(11, '0')}`)
}

interface Entry {
  readonly key: Uint8Array
  readonly offset: number
}

function makeEntries(length: number): Entry[] {
  return Array.from({ length }, (_, i) => ({ key: keyOf(i * 28), offset: i * 4096 }))
}

/** Keys in no order, most of them between two entries; the same for every contender. */
function makeLookups(length: number): Uint8Array[] {
  let state = 12_345
  return Array.from({ length: LOOKUPS }, () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    return keyOf(state % (length * 28))
  })
}

function build(entries: readonly Entry[]): SparseIndex {
  const index = new SparseIndex()
  for (const { key, offset } of entries) index.add(key, offset)
  return index
}

/** A CommonJS package: its class is the default export's default export in Node.js, and the default in some loaders. */
async function loadBTree(): Promise<typeof import('sorted-btree').default> {
  const { default: module } = await import('sorted-btree')
  return module.default ?? module
}

const compare = (a: Uint8Array, b: Uint8Array): number => Buffer.compare(a, b)

function compareInLoop(a: Uint8Array, b: Uint8Array): number {
  const shared = Math.min(a.length, b.length)
  for (let i = 0; i < shared; i++) if (a[i] !== b[i]) return a[i]! - b[i]!
  return a.length - b.length
}

function floorInArray(keys: readonly Uint8Array[], key: Uint8Array): number {
  let low = 0
  let high = keys.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (compareInLoop(keys[middle]!, key) <= 0) low = middle + 1
    else high = middle
  }
  return low - 1
}

function lookupCase(length: number): Case {
  return {
    name: `floor in ${length.toLocaleString('en')} entries`,
    operations: LOOKUPS,
    contenders: {
      '@lsm/sparse-index': () => {
        const index = SparseIndex.fromBytes(build(makeEntries(length)).toBytes())
        const keys = makeLookups(length)
        return () => {
          let sum = 0
          for (const key of keys) sum += index.floorOffset(key)!
          return sum
        }
      },
      'sorted-btree': async () => {
        const BTree = await loadBTree()
        const tree = new BTree<Uint8Array, number>(undefined, compareInLoop)
        for (const { key, offset } of makeEntries(length)) tree.set(key, offset)
        const keys = makeLookups(length)
        const reused: [Uint8Array, number] = [keys[0]!, 0]
        return () => {
          let sum = 0
          for (const key of keys) sum += tree.getPairOrNextLower(key, reused)![1]
          return sum
        }
      },
      'binary search, loop': () => {
        const entries = makeEntries(length)
        const sorted = entries.map(({ key }) => key)
        const offsets = entries.map(({ offset }) => offset)
        const keys = makeLookups(length)
        return () => {
          let sum = 0
          for (const key of keys) sum += offsets[floorInArray(sorted, key)]!
          return sum
        }
      },
      'binary search, Buffer.compare': () => {
        const entries = makeEntries(length)
        const keys = makeLookups(length)
        return () => {
          let sum = 0
          for (const key of keys) {
            let low = 0
            let high = entries.length
            while (low < high) {
              const middle = (low + high) >>> 1
              if (compare(entries[middle]!.key, key) <= 0) low = middle + 1
              else high = middle
            }
            sum += entries[low - 1]!.offset
          }
          return sum
        }
      },
    },
  }
}

function buildCase(length: number): Case {
  return {
    name: `build from ${length.toLocaleString('en')} ascending entries`,
    operations: length,
    contenders: {
      '@lsm/sparse-index': () => {
        const entries = makeEntries(length)
        return () => build(entries).floorIndex(entries[1]!.key)
      },
      'sorted-btree': async () => {
        const BTree = await loadBTree()
        const entries = makeEntries(length)
        return () => {
          const tree = new BTree<Uint8Array, number>(undefined, compareInLoop)
          for (const { key, offset } of entries) tree.set(key, offset)
          return tree.size
        }
      },
    },
  }
}

function decodeCase(length: number): Case {
  return {
    name: `decode ${length.toLocaleString('en')} entries`,
    operations: length,
    bytes: length * 28 + 4,
    contenders: {
      '@lsm/sparse-index': () => {
        const bytes = build(makeEntries(length)).toBytes()
        return () => SparseIndex.fromBytes(bytes).length
      },
      'DataView loop into an array': () => {
        const bytes = build(makeEntries(length)).toBytes()
        return () => {
          const view = new DataView(bytes.buffer)
          const end = bytes.length - 4
          if (compute(bytes, 0, end) !== view.getUint32(end)) throw new Error('corrupt')
          const entries: Entry[] = []
          let last: Entry = { key: new Uint8Array(0), offset: -1 }
          for (let at = 0; at < end; ) {
            const keyEnd = at + 12 + view.getUint32(at)
            const offset = view.getUint32(at + 4) * 2 ** 32 + view.getUint32(at + 8)
            const entry = { key: bytes.subarray(at + 12, keyEnd), offset }
            if (offset <= last.offset || compareInLoop(last.key, entry.key) >= 0) throw new Error('unsorted')
            entries.push(entry)
            last = entry
            at = keyEnd
          }
          return entries.length
        }
      },
    },
  }
}

export default suite('sparse-index', [...SIZES.map(lookupCase), ...SIZES.map(buildCase), ...SIZES.map(decodeCase)])
