// Builds every part from the settings; starts them in order, and stops them in the reverse one.

import { setTimeout as sleep } from 'node:timers/promises'
import type { Listener } from './api/listener.ts'
import { apiApp } from './api/router.ts'
import { Tokens } from './api/tokens.ts'
import { decide, type Site } from './boot/decide.ts'
import type { Facts } from './boot/facts.ts'
import { emptyTable, hostOfMac, snapshotOf, type Table } from './boot/table.ts'
import { Catalog } from './catalog/catalog.ts'
import { linterOf, type Linter } from './catalog/lint.ts'
import { Clock } from './clock.ts'
import { DhcpServer } from './dhcp/server.ts'
import { printableLine, type Tell } from './events.ts'
import { handlerOf, HttpListener } from './http/server.ts'
import { httpThread } from './http/thread.ts'
import type { Lease } from './model.ts'
import { Links } from './import.ts'
import { isAttached, localLinks } from './net/links.ts'
import { Power } from './power/power.ts'
import { formatIpv4 } from './net/ipv4.ts'
import { ownersOf } from './net/neighbours.ts'
import { Registry } from './registry.ts'
import { InstallLoops } from './registry/loops.ts'
import { Unknowns } from './registry/discovered.ts'
import { needRestart } from './settings/difference.ts'
import { declaredHosts } from './settings/hosts.ts'
import type { Settings } from './settings/schema.ts'
import { explainedBy, guardsOf, rulesOf, siteOf, writersOf } from './site.ts'
import { openStore } from './store/open.ts'
import { tftpThread } from './tftp/thread.ts'
import type { Fed, ServerThread } from './worker/thread.ts'
import { tellAtStart, toldAnew, worriesOfRoots } from './worries.ts'

/** How often leases are looked through for those that have ended. */
const endsEveryMs = 1000

/** How long, in milliseconds, a start waits to learn whether the roots are there. */
const longestLookMs = 500

/** What serves files, on a thread of its own. */
type Files = { readonly name: string; readonly where: string; readonly thread: ServerThread<unknown> }

export class Appliance {
  /** As they were read last. */
  private settings: Settings
  /** As they were at the start: what needs a restart is in force as it is here. */
  private readonly running: Settings
  private readonly tell: Tell
  private readonly site: Site
  readonly table: Table = emptyTable()
  /** What stops what was started so far, in order. */
  private readonly stops: (() => unknown)[] = []
  private readonly listenersOf: (() => readonly Listener[])[] = []
  /** Where it gives addresses. In proxy mode the leases on disk are those of an earlier server mode. */
  private dhcp: DhcpServer | undefined
  private registry: Registry | undefined
  private links: Links | undefined
  private readonly unknowns: Unknowns
  private readonly clock: Clock
  /** Once it has started: resolves when its store can be used no more, as the log says. It is to be stopped then. */
  ended = new Promise<void>(() => undefined)
  private isLookingAtRoots = false

  constructor(settings: Settings, tell: Tell) {
    this.settings = settings
    this.running = settings
    const loops = new InstallLoops(this.table, tell, () => performance.now())
    this.tell = (event) => {
      tell(event)
      loops.note(event)
    }
    this.site = siteOf(settings)
    this.clock = new Clock(tell)
    this.unknowns = new Unknowns(this.table, this.now)
  }

  /** What listens, for the person who started us, and for GET /v1/status. */
  listeners(): readonly Listener[] {
    return this.listenersOf.flatMap((list) => list())
  }

