// Keeps a flood of packets from becoming a flood of events: some per second of each step, and how many were left out.

import type { Tell } from '../events.ts'

/** As `tell`, with at most `mostPerSecond` events of each step in a second. `now`: milliseconds, monotonic. */
export function hushed(tell: Tell, mostPerSecond: number, now: () => number): Tell {
  const told = new Map<string, { since: number; count: number }>()
  return (event) => {
    const time = now()
    const last = told.get(event.step)
    if (last !== undefined && time - last.since < 1000) {
      last.count++
      if (last.count <= mostPerSecond) tell(event)
      return
    }
    const more = (last?.count ?? 0) - mostPerSecond
    told.set(event.step, { since: time, count: 1 })
    tell(more > 0 ? { ...event, text: `${event.text} (and ${more} more like the ones before)` } : event)
  }
}
