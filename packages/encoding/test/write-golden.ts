/**
 * Rewrites the golden files. For a format's first version only: once released, `v1/` is never rewritten and a new
 * version gets a folder of its own.
 *
 *     node --conditions=@lsm/source --import tsx packages/encoding/test/write-golden.ts
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { encodeIndexEntry } from '../src/index.ts'
import { concat, encodeAll, GOLDEN_ENTRIES, GOLDEN_RECORDS } from './fixtures.ts'

const folder = new URL('./golden/v1/', import.meta.url)
mkdirSync(folder, { recursive: true })
writeFileSync(new URL('block.bin', folder), encodeAll(GOLDEN_RECORDS))
writeFileSync(
  new URL('index-entries.bin', folder),
  concat(GOLDEN_ENTRIES.map(({ key, offset }) => encodeIndexEntry(key, offset))),
)
