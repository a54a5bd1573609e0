// Builds every part from the settings; starts them in order, and stops them in the reverse one.

import { existsSync } from 'node:fs'
import type { Listener } from './api/listener.ts'
import { apiApp } from './api/router.ts'
import { writersOf } from './api/guard.ts'
import { bootloader, builtInBootloaders } from './boot/bootloaders.ts'
import { decide, type Site } from './boot/decide.ts'
import type { Facts } from './boot/facts.ts'
import {
  builtInLocal,
  configurationExists,
  emptyTable,
  hostOfMac,
  snapshotOf,
  type Table,
} from './boot/table.ts'
import { Catalog } from './catalog/catalog.ts'
import { linterOf, type Linter } from './catalog/lint.ts'
import { DhcpServer } from './dhcp/server.ts'
import type { Tell } from './events.ts'
import { openGlance } from './glance.ts'
import { bootFiles } from './http/files.ts'
import { handlerOf, HttpListener } from './http/server.ts'
import type { Lease } from './model.ts'
import { formatIpv4, type Ipv4 } from './net/ipv4.ts'
import { isAttached, localLinks } from './net/links.ts'
import { neighbourOf } from './net/neighbours.ts'
import { Power } from './power/power.ts'
import { Registry, type Guards } from './registry.ts'
import { declaredHosts, declaredVariables } from './settings/hosts.ts'
import type { HttpSettings, Settings, TftpSettings } from './settings/schema.ts'
import { openStore } from './store/open.ts'
import { TftpHost } from './tftp/host.ts'

/** How often the clock is looked at, and what it may be off by: NTP slews less than that. */
const clockEveryMs = 5000
const clockToleranceMs = 10_000

export class Appliance {
  private readonly settings: Settings
  private readonly tell: Tell
  private readonly site: Site
  private readonly table: Table = emptyTable()
  /** What stops what was started so far, in order. */
  private readonly stops: (() => unknown)[] = []
  private readonly listenersOf: (() => readonly Listener[])[] = []
  /** Where it gives addresses. In proxy mode the leases on disk are those of an earlier server mode. */
  private dhcp: DhcpServer | undefined
  /** What the time of the process has to be added to, for milliseconds since 1970. */
  private clockOffset = Date.now() - performance.now()

  constructor(settings: Settings, tell: Tell) {
    this.settings = settings
    this.tell = tell
    this.site = siteOf(settings)
  }

  /** What listens, for the person who started us, and for GET /v1/status. */
  listeners(): readonly Listener[] {
    return this.listenersOf.flatMap((list) => list())
  }

  /** Rejects with one line for a person when a part cannot start; stop() then undoes what did. */
  async start(): Promise<void> {
    const { settings, table, tell, now } = this
    const store = await openStore(settings.store)
    this.stops.push(() => store.close())
    const registry = new Registry({ table, store, guards: guardsOf(settings), tell, now })
    const leases = await registry.load(declaredHosts(settings.hosts))
    const catalog = this.catalog(registry)
    this.stops.push(() => catalog.stop())
    await catalog.start()
    this.warn()
    const linter = linterOf(settings, { wrong: () => catalog.wrong, site: this.site, table, tell })
    registry.follow((delta) => linter.follow(delta))
    // DHCP last: nothing is offered that cannot be fetched yet.
    if (settings.tftp !== undefined) await this.startTftp(settings.tftp, registry)
    if (settings.http !== undefined) await this.startHttp(settings.http)
    await this.startApi(registry, catalog, linter)
    await this.startDhcp(registry, leases)
    const clock = setInterval(() => void this.followClock(), clockEveryMs)
    this.stops.push(() => clearInterval(clock))
  }

  /** What is set, and leads nowhere. */
  private warn(): void {
    const { tftp, http, configuration } = this.settings
    for (const [name, root] of [
      ['tftp.root', tftp?.root],
      ['http.root', http?.root],
    ] as const) {
      if (root === undefined || existsSync(root)) continue
      this.tell({ level: 'warn', step: 'settings', text: `${name}: there is no folder ${root}` })
    }
    const name = configuration.default
    if (name === null || configurationExists(this.table, name)) return
    const known = [...this.table.configurations.keys(), builtInLocal].join(', ')
    const text = `configuration.default: there is no configuration ${name}, so that machines boot local; there are ${known}`
    this.tell({ level: 'warn', step: 'settings', text })
  }

  /** Also after a failed start. */
  async stop(): Promise<void> {
    for (const stop of this.stops.splice(0).toReversed()) await stop()
  }

  private catalog(registry: Registry): Catalog {
    const { settings, site, tell } = this
    return new Catalog({
      directory: settings.configuration.directory,
      tftproot: settings.tftp?.root,
      bootloaders: site.bootloaders,
      links: settings.tftp?.follow_links ?? 'inside',
      variables: declaredVariables(settings.hosts),
      changed: (contents) => registry.setCatalog(contents),
      tell,
      now: Date.now,
    })
  }

  private async startTftp(tftp: TftpSettings, registry: Registry): Promise<void> {
    const { settings, site, table, tell } = this
    const { clients, advertise } = settings
    const host = new TftpHost({
      settings: tftp,
      clients,
      advertise,
      site,
      snapshot: () => snapshotOf(table),
      tell,
    })
    registry.follow((delta) => host.follow(delta))
    this.stops.push(() => host.stop())
    await host.start()
    this.listenersOf.push(() => [
      { name: 'TFTP', where: `udp ${formatIpv4(tftp.bind)}:${tftp.port}`, serving: host.listening },
    ])
  }

