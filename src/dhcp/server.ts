// The DHCP server: leases, engine and sockets put together, started and stopped.

import type { Decision } from '../boot/decide.ts'
import type { Facts } from '../boot/facts.ts'
import { hushed, type Tell } from '../events.ts'
import type { Host, Lease } from '../model.ts'
import { formatSubnet, inSubnet, type Ipv4 } from '../net/ipv4.ts'
import type { Mac } from '../net/mac.ts'
import { localLinks } from '../net/links.ts'
import type { DhcpSettings } from '../settings/schema.ts'
import type { Outcome } from '../store/store.ts'
import { Engine } from './engine.ts'
import { Leases } from './leases.ts'
import { Links, type LinkState } from './links.ts'
import { scopesOf, type Scope } from './scope.ts'

export type DhcpServerParts = {
  readonly settings: DhcpSettings
  readonly interfaces: readonly string[] | undefined
  readonly advertise: Ipv4 | undefined
  /** The hosts of the settings, for their reserved addresses. */
  readonly hosts: readonly Host[]
  /** What the store holds. */
  readonly leases: readonly Lease[]
  readonly decide: (facts: Facts) => Decision
  readonly hostOf: (mac: Mac) => Host | undefined
  readonly commit: (leases: readonly Lease[]) => Promise<readonly Outcome[]>
  readonly learn: (ip: Ipv4, mac: Mac) => Promise<void>
  readonly tell: Tell
  /** Milliseconds since 1970, never backwards. */
  readonly now: () => number
}

/** More lines of one kind in a second help nobody to follow a boot. */
const mostLinesPerSecond = 100

export class DhcpServer {
  private readonly parts: DhcpServerParts
  private readonly scopes: readonly Scope[]
  private readonly links: Links
  readonly leases: Leases

  constructor(parts: DhcpServerParts) {
    this.parts = parts
    const { settings, interfaces, advertise, hosts, decide, hostOf, commit, learn, now } = parts
    const tell = hushed(parts.tell, mostLinesPerSecond, now)
    this.scopes = scopesOf(settings)
    const serving = this.scopes.filter(({ mode }) => mode === 'server')
    const reservations = new Map(hosts.flatMap(({ ip, macs }) => (ip === undefined ? [] : [[ip, macs]])))
    const fixed = new Set<Ipv4>(settings.subnets.flatMap(({ router }) => router ?? []))
    this.leases = new Leases({
      scopes: serving,
      identity: settings.identity,
      reservedFor: (ip) => reservations.get(ip),
      isKnown: (mac) => hostOf(mac) !== undefined,
      isTaken: (ip) => fixed.has(ip) || this.links.isOurs(ip),
      limits: settings.limits,
      now,
    })
    for (const lease of parts.leases) this.leases.record(lease)
    const engine = new Engine({
      site: { mode: settings.mode, scopes: this.scopes, advertise },
      leases: this.leases,
      identity: settings.identity,
      authoritative: settings.authoritative,
      decide,
      hostOf,
      commit,
      learn,
      isOurs: (ip) => this.links.isOurs(ip),
      tell,
      now,
    })
    this.links = new Links({
      names: interfaces,
      subnets: this.scopes.filter(({ mode }) => mode !== 'off').map(({ subnet }) => subnet),
      bind: settings.bind,
      port: settings.port,
      hasBootServer: settings.mode === 'proxy' || this.scopes.some(({ mode }) => mode === 'proxy'),
      receive: (port, bytes, arrival, send) => void engine.receive(port, bytes, arrival, send),
      tell: parts.tell,
    })
  }

  /** @throws BindError */
  async start(): Promise<void> {
    await this.links.start()
    const links = localLinks()
    for (const { subnet, mode } of this.scopes) {
      if (mode === 'off' || links.some(({ addresses }) => addresses.some(({ ip }) => inSubnet(ip, subnet))))
        continue
      this.parts.tell({
        level: 'info',
        step: 'dhcp.link',
        text: `no link has an address in ${formatSubnet(subnet)}: it is served through relays only`,
      })
    }
  }

  stop(): void {
    this.links.stop()
  }

  /** Each link that is served, or should be. */
  states(): readonly LinkState[] {
    return this.links.states()
  }
}
