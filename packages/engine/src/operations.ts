/** Turns what callers want written into operations in bytes, with every limit checked before anything happens. */
import { compareBytes, RECORD_KIND } from '@lsm/encoding'
import type { Bytes, Operation, Range } from './api.ts'
import type { EncodedOperation } from './commit-pipeline.ts'
import { invalidRange, invalidType } from './errors.ts'
import { toBytes, toDeletedBounds } from './input.ts'
import { copyOf } from './key-bound.ts'
import type { KeyCeiling } from './key-ceiling.ts'
import type { ResolvedOptions } from './options.ts'
import { unknownName } from './plain-object.ts'

export interface WriteLimits
  extends Pick<ResolvedOptions, 'maxKeySizeBytes' | 'maxValueSizeBytes' | 'maxBatchSizeBytes'> {
  /** Is told of every key here, before it is on its way: a range deletion that comes next must reach it. */
  readonly ceiling: KeyCeiling
}

export const NO_VALUE: Uint8Array = /* @__PURE__ */ new Uint8Array(0)

export function keyBytesOf(key: Bytes, { maxKeySizeBytes, ceiling }: WriteLimits): Uint8Array {
  const bytes = limited(toBytes(key, 'key'), 'key', maxKeySizeBytes)
  ceiling.include(bytes)
  return bytes
}

export function valueBytesOf(value: Bytes, { maxValueSizeBytes }: WriteLimits): Uint8Array {
  return limited(toBytes(value, 'value'), 'value', maxValueSizeBytes)
}

/** `undefined` for a range without a key in it: there is nothing to write. */
export function deleteRangeOperation(
  keyspaceId: number,
  range: Range,
  limits: WriteLimits,
): EncodedOperation | undefined {
  const bounds = toDeletedBounds(range)
  const { start, end = limits.ceiling.bound } = bounds
  // An exclusive bound just behind a key is one byte longer than the key.
  limited(start, 'the start of the range', limits.maxKeySizeBytes + 1)
  if (bounds.end !== undefined) limited(end, 'the end of the range', limits.maxKeySizeBytes + 1)
  checkBatchBytes(start.length + end.length, limits)
  if (compareBytes(start, end) >= 0) return undefined
  return { kind: RECORD_KIND.rangeTombstone, keyspaceId, key: start, value: end }
}

/** Throws for a write that would be over the budget of a batch by itself: one that `write` would refuse too. */
export function checkBatchBytes(bytes: number, { maxBatchSizeBytes }: WriteLimits): void {
  if (bytes <= maxBatchSizeBytes) return
  throw invalidRange(`the write is over maxBatchSizeBytes, ${maxBatchSizeBytes}: it has ${bytes} bytes`)
}

/** Checks a batch. `keyspaceIdOf` says which keyspace an operation is for, and throws for one of another store. */
export function batchOperations(
  operations: readonly Operation[],
  limits: WriteLimits,
  keyspaceIdOf: (operation: Operation) => number,
): EncodedOperation[] {
  if (!Array.isArray(operations)) throw invalidType('a batch is an array of operations')
  const encoded: EncodedOperation[] = []
  let bytes = 0
  for (let i = 0; i < operations.length; i++) {
    const operation = operations[i]
    if (typeof operation !== 'object' || operation === null) throw invalidType(`operations[${i}] is an object`)
    const keyspaceId = keyspaceIdOf(operation)
    const one = encodeOne(operation, i, keyspaceId, limits)
    if (one === undefined) continue
    bytes += one.key.length + one.value.length
    if (bytes > limits.maxBatchSizeBytes) {
      throw invalidRange(
        `the batch is over maxBatchSizeBytes, ${limits.maxBatchSizeBytes}, at operations[${i}]: split it`,
      )
    }
    encoded.push(one)
  }
  return encoded
}

const PUT_MEMBERS = ['type', 'key', 'value', 'keyspace']
const DELETE_MEMBERS = ['type', 'key', 'keyspace']
const DELETE_RANGE_MEMBERS = ['type', 'range', 'keyspace']

function checkMembers(operation: Operation, index: number, members: readonly string[]): void {
  const unknown = unknownName(operation, members)
  if (unknown === undefined) return
  const names = members.join(', ')
  throw invalidType(`operations[${index}].${unknown} is no part of a ${operation.type}: there are ${names}`)
}

function encodeOne(
  operation: Operation,
  index: number,
  keyspaceId: number,
  limits: WriteLimits,
): EncodedOperation | undefined {
  switch (operation.type) {
    case 'put':
      checkMembers(operation, index, PUT_MEMBERS)
      return {
        kind: RECORD_KIND.value,
        keyspaceId,
        key: keyBytesOf(operation.key, limits),
        value: valueBytesOf(operation.value, limits),
      }
    case 'delete':
      checkMembers(operation, index, DELETE_MEMBERS)
      return { kind: RECORD_KIND.tombstone, keyspaceId, key: keyBytesOf(operation.key, limits), value: NO_VALUE }
    case 'deleteRange':
      checkMembers(operation, index, DELETE_RANGE_MEMBERS)
      return deleteRangeOperation(keyspaceId, operation.range, limits)
    default:
      throw invalidType(
        `operations[${index}].type is 'put', 'delete' or 'deleteRange', not ${String((operation as { type: unknown }).type)}`,
      )
  }
}

/** A copy of operations that must wait for their turn. */
export function copyOperations(operations: readonly EncodedOperation[]): EncodedOperation[] {
  return operations.map((each) => ({ ...each, key: copyOf(each.key), value: copyOf(each.value) }))
}

function limited(bytes: Uint8Array, what: string, most: number): Uint8Array {
  if (bytes.length <= most) return bytes
  throw invalidRange(`${what} is ${bytes.length} bytes long, and at most ${most} are allowed`)
}
