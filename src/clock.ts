// The time leases are told by: it runs evenly, and follows when the machine's clock is set.

import type { Tell } from './events.ts'

/** How often the machine's clock is looked at, and what it may be off by: NTP slews less than that. */
const everyMs = 5000
const toleranceMs = 10_000

export class Clock {
  private readonly tell: Tell
  /** What the time of the process has to be added to, for milliseconds since 1970. */
  private offset = Date.now() - performance.now()

  constructor(tell: Tell) {
    this.tell = tell
  }

  /** Milliseconds since 1970, never backwards: a clock that is set moves no lease, until all are moved at once. */
  now(): number {
    return this.offset + performance.now()
  }

  /**
   * The machine started without a clock, or was suspended: from then on the right time is told. `set` is called just
   * before, with the milliseconds. Yields what ends it.
   */
  follow(set: (ms: number) => Promise<void> | undefined): () => void {
    const timer = setInterval(() => void this.look(set), everyMs)
    return () => clearInterval(timer)
  }

  private async look(set: (ms: number) => Promise<void> | undefined): Promise<void> {
    const ms = Date.now() - this.now()
    if (Math.abs(ms) < toleranceMs) return
    const shifted = set(ms)
    this.offset += ms
    const text = `the clock was set by ${Math.round(ms / 1000)} s: leases last as long as they would have`
    this.tell({ level: 'warn', step: 'clock', text })
    try {
      await shifted
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      this.tell({ level: 'error', step: 'clock', text: `the leases could not be written anew: ${why}` })
    }
  }
}
