export { type SparseIndexArgumentError, SparseIndexError, type SparseIndexErrorCode } from './errors.ts'
export { SparseIndex, type SparseIndexDecodeOptions } from './sparse-index.ts'
