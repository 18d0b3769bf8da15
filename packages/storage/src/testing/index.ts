export {
  CrashDisk,
  type CrashDiskOptions,
  type CrashOptions,
  CrashStorage,
  type DiskOperation,
} from './crash-disk.ts'
export {
  type Fault,
  type FaultOperation,
  type FaultOperationKind,
  FaultPlan,
  type FaultPlanOptions,
  type FaultRule,
} from './fault-plan.ts'
export { FaultStorage } from './fault-storage.ts'
export { faultyFileSystem } from './faulty-file-system.ts'
export type { LossStyle } from './loss.ts'
