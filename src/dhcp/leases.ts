// Who has which address, who was offered which, and which address a client gets. Nothing here waits or writes.

import type { Lease } from '../model.ts'
import { formatSubnet, inSubnet, type Ipv4 } from '../net/ipv4.ts'
import type { Mac } from '../net/mac.ts'
import type { ConflictCheck } from './conflicts.ts'
import { Counts, partOf, type Count } from './counts.ts'
import { keyOf, type Holder, type Identity } from './holder.ts'
import { Offers, type Offer } from './offers.ts'
import { Pool } from './pool.ts'
import { Records } from './records.ts'
import type { Scope } from './scope.ts'

export type LeasesParts = {
  readonly scopes: readonly Scope[]
  readonly identity: Identity
  /** For whom an address is reserved; undefined for nobody. */
  readonly reservedFor: (ip: Ipv4) => readonly Mac[] | undefined
  readonly isKnown: (mac: Mac) => boolean
  /** Whether an address is ours or a router's. */
  readonly isTaken: (ip: Ipv4) => boolean
  /** Addresses known to be used by nobody, and those known to be used without a lease; undefined: not looked for. */
  readonly conflicts?: ConflictCheck | undefined
  /** Shares of a pool, and seconds. */
  readonly limits: {
    readonly unknown_share: number
    readonly declined_share: number
    readonly offer_hold: number
  }
  /** Milliseconds since 1970. */
  readonly now: () => number
}

export type Proposal = { readonly ip: Ipv4; readonly scope: Scope } | { readonly none: string }

const setAsideMs = 600_000

export class Leases {
  readonly conflicts: ConflictCheck | undefined
  private readonly parts: LeasesParts
  private readonly pools: ReadonlyMap<Scope, Pool>
  private readonly records: Records
  private readonly offers = new Offers()
  private readonly counts: Counts

  constructor(parts: LeasesParts) {
    this.parts = parts
    this.conflicts = parts.conflicts
    this.pools = new Map(parts.scopes.map((scope) => [scope, new Pool(scope)]))
    this.records = new Records((lease) => this.keyOf(lease))
    this.counts = new Counts((scope) => this.recount(scope), parts.now)
  }

  /** What the store holds about `lease.ip` from now on. */
  record(lease: Lease): void {
    this.records.put(lease)
    this.withdraw(lease.ip)
    const count = lease.state === 'declined' ? this.countAt(lease.ip) : undefined
    if (count !== undefined) count.declined++
    if (lease.state === 'bound') this.conflicts?.given(lease.ip, lease.mac)
    if (lease.state === 'released') this.poolAt(lease.ip)?.refresh()
  }

  /** Everything on record, also what has ended. */
  all(): Iterable<Lease> {
    return this.records.all()
  }

  /** The leases of `key` in `scopes` that have not ended: one, or two where a reservation was made meanwhile. */
  activeOf(key: string, scopes: readonly Scope[]): readonly Lease[] {
    return this.recordsOf(key, scopes).filter((lease) => this.isActive(lease))
  }

  /** Whether this client was ever given an address in `scopes`. */
  hasRecord(key: string, scopes: readonly Scope[]): boolean {
    return this.recordsOf(key, scopes).length > 0 || this.offered(key, scopes) !== undefined
  }

  /** Whether `ip` was given or offered to this client last, wherever it is by now. */
  isOwn(ip: Ipv4, key: string): boolean {
    return this.offers.of(key)?.ip === ip || this.records.belongs(ip, key)
  }

  /** Whether `ip` is ours to give in one of `scopes`, to whomever. */
  isOurs(ip: Ipv4, scopes: readonly Scope[]): boolean {
    const scope = this.scopeAt(ip, scopes)
    return scope !== undefined && (this.pools.get(scope)?.has(ip) === true || this.isReserved(ip))
  }

  /** The last lease of `ip`, also one that has ended. */
  recordAt(ip: Ipv4): Lease | undefined {
    return this.records.at(ip)
  }

  activeAt(ip: Ipv4): Lease | undefined {
    const lease = this.records.at(ip)
    return lease !== undefined && this.isActive(lease) ? lease : undefined
  }

  /** The address waiting for `key`. */
  offered(key: string, scopes: readonly Scope[]): Ipv4 | undefined {
    const offer = this.offers.of(key)
    return offer !== undefined && this.scopeAt(offer.ip, scopes) !== undefined && this.isHeld(offer)
      ? offer.ip
      : undefined
  }

