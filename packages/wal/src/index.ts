export { BATCH_HEADER_SIZE, BatchBuffer, BatchCursor } from './batch.ts'
export type { Completion } from './commit-group.ts'
export type { WalDurability } from './durability.ts'
export { type WalArgumentError, WalError, type WalErrorCode, type WalErrorContext } from './errors.ts'
export { systemScheduler, type WalScheduler } from './scheduler.ts'
export {
  parseSegmentFileName,
  SEGMENT_HEADER_SIZE,
  type SealedSegment,
  type SegmentIdentity,
  segmentFileName,
} from './segment.ts'
export { createSegment, type NewSegment } from './segment-file.ts'
export {
  type OnFrame,
  type ReadSegmentOptions,
  readSegment,
  type SegmentEnd,
  type SegmentReport,
} from './segment-reader.ts'
export { type OnBatch, type ReadWalOptions, readWal, type WalRecoveryMode, type WalReport } from './wal-reader.ts'
export { WalWriter, type WalWriterOptions } from './wal-writer.ts'
