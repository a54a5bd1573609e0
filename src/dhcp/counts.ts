// How much of each pool is in use, and by whom: counted anew from time to time, and kept up in between.

import type { Scope } from './scope.ts'

/** Addresses of one pool: in use by lease or offer, of these by machines nobody knows, and set aside after a DECLINE. */
export type Count = { active: number; unknown: number; declined: number }

const countAgainMs = 1000

export class Counts {
  private readonly recount: (scope: Scope) => Count
  private readonly now: () => number
  private readonly counts = new Map<Scope, { readonly at: number; readonly count: Count }>()

  /** `recount` looks at everything. `now`: milliseconds since 1970. */
  constructor(recount: (scope: Scope) => Count, now: () => number) {
    this.recount = recount
    this.now = now
  }

  /** Not older than a second, and to be changed by whoever gives an address. */
  of(scope: Scope): Count {
    const now = this.now()
    const before = this.counts.get(scope)
    if (before !== undefined && now - before.at < countAgainMs) return before.count
    const count = this.recount(scope)
    this.counts.set(scope, { at: now, count })
    return count
  }
}

/** Of a small pool at least one address, unless the settings say none. */
export function partOf(size: number, share: number): number {
  return share === 0 ? 0 : Math.max(1, Math.floor(size * share))
}
