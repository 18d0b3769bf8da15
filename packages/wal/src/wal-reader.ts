/** Reads a whole log, segment by segment, in one of the three recovery modes. */
import type { Storage } from '@lsm/storage'
import { BatchCursor } from './batch.ts'
import { invalidRange, WalError } from './errors.ts'
import { type ReadSegmentOptions, readSegment, type SegmentReport } from './segment-reader.ts'

/**
 * What is done with a log that is not whole. `'strict'`: it is refused. `'tail'`: an end that a crash can have left is
 * cut, damage is refused. `'point-in-time'`: the log ends before the first bad place, whatever comes after.
 */
export type WalRecoveryMode = 'strict' | 'tail' | 'point-in-time'

const MODES: readonly WalRecoveryMode[] = ['strict', 'tail', 'point-in-time']

export interface ReadWalOptions {
  /** In the order of their numbers; only the last one may be open. */
  readonly segments: readonly ReadSegmentOptions[]
  readonly mode: WalRecoveryMode
}

export interface WalReport {
  /** Of the segments that were read. */
  readonly segments: readonly SegmentReport[]
  readonly batches: number
  /** Sequence number of the last operation, or `undefined` where there is none. */
  readonly lastSeq: number | undefined
  /** Where the log was cut and why; `undefined` for one that is whole. */
  readonly cut: { readonly file: string; readonly offset: number; readonly reason: string } | undefined
  /** Segments behind the cut that were not read: all that they hold is lost. */
  readonly dropped: readonly number[]
}

/** Called for each batch in order; the cursor stands before its first operation and is borrowed until this returns. */
export type OnBatch = (batch: BatchCursor) => void

/**
 * Hands out every batch of the log and returns how the log ends. Reads everything and writes nothing: making the
 * kept lengths durable is the caller's next step. Batches may be handed out before a later segment proves the log
 * unfit, so keep what they did until this resolves.
 *
 * Throws `WAL_CORRUPT` with file and offset for damage (in `'point-in-time'` only for a damaged header of the first
 * segment), `WAL_TORN` in `'strict'` for any end that is not whole, `WAL_UNSUPPORTED_FORMAT`, and the storage's errors.
 */
export async function readWal(
  storage: Storage,
  { segments, mode }: ReadWalOptions,
  onBatch: OnBatch,
): Promise<WalReport> {
  checkOrder(segments)
  if (!MODES.includes(mode)) throw invalidRange(`a recovery mode is one of ${MODES.join(', ')}, not ${String(mode)}`)
  const cursor = new BatchCursor()
  const reports: SegmentReport[] = []
  let batches = 0
  let lastSeq: number | undefined

  const onFrame = (bytes: Uint8Array, start: number, end: number): void => {
    cursor.reset(bytes, start, end)
    if (lastSeq !== undefined && cursor.firstSeq !== lastSeq + 1) {
      throw new WalError('WAL_CORRUPT', `batch with sequence number ${cursor.firstSeq} follows ${lastSeq}`)
    }
    // Twice over the operations, so that nobody is handed half of a batch that turns out to be damaged.
    while (cursor.next()) {}
    const { firstSeq, count } = cursor
    cursor.reset(bytes, start, end)
    onBatch(cursor)
    lastSeq = firstSeq + count - 1
    batches++
  }

  for (const [index, segment] of segments.entries()) {
    let report: SegmentReport
    try {
      report = await readSegment(storage, segment, onFrame)
    } catch (error) {
      const isDamage = error instanceof WalError && error.code === 'WAL_CORRUPT'
      if (!isDamage || mode !== 'point-in-time' || index === 0) throw error
      const cut = { file: error.file ?? '', offset: 0, reason: error.message }
      return { segments: reports, batches, lastSeq, cut, dropped: segments.slice(index).map(({ number }) => number) }
    }
    reports.push(report)
    if (report.end === 'whole') continue
    const { file, validLength: offset, reason = '' } = report
    const dropped = segments.slice(index + 1).map(({ number }) => number)
    const isAccepted = mode === 'point-in-time' || (mode === 'tail' && report.end === 'torn' && dropped.length === 0)
    if (isAccepted) return { segments: reports, batches, lastSeq, cut: { file, offset, reason }, dropped }
    const where = `${file}: ${reason}, where a frame should start at offset ${offset}`
    if (report.end === 'damaged') {
      const message = `${where}; these bytes were durable, so this is damage and not the end of the log`
      throw new WalError('WAL_CORRUPT', message, { file, offset })
    }
    throw new WalError('WAL_TORN', `${where}; the log was not closed, and strict recovery cuts nothing`, {
      file,
      offset,
    })
  }
  return { segments: reports, batches, lastSeq, cut: undefined, dropped: [] }
}

function checkOrder(segments: readonly ReadSegmentOptions[]): void {
  for (const [index, { number, sealedLength }] of segments.entries()) {
    const next = segments[index + 1]
    if (next === undefined) return
    if (next.number <= number) throw invalidRange(`segment ${next.number} comes after ${number}: sort them`)
    if (sealedLength === undefined) throw invalidRange(`segment ${number} is open and not the last one`)
  }
}
