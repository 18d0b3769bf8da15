/** The `lsm` command as a function, and what it shows people with, for programs that bring their own streams. */
export type { Engines, OpenStore } from './engines.ts'
export { type CliErrorCode, EXIT, type ExitCode } from './failure.ts'
export { type Progress, type ProgressOptions, startProgress } from './progress.ts'
export { readable, type Unit } from './quantity.ts'
export { run } from './run.ts'
export { type DrawingOptions, drawTree } from './tree-drawing.ts'
export type { InputStream, OutputStream, World } from './world.ts'
