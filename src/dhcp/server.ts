// The DHCP server: leases, engine and links put together, with the searches for other servers and for used addresses.

import { setTimeout as sleep } from 'node:timers/promises'
import type { Decision } from '../boot/decide.ts'
import type { Facts } from '../boot/facts.ts'
import { hushed, type Tell } from '../events.ts'
import type { Host, Lease } from '../model.ts'
import { FrameSender } from '../net/frame.ts'
import { formatIpv4, formatSubnet, type Ipv4 } from '../net/ipv4.ts'
import { openLibc, type Libc } from '../net/libc.ts'
import { formatLink, isIn, linksWithoutCarrier, localLinks } from '../net/links.ts'
import type { Mac } from '../net/mac.ts'
import type { DhcpSettings } from '../settings/schema.ts'
import type { Refusal } from '../store/store.ts'
import { Commits, type Commit } from './commits.ts'
import { Conflicts, type ConflictCheck } from './conflicts.ts'
import { Engine } from './engine.ts'
import { Inbox } from './inbox.ts'
import { Leases } from './leases.ts'
import { Links, type LinkState } from './links.ts'
import { makeProbe } from './probe.ts'
import type { Objection } from './request.ts'
import { Rivals } from './rivals.ts'
import { scopesOf, type Scope } from './scope.ts'
import type { Sockets } from './sockets.ts'

export type DhcpServerParts = {
  readonly settings: DhcpSettings
  readonly interfaces: readonly string[] | undefined
  readonly advertise: Ipv4 | undefined
  /** For whom an address is reserved; undefined for nobody. */
  readonly reservedFor: (ip: Ipv4) => readonly Mac[] | undefined
  /** What the store holds. */
  readonly leases: readonly Lease[]
  readonly decide: (facts: Facts) => Decision
  readonly hostOf: (mac: Mac) => Host | undefined
  readonly commit: Commit
  readonly learn: (ip: Ipv4, mac: Mac) => void
  readonly tell: Tell
  /** Milliseconds since 1970, never backwards. */
  readonly now: () => number
}

/** More lines of one kind in a second help nobody to follow a boot. */
const mostLinesPerSecond = 100

/** Of a change of all leases, so that others have their turn. */
const shiftedAtOnce = 500

export class DhcpServer {
  readonly leases: Leases
  private readonly parts: DhcpServerParts
  private readonly scopes: readonly Scope[]
  private readonly commits: Commits
  private readonly links: Links
  private conflicts: Conflicts | undefined
  private rivals: Rivals | undefined

  constructor(parts: DhcpServerParts) {
    this.parts = parts
    const { settings, reservedFor, hostOf, now } = parts
    this.scopes = scopesOf(settings)
    const routers = new Set<Ipv4>(settings.subnets.flatMap(({ router }) => router ?? []))
    this.leases = new Leases({
      scopes: this.serverScopes(),
      identity: settings.identity,
      reservedFor,
      isKnown: (mac) => hostOf(mac) !== undefined,
      isTaken: (ip) => routers.has(ip) || this.links.isOurs(ip),
      conflicts: settings.conflict_check ? this.conflictCheck() : undefined,
      limits: settings.limits,
      now,
    })
    for (const lease of parts.leases) this.leases.record(lease)
    this.commits = new Commits(parts.commit)
    this.links = this.makeLinks(this.makeEngine())
  }

  /** @throws BindError */
  async start(): Promise<void> {
    const { settings, tell } = this.parts
    const libc = await openLibc()
    if (!('unavailable' in libc) && settings.bind === 0 && this.serverScopes().length > 0) {
      if (settings.other_servers === 'refuse') {
        this.rivals = new Rivals(libc, (ip) => this.links.isOurs(ip), tell)
      }
      if (settings.conflict_check) this.conflicts = this.makeConflicts(libc)
    }
    await this.links.start()
    if ('unavailable' in libc) this.tellUnsafe(libc.unavailable)
    this.tellRelayed()
    await this.conflicts?.start()
  }

  stop(): void {
    this.conflicts?.stop()
    this.rivals?.stop()
    this.links.stop()
  }

  /** Each link that is served, or should be. */
  states(): readonly LinkState[] {
    return this.links.states().map((state) => {
      const because = state.serving ? this.objectionTo(state.name)?.because : undefined
      return because === undefined ? state : { ...state, serving: false, because }
    })
  }

  /** Leases that have not ended, and addresses set aside after a DECLINE; by address. */
  activeLeases(): readonly Lease[] {
    const now = this.parts.now()
    return [...this.leases.all()]
      .filter(({ state, expires }) => state !== 'released' && expires > now)
      .toSorted((a, b) => a.ip - b.ip)
  }

  /** Ends the lease of `ip`, on disk when it resolves; undefined where there is none, or why it could not be stored. */
  async release(ip: Ipv4): Promise<Lease | undefined | Refusal> {
    const lease = this.leases.activeAt(ip)
    if (lease === undefined) return undefined
    const released: Lease = { ...lease, state: 'released', expires: this.parts.now() }
    const [outcome] = await this.commits.add([released])
    if (outcome !== 'ok') return outcome === undefined || outcome === 'conflict' ? 'full' : outcome
    this.leases.record(released)
    return released
  }

