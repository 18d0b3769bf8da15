/**
 * A queue whose members are linked to each other in a ring that the queue itself closes, so that joining, being
 * served and leaving from the middle are all O(1): a thousand requests that give up cost no more than a thousand
 * that are granted.
 */
import type { LockHandle } from './lock-handle.ts'

interface Link {
  next: Link
  previous: Link
}

/** Takes the lock over, or answers `false` when the request has just been given up and the lock is for the next. */
type Grant = (handle: LockHandle) => unknown

/** One request that could not be granted at once, in one queue, which alone writes its links. */
export interface Waiter extends Link {
  /** Called at most once, after the waiter has left its queue. */
  readonly grant: Grant
}

/** First come, first served. */
export class WaiterQueue implements Link {
  next: Link = this
  previous: Link = this
  length = 0

  push(grant: Grant): Waiter {
    const { previous } = this
    const waiter: Waiter = { grant, next: this, previous }
    previous.next = waiter
    this.previous = waiter
    this.length++
    return waiter
  }

  /** Takes out the waiter that came first; there must be one. */
  shift(): Waiter {
    // Of all links only the queue's own is no waiter, and it follows itself only when the queue is empty.
    const first = this.next as Waiter
    this.remove(first)
    return first
  }

  /** Takes out a waiter, which must be in this queue. */
  remove({ next, previous }: Waiter): void {
    previous.next = next
    next.previous = previous
    this.length--
  }
}
