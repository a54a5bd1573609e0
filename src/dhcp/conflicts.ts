// Keeps some free addresses of each subnet probed, so that an OFFER need not wait to know that nobody uses its address.

import { printable, type Tell } from '../events.ts'
import { formatIpv4, formatSubnet, type Ipv4 } from '../net/ipv4.ts'
import type { Mac } from '../net/mac.ts'
import type { Scope } from './scope.ts'

/** Who answers for which of these addresses; `unknown`: somebody, behind a router. */
export type Probe = (scope: Scope, ips: readonly Ipv4[]) => Promise<ReadonlyMap<Ipv4, Mac | 'unknown'>>

/** What the leases ask of the search. */
export type ConflictCheck = {
  /** One that was free when it was probed last. */
  readonly take: (scope: Scope) => Ipv4 | undefined
  /** Whether somebody other than `mac` uses it. */
  readonly isUsed: (ip: Ipv4, mac?: Mac) => boolean
  /** `mac` has the lease of `ip` from now on: if it used it before, it does so rightly now. */
  readonly given: (ip: Ipv4, mac: Mac) => void
  /** An address that was not probed just now was offered: it is asked about. */
  readonly verify: (scope: Scope, ip: Ipv4) => void
  /** Resolves when isUsed() knows of an address that is asked about; undefined: it knows. */
  readonly verified: (ip: Ipv4) => Promise<void> | undefined
}

/** What the search needs of the leases. */
export type Supply = {
  /** The next address that is free for anybody, or undefined. */
  readonly take: (scope: Scope) => Ipv4 | undefined
  readonly isFree: (ip: Ipv4) => boolean
  /** Whether a machine has it: who answers is no other. */
  readonly isLeased: (ip: Ipv4) => boolean
}

export type ConflictsParts = {
  readonly scopes: readonly Scope[]
  readonly probe: Probe
  readonly supply: Supply
  readonly tell: Tell
  /** Milliseconds, never backwards. */
  readonly now: () => number
  readonly sleep: (ms: number) => Promise<void>
}

/** How many addresses are kept ready; more while many are taken. */
const fewest = 16
const most = 512
/** What was silent so long ago is asked again. */
const freshMs = 30_000
const lookEveryMs = 250
/** Somebody may have come since: what was silent before that is asked again while the client thinks about its offer. */
const justNowMs = 2000
/** RFC 2131 leaves it open; a machine with a fixed address keeps it. */
const inUseMs = 900_000
/** No machine has so many. */
const manyAddresses = 8

type Ready = { readonly ip: Ipv4; readonly at: number }

type Shelf = {
  ready: Ready[]
  taken: number
  wanted: number
  /** Offered without having been probed just now. */
  doubted: Ipv4[]
  verifying: Promise<void> | undefined
}

/** Those offered in one burst are asked about together. */
const verifyAfterMs = 10

export class Conflicts implements ConflictCheck {
  private readonly parts: ConflictsParts
  private readonly shelves: ReadonlyMap<Scope, Shelf>
  /** What has ended stays, so that it is told once however often it is found again. */
  private readonly inUse = new Map<Ipv4, { readonly by: Mac | 'unknown'; readonly until: number }>()
  private readonly underway = new Map<Ipv4, Promise<void>>()
  /** What each was found using and has not ended, the oldest first. */
  private readonly foundBy = new Map<Mac, Set<Ipv4>>()
  private isStopped = false

  constructor(parts: ConflictsParts) {
    this.parts = parts
    this.shelves = new Map(
      parts.scopes.map((scope) => [
        scope,
        { ready: [], taken: 0, wanted: fewest, doubted: [], verifying: undefined },
      ]),
    )
  }

  /** Resolves when the first addresses of every subnet are probed; goes on in the background. */
  async start(): Promise<void> {
    await Promise.all([...this.shelves].map(([scope, shelf]) => this.refill(scope, shelf)))
    void this.run()
  }

  stop(): void {
    this.isStopped = true
  }

  /** Whether somebody other than `mac` was found using `ip`. */
  isUsed(ip: Ipv4, mac?: Mac): boolean {
    const use = this.inUse.get(ip)
    return use !== undefined && use.until > this.parts.now() && use.by !== mac
  }

  given(ip: Ipv4, mac: Mac): void {
    if (this.inUse.get(ip)?.by !== mac) return
    this.inUse.delete(ip)
    this.foundBy.get(mac)?.delete(ip)
  }

  /** A probed address that is still free; undefined where none is ready. */
  take(scope: Scope): Ipv4 | undefined {
    const shelf = this.shelves.get(scope)
    if (shelf === undefined) return undefined
    shelf.taken++
    for (let next = shelf.ready.shift(); next !== undefined; next = shelf.ready.shift()) {
      if (!this.parts.supply.isFree(next.ip)) continue
      if (this.parts.now() - next.at > justNowMs) this.verify(scope, next.ip)
      return next.ip
    }
    return undefined
  }