  /** RFC 2131 4.3.1: the reserved, the current, the previous, the requested address, then any that is free. */
  propose(holder: Holder, requested: Ipv4 | undefined, scopes: readonly Scope[]): Proposal {
    const { key, reserved } = holder
    const wish = this.wish(reserved, holder, scopes) ?? this.wish(this.offered(key, scopes), holder, scopes)
    if (wish !== undefined) return wish
    for (const { ip } of this.recordsOf(key, scopes).toSorted((a, b) => b.expires - a.expires)) {
      const previous = this.wish(ip, holder, scopes)
      if (previous !== undefined) return previous
    }
    return this.wish(requested, holder, scopes) ?? this.proposeFree(holder, scopes)
  }

  /** The scope in which `holder` may have `ip` now, or undefined. */
  scopeFor(ip: Ipv4, holder: Holder, scopes: readonly Scope[]): Scope | undefined {
    const scope = this.scopeAt(ip, scopes)
    if (scope === undefined || !this.isFreeFor(ip, holder)) return undefined
    if (holder.reserved === ip) return scope
    if (this.isReserved(ip) || this.pools.get(scope)?.has(ip) !== true) return undefined
    // What it holds already is part of the strangers' share; what it once had is not.
    const isHeld = this.activeAt(ip) !== undefined || this.offered(holder.key, [scope]) === ip
    return isHeld || this.lackOfShare(holder, scope) === undefined ? scope : undefined
  }

  /** Keeps `ip` for the client until it takes it or another, or a while has passed. `taken`: its lease is being written. */
  hold(ip: Ipv4, { key, known }: Holder, taken = false): void {
    const before = this.offers.of(key)
    const isNew = before?.ip !== ip && this.activeAt(ip) === undefined
    const count = isNew ? this.countAt(ip) : undefined
    const expires = this.parts.now() + this.parts.limits.offer_hold * 1000
    this.offers.add({ ip, key, known, taken: taken || (before?.ip === ip && before.taken === true), expires })
    if (count === undefined) return
    count.active++
    if (!known) count.unknown++
  }

  /** The client took another server's offer, or its lease could not be written. */
  withdraw(ip: Ipv4): void {
    this.offers.remove(ip)
  }

  /** The store knows something of `ip` that we do not: nobody is offered it for a while. */
  setAside(ip: Ipv4): void {
    const expires = this.parts.now() + setAsideMs
    this.offers.add({ ip, key: `nobody ${ip}`, known: true, expires })
  }

  /** Whether one more address of this scope may be set aside because a client declined it. */
  mayDecline(ip: Ipv4): boolean {
    const scope = this.scopeAt(ip, this.parts.scopes)
    const pool = scope && this.pools.get(scope)
    if (scope === undefined || pool === undefined) return false
    const most = partOf(pool.size, this.parts.limits.declined_share)
    return this.counts.of(scope, 'declined', most) < most
  }

  /** How much of a scope's pool is in use, from 0 to 1; below `limit` it may be less. */
  usage(scope: Scope, limit: number): number {
    const size = this.pools.get(scope)?.size ?? 0
    return size === 0 ? 0 : this.counts.of(scope, 'active', limit * size) / size
  }

  /** The next address of a scope's pool that is free for anybody. */
  nextFree(scope: Scope): Ipv4 | undefined {
    const leftAt = (ip: Ipv4) => this.records.at(ip)?.expires
    return this.pools.get(scope)?.take((ip) => this.isFree(ip), leftAt, this.parts.now())
  }

  /** Whether `ip` is free for anybody. */
  isFree(ip: Ipv4): boolean {
    return this.isFreeFor(ip, undefined) && !this.isReserved(ip)
  }

  private wish(ip: Ipv4 | undefined, holder: Holder, scopes: readonly Scope[]): Proposal | undefined {
    const scope = ip === undefined ? undefined : this.scopeFor(ip, holder, scopes)
    if (ip === undefined || scope === undefined) return undefined
    // Somebody else may have taken it since this client left it, or always had it.
    const isHeld = this.activeAt(ip) !== undefined || this.offers.at(ip) !== undefined
    if (!isHeld) this.conflicts?.verify(scope, ip)
    return { ip, scope }
  }

