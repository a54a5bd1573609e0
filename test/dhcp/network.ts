// The engine on a network in memory: what it sends is caught, time is set by hand, and a commit does what a test says.

import type { Decision } from '../../src/boot/decide.ts'
import type { Facts } from '../../src/boot/facts.ts'
import { Conflicts, type Probe, type Supply } from '../../src/dhcp/conflicts.ts'
import { Engine } from '../../src/dhcp/engine.ts'
import { Leases } from '../../src/dhcp/leases.ts'
import type { Port } from '../../src/dhcp/request.ts'
import type { Destination } from '../../src/dhcp/reply.ts'
import { scopesOf } from '../../src/dhcp/scope.ts'
import type { Event } from '../../src/events.ts'
import type { Host, Lease } from '../../src/model.ts'
import { formatIpv4, ipv4, maskOf, parseIpv4, type Ipv4 } from '../../src/net/ipv4.ts'
import type { Link } from '../../src/net/links.ts'
import { parseMac, type Mac } from '../../src/net/mac.ts'
import { settingsSchema } from '../../src/settings/schema.ts'
import type { Outcome } from '../../src/store/store.ts'
import {
  ACK,
  DISCOVER,
  ip,
  NAK,
  OFFER,
  options,
  read,
  REQUEST,
  write,
  type Option,
  type Read,
  type Written,
} from './wire.ts'

export type Commit = (leases: readonly Lease[]) => Promise<readonly Outcome[]>

export type Parts = {
  /** The section `dhcp` of the settings, with `subnets` and what else a test is about. */
  readonly dhcp: Readonly<Record<string, unknown>>
  readonly hosts?: readonly Host[] | undefined
  /** What was stored before the start. */
  readonly leases?: readonly Lease[] | undefined
  /** What is booted, or who decides it. */
  readonly boot?: string | ((facts: Facts) => Decision) | undefined
  /** Who answers for an address; undefined: nobody is asked. */
  readonly probe?: Probe | undefined
}

export type Sent = { readonly reply: Read; readonly to: Destination; readonly address: string }

/** 2026-01-01, in milliseconds. */
const start = 1_767_225_600_000

export class Server {
  readonly leases: Leases
  readonly events: Event[] = []
  /** Every lease that went to the store, in order. */
  readonly written: Lease[] = []
  readonly learnt: string[] = []
  /** For whom which address is. */
  readonly reserved = new Map<Ipv4, readonly Mac[]>()
  commit: Commit = async (leases) => leases.map(() => 'ok')
  /** Whether the links of the test are ones we serve. */
  isServed = true
  /** Why no address is given on them. */
  objection: string | undefined
  /** That it is only until other servers were searched for. */
  isSearched = false
  /** Milliseconds since 1970. */
  now = start
  readonly conflicts: Conflicts | undefined
  private readonly engine: Engine
  private readonly sleepers = new Set<{ readonly at: number; readonly wake: () => void }>()
  private xid = 0

