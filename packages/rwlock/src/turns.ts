/**
 * Who holds the lock, who waits, and whose turn it is. Everything here happens at once, within the call: there are no
 * promises, timers or signals, so no state exists between "released" and "granted to the next".
 *
 * The policy is phase-fair (B. Brandenburg, J. Anderson, "Spin-based reader-writer synchronization for multiprocessor
 * real-time systems", Real-Time Systems 46, 2010). Phases of reading and of writing alternate while both wait:
 *
 *   1. A reader comes in at once unless a writer holds the lock or waits for it.
 *   2. A writer comes in at once when nobody holds the lock; otherwise writers queue, first come, first served.
 *   3. When a writer is done, all readers that wait at that moment come in together; if there are none, the next writer.
 *   4. When the last reader is done, the first writer comes in.
 *   5. When the last waiting writer gives up while readers hold the lock, all waiting readers come in.
 *
 * So a reader waits for at most one writer's hold, whatever the number of writers, and between two writers there is
 * at most one phase of readers, closed to latecomers: neither side can starve the other.
 */
import { type Holdings, LockHandle, type LockMode } from './lock-handle.ts'
import { type Waiter, WaiterQueue } from './waiter-queue.ts'

export class Turns implements Holdings {
  // Somebody waits only while somebody holds the lock: readers, or a writer alone.
  readers = 0
  isWriting = false
  readonly waiting: Readonly<Record<LockMode, WaiterQueue>> = { read: new WaiterQueue(), write: new WaiterQueue() }

  /** Takes the lock when the policy allows it at once; what is refused may queue in `waiting`. O(1). */
  tryTake(mode: LockMode): LockHandle | undefined {
    if (mode === 'read') {
      if (this.isWriting || this.waiting.write.length) return undefined
      this.readers++
    } else {
      if (this.isWriting || this.readers) return undefined
      this.isWriting = true
    }
    return new LockHandle(this)
  }

  /** Takes a request back that is still queued, as if it had never been made. */
  leave(mode: LockMode, waiter: Waiter): void {
    this.waiting[mode].remove(waiter)
    this.#advance()
  }

  release(): void {
    if (this.isWriting) {
      this.isWriting = false
      this.#admitReaders()
    } else {
      this.readers--
    }
    this.#advance()
  }

  downgrade(): void {
    // If anybody writes, it is the holder who calls this; if nobody does, the caller has been here before.
    if (!this.isWriting) return
    this.isWriting = false
    this.readers = 1
    this.#admitReaders()
  }

  #advance(): void {
    while (!this.readers && !this.isWriting && this.waiting.write.length) this.isWriting = this.#grantNext('write')
    // Without this, readers held back by a writer that gave up would wait for somebody else's release.
    if (!this.isWriting && !this.waiting.write.length) this.#admitReaders()
  }

  #admitReaders(): void {
    while (this.waiting.read.length) if (this.#grantNext('read')) this.readers++
  }

  #grantNext(mode: LockMode): boolean {
    return this.waiting[mode].shift().grant(new LockHandle(this)) !== false
  }
}
