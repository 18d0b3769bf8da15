export type { ConformanceCase, StorageFixture } from './suite.ts'
export { conformanceCases, testStorage } from './test-storage.ts'
