/** What stands for `@lsm/storage/node` in a browser: the same name, a coded error, and nothing of Node.js. */
import { StorageError } from '../errors.ts'

export class NodeStorage {
  private constructor() {}

  static open(): Promise<never> {
    return Promise.reject(unsupported())
  }

  static attach(): Promise<never> {
    return Promise.reject(unsupported())
  }

  static removeEmpty(): Promise<never> {
    return Promise.reject(unsupported())
  }
}

function unsupported(): StorageError {
  return new StorageError('STORAGE_UNSUPPORTED', 'there are no files here: pass a storage of your own')
}
