// Looks for other DHCP servers on a link before we give addresses there, and every hour: two of them give one address twice.

import { randomInt } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Tell } from '../events.ts'
import { bindToDevice } from '../net/devices.ts'
import { formatIpv4, ipv4, type Ipv4 } from '../net/ipv4.ts'
import type { Libc } from '../net/libc.ts'
import type { Link } from '../net/links.ts'
import { macToBytes, parseMac, type Mac } from '../net/mac.ts'
import type { UdpPort } from '../net/udp.ts'
import { messageTypes, options as codes } from './codes.ts'
import { bootReply, bootRequest, broadcastFlag, decode, encode, type Message } from './packet.ts'

/** A server that answered our own DISCOVER. */
export type Rival = { readonly server: Ipv4; readonly offered: Ipv4 }

/** `checking`: not known yet; nothing is given meanwhile. */
export type Verdict = 'checking' | 'clear' | Rival

/** dnsmasq pings an address for 3 s before it offers it. */
const waitMs = 4000
const repeatAfterMs = 1500
const checkAgainMs = 3_600_000
const checkRivalAgainMs = 15_000

const clientPort = 68

/** The DISCOVER's sender: ours, and nobody's card (the locally administered bit), the same each time. */
export function probeMac(link: Link): Mac {
  const [first = 0, ...rest] = macToBytes(link.mac)
  const own = [(first | 2) ^ 0x50, ...rest].map((octet) => octet.toString(16).padStart(2, '0')).join('')
  return parseMac(own) ?? link.mac
}

/** A link as long as it is served by one socket: when it goes and comes back, that is another watch. */
type Watch = {
  readonly link: Link
  /** Ours, on port 67 of the link. */
  readonly main: UdpPort
  verdict: Verdict
  timer?: NodeJS.Timeout
}

export class Rivals {
  private readonly libc: Libc
  private readonly tell: Tell
  private readonly isOurs: (ip: Ipv4) => boolean
  private readonly watches = new Map<string, Watch>()
  private readonly probes = new Set<Mac>()

  constructor(libc: Libc, isOurs: (ip: Ipv4) => boolean, tell: Tell) {
    this.libc = libc
    this.isOurs = isOurs
    this.tell = tell
  }

  /** A link that is not watched is one we give no addresses on, but through relays. */
  verdictOf(link: string): Verdict {
    return this.watches.get(link)?.verdict ?? 'clear'
  }

  /** `main`: our socket on port 67 of the link. Checks now, and from time to time as long as the link is served. */
  watch(link: Link, main: UdpPort): void {
    this.forget(link.name)
    this.probes.add(probeMac(link))
    const watch: Watch = { link, main, verdict: 'checking' }
    this.watches.set(link.name, watch)
    void this.check(watch)
  }

  /** Whether a DISCOVER is one of ours, which we hear ourselves. */
  isOwn(mac: Mac): boolean {
    return this.probes.has(mac)
  }

  forget(link: string): void {
    clearTimeout(this.watches.get(link)?.timer)
    this.watches.delete(link)
  }

  stop(): void {
    for (const link of this.watches.keys()) this.forget(link)
  }

  /** False: its socket is closed, and what it found says nothing of the watch that came after it. */
  private isCurrent(watch: Watch): boolean {
    return this.watches.get(watch.link.name) === watch
  }

  private async check(watch: Watch): Promise<void> {
    const { link } = watch
    let found: Rival | undefined
    try {
      found = await this.ask(watch)
    } catch (error) {
      if (!this.isCurrent(watch)) return
      const why = error instanceof Error ? error.message : String(error)
      this.say('warn', `${link.name} could not be searched for other DHCP servers (${why}); it is served`)
    }
    if (!this.isCurrent(watch)) return
    const before = watch.verdict
    watch.verdict = found ?? 'clear'
    this.report(link, before, found)
    const again = found === undefined ? checkAgainMs : checkRivalAgainMs
    watch.timer = setTimeout(() => void this.check(watch), again).unref()
  }

  private report(link: Link, before: Verdict, found: Rival | undefined): void {
    const wasRival = typeof before === 'object'
    if (found !== undefined && wasRival && before.server === found.server) return
    if (found !== undefined) {
      const who = formatIpv4(found.server)
      this.say(
        'error',
        `another DHCP server answers on ${link.name}: ${who} (it offered ${formatIpv4(found.offered)}). No address is ` +
          `given there, as both would give the same ones. Switch ${who}'s DHCP off, or leave the addresses to it with ` +
          'dhcp.mode: proxy, or set dhcp.other_servers: allow',
      )
    } else if (wasRival) {
      this.say('info', `no other DHCP server answers on ${link.name} any more: it is served`)
    } else if (before === 'checking') {
      this.say('info', `no other DHCP server answers on ${link.name}: it is served`)
    }
  }

  /** The first offer that another server makes to a machine that does not exist. */
  private async ask(watch: Watch): Promise<Rival | undefined> {
    const { link, main } = watch
    const xid = randomInt(2 ** 32)
    const found: Rival[] = []
    const hear = (bytes: Buffer) => {
      const message = decode(bytes)
      if ('malformed' in message || message.xid !== xid || message.op !== bootReply) return
      const server = serverOf(message)
      // A proxyDHCP server gives no addresses.
      if (server === undefined || message.yiaddr === 0 || this.isOurs(server)) return
      found.push({ server, offered: message.yiaddr })
    }
    const bound = await bindToDevice(this.libc, link.name, clientPort).catch(() => undefined)
    const listener = bound?.socket
    listener?.on('message', hear)
    listener?.on('error', () => undefined)
    // Where this machine's own DHCP client holds port 68, we ask as a relay would, which is answered on port 67.
    const own = link.addresses[0]
    const giaddr = listener === undefined && own !== undefined ? own.ip : ipv4(0)
    const stopHearing = listener === undefined ? main.hear(hear) : undefined
    const bytes = discover(xid, link, giaddr)
    try {
      for (let waited = 0; waited < waitMs && found.length === 0 && this.isCurrent(watch); waited += 50) {
        if (waited % repeatAfterMs === 0)
          main.socket.send(bytes, main.socket.address().port, '255.255.255.255', () => undefined)
        await sleep(50)
      }
      return found[0]
    } finally {
      listener?.close()
      stopHearing?.()
    }
  }

  private say(level: 'info' | 'warn' | 'error', text: string): void {
    this.tell({ level, step: 'dhcp.rival', text })
  }
}

function serverOf(message: Message): Ipv4 | undefined {
  const value = message.options.get(codes.serverIdentifier)
  return value?.length === 4 ? ipv4(value.readUInt32BE(0)) : undefined
}

function discover(xid: number, link: Link, giaddr: Ipv4): Buffer {
  const none = ipv4(0)
  const chaddr = Buffer.alloc(16)
  chaddr.set(macToBytes(probeMac(link)))
  const header = { op: bootRequest, htype: 1, hlen: 6, hops: 0, xid, secs: 0, flags: broadcastFlag }
  const addresses = { ciaddr: none, yiaddr: none, siaddr: none, giaddr }
  const wants = Uint8Array.of(codes.subnetMask, codes.router)
  return encode(
    {
      ...header,
      ...addresses,
      chaddr,
      sname: '',
      file: '',
      options: [
        [codes.messageType, Uint8Array.of(messageTypes.DISCOVER)],
        [codes.parameterRequestList, wants],
      ],
    },
    576,
  )
}
