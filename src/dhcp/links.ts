// Which links DHCP serves: as they come, go and change, an answer leaves by the link of its request and names our address there.

import { printable } from '../events.ts'
import type { FrameSender } from '../net/frame.ts'
import { formatIpv4, type Ipv4, type Subnet } from '../net/ipv4.ts'
import { openLibc, type Libc } from '../net/libc.ts'
import {
  formatLink,
  isAttached,
  isIn,
  linksWithoutCarrier,
  localLinks,
  type Link,
  type NamedLink,
} from '../net/links.ts'
import { BindError } from '../net/ports.ts'
import { DevicePorts } from '../net/udp.ts'
import { Sockets, type SocketsParts } from './sockets.ts'

export type LinksParts = Omit<SocketsParts, 'frames'> & {
  /** `interfaces` of the settings; undefined: chosen by their addresses. */
  readonly names: readonly string[] | undefined
  /** The subnets that are served directly or through relays. */
  readonly subnets: readonly Subnet[]
  /** 0.0.0.0: a socket per link; else one plain socket on this address, which hears no broadcast. */
  readonly bind: Ipv4
  /** Sends frames, where this process may. */
  readonly openFrames: (libc: Libc) => FrameSender | undefined
  /** A link can be served from now on; gives why it is not at once. */
  readonly opened: (sockets: Sockets) => string | undefined
  readonly closed: (name: string) => void
}

/** For whoever looks at what serves. */
export type LinkState = {
  readonly name: string
  /** With its addresses. */
  readonly where: string
  readonly serving: boolean
  readonly because?: string | undefined
}

const rescanMs = 2000

export class Links {
  private readonly parts: LinksParts
  private readonly served = new Map<string, Sockets>()
  /** Links that should serve and do not, and why: told once each. */
  private readonly failed = new Map<string, string>()
  private libc: Libc | undefined
  private ports: DevicePorts | undefined
  private frames: FrameSender | undefined
  private own: ReadonlySet<Ipv4> = new Set()
  private timer?: NodeJS.Timeout | undefined
  private isStopped = false

  constructor(parts: LinksParts) {
    this.parts = parts
  }

  /** @throws BindError when a link that is there cannot be served */
  async start(): Promise<void> {
    const { bind } = this.parts
    const libc = await openLibc()
    const links = this.look()
    if (bind !== 0) return await this.openAddress(linkOf(bind, links), bind)
    if ('unavailable' in libc) return await this.openOnlyLink(links, libc.unavailable)
    this.libc = libc
    this.ports = new DevicePorts(libc)
    this.frames = this.parts.openFrames(libc)
    await this.follow(true)
    this.schedule()
  }

  stop(): void {
    this.isStopped = true
    clearTimeout(this.timer)
    for (const name of this.served.keys()) this.close(name)
    this.frames?.close()
  }

  /** Whether `ip` is an address of this machine. */
  isOurs(ip: Ipv4): boolean {
    return this.own.has(ip)
  }

  /** Whether the clients of this link are served directly. */
  serves(name: string): boolean {
    const sockets = this.served.get(name)
    return sockets !== undefined && this.isServed(sockets.link)
  }

  /** Those whose clients are served directly. */
  serving(): readonly Sockets[] {
    return [...this.served.values()].filter(({ link }) => this.isServed(link))
  }

  /** Where there is none yet, those that will be served. */
  states(): readonly LinkState[] {
    const serving = this.serving().map(({ link }) => ({
      name: link.name,
      where: formatLink(link),
      serving: true,
    }))
    const failed = Array.from(this.failed, ([name, because]) => ({
      name,
      where: name,
      serving: false,
      because,
    }))
    const known = [...serving, ...failed]
    return known.length > 0 ? known : this.waiting()
  }

  private waiting(): readonly LinkState[] {
    const because = 'no carrier, as nothing is plugged in or switched on there; it is served when that comes'
    const links = linksWithoutCarrier().filter((link) => this.isServed(link))
    return links.map((link) => ({ name: link.name, where: formatLink(link), serving: false, because }))
  }

  private look(): readonly Link[] {
    const links = localLinks()
    this.own = new Set(links.flatMap(({ addresses }) => addresses.map(({ ip }) => ip)))
    return links
  }

  /** What serves stays as it is. */
  private async follow(isStart: boolean): Promise<void> {
    const links = this.look()
    for (const [name, { index }] of this.served) {
      const isThere = links.some((link) => link.name === name) && this.libc?.interfaceIndex(name) === index
      if (!isThere) this.lose(name)
    }
    this.missNames(links)
    this.forgetGone(links)
    for (const link of links) {
      if (this.isStopped || !this.isWanted(link)) continue
      const sockets = this.served.get(link.name)
      if (sockets === undefined) await this.tryOpen(link, isStart)
      else {
        if (formatLink(sockets.link) !== formatLink(link)) {
          this.say('info', `${formatLink(link)} has other addresses than before, and is served with them`)
        }
        sockets.link = link
      }
    }
  }

