export { type RangeTombstoneArgumentError, RangeTombstoneError, type RangeTombstoneErrorCode } from './errors.ts'
export type { RangeTombstone } from './layer.ts'
export { RangeTombstoneSet, type ReadonlyRangeTombstoneSet } from './range-tombstone-set.ts'
