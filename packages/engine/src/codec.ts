/** What this runtime can compress: asked before a store is made, or written to, that could never flush. */
import { deflateCodec, zstdCodec } from '@lsm/sstable'
import type { Compression } from './api.ts'
import { LsmError } from './errors.ts'

/** Throws `LSM_UNSUPPORTED` where this runtime lacks `compression`, which a new store could still do without. */
export function checkCompression(compression: Compression, isNew: boolean): void {
  try {
    if (compression === 'deflate') deflateCodec()
    if (compression === 'zstd') zstdCodec()
  } catch (cause) {
    const runtime = compression === 'zstd' ? 'Node.js 22.15 or newer' : 'one with zlib or CompressionStream'
    const hint = `use ${runtime}${isNew ? ', or another keyspaceDefaults.compression' : ''}`
    throw new LsmError('LSM_UNSUPPORTED', `this runtime lacks ${compression}, the store's compression: ${hint}`, {
      cause,
    })
  }
}
