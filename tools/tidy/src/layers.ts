/**
 * The map of the packages, as data: the one place where the layer rule is written down for programs.
 * A package imports only what its row names, all of it in lower layers; tests and benchmarks obey the same row.
 * A new package starts with a new row.
 */

export interface LayerRow {
  /** Folder under `packages/`, and the name after `@lsm/`. */
  readonly name: string
  readonly layer: number
  /** Workspace packages that it may import. */
  readonly uses: readonly string[]
  /** The whole list of packages from npm that it may depend on at run time. */
  readonly external: readonly string[]
  /**
   * `any`: its sources import no module of Node.js, so that it runs wherever JavaScript does.
   * `node`: it may, behind an entry or a fallback of its own.
   */
  readonly platform: 'any' | 'node'
}

const row = (
  layer: number,
  name: string,
  uses: readonly string[],
  { external = [], platform = 'any' }: { external?: readonly string[]; platform?: LayerRow['platform'] } = {},
): LayerRow => ({ name, layer, uses, external, platform })

export const LAYERS: readonly LayerRow[] = [
  row(0, 'crc', []),
  row(0, 'rwlock', []),
  row(0, 'merge-iterator', []),
  row(0, 'block-cache', [], { external: ['lru-cache'] }),
  row(0, 'sstable-registry', []),
  row(1, 'encoding', ['crc']),
  row(1, 'bloom', ['crc'], { external: ['murmurhash3js-revisited'] }),
  row(2, 'sparse-index', ['crc', 'encoding']),
  row(2, 'range-tombstones', ['encoding']),
  row(2, 'storage', [], { platform: 'node' }),
  row(3, 'wal', ['crc', 'encoding', 'storage']),
  row(3, 'memtable', ['encoding', 'range-tombstones']),
  row(3, 'sstable', ['crc', 'encoding', 'bloom', 'sparse-index', 'block-cache', 'range-tombstones', 'storage']),
  row(
    4,
    'engine',
    [
      'crc',
      'rwlock',
      'merge-iterator',
      'block-cache',
      'sstable-registry',
      'encoding',
      'bloom',
      'sparse-index',
      'storage',
      'wal',
      'memtable',
      'sstable',
    ],
    { platform: 'node' },
  ),
  row(5, 'cli', ['engine'], { external: ['cli-progress', 'cli-table3', 'commander'], platform: 'node' }),
  row(5, 'level', ['engine'], { platform: 'node' }),
]

/** The row of a package, or `undefined` when the table does not know it. */
export function layerOf(name: string): LayerRow | undefined {
  return LAYERS.find((each) => each.name === name)
}

/** Tools that any package's tests and benchmarks may import. They come from the workspace's root. */
export const SHARED_TOOLS: readonly string[] = ['@lsm/fuzz', '@lsm/bench']

/** Packages from npm that any package's tests and benchmarks may import. They come from the workspace's root. */
export const SHARED_TEST_DEPENDENCIES: readonly string[] = ['vitest', 'fast-check', 'esbuild']
