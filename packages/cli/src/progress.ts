/** A bar on a terminal, and nothing anywhere else. It is drawn on stderr, so that data on stdout stays data. */
import { Presets, SingleBar } from 'cli-progress'
import { plural } from './quantity.ts'
import type { OutputStream } from './world.ts'

export interface Progress {
  /** `done` of the total, and how many records that was. */
  update(done: number, records: number): void
  /** Takes the bar away. Idempotent. */
  stop(): void
}

const SILENT: Progress = { update() {}, stop() {} }

export interface ProgressOptions {
  readonly label: string
  /** Unknown where a pipe is read: then only the records are counted. */
  readonly total?: number
}

export function startProgress(stream: OutputStream, { label, total }: ProgressOptions): Progress {
  if (stream.isTTY !== true) return SILENT
  const shown = total === undefined || total === 0 ? '{records}' : '{bar} {percentage}%  {records}  {eta_formatted}'
  const bar = new SingleBar(
    // The process still has to end on Ctrl-C by its own rules: the bar must not take the signal.
    {
      stream,
      format: `${label}  ${shown}`,
      hideCursor: false,
      clearOnComplete: true,
      barsize: 30,
      gracefulExit: false,
    },
    Presets.shades_classic,
  )
  bar.start(total ?? 0, 0, { records: plural(0, 'record') })
  return {
    update(done, records) {
      bar.update(done, { records: plural(records, 'record') })
    },
    stop() {
      if (bar.isActive) bar.stop()
    },
  }
}
