// How much of each subnet's range is in use, and by whom: counted now and then, kept up in between.

import type { Scope } from './scope.ts'

export type Count = { active: number; unknown: number; declined: number }

/** How often a range is counted anew; what is given in between is added. */
const countAgainMs = 1000

export class Usage {
  private readonly countAnew: (scope: Scope) => Count
  private readonly now: () => number
  private readonly counts = new Map<Scope, { readonly at: number; readonly count: Count }>()

  constructor(countAnew: (scope: Scope) => Count, now: () => number) {
    this.countAnew = countAnew
    this.now = now
  }

  /** To be added to. */
  of(scope: Scope): Count {
    const at = this.now()
    const before = this.counts.get(scope)
    if (before !== undefined && at - before.at < countAgainMs) return before.count
    const count = this.countAnew(scope)
    this.counts.set(scope, { at, count })
    return count
  }
}

/** Of a small range at least one address, unless the settings say none. */
export function partOf(size: number, share: number): number {
  return share === 0 ? 0 : Math.max(1, Math.floor(size * share))
}
