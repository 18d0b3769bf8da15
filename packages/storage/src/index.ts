export { StorageError, type StorageErrorCode, type StorageErrorContext, type StorageMisuseCode } from './errors.ts'
export type { OpenMode, OpenOptions, Storage, StorageDescriptor, StorageFile, StorageLock } from './storage.ts'