  /** With those that are offered in the same burst. A flood leaves the check to the clients (RFC 2131 2.2). */
  verify(scope: Scope, ip: Ipv4): void {
    const shelf = this.shelves.get(scope)
    if (shelf === undefined || shelf.doubted.length >= most || this.underway.has(ip)) return
    shelf.doubted.push(ip)
    shelf.verifying ??= this.verifyAll(scope, shelf)
    this.underway.set(ip, shelf.verifying)
  }

  verified(ip: Ipv4): Promise<void> | undefined {
    return this.underway.get(ip)
  }

  private async verifyAll(scope: Scope, shelf: Shelf): Promise<void> {
    await this.parts.sleep(verifyAfterMs)
    shelf.verifying = undefined
    const ips = shelf.doubted.splice(0)
    for (const [ip, by] of await this.ask(scope, ips)) this.mark(ip, by)
    for (const ip of ips) this.underway.delete(ip)
  }

  private async run(): Promise<void> {
    while (!this.isStopped) {
      await this.parts.sleep(lookEveryMs)
      if (this.isStopped) return
      await Promise.all([...this.shelves].map(([scope, shelf]) => this.refill(scope, shelf)))
    }
  }

  /** Asks about as many as are lacking or were asked too long ago. */
  private async refill(scope: Scope, shelf: Shelf): Promise<void> {
    // Twice of what was taken in the last round, and then slowly down again.
    shelf.wanted = Math.min(most, Math.max(fewest, shelf.taken * 2, Math.floor(shelf.wanted * 0.9)))
    shelf.taken = 0
    // What was leased otherwise than by take(): a requested address, a reserved one, the one a machine had before.
    shelf.ready = shelf.ready.filter(({ ip }) => this.parts.supply.isFree(ip))
    const now = this.parts.now()
    const isStale = ({ at }: Ready) => now - at > freshMs
    const stale = shelf.ready.filter(isStale).map(({ ip }) => ip)
    const fresh = this.lacking(scope, shelf)
    const asked = [...stale, ...fresh]
    if (asked.length === 0) return
    const holders = await this.ask(scope, asked)
    for (const [ip, by] of holders) this.mark(ip, by)
    const at = this.parts.now()
    const isAsked = new Set(asked)
    shelf.ready = [
      ...shelf.ready.filter(({ ip }) => !isAsked.has(ip)),
      ...asked.filter((ip) => !holders.has(ip)).map((ip) => ({ ip, at })),
    ]
  }

  private lacking(scope: Scope, shelf: Shelf): readonly Ipv4[] {
    const shelved = new Set(shelf.ready.map(({ ip }) => ip))
    const found: Ipv4[] = []
    while (shelved.size < shelf.wanted) {
      const ip = this.parts.supply.take(scope)
      if (ip === undefined || shelved.has(ip)) break
      shelved.add(ip)
      found.push(ip)
    }
    return found
  }

  private async ask(scope: Scope, ips: readonly Ipv4[]): Promise<ReadonlyMap<Ipv4, Mac | 'unknown'>> {
    try {
      return await this.parts.probe(scope, ips)
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      const text = `addresses of ${formatSubnet(scope.subnet)} cannot be probed: ${why}`
      this.parts.tell({ level: 'warn', step: 'dhcp.conflict', text: printable(text) })
      return new Map()
    }
  }

  private mark(ip: Ipv4, by: Mac | 'unknown'): void {
    // Leased while it was asked about: it is the lessee that answers.
    if (this.parts.supply.isLeased(ip)) return
    const before = this.inUse.get(ip)
    this.inUse.set(ip, { by, until: this.parts.now() + inUseMs })
    if (before !== undefined && before.by !== 'unknown') this.foundBy.get(before.by)?.delete(ip)
    const count = by === 'unknown' ? 1 : this.countOf(ip, by)
    const who = by === 'unknown' ? 'somebody' : by
    const many = `${who} answers for many addresses, as a router with proxy ARP does: none of them is given. See there, or set dhcp.conflict_check: false`
    const one = `${who} uses ${formatIpv4(ip)} without a lease: it is not given to others for 15 minutes`
    this.parts.tell({
      level: before?.by === by || count > manyAddresses ? 'debug' : 'warn',
      step: 'dhcp.conflict',
      text: count === manyAddresses ? many : one,
    })
  }

  /** How many addresses `by` was found using of late, `ip` as the last. */
  private countOf(ip: Ipv4, by: Mac): number {
    const found = this.foundBy.get(by) ?? new Set()
    this.foundBy.set(by, found.add(ip))
    for (const old of found) {
      if (this.isUsed(old)) break
      found.delete(old)
    }
    return found.size
  }
}
