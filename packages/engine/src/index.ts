export type {
  Bytes,
  CacheTierStats,
  Compression,
  Cursor,
  Durability,
  EngineEvents,
  EngineOptions,
  Entry,
  Keyspace,
  KeyspaceOptions,
  LatencyHistogram,
  LevelStats,
  LsmErrorCode,
  LsmMisuseCode,
  Operation,
  Range,
  Reader,
  ReadOptions,
  RecoveryMode,
  RepairReport,
  ScanOptions,
  Snapshot,
  Stats,
  VerifyReport,
  WriteOptions,
  Writer,
} from './api.ts'
export type { Clock, EngineComponents, Logger, RandomSource, Scheduler } from './components.ts'
export { Engine } from './engine.ts'
export { LsmError, type LsmErrorDetails } from './errors.ts'
export type { InvalidOptionsError } from './options.ts'
