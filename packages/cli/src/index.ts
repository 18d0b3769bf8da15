/** The `lsm` command as a function, for programs and tests that bring their own streams and engines. */
export type { Engines, OpenStore } from './engines.ts'
export { type CliErrorCode, EXIT, type ExitCode } from './failure.ts'
export { run } from './run.ts'
export type { InputStream, OutputStream, World } from './world.ts'
