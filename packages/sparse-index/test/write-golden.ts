/**
 * Rewrites the golden file. For a format's first version only: once released, `v1/` is never rewritten and a new
 * version gets a folder of its own.
 *
 *     node --conditions=@lsm/source --import tsx packages/sparse-index/test/write-golden.ts
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { build, GOLDEN_ENTRIES } from './fixtures.ts'

const folder = new URL('./golden/v1/', import.meta.url)
mkdirSync(folder, { recursive: true })
writeFileSync(new URL('index.bin', folder), build(GOLDEN_ENTRIES).toBytes())
