/** What the command needs of `@lsm/engine`, so that a test can put something else in its place. */
import type { EngineOptions, Operation, Range, Reader, Stats, VerifyReport, WriteOptions, Writer } from '@lsm/engine'

/** An open store. */
export interface OpenStore extends Reader, Writer {
  write(operations: readonly Operation[], options?: WriteOptions): Promise<void>
  flush(): Promise<void>
  sync(): Promise<void>
  compact(range?: Range): Promise<void>
  verify(): Promise<VerifyReport>
  stats(): Stats
  /** Idempotent; waits for what runs. */
  close(): Promise<void>
}

export interface Engines {
  open(path: string, options: EngineOptions): Promise<OpenStore>
  destroy(path: string): Promise<void>
}

/** The real ones. The engine is loaded by the first store, so that `lsm --help` does not wait for it. */
export const systemEngines: Engines = {
  async open(path, options) {
    const { Engine } = await import('@lsm/engine')
    return Engine.open(path, options)
  },
  async destroy(path) {
    const { Engine } = await import('@lsm/engine')
    await Engine.destroy(path)
  },
}
