// Time as an argument, so that half a minute of patience is tested in no time.

export type Clock = {
  /** Milliseconds, monotonic. */
  readonly now: () => number
  /** Calls `run` once, `ms` milliseconds from now; yields what calls it off. */
  readonly after: (ms: number, run: () => void) => () => void
}

export const realClock: Clock = {
  now: () => performance.now(),
  after: (ms, run) => {
    const timer = setTimeout(run, Math.ceil(ms))
    return () => clearTimeout(timer)
  },
}
