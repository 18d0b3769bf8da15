/** When things run. Injected, so that a test decides it from one seed. */
export interface WalScheduler {
  /** Milliseconds on a clock that never goes back; used for pacing only, never for order. */
  now(): number
  /** Runs `task` after the current one and before anything else of the event loop. */
  microtask(task: () => void): void
  /** Runs `task` after the event loop had a turn. */
  macrotask(task: () => void): void
  /** Runs `task` after `ms` milliseconds; the function returned calls it off. Does not keep a process alive. */
  delay(task: () => void, ms: number): () => void
}

/** The event loop of the runtime. */
export const systemScheduler: WalScheduler = {
  now: () => performance.now(),
  // `queueMicrotask` of Node.js makes an AsyncResource for each task: 50 to 90 ns more for a put that is awaited alone.
  microtask: (task) => void Promise.resolve().then(task),
  macrotask: (task) => {
    if (typeof setImmediate === 'function') setImmediate(task)
    else setTimeout(task, 0)
  },
  delay: (task, ms) => {
    const timer: unknown = setTimeout(task, ms)
    // A number in a browser, an object in Node.js.
    if (typeof timer === 'object' && timer !== null && 'unref' in timer) (timer as { unref(): void }).unref()
    return () => clearTimeout(timer as ReturnType<typeof setTimeout>)
  },
}
