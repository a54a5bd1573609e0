// DHCP's sockets: one per link, bound to it, as an answer must leave by the link of its request and name our address there.

import { createSocket, type Socket } from 'node:dgram'
import { printable, type Tell } from '../events.ts'
import { openDevices, type Devices } from '../net/devices.ts'
import { formatIpv4, inSubnet, ipv4, parseIpv4, type Ipv4, type Subnet } from '../net/ipv4.ts'
import { isAttached, localLinks, type Link } from '../net/links.ts'
import { BindError, bindError } from '../net/ports.ts'
import type { Destination } from './reply.ts'
import type { Port, Send } from './request.ts'
import type { Arrival } from './scope.ts'

export type LinksParts = {
  /** `interfaces` of the settings; undefined: chosen by their addresses. */
  readonly names: readonly string[] | undefined
  /** The subnets that are served directly or through relays. */
  readonly subnets: readonly Subnet[]
  /** 0.0.0.0: a socket per link; else one plain socket on this address, which hears no broadcast. */
  readonly bind: Ipv4
  readonly port: number
  /** Port 4011 is served, too (PXE 2.1). */
  readonly hasBootServer: boolean
  readonly receive: (port: Port, bytes: Buffer, arrival: Arrival, send: Send) => void
  readonly tell: Tell
}

/** For whoever looks at what serves. */
export type LinkState = {
  readonly where: string
  readonly serving: boolean
  readonly because?: string | undefined
}

const bootServerPort = 4011
const rescanMs = 2000

type Served = { link: Link; readonly index: number; readonly sockets: readonly Socket[] }

export class Links {
  private readonly parts: LinksParts
  private readonly served = new Map<string, Served>()
  /** Links that should serve and do not, and why: told once each. */
  private readonly failed = new Map<string, string>()
  private devices: Devices | undefined
  private own: ReadonlySet<Ipv4> = new Set()
  private timer?: NodeJS.Timeout | undefined
  private isStopped = false

  constructor(parts: LinksParts) {
    this.parts = parts
  }

  /** @throws BindError when a link that is there cannot be served */
  async start(): Promise<void> {
    const { bind } = this.parts
    if (bind !== 0) return await this.openPlain(bind)
    const devices = await openDevices()
    if ('unavailable' in devices) return await this.openOnlyLink(devices.unavailable)
    this.devices = devices
    await this.follow(true)
    this.schedule()
  }

  stop(): void {
    this.isStopped = true
    clearTimeout(this.timer)
    for (const name of this.served.keys()) this.close(name)
  }

  /** Whether `ip` is an address of this machine. */
  isOurs(ip: Ipv4): boolean {
    return this.own.has(ip)
  }

  states(): readonly LinkState[] {
    const serving = Array.from(this.served.values(), ({ link }) => ({
      where: this.shown(link),
      serving: true,
    }))
    const failed = Array.from(this.failed, ([where, because]) => ({ where, serving: false, because }))
    return [...serving, ...failed]
  }

  /** Links come and go, and change their addresses; what serves stays as it is. */
  private async follow(isStart: boolean): Promise<void> {
    const links = localLinks()
    this.own = new Set(links.flatMap(({ addresses }) => addresses.map(({ ip }) => ip)))
    for (const [name, { index }] of this.served) {
      const isThere = links.some((link) => link.name === name) && this.devices?.indexOf(name) === index
      if (!isThere) this.lose(name)
    }
    this.missNames(links)
    for (const link of links) {
      if (this.isStopped || !this.isWanted(link)) continue
      const served = this.served.get(link.name)
      if (served === undefined) await this.tryOpen(link, isStart)
      else if (this.shown(served.link) !== this.shown(link)) {
        served.link = link
        this.say('info', `DHCP serves ${this.shown(link)} from now on`)
      }
    }
  }

  private missNames(links: readonly Link[]): void {
    for (const name of this.parts.names ?? []) {
      const isThere = links.some((link) => link.name === name)
      const why = 'it is not there, or is down, or has no IPv4 address; waiting for it'
      if (!isThere && !this.failed.has(name)) this.miss(name, why)
      if (isThere && this.failed.get(name) === why) this.failed.delete(name)
    }
  }

  /** Named, or with a subnet of ours; without subnets, all that lead to machines. */
  private isServed(link: Link): boolean {
    const { names, subnets } = this.parts
    if (names !== undefined) return names.includes(link.name)
    if (subnets.length === 0) return isAttached(link)
    return link.addresses.some(({ ip }) => subnets.some((subnet) => inSubnet(ip, subnet)))
  }

  /** Relays send to any address of ours: other links are listened to, as well as that goes. */
  private isWanted(link: Link): boolean {
    return this.isServed(link) || (this.parts.names === undefined && isAttached(link))
  }

  private async tryOpen(link: Link, isStart: boolean): Promise<void> {
    try {
      await this.open(link)
      this.failed.delete(link.name)
      if (!isStart) this.say('info', `DHCP serves ${this.shown(link)} from now on`)
    } catch (error) {
      const isServed = this.isServed(link)
      if (isStart && isServed) throw error
      const why = error instanceof Error ? error.message : String(error)
      if (isServed) this.miss(link.name, why)
      else if (isStart) this.say('debug', `relays that send to ${link.name} are not heard: ${why}`)
    }
  }