  private proposeFree(holder: Holder, scopes: readonly Scope[]): Proposal {
    let why = 'no subnet here has a range'
    for (const scope of scopes) {
      if ((this.pools.get(scope)?.size ?? 0) === 0) continue
      const lack = this.lackOfShare(holder, scope)
      if (lack !== undefined) {
        why = lack
        continue
      }
      const probed = this.conflicts?.take(scope)
      const ip = probed ?? this.nextFree(scope) ?? (holder.known ? this.evict(scope, holder) : undefined)
      if (ip !== undefined && probed === undefined) this.conflicts?.verify(scope, ip)
      if (ip !== undefined) return { ip, scope }
      why = `every address of ${formatSubnet(scope.subnet)} is in use`
    }
    return { none: why }
  }

  /** Machines that somebody knows go before strangers that were offered something and have not taken it. */
  private evict(scope: Scope, { mac, reserved }: Holder): Ipv4 | undefined {
    for (const { ip, known, taken } of this.offers.all()) {
      const isKept = known || taken === true || this.activeAt(ip) !== undefined
      if (isKept || !inSubnet(ip, scope.subnet)) continue
      // Reserved for another meanwhile, or found in use: who asks for it would be refused.
      const isOthers = this.isReserved(ip) && ip !== reserved
      if (isOthers || this.parts.isTaken(ip) || this.conflicts?.isUsed(ip, mac) === true) continue
      this.withdraw(ip)
      return ip
    }
    return undefined
  }

  private lackOfShare(holder: Holder, scope: Scope): string | undefined {
    const size = this.pools.get(scope)?.size ?? 0
    const share = this.parts.limits.unknown_share
    if (holder.known || size === 0 || share >= 1) return undefined
    const most = partOf(size, share)
    if (this.counts.of(scope, 'unknown', most) < most) return undefined
    return `machines that nobody declared have their share of ${formatSubnet(scope.subnet)} (dhcp.limits.unknown_share)`
  }

  /** `holder` undefined: anybody. */
  private isFreeFor(ip: Ipv4, holder: Holder | undefined): boolean {
    if (this.parts.isTaken(ip)) return false
    const lease = this.activeAt(ip)
    // A reservation is its card's: also where the ROM has no client-id and the system behind it has one.
    const isOwnCard = holder?.reserved === ip && holder.mac === lease?.mac
    if (lease?.state === 'bound') return isOwnCard || this.keyOf(lease) === holder?.key
    if (lease !== undefined || this.conflicts?.isUsed(ip, holder?.mac) === true) return false
    const offer = this.offers.at(ip)
    return offer === undefined || offer.key === holder?.key || !this.isHeld(offer)
  }

  private isReserved(ip: Ipv4): boolean {
    return this.parts.reservedFor(ip) !== undefined
  }

  private isActive({ state, expires }: Lease): boolean {
    return state !== 'released' && expires > this.parts.now()
  }

  private isHeld({ expires }: Offer): boolean {
    return expires > this.parts.now()
  }

  private recordsOf(key: string, scopes: readonly Scope[]): readonly Lease[] {
    const own = this.records.of(key)
    return own.length === 0 ? own : own.filter(({ ip }) => this.scopeAt(ip, scopes) !== undefined)
  }

  private scopeAt(ip: Ipv4, scopes: readonly Scope[]): Scope | undefined {
    for (const scope of scopes) if (inSubnet(ip, scope.subnet)) return scope
    return undefined
  }

  private poolAt(ip: Ipv4): Pool | undefined {
    const scope = this.scopeAt(ip, this.parts.scopes)
    return scope && this.pools.get(scope)
  }

  private keyOf({ mac, clientId }: Lease): string {
    return keyOf(this.parts.identity, mac, clientId)
  }

  /** What `ip` is part of; undefined for one outside the ranges, which takes nothing from them. */
  private countAt(ip: Ipv4): Count | undefined {
    const scope = this.scopeAt(ip, this.parts.scopes)
    return scope !== undefined && this.pools.get(scope)?.has(ip) === true
      ? this.counts.kept(scope)
      : undefined
  }

  private recount(scope: Scope): Count {
    const pool = this.pools.get(scope)
    const count = { active: 0, unknown: 0, declined: 0 }
    for (const lease of this.records.all()) {
      if (!this.isActive(lease) || pool?.has(lease.ip) !== true) continue
      count.active++
      if (lease.state === 'declined') count.declined++
      else if (!this.parts.isKnown(lease.mac)) count.unknown++
    }
    for (const offer of this.offers.all()) {
      if (!this.isHeld(offer)) this.withdraw(offer.ip)
      else if (pool?.has(offer.ip) === true && this.activeAt(offer.ip) === undefined) {
        count.active++
        if (!offer.known) count.unknown++
      }
    }
    return count
  }
}
