export { StorageError, type StorageErrorCode, type StorageErrorContext, type StorageMisuseCode } from './errors.ts'
export { MemoryStorage } from './memory-storage.ts'
export type { OpenMode, OpenOptions, Storage, StorageDescriptor, StorageFile, StorageLock } from './storage.ts'