  private async open(link: Link): Promise<void> {
    const { devices } = this
    if (devices === undefined) return
    const index = devices.indexOf(link.name)
    const sockets: Socket[] = []
    const served: Served = { link, index, sockets }
    try {
      for (const [port, service] of this.ports()) {
        const socket = await devices.bind(link.name, port).catch((error: unknown) => {
          throw bindError(
            { service: `DHCP (${link.name})`, protocol: 'udp', port, setting: 'dhcp.port' },
            error,
          )
        })
        sockets.push(socket)
        this.serve(socket, service, served, undefined)
      }
    } catch (error) {
      for (const socket of sockets) socket.close()
      throw error
    }
    this.served.set(link.name, served)
    if (this.isStopped) this.close(link.name)
  }

  private ports(): readonly (readonly [number, Port])[] {
    const { port, hasBootServer } = this.parts
    return [[port, 'dhcp'], ...(hasBootServer ? [[bootServerPort, 'boot-server'] as const] : [])]
  }

  /** One socket on one address: for tests, and behind relays only. */
  private async openPlain(bind: Ipv4): Promise<void> {
    const links = localLinks()
    this.own = new Set(links.flatMap(({ addresses }) => addresses.map(({ ip }) => ip)))
    const own = { name: formatIpv4(bind), addresses: [{ ip: bind, subnet: { network: bind, prefix: 32 } }] }
    const link = links.find(({ addresses }) => addresses.some(({ ip }) => ip === bind)) ?? own
    await this.openShared(link, formatIpv4(bind), bind)
  }

  /** Without koffi a socket hears the broadcasts of every link and cannot tell which: right only where there is one. */
  private async openOnlyLink(unavailable: string): Promise<void> {
    const links = localLinks()
    this.own = new Set(links.flatMap(({ addresses }) => addresses.map(({ ip }) => ip)))
    const [only, ...others] = links.filter((link) => this.isServed(link))
    const attached = links.filter(isAttached)
    if (only === undefined || others.length > 0 || attached.length > 1) {
      const names = attached.map(({ name }) => name).join(', ') || 'none'
      throw new BindError(
        `DHCP cannot tell the links of this machine (${names}) apart, as the package koffi does not load here (${unavailable}). ` +
          'Run npm ci again on this machine, or set dhcp.mode to off.',
      )
    }
    await this.openShared(only, '0.0.0.0', undefined)
  }

  private async openShared(link: Link, address: string, to: Ipv4 | undefined): Promise<void> {
    const sockets: Socket[] = []
    const served: Served = { link, index: 0, sockets }
    this.served.set(link.name, served)
    for (const [port, service] of this.ports()) {
      const socket = createSocket('udp4')
      sockets.push(socket)
      await new Promise<void>((resolve, reject) => {
        const binding = { service: 'DHCP', protocol: 'udp', port, setting: 'dhcp.port' } as const
        socket.once('error', (error) => reject(bindError(binding, error)))
        socket.bind({ address, port, exclusive: true }, resolve)
      })
      socket.removeAllListeners('error')
      if (to === undefined) socket.setBroadcast(true)
      this.serve(socket, service, served, to)
    }
  }

  private serve(socket: Socket, port: Port, served: Served, to: Ipv4 | undefined): void {
    const unsent = (error: unknown) => {
      const why = error instanceof Error ? error.message : String(error)
      this.parts.tell({ level: 'debug', step: 'dhcp.unsent', text: printable(`${served.link.name}: ${why}`) })
    }
    const send: Send = (bytes, destination) => {
      try {
        socket.send(
          bytes,
          this.portOf(destination.port),
          formatIpv4(destination.address),
          (error) => error !== null && unsent(error),
        )
      } catch (error) {
        unsent(error)
      }
    }
    socket.on('error', unsent)
    socket.on('message', (bytes, from) => {
      const arrival = { link: served.link, to, from: parseIpv4(from.address) ?? ipv4(0), fromPort: from.port }
      this.parts.receive(port, bytes, arrival, send)
    })
  }

  private portOf(port: Destination['port']): number {
    if (port === 'server') return this.parts.port
    return port === 'client' ? this.parts.port + 1 : port
  }

  private lose(name: string): void {
    this.close(name)
    if (!this.isStopped) this.miss(name, 'its link is gone; waiting for it')
  }

  private close(name: string): void {
    for (const socket of this.served.get(name)?.sockets ?? []) socket.close()
    this.served.delete(name)
  }

  private miss(name: string, why: string): void {
    if (this.failed.get(name) === why) return
    this.failed.set(name, why)
    this.say('warn', `DHCP does not serve ${name}: ${why}`)
  }

  private schedule(): void {
    this.timer = setTimeout(() => void this.rescan(), rescanMs)
  }

  private async rescan(): Promise<void> {
    await this.follow(false)
    if (!this.isStopped) this.schedule()
  }

  private shown(link: Link): string {
    return `${link.name} (${link.addresses.map(({ ip }) => formatIpv4(ip)).join(', ')})`
  }

  private say(level: 'debug' | 'info' | 'warn', text: string): void {
    this.parts.tell({ level, step: 'dhcp.link', text: printable(text) })
  }
}
