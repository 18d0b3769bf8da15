/** The writes of the kill test: numbered, so that parent and child agree on them without a word. */
import type { Operation } from '../src/index.ts'

const KEYS = 97
/** Writes that are under way at once. */
export const WINDOW = 8

const encoder = new TextEncoder()
const keyOf = (n: number): string => `key${String(n % KEYS).padStart(3, '0')}`

/** Write `n` is one batch: two puts, now and then a deletion and a range deletion, and its number. */
export function operationsOf(n: number): Operation[] {
  const value = encoder.encode(`${n}:`.repeat(1 + ((n * 31) % 120)))
  const operations: Operation[] = [
    { type: 'put', key: keyOf(n * 7), value },
    { type: 'put', key: keyOf(n * 13 + 1), value: encoder.encode(String(n)) },
  ]
  if (n % 5 === 0) operations.push({ type: 'delete', key: keyOf(n * 3) })
  if (n % 50 === 0) operations.push({ type: 'deleteRange', range: { gte: keyOf(n), lt: keyOf(n + 9) } })
  operations.push({ type: 'put', key: '~count', value: encoder.encode(String(n)) })
  return operations
}

/** Applies write `n` to `state`, by key and value as text. */
export function applyWrite(state: Map<string, string>, n: number): void {
  const decoder = new TextDecoder()
  for (const operation of operationsOf(n)) {
    if (operation.type === 'put') state.set(String(operation.key), decoder.decode(operation.value as Uint8Array))
    else if (operation.type === 'delete') state.delete(String(operation.key))
    else {
      const { gte, lt } = operation.range as { gte: string; lt: string }
      for (const key of [...state.keys()]) if (key >= gte && key < lt) state.delete(key)
    }
  }
}