  constructor({ dhcp, hosts = [], leases = [], boot, probe }: Parts) {
    const settings = settingsSchema.parse({ dhcp }).dhcp
    if (settings === undefined) throw new Error('the test has no section dhcp')
    const byMac = new Map(hosts.flatMap((entry) => entry.macs.map((mac) => [mac, entry] as const)))
    for (const { ip: own, macs } of hosts) if (own !== undefined) this.reserved.set(own, macs)
    const routers = new Set(settings.subnets.map(({ router }) => router))
    const scopes = scopesOf(settings)
    const now = () => this.now
    const served = scopes.filter(({ mode }) => mode === 'server')
    const supply: Supply = {
      take: (scope) => this.leases.nextFree(scope),
      isFree: (address) => this.leases.isFree(address),
      isLeased: (address) => this.leases.activeAt(address) !== undefined,
    }
    const [tell, sleep] = [(event: Event) => void this.events.push(event), this.sleep.bind(this)]
    this.conflicts = probe && new Conflicts({ scopes: served, probe, supply, tell, now, sleep })
    this.leases = new Leases({
      scopes: served,
      identity: settings.identity,
      reservedFor: (address) => this.reserved.get(address),
      isKnown: (mac) => byMac.has(mac),
      isTaken: (address) => routers.has(address) || isOurs(address),
      conflicts: this.conflicts,
      limits: settings.limits,
      now,
    })
    for (const lease of leases) this.leases.record(lease)
    this.engine = new Engine({
      site: { mode: settings.mode, scopes },
      leases: this.leases,
      identity: settings.identity,
      authoritative: settings.authoritative,
      isAlone: settings.other_servers === 'refuse',
      decide: typeof boot === 'function' ? boot : ({ server }) => decision(boot, server),
      hostOf: (mac) => byMac.get(mac),
      commit: async (changed) => {
        const outcomes = await this.commit(changed)
        this.written.push(...changed.filter((_, index) => outcomes[index] === 'ok'))
        return outcomes
      },
      learn: (address, mac) => void this.learnt.push(`${formatIpv4(address)} ${mac}`),
      isOurs,
      isOwnProbe: () => false,
      isServed: () => this.isServed,
      objectionTo: () =>
        this.objection === undefined ? undefined : { because: this.objection, isBrief: this.isSearched },
      tell,
      now,
    })
  }

  /** Lets time pass. */
  wait(seconds: number): void {
    this.now += seconds * 1000
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const sleeper = { at: this.now + ms, wake: () => (this.sleepers.delete(sleeper), resolve()) }
      this.sleepers.add(sleeper)
    })
  }

  /** Lets time pass, and whoever sleeps in it go on at its time. */
  async forward(ms: number): Promise<void> {
    const end = this.now + ms
    for (let next = this.nextSleeper(end); next !== undefined; next = this.nextSleeper(end)) {
      this.now = Math.max(this.now, next.at)
      next.wake()
      await settled()
    }
    this.now = end
    await settled()
  }

  private nextSleeper(end: number) {
    const [next] = [...this.sleepers].toSorted((a, b) => a.at - b.at)
    return next === undefined || next.at > end ? undefined : next
  }

  /** All that is sent in answer to `bytes`, when all of it is done. */
  async receive(bytes: Buffer, from: Partial<Source> = {}): Promise<readonly Sent[]> {
    const sent: Sent[] = []
    const { link = links.lab, address = '0.0.0.0', port = 68, service = 'dhcp' } = from
    const arrival = { link, from: address4(address), fromPort: port }
    await this.engine.receive(service, bytes, arrival, (reply, to) => {
      sent.push({ reply: read(reply), to, address: formatIpv4(to.address) })
    })
    return sent
  }

  /** The answer to one message, or undefined; there is never more than one. */
  async ask(written: Written, from: Partial<Source> = {}): Promise<Sent | undefined> {
    const xid = written.xid ?? ++this.xid
    const [first, ...more] = await this.receive(write({ ...written, xid }), from)
    if (more.length > 0) throw new Error(`${more.length + 1} answers to one message`)
    if (first !== undefined && first.reply.xid !== xid) throw new Error('an answer to another message')
    return first
  }

  /** Who holds `address` now, as the engine sees it. */
  holder(address: string): string | undefined {
    return this.leases.activeAt(address4(address))?.mac
  }

  warnings(): readonly string[] {
    return this.events.filter(({ level }) => level === 'warn' || level === 'error').map(({ text }) => text)
  }
}

export type Source = {
  readonly link: Link
  readonly address: string
  readonly port: number
  readonly service: Port
}

/** A client and how it speaks: always the same MAC, client-id, relay and link. */
export class Client {
  readonly mac: string
  private readonly server: Server
  private readonly always: Written
  private readonly from: Partial<Source>

  constructor(server: Server, number: number, always: Written = {}, from: Partial<Source> = {}) {
    this.server = server
    this.mac = `52:54:00:${[16, 8, 0].map((shift) => ((number >> shift) & 255).toString(16).padStart(2, '0')).join(':')}`
    this.always = always
    this.from = from
  }

  async say(type: number, list: readonly Option[] = [], more: Written = {}): Promise<Sent | undefined> {
    const all = [...list, ...(this.always.options ?? [])]
    return await this.server.ask({ mac: this.mac, ...this.always, ...more, type, options: all }, this.from)
  }

