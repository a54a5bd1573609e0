// One request on its way through the engine, and what the engine was handed to answer it.

import { worrying, type Decision, type Rule } from '../boot/decide.ts'
import type { Facts } from '../boot/facts.ts'
import { LazyEvent, printableLine, type Level, type Tell } from '../events.ts'
import type { Host, Lease } from '../model.ts'
import { formatIpv4, type Ipv4 } from '../net/ipv4.ts'
import type { Mac } from '../net/mac.ts'
import type { Outcome } from '../store/store.ts'
import { bootFields, type Boot, type BootFields } from './boot-options.ts'
import type { Client } from './client.ts'
import { keyOf, type Identity } from './holder.ts'
import type { Leases } from './leases.ts'
import type { Message } from './packet.ts'
import type { Destination } from './reply.ts'
import type { Arrival, Place, Site } from './scope.ts'

/** Sends a datagram on the link, and from the port, that a request came by. Never throws. */
export type Send = (bytes: Buffer, to: Destination) => void

/** A datagram came in. */
export type Receive = (port: Port, bytes: Buffer, arrival: Arrival, send: Send) => void

/** Why a link is not served now; brief: machines that ask again are. */
export type Objection = { readonly because: string; readonly isBrief: boolean }

export type EngineParts = {
  readonly site: Site
  readonly leases: Leases
  readonly identity: Identity
  readonly authoritative: boolean
  /** Where another DHCP server answers we give no address (dhcp.other_servers). */
  readonly isAlone: boolean
  readonly decide: (facts: Facts) => Decision
  readonly hostOf: (mac: Mac) => Host | undefined
  /** Resolves when the leases are on disk and every thread knows who has which address. */
  readonly commit: (leases: readonly Lease[]) => Promise<readonly Outcome[]>
  /** A client told another DHCP server which address it takes. */
  readonly learn: (ip: Ipv4, mac: Mac) => void
  /** Whether an address is one of ours. */
  readonly isOurs: (ip: Ipv4) => boolean
  /** Whether a MAC is one that we only ask other servers with. */
  readonly isOwnProbe: (mac: Mac) => boolean
  /** Whether machines on a link of ours are served directly, and not only through relays. */
  readonly isServed: (link: string) => boolean
  /** Why no address is given to machines on a link of ours now; undefined: they are served. */
  readonly objectionTo: (link: string) => Objection | undefined
  /** Bears a flood. */
  readonly tell: Tell
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** The two ports of PXE 2.1: DHCP's own, 67, and the boot server's, 4011. */
export type Port = 'dhcp' | 'boot-server'

export type Request = {
  readonly message: Message
  readonly client: Client
  readonly arrival: Arrival
  readonly port: Port
  readonly host: Host | undefined
  readonly send: Send
}

/** How the log calls the client: `h1 (52:54:00:00:00:01) on eth1`. */
export function whoAsks({ message: { giaddr }, client, arrival, host }: Request): string {
  const { mac, clientId } = client
  const name = host === undefined ? keyOf('mac', mac, clientId) : `${host.name} (${mac})`
  const relay = giaddr === 0 ? '' : ` behind ${formatIpv4(giaddr)}`
  return `${name} on ${arrival.link.name}${relay}`
}

/** Events that a full subnet, one that fills, or a machine on a link that is not served would repeat with every packet. */
const onceInMs: ReadonlyMap<string, number> = new Map([
  ['dhcp.full', 60_000],
  ['dhcp.filling', 60_000],
  ['dhcp.unserved', 3_600_000],
])

const mostRemembered = 10_000

/** Of those one line in that time and subnet or machine; what comes in between stays for who debugs. */
export function seldom(tell: Tell, now: () => number): Tell {
  const told = new Map<string, number>()
  return (event) => {
    const pause = onceInMs.get(event.step)
    if (pause === undefined) return tell(event)
    const what = `${event.step} ${event.data?.['subnet'] ?? event.client?.mac}`
    const isSoon = now() - (told.get(what) ?? -Infinity) < pause
    // MACs are for anybody to make up.
    if (told.size >= mostRemembered) told.clear()
    if (!isSoon) told.set(what, now())
    tell(isSoon ? { ...event, text: event.text, level: 'debug' } : event)
  }
}

/** One line of the log about a request; `text` is what becomes of its sender. */
export function say(
  request: Request,
  tell: Tell,
  level: Level,
  step: string,
  text: string | (() => string),
  ip?: Ipv4,
): void {
  const { client, host } = request
  const told = () => printableLine(`${whoAsks(request)} ${typeof text === 'string' ? text : text()}`)
  tell(new LazyEvent(level, step, { mac: client.mac, ip, host: host?.name }, told))
}

/** What a client is offered to boot. */
export type BootOffer = {
  /** Undefined: nothing. */
  readonly boot: Boot | undefined
  readonly fields: BootFields
  /** Of the decision; undefined: it does not boot. */
  readonly rule: Rule | undefined
  /** For the log, behind what else became of it; empty: it does not boot. */
  readonly text: () => string
  readonly level: Level
}

/** The one decision for this client; `ip`: the address it has or gets. */
export function offerBoot(
  request: Request,
  place: Place,
  ip: Ipv4 | undefined,
  { decide }: EngineParts,
): BootOffer {
  const { client, message } = request
  if (!client.boots) {
    const fields = bootFields(undefined, client, message)
    return { boot: undefined, fields, rule: undefined, text: () => '', level: 'info' }
  }
  const decision = decide({
    via: place.mode === 'proxy' ? 'proxy' : 'dhcp',
    server: place.bootServer,
    mac: client.mac,
    ip,
    uuid: client.uuid,
    archs: client.archs,
    agent: client.agent,
    lacksHttp: client.lacksHttp,
    asks: { kind: 'loader' },
  })
  const boot = decision.answers.find((answer): answer is Boot => answer.kind === 'boot')
  const { rule, because } = decision.reason
  return {
    boot,
    fields: bootFields(boot, client, message),
    rule,
    text: () => `${boot === undefined ? 'nothing to boot' : whatBoots(boot)} (${because})`,
    level: worrying.has(rule) ? 'warn' : 'info',
  }
}

function whatBoots({ server, file, url }: Boot): string {
  return url ?? `${file} from ${formatIpv4(server)}`
}