  /** Rejects with one line for a person when a part cannot start; stop() then undoes what did. */
  async start(): Promise<void> {
    const { settings, table, tell, now } = this
    const files = this.prepareFiles()
    const store = await openStore(settings.store, tell)
    this.stops.push(() => store.close())
    this.ended = store.ended ?? this.ended
    if (store.damage !== undefined) tell({ level: 'error', step: 'store.damaged', text: store.damage })
    const [guards, rules] = [guardsOf(settings), rulesOf(settings)]
    const registry = new Registry({ table, store, guards, rules, tell, now })
    this.registry = registry
    const leases = await registry.load(declaredHosts(settings.hosts))
    const ending = setInterval(() => registry.forgetEnded(), endsEveryMs)
    this.stops.push(() => clearInterval(ending))
    const catalog = this.catalog(registry)
    this.stops.push(() => catalog.stop())
    const look = async () => (await catalog.look()).imported
    const links = new Links({ registry, table, tftproot: settings.tftp?.root, look, tell, now })
    this.links = links
    await catalog.start()
    await links.begin()
    const linter = linterOf(settings, { wrong: () => catalog.wrong, site: this.site, table, tell })
    registry.follow((delta) => linter.follow(delta))
    const starting = files.map((each) => this.startFiles(each, registry))
    const api = this.api(registry, catalog, linter, links)
    // Both are through before one of them ends the start, and what is told first does not depend on which was faster.
    const failed = (await Promise.allSettled(starting)).find(({ status }) => status === 'rejected')
    if (failed?.status === 'rejected') throw failed.reason
    // Who has its answer to a deploy may look at once.
    await api.start()
    // DHCP last: nothing is offered that cannot be fetched yet.
    await this.startDhcp(registry, leases)
    // Behind all that may fail, so that why a start failed stands alone.
    tellAtStart(settings, registry, tell)
    this.stops.push(this.clock.follow((ms) => this.dhcp?.shift(ms)))
    // Before it is said that all is ready, unless a root hangs.
    await Promise.race([this.tellOfRoots(settings), sleep(longestLookMs, undefined, { ref: false })])
  }

  /** As they were read last; of what decides who may write, what needs a restart is as at the start. */
  get inForce(): Settings {
    const { settings, running } = this
    const server = { ...settings.server, tokens_file: running.server.tokens_file }
    return { ...settings, dhcp: running.dhcp, server }
  }

  /** Takes what the settings file says now, as far as a running appliance can; what it cannot is told. */
  async reload(settings: Settings): Promise<void> {
    const { registry, tell } = this
    const later = needRestart(this.running, settings)
    if (registry === undefined) return
    // The default is the decision's, which has the one of the start.
    const guards = { ...guardsOf(settings), default: this.site.default }
    const done = await registry.reload(declaredHosts(settings.hosts), guards, rulesOf(settings))
    if ('fault' in done) {
      const text = `${settings.file} was read again, and its hosts stay as they were: ${done.fault.message}`
      return tell({ level: 'error', step: 'settings', text })
    }
    const told = new Set(toldAnew(this.inForce, this.table))
    this.settings = settings
    tell({ level: 'info', step: 'settings', text: `${settings.file} was read again and is in force` })
    void this.tellOfRoots(settings)
    const texts = [...toldAnew(this.inForce, this.table)].filter((text) => !told.has(text))
    if (later.length > 0) texts.push(`these settings have changed, and need a restart: ${later.join(', ')}`)
    for (const text of texts) tell({ level: 'warn', step: 'settings', text })
  }

  /** To be waited for a while only: a root may be on a file server that hangs. */
  private async tellOfRoots(settings: Settings): Promise<void> {
    if (this.isLookingAtRoots) return
    this.isLookingAtRoots = true
    const texts = await worriesOfRoots(settings)
    this.isLookingAtRoots = false
    for (const text of texts) this.tell({ level: 'warn', step: 'settings', text: printableLine(text) })
  }

  /** Also after a failed start. */
  async stop(): Promise<void> {
    for (const stop of this.stops.splice(0).toReversed()) await stop()
  }

  private catalog(registry: Registry): Catalog {
    const { settings, site, table, tell } = this
    return new Catalog({
      directory: settings.configuration.directory,
      tftproot: settings.tftp?.root,
      bootloaders: site.bootloaders,
      links: settings.tftp?.follow_links ?? 'inside',
      variables: () => table.variables.names,
      changed: (contents) => {
        registry.setCatalog(contents)
        this.links?.tellLate(contents.imported)
      },
      tell,
      now: Date.now,
    })
  }