  /**
   * The clock is about to be set by `ms`, and now() with it: leases last as long as they would have, at once for us,
   * and on disk when it resolves.
   */
  async shift(ms: number): Promise<void> {
    // Only what has not ended is worth a write.
    const leases = this.activeLeases().map((lease) => shifted(lease, ms))
    for (const lease of this.leases.all()) this.leases.record(shifted(lease, ms))
    for (let from = 0; from < leases.length; from += shiftedAtOnce) {
      await this.commits.add(leases.slice(from, from + shiftedAtOnce))
    }
  }

  private serverScopes(): readonly Scope[] {
    return this.scopes.filter(({ mode }) => mode === 'server')
  }

  private makeEngine(): Engine {
    const { settings, advertise, decide, hostOf, learn, tell, now } = this.parts
    return new Engine({
      site: { mode: settings.mode, scopes: this.scopes, advertise },
      leases: this.leases,
      identity: settings.identity,
      authoritative: settings.authoritative,
      isAlone: settings.other_servers === 'refuse',
      decide,
      hostOf,
      commit: (leases) => this.commits.add(leases),
      learn,
      isOurs: (ip) => this.links.isOurs(ip),
      isOwnProbe: (mac) => this.rivals?.isOwn(mac) ?? false,
      isServed: (link) => this.links.serves(link),
      objectionTo: (link) => this.objectionTo(link),
      tell: hushed(tell, mostLinesPerSecond, now),
      now,
    })
  }

  private makeLinks(engine: Engine): Links {
    const { settings, interfaces, tell } = this.parts
    return new Links({
      names: interfaces,
      subnets: this.scopes.filter(({ mode }) => mode !== 'off').map(({ subnet }) => subnet),
      bind: settings.bind,
      port: settings.port,
      hasBootServer: settings.mode === 'proxy' || this.scopes.some(({ mode }) => mode === 'proxy'),
      receive: this.inbox(engine).put,
      openFrames,
      opened: (sockets) => {
        this.searchRivals(sockets)
        return this.objectionTo(sockets.link.name)?.because
      },
      closed: (name) => this.rivals?.forget(name),
      tell,
    })
  }

  /** The ACKs of what came in go out before the OFFERs. */
  private inbox(engine: Engine): Inbox {
    return new Inbox((...datagram) => void engine.receive(...datagram), this.commits.flush, this.parts.tell)
  }

  private makeConflicts(libc: Libc): Conflicts {
    const { tell, now } = this.parts
    return new Conflicts({
      scopes: this.serverScopes(),
      probe: makeProbe({
        libc,
        links: () => this.links.serving().map(({ link, main }) => ({ link, socket: main?.socket })),
        lastHolder: (ip) => this.leases.recordAt(ip)?.mac,
      }),
      supply: {
        take: (scope) => this.leases.nextFree(scope),
        isFree: (ip) => this.leases.isFree(ip),
        isLeased: (ip) => this.leases.activeAt(ip) !== undefined,
      },
      tell,
      now,
      sleep: (ms) => sleep(ms, undefined, { ref: false }),
    })
  }

  private conflictCheck(): ConflictCheck {
    return {
      take: (scope) => this.conflicts?.take(scope),
      isUsed: (ip, mac) => this.conflicts?.isUsed(ip, mac) ?? false,
      given: (ip, mac) => this.conflicts?.given(ip, mac),
      verify: (scope, ip) => this.conflicts?.verify(scope, ip),
      verified: (ip) => this.conflicts?.verified(ip),
    }
  }

  /** Only where we would give addresses. */
  private searchRivals({ link, main }: Sockets): void {
    const gives = this.serverScopes().map(({ subnet }) => subnet)
    if (isIn(link, gives) && main !== undefined) this.rivals?.watch(link, main)
  }

  /** Why no address is given to machines on this link now. */
  private objectionTo(link: string): Objection | undefined {
    const verdict = this.rivals?.verdictOf(link) ?? 'clear'
    if (verdict === 'clear') return undefined
    return verdict === 'checking'
      ? { because: 'it is searched for other DHCP servers first', isBrief: true }
      : { because: `another DHCP server, ${formatIpv4(verdict.server)}, answers there`, isBrief: false }
  }

  private tellUnsafe(unavailable: string): void {
    const { other_servers, conflict_check } = this.parts.settings
    const lacks = [
      ...(other_servers === 'refuse' ? ['no other DHCP server is searched for'] : []),
      ...(conflict_check ? ['no address is probed'] : []),
    ]
    if (lacks.length === 0 || this.serverScopes().length === 0) return
    const text = `${lacks.join(' and ')}, as the package koffi does not load here (${unavailable}): run npm ci again on this machine`
    this.parts.tell({ level: 'warn', step: 'dhcp.unprobed', text })
  }

  private tellRelayed(): void {
    const links = localLinks()
    for (const { subnet, mode } of this.scopes) {
      if (mode === 'off' || links.some((link) => isIn(link, [subnet]))) continue
      const waiting = linksWithoutCarrier().find((link) => isIn(link, [subnet]))
      const text =
        waiting === undefined
          ? `no link that is up has an address in ${formatSubnet(subnet)}: it is served through relays only`
          : `${formatLink(waiting)} has no carrier, as nothing is plugged in or switched on there: it is served when that comes`
      this.parts.tell({ level: 'warn', step: 'dhcp.link', text })
    }
  }
}

/** Undefined without CAP_NET_RAW: answers to machines without an address are then broadcast. */
function openFrames(libc: Libc): FrameSender | undefined {
  try {
    return new FrameSender(libc)
  } catch {
    return undefined
  }
}

function shifted({ since, expires, ...lease }: Lease, ms: number): Lease {
  return { ...lease, since: since + ms, expires: expires + ms }
}
