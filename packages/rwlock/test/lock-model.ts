/**
 * What the lock must do, as rules over one plain list of requests in the order of their arrival, with no care for
 * speed: the property tests hold the lock against it.
 */
export type Mode = 'read' | 'write'

export type Status = 'waiting' | 'holding' | 'done' | 'RWLOCK_ABORTED' | 'RWLOCK_TIMEOUT'

export interface Request {
  mode: Mode
  status: Status
  /** The time at which it gives up. */
  readonly deadline: number
  /** Which of the schedule's signals it listens to. */
  readonly signal: number | undefined
}

export class LockModel {
  readonly requests: Request[] = []
  readonly #aborted = new Set<number>()
  now = 0

  count(mode: Mode, status: Status): number {
    return this.requests.filter((request) => request.mode === mode && request.status === status).length
  }

  /** A request that would rather wait than fail, unless its time is up already. */
  request(mode: Mode, signal?: number, timeoutMs = Number.POSITIVE_INFINITY): void {
    const aborted = signal !== undefined && this.#aborted.has(signal)
    const status = aborted
      ? 'RWLOCK_ABORTED'
      : this.#isFree(mode)
        ? 'holding'
        : timeoutMs === 0
          ? 'RWLOCK_TIMEOUT'
          : 'waiting'
    this.requests.push({ mode, status, deadline: this.now + timeoutMs, signal })
  }

  /** Whether the lock can be had without waiting; notes the holder when it can. */
  try(mode: Mode): boolean {
    if (!this.#isFree(mode)) return false
    this.requests.push({ mode, status: 'holding', deadline: Number.POSITIVE_INFINITY, signal: undefined })
    return true
  }

  release(request: Request): void {
    request.status = 'done'
    if (request.mode === 'write') this.#readersTurn()
    this.#goOn()
  }

  downgrade(request: Request): void {
    if (request.mode === 'read') return
    request.mode = 'read'
    this.#readersTurn()
  }

  abort(signal: number): void {
    if (this.#aborted.has(signal)) return
    this.#aborted.add(signal)
    for (const request of this.requests) {
      if (request.signal === signal && request.status === 'waiting') request.status = 'RWLOCK_ABORTED'
    }
    this.#goOn()
  }

  advance(ms: number): void {
    const end = this.now + ms
    for (;;) {
      const waiting = this.requests.filter(({ status, deadline }) => status === 'waiting' && deadline <= end)
      const [next] = waiting.sort((a, b) => a.deadline - b.deadline)
      if (next === undefined) break
      next.status = 'RWLOCK_TIMEOUT'
      this.#goOn()
    }
    this.now = end
  }

  #isFree(mode: Mode): boolean {
    if (this.count('write', 'holding') > 0) return false
    return mode === 'write' ? this.count('read', 'holding') === 0 : this.count('write', 'waiting') === 0
  }

  #readersTurn(): void {
    for (const request of this.requests) {
      if (request.mode === 'read' && request.status === 'waiting') request.status = 'holding'
    }
  }

  #goOn(): void {
    if (this.count('write', 'waiting') === 0 && this.count('write', 'holding') === 0) this.#readersTurn()
    if (this.count('write', 'holding') + this.count('read', 'holding') > 0) return
    const writer = this.requests.find(({ mode, status }) => mode === 'write' && status === 'waiting')
    if (writer !== undefined) writer.status = 'holding'
  }
}