  /** Their modules are loaded beside all else that a start does. */
  private prepareFiles(): readonly Files[] {
    const { settings, site, table, tell } = this
    const { tftp, http, clients, advertise } = settings
    const fed: Fed = { site, snapshot: () => snapshotOf(table), tell }
    const files: Files[] = []
    if (tftp !== undefined) {
      const thread = tftpThread({ settings: tftp, clients, advertise }, fed)
      files.push({ name: 'TFTP', where: `udp ${formatIpv4(tftp.bind)}:${tftp.port}`, thread })
    }
    if (http !== undefined) {
      const tftpLinks = tftp?.follow_links ?? 'inside'
      const own = { settings: http, tftproot: tftp?.root, tftpLinks, clients, advertise }
      const thread = httpThread(own, fed)
      files.push({ name: 'HTTP', where: `tcp ${formatIpv4(http.bind)}:${http.port}`, thread })
    }
    for (const { thread } of files) {
      this.stops.push(() => thread.stop())
      thread.prepare()
    }
    return files
  }

  private async startFiles({ name, where, thread }: Files, registry: Registry): Promise<void> {
    registry.follow((delta) => thread.follow(delta))
    this.listenersOf.push(() => [{ name, where, serving: thread.listening }])
    await thread.start()
  }

  private api(registry: Registry, catalog: Catalog, linter: Linter, links: Links): HttpListener {
    const { settings, table, site, tell } = this
    const power = this.power()
    this.stops.push(() => power.stop())
    const { server } = settings
    const app = apiApp({
      table,
      site,
      registry,
      unknowns: this.unknowns,
      names: () => this.settings.server.names,
      writers: () => writersOf({ server: this.settings.server, dhcp: this.running.dhcp }),
      tokens: server.tokens_file === undefined ? undefined : new Tokens(server.tokens_file, tell),
      selfService: () => this.settings.configuration.self_service,
      macOf: this.macOf,
      ...explainedBy(settings),
      importLinks: (caller) => links.takeOver(caller),
      look: (at) => catalog.look(at),
      lint: linter,
      listeners: () => this.listeners(),
      hasHosts: () => this.settings.sections.includes('hosts'),
      leases: () => this.dhcp?.activeLeases() ?? [],
      releaseLease: async (ip) => await this.dhcp?.release(ip),
      power,
      tell,
    })
    const { bind, port } = server
    const handle = handlerOf(app)
    const listener = new HttpListener({
      service: 'the API',
      setting: 'server.port',
      bind,
      port,
      handle,
      servesInstallers: true,
      tell,
    })
    const where = `tcp ${formatIpv4(bind)}:${port}`
    this.stops.push(() => listener.stop())
    this.listenersOf.push(() => [{ name: 'API', where, serving: listener.listening }])
    return listener
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

  private async startDhcp(registry: Registry, leases: readonly Lease[]): Promise<void> {
    const { settings, table, tell, now } = this
    const { dhcp } = settings
    if (dhcp === undefined) return
    if (dhcp.mode === 'off' && dhcp.subnets.every(({ mode }) => mode === undefined || mode === 'off')) return
    const server = new DhcpServer({
      settings: dhcp,
      interfaces: settings.interfaces,
      advertise: settings.advertise,
      reservedFor: (ip) => table.hosts.get(table.reserved.get(ip) ?? '')?.macs,
      leases,
      decide: (facts) => {
        this.unknowns.note(facts)
        return this.decide(facts)
      },
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

  /** Whose address it is. */
  private readonly macOf = ownersOf((ip) => this.table.addresses.get(ip))

  /** Milliseconds since 1970, never backwards but when the clock is set. */
  private readonly now = (): number => this.clock.now()

  private readonly decide = (facts: Facts) => decide(facts, this.table, this.site)
}
