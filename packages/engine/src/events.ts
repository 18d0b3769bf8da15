/** Typed events. A listener that throws is the listener's fault and stops nobody else. */
import type { EngineEvents } from './api.ts'
import { invalidType } from './errors.ts'

type Listeners = { [K in keyof EngineEvents]: Set<(event: EngineEvents[K]) => void> }

export class Events {
  readonly #listeners: Listeners = { flush: new Set(), compaction: new Set(), stall: new Set(), error: new Set() }

  /** Calls `listener` for each event of that name; the function that is returned ends that. */
  on<K extends keyof EngineEvents>(name: K, listener: (event: EngineEvents[K]) => void): () => void {
    if (!Object.hasOwn(this.#listeners, name)) {
      throw invalidType(`no event "${String(name)}": there are ${Object.keys(this.#listeners).join(', ')}`)
    }
    if (typeof listener !== 'function') throw invalidType('a listener is a function')
    this.#listeners[name].add(listener)
    return () => this.#listeners[name].delete(listener)
  }

  emit<K extends keyof EngineEvents>(name: K, event: EngineEvents[K]): void {
    // A copy: a listener that adds another is not to be told twice of one event, nor for ever.
    for (const listener of [...this.#listeners[name]]) callForeign(() => listener(event))
  }
}

/** Calls what is not ours. What it throws becomes an uncaught error, and not in the middle of a commit or of closing. */
export function callForeign(call: () => void): void {
  try {
    call()
  } catch (error) {
    queueMicrotask(() => {
      throw error
    })
  }
}
