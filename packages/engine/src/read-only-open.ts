/**
 * Opening a store to read while another process may be writing it. Between the look at the list of files and the opening
 * of one, a flush or compaction can publish a newer manifest and take the file away: then the newer one is read.
 */
import type { Storage } from '@lsm/storage'
import { LsmError } from './errors.ts'
import { parseFileName } from './files.ts'
import { translate } from './translate.ts'

const MAX_ATTEMPTS = 10

/**
 * Returns what `open` gives, which is called again when it found damage that a writer at work explains. Rejects with
 * `LSM_BUSY` when the store changed during each of ten attempts. Damage of a store that nobody writes is told at once.
 */
export async function openBesideWriter<T>(storage: Storage, open: () => Promise<T>): Promise<T> {
  let before = await newestManifest(storage)
  for (let attempt = 1; ; attempt++) {
    try {
      return await open()
    } catch (error) {
      const failure = translate(error)
      if (!(failure instanceof LsmError) || failure.code !== 'LSM_CORRUPTION') throw error
      const after = await newestManifest(storage)
      if (after === before && !isOfTheLog(error)) throw error
      if (attempt === MAX_ATTEMPTS) {
        if (after === before) throw error
        const message = `${storage.location} changed while it was opened, ${attempt} times in a row: try again`
        throw new LsmError('LSM_BUSY', message, { cause: error })
      }
      before = after
    }
  }
}

/** A log that grows while it is read can look damaged: its end was read before the bytes that it ends with were there. */
function isOfTheLog(error: unknown): boolean {
  return (error as { code?: unknown }).code === 'WAL_CORRUPT'
}

async function newestManifest(storage: Storage): Promise<number> {
  const files = (await storage.list()).map(parseFileName)
  return files.reduce((newest, file) => (file?.type === 'manifest' ? Math.max(newest, file.number) : newest), -1)
}
