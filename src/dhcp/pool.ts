// The addresses of one subnet that may be given to anybody, in the order in which they are best given.

import { broadcastOf, inRange, ipv4, type Ipv4, type Range } from '../net/ipv4.ts'
import type { Scope } from './scope.ts'

/** At a full pool every DISCOVER would look through all of it: milliseconds between two such looks. */
const lookAgainMs = 1000

export class Pool {
  readonly size: number
  private readonly ranges: readonly Range[]
  /** Where in which range the addresses start that were never given. */
  private range = 0
  private next: number
  /** Those given before, the one that was left longest ago last. */
  private used: Ipv4[] = []
  private lookedAt = -Infinity

  constructor(scope: Scope) {
    this.ranges = scope.ranges.flatMap((range) => trimmed(range, scope))
    this.size = this.ranges.reduce((sum, { first, last }) => sum + last - first + 1, 0)
    this.next = this.ranges[0]?.first ?? 0
  }

  has(ip: Ipv4): boolean {
    return this.ranges.some((range) => inRange(ip, range))
  }

  /**
   * The next one that `isFree`: first what was never given, then what was left longest ago, so that a machine that
   * comes back finds its old address (RFC 2131 4.3.1). `leftAt`: milliseconds since 1970; undefined: never given.
   */
  take(
    isFree: (ip: Ipv4) => boolean,
    leftAt: (ip: Ipv4) => number | undefined,
    now: number,
  ): Ipv4 | undefined {
    for (let ip = this.fresh(); ip !== undefined; ip = this.fresh()) {
      if (leftAt(ip) === undefined && isFree(ip)) return ip
    }
    for (let ip = this.used.pop(); ip !== undefined; ip = this.used.pop()) if (isFree(ip)) return ip
    if (now - this.lookedAt < lookAgainMs) return undefined
    this.lookedAt = now
    this.used = [...this.all()]
      .filter(isFree)
      .map((ip) => ({ ip, left: leftAt(ip) ?? 0 }))
      .toSorted((a, b) => b.left - a.left)
      .map(({ ip }) => ip)
    return this.used.pop()
  }

  /** An address came free: a look may find something again. */
  refresh(): void {
    this.lookedAt = -Infinity
  }

  private fresh(): Ipv4 | undefined {
    let range = this.ranges[this.range]
    while (range !== undefined && this.next > range.last) {
      range = this.ranges[++this.range]
      this.next = range?.first ?? 0
    }
    return range === undefined ? undefined : ipv4(this.next++)
  }

  private *all(): Generator<Ipv4> {
    for (const { first, last } of this.ranges) {
      for (let ip: number = first; ip <= last; ip++) yield ipv4(ip)
    }
  }
}

/** The subnet's own address and its broadcast address are nobody's (RFC 1122 3.2.1.3), but for /31 and /32 (RFC 3021). */
function trimmed({ first, last }: Range, { subnet }: Scope): readonly Range[] {
  if (subnet.prefix >= 31) return [{ first, last }]
  const from = first === subnet.network ? ipv4(first + 1) : first
  const to = last === broadcastOf(subnet) ? ipv4(last - 1) : last
  return from <= to ? [{ first: from, last: to }] : []
}
