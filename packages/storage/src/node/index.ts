export { type DescriptorOwner, type FileStats, type NodeFileSystem, nodeFileSystem } from './file-system.ts'
export { type LockMethod, lockMethods } from './lock.ts'
export { NodeStorage, type NodeStorageComponents, type NodeStorageOptions } from './node-storage.ts'