  /** The address it is offered. */
  async offered(requested?: string): Promise<string | undefined> {
    const sent = await this.say(DISCOVER, requested === undefined ? [] : [[50, ip(requested)]])
    if (sent !== undefined && sent.reply.type !== OFFER) throw new Error(`${sent.reply.type} to a DISCOVER`)
    return sent?.reply.yiaddr
  }

  /** SELECTING: takes `address` of us. */
  async take(address: string, server = serverAddress): Promise<string> {
    return told(
      await this.say(REQUEST, [
        [50, ip(address)],
        [54, ip(server)],
      ]),
    )
  }

  /** DISCOVER and REQUEST; the address it has then. */
  async boot(requested?: string): Promise<string> {
    const address = await this.offered(requested)
    if (address === undefined) throw new Error(`${this.mac} is offered nothing`)
    const answer = await this.take(address)
    if (answer !== `ACK ${address}`) throw new Error(`${this.mac} took ${address} and got ${answer}`)
    return address
  }

  /** INIT-REBOOT. */
  async reboot(address: string): Promise<string> {
    return told(await this.say(REQUEST, [[50, ip(address)]]))
  }

  /** RENEWING or REBINDING, which only differ in how they are sent. */
  async renew(address: string): Promise<string> {
    return told(await this.say(REQUEST, [], { ciaddr: address }))
  }

  async release(address: string, server = serverAddress): Promise<string> {
    return told(await this.say(7, [[54, ip(server)]], { ciaddr: address }))
  }

  async decline(address: string, server = serverAddress): Promise<string> {
    return told(
      await this.say(4, [
        [50, ip(address)],
        [54, ip(server)],
      ]),
    )
  }
}

function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

/** `ACK 10.77.0.100`, `NAK` or `silence`. */
export function told(sent: Sent | undefined): string {
  if (sent === undefined) return 'silence'
  const { type, yiaddr } = sent.reply
  if (type === NAK) return 'NAK'
  return `${type === ACK ? 'ACK' : type} ${yiaddr}`
}

/** A relay's option 82 with these sub-options. */
export function relayed(...list: readonly Option[]): Option {
  return [82, options(list)]
}

export const serverAddress = '10.77.0.1'

/** The links of every test: `lab` and `other`, which are two networks, and `shared`, one network of two subnets. */
export const links: { readonly lab: Link; readonly other: Link; readonly shared: Link } = {
  lab: { name: 'eth1', mac: mac6('52:54:00:ff:00:01'), addresses: [addressOf(serverAddress, 24)] },
  other: { name: 'eth2', mac: mac6('52:54:00:ff:00:02'), addresses: [addressOf('10.80.0.1', 24)] },
  shared: {
    name: 'eth3',
    mac: mac6('52:54:00:ff:00:03'),
    addresses: [addressOf(serverAddress, 24), addressOf('10.78.0.1', 24)],
  },
}

function isOurs(address: Ipv4): boolean {
  return Object.values(links).some(({ addresses }) => addresses.some((own) => own.ip === address))
}

function addressOf(text: string, prefix: number) {
  const own = address4(text)
  return { ip: own, subnet: { network: ipv4(own & maskOf(prefix)), prefix } }
}

export function address4(text: string): Ipv4 {
  const address = parseIpv4(text)
  if (address === undefined) throw new Error(`${text} is no address`)
  return address
}

export function mac6(text: string): Mac {
  const mac = parseMac(text)
  if (mac === undefined) throw new Error(`${text} is no MAC`)
  return mac
}

export function host(name: string, macs: readonly string[], more: Partial<Host> = {}): Host {
  return { name, macs: macs.map(mac6), origin: 'settings', locked: false, vars: {}, options: [], ...more }
}

function decision(file: string | undefined, server: Ipv4): Decision {
  const reason = { rule: 'assigned' as const, because: 'the test says so' }
  return { answers: file === undefined ? [] : [{ kind: 'boot', server, file, url: undefined }], reason }
}
