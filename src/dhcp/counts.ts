// How much of each pool is in use, and by whom: kept up as addresses are given, and counted anew when it seems full.

import type { Scope } from './scope.ts'

/** Addresses of one pool: in use by lease or offer, of these by machines nobody knows, and set aside after a DECLINE. */
export type Count = { active: number; unknown: number; declined: number }

/** With room left, and without. */
const countAgainMs = { below: 60_000, above: 1000 } as const

export class Counts {
  private readonly recount: (scope: Scope) => Count
  private readonly now: () => number
  private readonly counts = new Map<Scope, { readonly at: number; readonly count: Count }>()

  /** `recount` looks at everything. `now`: milliseconds since 1970. */
  constructor(recount: (scope: Scope) => Count, now: () => number) {
    this.recount = recount
    this.now = now
  }

  /**
   * How many of `what` there are: from `limit` on not older than a second; below it not older than a minute, and mostly
   * too many, as what has ended is still counted. A look at everything holds up whoever asks meanwhile.
   */
  of(scope: Scope, what: keyof Count, limit: number): number {
    const now = this.now()
    const before = this.counts.get(scope)
    if (before !== undefined) {
      const known = before.count[what]
      if (now - before.at < (known < limit ? countAgainMs.below : countAgainMs.above)) return known
    }
    const count = this.recount(scope)
    this.counts.set(scope, { at: now, count })
    return count[what]
  }

  /** To be changed by whoever gives an address; undefined: nothing was counted yet. */
  kept(scope: Scope): Count | undefined {
    return this.counts.get(scope)?.count
  }
}

/** Of a small pool at least one address, unless the settings say none. */
export function partOf(size: number, share: number): number {
  return share === 0 ? 0 : Math.max(1, Math.floor(size * share))
}
