export { BloomFilter, type BloomFilterOptions } from './bloom-filter.ts'
export { BloomError, type BloomErrorCode, type InvalidArgumentCode } from './errors.ts'
export type { BloomScheme } from './format.ts'