  private missNames(links: readonly Link[]): void {
    const why = 'it is not there, or is down, or has no IPv4 address; waiting for it'
    for (const name of this.parts.names ?? []) {
      const isThere = links.some((link) => link.name === name)
      if (!isThere && !this.failed.has(name)) this.miss(name, why, `; links that are up: ${namesOf(links)}`)
      if (isThere && this.failed.get(name) === why) this.failed.delete(name)
    }
  }

  /** Nobody wants one that its addresses brought and that is gone: it is no fault, as it is none at a start. */
  private forgetGone(links: readonly Link[]): void {
    if (this.parts.names !== undefined) return
    for (const name of this.failed.keys()) {
      if (!links.some((link) => link.name === name && this.isServed(link))) this.failed.delete(name)
    }
  }

  /** Named, or with a subnet of ours; without subnets, all that lead to machines. */
  private isServed(link: NamedLink): boolean {
    const { names, subnets, bind } = this.parts
    if (bind !== 0) return true
    if (names !== undefined) return names.includes(link.name)
    if (subnets.length === 0) return isAttached(link)
    return isIn(link, subnets)
  }

  /** Relays send to any address of ours: other links are listened to as well, if that goes. */
  private isWanted(link: Link): boolean {
    return this.isServed(link) || (this.parts.names === undefined && isAttached(link))
  }

  private async tryOpen(link: Link, isStart: boolean): Promise<void> {
    const isServed = this.isServed(link)
    try {
      const objection = await this.open(link)
      this.failed.delete(link.name)
      if (isStart || !isServed) return
      const what = objection === undefined ? 'is served from now on' : `has come: ${objection}`
      this.say('info', `${formatLink(link)} ${what}`)
    } catch (error) {
      if (isStart && isServed) throw error
      const why = error instanceof Error ? error.message : String(error)
      if (isServed) this.miss(link.name, why)
      else if (isStart) this.say('debug', `relays that send to ${link.name} are not heard: ${why}`)
    }
  }

  /** Resolves to why the link is not served at once. */
  private async open(link: Link): Promise<string | undefined> {
    const { libc, ports } = this
    if (libc === undefined || ports === undefined) return undefined
    const index = libc.interfaceIndex(link.name)
    const sockets = await Sockets.onLink({ ...this.parts, frames: this.frames }, ports, link, index)
    if (this.isStopped) {
      sockets.close()
      return undefined
    }
    this.served.set(link.name, sockets)
    return this.isServed(link) ? this.parts.opened(sockets) : undefined
  }

  private async openAddress(link: Link, address: Ipv4): Promise<void> {
    this.served.set(link.name, await Sockets.onAddress({ ...this.parts, frames: undefined }, link, address))
  }

  /** Without koffi a socket hears the broadcasts of every link and cannot tell which: right only where there is one. */
  private async openOnlyLink(links: readonly Link[], unavailable: string): Promise<void> {
    const [only, ...others] = links.filter(isAttached)
    if (only !== undefined && others.length === 0 && this.isServed(only)) {
      this.served.set(only.name, await Sockets.onOnlyLink({ ...this.parts, frames: undefined }, only))
      return
    }
    throw new BindError(
      `DHCP cannot tell the links of this machine (${namesOf(links)}) apart, as the package koffi does not load here (${unavailable}). ` +
        'Run npm ci again on this machine, or set dhcp.mode to off.',
    )
  }

  private lose(name: string): void {
    const wasServed = this.serving().some(({ link }) => link.name === name)
    this.close(name)
    if (wasServed) this.miss(name, 'its link is gone; waiting for it')
  }

  private close(name: string): void {
    this.served.get(name)?.close()
    this.served.delete(name)
    this.parts.closed(name)
  }

  /** `more`: for the log alone. */
  private miss(name: string, why: string, more = ''): void {
    if (this.failed.get(name) === why) return
    this.failed.set(name, why)
    this.say('warn', `${name} is not served: ${why}${more}`)
  }

  private schedule(): void {
    this.timer = setTimeout(() => void this.rescan(), rescanMs)
  }

  private async rescan(): Promise<void> {
    try {
      await this.follow(false)
    } catch (error) {
      // Out of descriptors, say: what is served goes on, and the next look may succeed.
      const why = error instanceof Error ? error.message : String(error)
      this.say('warn', `the links cannot be looked at: ${why}`)
    }
    if (!this.isStopped) this.schedule()
  }

  private say(level: 'debug' | 'info' | 'warn', text: string): void {
    this.parts.tell({ level, step: 'dhcp.link', text: printable(text) })
  }
}

function namesOf(links: readonly Link[]): string {
  const attached = links.filter(isAttached)
  return attached.map(({ name }) => name).join(', ') || 'none'
}

function linkOf(ip: Ipv4, links: readonly Link[]): Link {
  const found = links.find(({ addresses }) => addresses.some((address) => address.ip === ip))
  if (found !== undefined) return found
  throw new BindError(`dhcp.bind is ${formatIpv4(ip)}, which is no address of this machine.`)
}
