/** What the main thread and the compaction worker say to each other: plain data only, errors included. */
import type { TableInfo } from '@lsm/sstable'
import type { StorageDescriptor } from '@lsm/storage'
import type { LsmErrorCode } from './api.ts'
import type { CompactionPlan } from './compaction-plan.ts'
import { LsmError, type LsmErrorDetails } from './errors.ts'
import { translate } from './translate.ts'

/** To the worker: a job. It gets one at a time. */
export interface JobMessage {
  readonly storage: StorageDescriptor
  /** Tables that the job may hold open at a time. */
  readonly maxOpenFiles: number
  readonly plan: CompactionPlan
}

/** From the worker. `table` comes before the file of that id is made, so that whoever outlives the worker can remove it. */
export type WorkerMessage =
  | { readonly type: 'started' }
  | { readonly type: 'table'; readonly id: string }
  | { readonly type: 'done'; readonly tables: readonly TableInfo[] }
  | { readonly type: 'failed'; readonly error: PlainError }

/** An error without its class. */
export interface PlainError {
  readonly name: string
  readonly message: string
  readonly stack?: string
  readonly code?: string
  readonly file?: string
  readonly offset?: number
  readonly cause?: PlainError
}

/** Causes of causes beyond this depth are left out: an error could be its own. */
const MAX_CAUSES = 4

/** Returns `error` as plain data, its code as the engine's callers know it. */
export function toPlainError(error: unknown, depth = 0): PlainError {
  const translated = depth === 0 ? translate(error) : error
  if (!(translated instanceof Error)) return { name: 'Error', message: String(translated) }
  const { name, message, stack, cause } = translated
  const { code, file, offset } = translated as { code?: unknown; file?: unknown; offset?: unknown }
  return {
    name,
    message,
    ...(stack !== undefined && { stack }),
    ...(typeof code === 'string' && { code }),
    ...(typeof file === 'string' && { file }),
    ...(typeof offset === 'number' && { offset }),
    ...(cause !== undefined && depth < MAX_CAUSES && { cause: toPlainError(cause, depth + 1) }),
  }
}

/** Returns an error of the same code, text and place, and of the engine's class where it was of that. */
export function fromPlainError(plain: PlainError): Error {
  const { name, message, stack, code, file, offset } = plain
  const cause = plain.cause && fromPlainError(plain.cause)
  if (name === 'LsmError') {
    const details: LsmErrorDetails = {
      cause,
      ...(file !== undefined && { file }),
      ...(offset !== undefined && { offset }),
    }
    return Object.assign(new LsmError(code as LsmErrorCode, message, details), stack !== undefined && { stack })
  }
  const error = new Error(message, cause === undefined ? undefined : { cause })
  return Object.assign(error, { name }, stack !== undefined && { stack }, code !== undefined && { code })
}

/** The same with bytes of its own: what is posted is cloned with the whole buffer that it is a view of. */
export function withOwnBytes(info: TableInfo): TableInfo {
  const { smallest, largest } = info
  return { ...info, smallest: smallest.slice(), largest: { ...largest, key: largest.key.slice() } }
}
