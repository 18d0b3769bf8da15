import { invalidRange } from './errors.ts'

/** How far a batch must have come before it is acknowledged. */
export type WalDurability = 'sync' | 'os' | { readonly intervalMs: number }

/** Returns what is wrong with a durability, if anything is. */
export function checkDurability(durability: WalDurability): Error | undefined {
  if (durability === 'sync' || durability === 'os') return undefined
  const intervalMs = (durability as { intervalMs?: unknown } | null)?.intervalMs
  if (typeof intervalMs === 'number' && intervalMs >= 1 && intervalMs < 2 ** 31) return undefined
  return invalidRange("durability is 'sync', 'os' or { intervalMs } with a number of milliseconds from 1 to 2^31 - 1")
}
