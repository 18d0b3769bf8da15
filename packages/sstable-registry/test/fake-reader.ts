import type { Closeable } from '../src/index.ts'

export type Manner = 'returns' | 'throws' | 'resolves' | 'rejects'

/** A reader that records its closing and ends it, if it is asynchronous, when it is told. */
export class FakeReader implements Closeable {
  readonly manner: Manner
  readonly failure = new Error('close failed')
  closeCalls = 0
  /** Set by the test: how many handles of it are open. */
  users = 0
  usersAtClose = 0
  #finish: (() => void) | undefined

  constructor(manner: Manner = 'returns') {
    this.manner = manner
  }

  close(): Promise<void> | undefined {
    this.closeCalls++
    this.usersAtClose = this.users
    if (this.manner === 'throws') throw this.failure
    if (this.manner === 'returns') return undefined
    return new Promise((resolve, reject) => {
      this.#finish = () => (this.manner === 'rejects' ? reject(this.failure) : resolve())
    })
  }

  get pending(): boolean {
    return this.#finish !== undefined
  }

  get fails(): boolean {
    return this.manner === 'throws' || this.manner === 'rejects'
  }

  /** Lets an asynchronous close() settle. */
  finish(): void {
    this.#finish?.()
    this.#finish = undefined
  }
}
