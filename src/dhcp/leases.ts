// Who has which address, who was offered which, and which address a client gets. Nothing here waits or writes.

import type { Lease } from '../model.ts'
import { formatSubnet, inSubnet, type Ipv4 } from '../net/ipv4.ts'
import type { Mac } from '../net/mac.ts'
import { Pool } from './pool.ts'
import type { Scope } from './scope.ts'

/** A client as a lease belongs to it. */
export type Holder = {
  /** What `dhcp.identity` says a lease belongs to. */
  readonly key: string
  /** Its reserved address. */
  readonly reserved?: Ipv4 | undefined
  /** Someone declared it or deployed to it: it is served also where strangers have had their share. */
  readonly known: boolean
}

/** An address held for a client until it takes it, or for as long as its lease is being written. */
type Offer = { readonly ip: Ipv4; readonly key: string; readonly known: boolean; readonly expires: number }

export type Identity = 'mac' | 'client-id'

export type LeasesParts = {
  readonly scopes: readonly Scope[]
  readonly identity: Identity
  /** For whom an address is reserved; undefined for nobody. */
  readonly reservedFor: (ip: Ipv4) => readonly Mac[] | undefined
  readonly isKnown: (mac: Mac) => boolean
  /** Whether an address is ours or a router's. */
  readonly isTaken: (ip: Ipv4) => boolean
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

const zeroMac = '00:00:00:00:00:00'

/** What a lease belongs to (RFC 2131 4.2); a client without the one goes by the other. */
export function keyOf(identity: Identity, mac: Mac, clientId: string | undefined): string {
  return clientId !== undefined && (identity === 'client-id' || mac === zeroMac) ? `id ${clientId}` : mac
}

/** How often a pool is counted anew; what is given in between is added. */
const countAgainMs = 1000

type Count = { at: number; active: number; unknown: number; declined: number }

export class Leases {
  private readonly parts: LeasesParts
  private readonly pools: ReadonlyMap<Scope, Pool>
  private readonly records = new Map<Ipv4, Lease>()
  private readonly byKey = new Map<string, Set<Ipv4>>()
  private readonly offers = new Map<Ipv4, Offer>()
  private readonly offerOf = new Map<string, Offer>()
  private readonly counts = new Map<Scope, Count>()

  constructor(parts: LeasesParts) {
    this.parts = parts
    this.pools = new Map(parts.scopes.map((scope) => [scope, new Pool(scope)]))
  }

  /** What the store holds about `lease.ip` from now on. */
  record(lease: Lease): void {
    const before = this.records.get(lease.ip)
    if (before !== undefined) this.unlink(before)
    this.records.set(lease.ip, lease)
    if (lease.state !== 'declined') {
      const key = this.keyOf(lease)
      const own = this.byKey.get(key)
      if (own === undefined) this.byKey.set(key, new Set([lease.ip]))
      else own.add(lease.ip)
    }
    this.withdraw(lease.ip)
    const count = lease.state === 'declined' ? this.countAt(lease.ip) : undefined
    if (count !== undefined) count.declined++
    if (lease.state === 'released') this.poolAt(lease.ip)?.refresh()
  }

  /** Everything on record, also what has ended. */
  all(): Iterable<Lease> {
    return this.records.values()
  }

  /** The lease of `key` in one of `scopes` that has not ended. */
  activeOf(key: string, scopes: readonly Scope[]): Lease | undefined {
    return this.recordsOf(key, scopes).find((lease) => this.isActive(lease))
  }

  /** Whether this client was ever given an address in `scopes`. */
  hasRecord(key: string, scopes: readonly Scope[]): boolean {
    return this.recordsOf(key, scopes).length > 0 || this.offered(key, scopes) !== undefined
  }

  /** Whether `ip` was given or offered to this client last, wherever it is by now. */
  isOwn(ip: Ipv4, key: string): boolean {
    return this.offerOf.get(key)?.ip === ip || this.byKey.get(key)?.has(ip) === true
  }

  /** Whether `ip` is ours to give in one of `scopes`, to whomever. */
  isOurs(ip: Ipv4, scopes: readonly Scope[]): boolean {
    const scope = this.scopeAt(ip, scopes)
    return scope !== undefined && (this.pools.get(scope)?.has(ip) === true || this.isReserved(ip))
  }

  activeAt(ip: Ipv4): Lease | undefined {
    const lease = this.records.get(ip)
    return lease !== undefined && this.isActive(lease) ? lease : undefined
  }

  /** The address waiting for `key`. */
  offered(key: string, scopes: readonly Scope[]): Ipv4 | undefined {
    const offer = this.offerOf.get(key)
    return offer !== undefined && this.scopeAt(offer.ip, scopes) !== undefined && this.isHeld(offer)
      ? offer.ip
      : undefined
  }

  /** RFC 2131 4.3.1: the reserved, the current, the previous, the requested address, then any that is free. */
  propose(holder: Holder, requested: Ipv4 | undefined, scopes: readonly Scope[]): Proposal {
    const { key, reserved } = holder
    const previous = this.recordsOf(key, scopes).toSorted((a, b) => b.expires - a.expires)
    const wishes = [reserved, this.offered(key, scopes), ...previous.map(({ ip }) => ip), requested]
    for (const ip of wishes) {
      const scope = ip === undefined ? undefined : this.scopeFor(ip, holder, scopes)
      if (ip === undefined || scope === undefined) continue
      const isNew = ip !== reserved && !this.isOwn(ip, key)
      if (isNew && this.lackOfShare(holder, scope) !== undefined) continue
      return { ip, scope }
    }
    return this.proposeFree(holder, scopes)
  }

  /** The scope in which `holder` may have `ip` now, or undefined. */
  scopeFor(ip: Ipv4, holder: Holder, scopes: readonly Scope[]): Scope | undefined {
    const scope = this.scopeAt(ip, scopes)
    if (scope === undefined || !this.isFreeFor(ip, holder.key)) return undefined
    if (holder.reserved === ip) return scope
    if (this.isReserved(ip)) return undefined
    return this.pools.get(scope)?.has(ip) === true ? scope : undefined
  }

  /** Keeps `ip` for the client until `seconds` have passed, it takes it or takes another. */
  hold(ip: Ipv4, holder: Holder, seconds = this.parts.limits.offer_hold): void {
    const { key, known } = holder
    const before = this.offerOf.get(key)
    if (before?.ip !== ip && before !== undefined) this.withdraw(before.ip)
    const isNew = before?.ip !== ip && this.activeAt(ip) === undefined
    const offer = { ip, key, known, expires: this.parts.now() + seconds * 1000 }
    this.offers.set(ip, offer)
    this.offerOf.set(key, offer)
    const count = isNew ? this.countAt(ip) : undefined
    if (count === undefined) return
    count.active++
    if (!known) count.unknown++
  }

  /** The client took another server's offer, or its lease could not be written. */
  withdraw(ip: Ipv4): void {
    const offer = this.offers.get(ip)
    if (offer === undefined) return
    this.offers.delete(ip)
    if (this.offerOf.get(offer.key) === offer) this.offerOf.delete(offer.key)
  }

  /** Whether one more address of this scope may be set aside because a client declined it. */
  mayDecline(ip: Ipv4): boolean {
    const scope = this.scopeAt(ip, this.parts.scopes)
    const pool = scope && this.pools.get(scope)
    if (scope === undefined || pool === undefined) return false
    const most = Math.max(1, Math.floor(pool.size * this.parts.limits.declined_share))
    return this.count(scope).declined < most
  }

  /** How much of a scope's pool is in use, from 0 to 1. */
  usage(scope: Scope): number {
    const size = this.pools.get(scope)?.size ?? 0
    return size === 0 ? 1 : this.count(scope).active / size
  }

  private proposeFree(holder: Holder, scopes: readonly Scope[]): Proposal {
    let why = 'no subnet here has a range'
    const now = this.parts.now()
    const isFree = (ip: Ipv4) => this.isFreeFor(ip, holder.key) && !this.isReserved(ip)
    const leftAt = (ip: Ipv4) => this.records.get(ip)?.expires
    for (const scope of scopes) {
      const pool = this.pools.get(scope)
      if (pool === undefined || pool.size === 0) continue
      const lack = this.lackOfShare(holder, scope)
      if (lack !== undefined) {
        why = lack
        continue
      }
      const ip = pool.take(isFree, leftAt, now) ?? (holder.known ? this.evict(scope) : undefined)
      if (ip !== undefined) return { ip, scope }
      why = `every address of ${formatSubnet(scope.subnet)} is in use`
    }
    return { none: why }
  }

  /** Machines that somebody knows go before strangers that were offered something and have not taken it. */
  private evict(scope: Scope): Ipv4 | undefined {
    for (const offer of this.offers.values()) {
      if (offer.known || !inSubnet(offer.ip, scope.subnet) || this.activeAt(offer.ip) !== undefined) continue
      this.withdraw(offer.ip)
      return offer.ip
    }
    return undefined
  }

  private lackOfShare(holder: Holder, scope: Scope): string | undefined {
    const size = this.pools.get(scope)?.size ?? 0
    const share = this.parts.limits.unknown_share
    if (holder.known || size === 0 || share >= 1) return undefined
    if (this.count(scope).unknown < Math.max(1, Math.floor(size * share))) return undefined
    return `machines that nobody declared have their share of ${formatSubnet(scope.subnet)} (dhcp.limits.unknown_share)`
  }

  private isFreeFor(ip: Ipv4, key: string): boolean {
    if (this.parts.isTaken(ip)) return false
    const lease = this.activeAt(ip)
    if (lease !== undefined && (lease.state === 'declined' || this.keyOf(lease) !== key)) return false
    const offer = this.offers.get(ip)
    return offer === undefined || offer.key === key || !this.isHeld(offer)
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
    return Array.from(this.byKey.get(key) ?? [], (ip) => this.records.get(ip)).filter(
      (lease): lease is Lease => lease !== undefined && this.scopeAt(lease.ip, scopes) !== undefined,
    )
  }

  private scopeAt(ip: Ipv4, scopes: readonly Scope[]): Scope | undefined {
    return scopes.find(({ subnet }) => inSubnet(ip, subnet))
  }

  private poolAt(ip: Ipv4): Pool | undefined {
    const scope = this.scopeAt(ip, this.parts.scopes)
    return scope && this.pools.get(scope)
  }

  private keyOf({ mac, clientId }: Lease): string {
    return keyOf(this.parts.identity, mac, clientId)
  }

  private unlink(lease: Lease): void {
    const key = this.keyOf(lease)
    const own = this.byKey.get(key)
    own?.delete(lease.ip)
    if (own?.size === 0) this.byKey.delete(key)
  }

  private countAt(ip: Ipv4): Count | undefined {
    const scope = this.scopeAt(ip, this.parts.scopes)
    return scope && this.count(scope)
  }

  private count(scope: Scope): Count {
    const now = this.parts.now()
    const before = this.counts.get(scope)
    if (before !== undefined && now - before.at < countAgainMs) return before
    const pool = this.pools.get(scope)
    const count = { at: now, active: 0, unknown: 0, declined: 0 }
    for (const lease of this.records.values()) {
      if (!this.isActive(lease) || pool?.has(lease.ip) !== true) continue
      count.active++
      if (lease.state === 'declined') count.declined++
      else if (!this.parts.isKnown(lease.mac)) count.unknown++
    }
    for (const [ip, offer] of this.offers) {
      if (!this.isHeld(offer)) this.withdraw(ip)
      else if (pool?.has(ip) === true && this.activeAt(ip) === undefined) {
        count.active++
        if (!offer.known) count.unknown++
      }
    }
    this.counts.set(scope, count)
    return count
  }
}