  private async startHttp(http: HttpSettings): Promise<void> {
    const { settings, table, tell } = this
    const handle = bootFiles({
      httproot: http.root,
      tftproot: settings.tftp?.root,
      tftpLinks: settings.tftp?.follow_links ?? 'inside',
      clients: settings.clients,
      advertise: settings.advertise,
      apiPort: settings.server.port,
      decide: this.decide,
      // A lease may have ended, and its address be somebody else's: on our own links the kernel knows better.
      macOf: (ip) => neighbourOf(ip) ?? table.addresses.get(ip),
      tell,
      now: () => performance.now(),
      glance: await openGlance(),
    })
    await this.listen('HTTP', 'http.port', http, handle)
  }

  private async startApi(registry: Registry, catalog: Catalog, linter: Linter): Promise<void> {
    const { settings, table, site, tell } = this
    const { server, dhcp } = settings
    const power = this.power()
    this.stops.push(() => power.stop())
    const app = apiApp({
      table,
      site,
      declared: settings.hosts,
      names: server.names,
      writers: writersOf(server.allow, dhcp?.subnets.map(({ subnet }) => subnet) ?? []),
      deploy: (configuration, targets) => registry.deploy(configuration, targets),
      look: () => catalog.look(),
      lint: { all: () => linter.all(), one: (name) => linter.one(name) },
      listeners: () => this.listeners(),
      leases: () => this.dhcp?.activeLeases() ?? [],
      releaseLease: async (ip) => await this.dhcp?.release(ip),
      power,
      tell,
    })
    await this.listen('API', 'server.port', server, handlerOf(app))
  }

  private power(): Power {
    const { settings, table, tell, now } = this
    const { host_management_adapters: adapters, interfaces } = settings
    return new Power({
      hosts: table.hosts,
      adapters: () => adapters ?? [],
      held: () => table.addresses,
      links: () => localLinks().filter((link) => interfaces?.includes(link.name) ?? isAttached(link)),
      tell,
      now,
    })
  }

  private async listen(
    name: string,
    setting: string,
    { bind, port }: { readonly bind: Ipv4; readonly port: number },
    handle: ReturnType<typeof handlerOf>,
  ): Promise<void> {
    const { tell } = this
    const listener = new HttpListener({
      service: name === 'API' ? 'the API' : name,
      setting,
      bind,
      port,
      handle,
      tell,
    })
    this.stops.push(() => listener.stop())
    await listener.start()
    this.listenersOf.push(() => [
      { name, where: `tcp ${formatIpv4(bind)}:${port}`, serving: listener.listening },
    ])
  }

  private async startDhcp(registry: Registry, leases: readonly Lease[]): Promise<void> {
    const { settings, table, tell, now } = this
    const { dhcp } = settings
    if (dhcp === undefined) return
    if (dhcp.mode === 'off' && dhcp.subnets.every(({ mode }) => mode === undefined || mode === 'off')) return
    const server = new DhcpServer({
      settings: dhcp,
      interfaces: settings.interfaces,
      advertise: settings.advertise,
      hosts: [...table.hosts.values()],
      leases,
      decide: this.decide,
      hostOf: (mac) => hostOfMac(table, mac),
      commit: (changed) => registry.commitLeases(changed),
      learn: (ip, mac) => registry.learnAddress(ip, mac),
      tell,
      now,
    })
    if (dhcp.subnets.some(({ mode }) => (mode ?? dhcp.mode) === 'server')) this.dhcp = server
    this.stops.push(() => server.stop())
    await server.start()
    this.listenersOf.push(() => server.states().map((state) => ({ ...state, name: `DHCP ${dhcp.mode}` })))
  }

  /** Milliseconds since 1970, never backwards: a clock that is set moves no lease, until followClock() moves all. */
  private readonly now = (): number => this.clockOffset + performance.now()

  /** The machine started without a clock, or was suspended: from now on its leases are told by the right time. */
  private async followClock(): Promise<void> {
    const set = Date.now() - this.now()
    if (Math.abs(set) < clockToleranceMs) return
    const shifted = this.dhcp?.shift(set)
    this.clockOffset += set
    const text = `the clock was set by ${Math.round(set / 1000)} s: leases last as long as they would have`
    this.tell({ level: 'warn', step: 'clock', text })
    try {
      await shifted
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      this.tell({ level: 'error', step: 'clock', text: `the leases could not be written anew: ${why}` })
    }
  }

  private readonly decide = (facts: Facts) => decide(facts, this.table, this.site)
}

function guardsOf({ hosts_policy, configuration }: Settings): Guards {
  const { destructive, max_hosts_per_deploy } = configuration
  return {
    policy: hosts_policy,
    default: configuration.default,
    destructive,
    maxHosts: max_hosts_per_deploy,
  }
}

function siteOf(settings: Settings): Site {
  const { configuration, http, server } = settings
  return {
    bootloaders: configuration.bootloaders?.map(bootloader) ?? builtInBootloaders,
    default: configuration.default,
    localMethod: configuration.local_method,
    httpPort: http?.port,
    apiPort: server.port,
  }
}
