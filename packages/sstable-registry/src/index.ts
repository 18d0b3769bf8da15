export { RegistryError, type RegistryErrorCode } from './error.ts'
export type { ReaderHandle } from './reader-handle.ts'
export type { Closeable, FileId } from './registered-reader.ts'
export { type ReaderInUse, SSTableRegistry } from './sstable-registry.ts'
