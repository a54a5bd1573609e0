// Server mode: what each message of a client is answered with, and which lease has to be on disk first.

import type { Host, Lease } from '../model.ts'
import { formatIpv4, inSubnet, type Ipv4 } from '../net/ipv4.ts'
import type { Client } from './client.ts'
import { options as codes } from './codes.ts'
import type { Holder } from './holder.ts'
import { kept } from './kept.ts'
import type { Leases } from './leases.ts'
import type { Message, OptionList } from './packet.ts'
import { wanted } from './reply.ts'
import { hasAddress, type Place, type Scope } from './scope.ts'

export type ServerContext = {
  readonly message: Message
  readonly client: Client
  /** The address that it was sent from. */
  readonly from: Ipv4
  readonly place: Place
  readonly holder: Holder
  readonly leases: Leases
  /** Whether an address is one of ours, as a server identifier. */
  readonly isOurs: (ip: Ipv4) => boolean
  readonly authoritative: boolean
  /** No other server gives addresses where we do. */
  readonly isAlone: boolean
  /** Milliseconds since 1970. */
  readonly now: number
}

/** An address for a client and what goes with it. */
export type Grant = { readonly ip: Ipv4; readonly scope: Scope; readonly seconds: number }

export type Verdict =
  | { readonly kind: 'offer'; readonly grant: Grant }
  /** `lease` is to be written before the ACK leaves; what it takes the place of is in `ended`. */
  | { readonly kind: 'ack'; readonly grant: Grant; readonly lease: Lease; readonly ended: readonly Lease[] }
  | { readonly kind: 'nak'; readonly because: string }
  /** A DISCOVER, and no address is left for it. */
  | { readonly kind: 'full'; readonly because: string }
  /** An INFORM: options for who has `ip`, and no lease (RFC 2131 4.3.5). */
  | { readonly kind: 'inform'; readonly ip: Ipv4; readonly scope: Scope }
  /** No reply; `lease`, if there is one, is to be written. */
  | {
      readonly kind: 'silent'
      readonly because: string
      readonly worrying?: boolean | undefined
      readonly lease?: Lease | undefined
    }

/** How long an address stays away from everyone after a client found somebody else using it. */
const quarantineMs = 3_600_000

export function judge(context: ServerContext): Verdict {
  switch (context.client.type) {
    case 'DISCOVER':
      return judgeDiscover(context)
    case 'REQUEST':
      return judgeRequest(context)
    case 'RELEASE':
      return judgeRelease(context)
    case 'DECLINE':
      return judgeDecline(context)
    case 'INFORM':
      return judgeInform(context)
    default:
      return silent('it is a reply, and no request')
  }
}

function judgeDiscover({ client, holder, place, leases }: ServerContext): Verdict {
  const proposal = leases.propose(holder, client.requestedAddress, place.scopes)
  if ('none' in proposal) return { kind: 'full', because: proposal.none }
  return { kind: 'offer', grant: { ...proposal, seconds: secondsFor(client, proposal.scope) } }
}

/** RFC 2131 4.3.2: what a REQUEST means shows in which of its fields are filled. */
function judgeRequest(context: ServerContext): Verdict {
  const { client, message, leases, holder, isOurs } = context
  const { server } = client
  if (server !== undefined && !isOurs(server) && server !== context.place.server) {
    const own = leases.offered(holder.key, context.place.scopes)
    if (own !== undefined && leases.activeAt(own) === undefined) leases.withdraw(own)
    return silent(`it chose the DHCP server ${formatIpv4(server)}`)
  }
  const isRenewal = hasAddress(message, client)
  const ip = isRenewal ? message.ciaddr : client.requestedAddress
  if (ip === undefined || ip === 0) return silent('it asks for no address')
  return server === undefined || isRenewal ? judgeKnownAddress(context, ip) : grantOrNak(context, ip)
}

/** INIT-REBOOT, RENEWING, REBINDING: the client has an address already, from us or from somebody else. */
function judgeKnownAddress(context: ServerContext, ip: Ipv4): Verdict {
  const { client, message, holder, place, leases, authoritative, isAlone } = context
  // A reservation is a record, too: its machine may come from another server, or from before our store was lost.
  if (leases.isOwn(ip, holder.key) || ip === holder.reserved) return grantOrNak(context, ip)
  // Our own addresses we know; any other may be one that another server gave it.
  const isOurs = leases.isOurs(ip, place.scopes)
  if (isOurs && leases.activeAt(ip) !== undefined) return nak(`${formatIpv4(ip)} belongs to another client`)
  const isBooting = !hasAddress(message, client)
  const isElsewhere = isBooting && !place.scopes.some(({ subnet }) => inSubnet(ip, subnet))
  // RFC 2131 4.3.2: whom we know learns that its address is wrong; without a record of this client, silence.
  if ((isOurs || (isElsewhere && isAlone)) && leases.hasRecord(holder.key, place.scopes)) {
    return nak(`it has another address than ${formatIpv4(ip)}`)
  }
  if (!authoritative) {
    return silent(`we never gave it ${formatIpv4(ip)} (authoritative: true would refuse it)`)
  }
  return nak(`${formatIpv4(ip)} is none of its addresses`)
}

function grantOrNak(context: ServerContext, ip: Ipv4): Verdict {
  const { client, message, holder, place, leases, now } = context
  const { reserved } = holder
  // Its reservation came while it held another address: a booting machine starts over; one that runs keeps what it has.
  const isBooting = !hasAddress(message, client)
  if (isBooting && reserved !== undefined && reserved !== ip) {
    const isFree = leases.scopeFor(reserved, holder, place.scopes) !== undefined
    if (isFree) return nak(`${formatIpv4(reserved)} is reserved for it`)
  }
  const scope = leases.scopeFor(ip, holder, place.scopes)
  if (scope === undefined) return nak(`it cannot have ${formatIpv4(ip)} here`)
  const seconds = secondsFor(client, scope)
  const { mac, clientId, hostname } = client
  const since = leases.activeAt(ip)?.since ?? now
  const lease: Lease = { ip, mac, clientId, hostname, state: 'bound', since, expires: now + seconds * 1000 }
  // A machine that starts has left what it had here. And a client-id that comes with another card takes the lease
  // along (RFC 2131 4.2): the store lets no other card have what one holds.
  const ended = leases
    .activeOf(holder.key, place.scopes)
    .filter((other) => (other.ip === ip ? other.mac !== mac : isBooting))
    .map((other) => ({ ...other, state: 'released' as const, expires: now }))
  return { kind: 'ack', grant: { ip, scope, seconds }, lease, ended }
}

function judgeRelease({ message, client, holder, leases, isOurs, place, now }: ServerContext): Verdict {
  if (client.server !== undefined && !isOurs(client.server) && client.server !== place.server) {
    return silent('it releases an address of another server')
  }
  const lease = leases.activeOf(holder.key, place.scopes).find(({ ip }) => ip === message.ciaddr)
  if (lease === undefined) {
    return silent(`it releases ${formatIpv4(message.ciaddr)}, which is not its own`)
  }
  // The record stays, so that the machine finds its address again (RFC 2131 4.3.4).
  const released: Lease = { ...lease, state: 'released', expires: now }
  return { kind: 'silent', because: `it released ${formatIpv4(lease.ip)}`, lease: released }
}

function judgeDecline({ client, holder, leases, isOurs, place, now }: ServerContext): Verdict {
  const ip = client.requestedAddress
  if (ip === undefined || client.server === undefined) {
    return silent('its DECLINE names no address or no server')
  }
  if (!isOurs(client.server) && client.server !== place.server) {
    return silent('it declines an address of another server')
  }
  const lease = leases.activeOf(holder.key, place.scopes).find((active) => active.ip === ip)
  if (lease === undefined && leases.offered(holder.key, place.scopes) !== ip) {
    return silent(`it declines ${formatIpv4(ip)}, which is not its own`)
  }
  if (!leases.mayDecline(ip)) {
    leases.withdraw(ip)
    const released = lease && { ...lease, state: 'released' as const, expires: now }
    return {
      kind: 'silent',
      because: `it says that somebody else uses ${formatIpv4(ip)}, like too many before it: not set aside (dhcp.limits.declined_share)`,
      worrying: true,
      lease: released,
    }
  }
  const declined: Lease = {
    ip,
    mac: lease?.mac ?? client.mac,
    clientId: client.clientId,
    hostname: client.hostname,
    state: 'declined',
    since: now,
    expires: now + quarantineMs,
  }
  return {
    kind: 'silent',
    because: `somebody else uses ${formatIpv4(ip)}, it says: set aside for an hour`,
    worrying: true,
    lease: declined,
  }
}

function judgeInform({ message: { ciaddr, giaddr }, from, place }: ServerContext): Verdict {
  // Some clients leave it out of ciaddr (ISC dhcpd, dhcpinform(), knows of many); a relay sends from its own.
  const ip = ciaddr === 0 && giaddr === 0 ? from : ciaddr
  if (ip === 0) return silent('its INFORM does not say which address it has')
  // RFC 2131 4.3.5: the address is checked; mask and router of another subnet would be wrong ones.
  const scope = place.scopes.find(({ subnet }) => inSubnet(ip, subnet))
  if (scope !== undefined) return { kind: 'inform', ip, scope }
  return silent(`it has ${formatIpv4(ip)}, which is in no subnet of ours here`)
}

function nak(because: string): Verdict {
  return { kind: 'nak', because }
}

function silent(because: string): Verdict {
  return { kind: 'silent', because }
}

/** RFC 2131 3.3: what it asks for, within the limits of its subnet. */
function secondsFor({ leaseTime }: Client, scope: Scope): number {
  return Math.min(Math.max(leaseTime ?? scope.leaseTime, scope.minLeaseTime), scope.maxLeaseTime)
}

/** The options of an OFFER or ACK, the boot aside. `seconds` undefined: no lease (INFORM). */
export function networkOptions(
  scope: Scope,
  seconds: number | undefined,
  client: Client,
  host: Host | undefined,
): OptionList {
  const own = wanted(valuesFor(scope, host), client)
  return seconds === undefined ? own : [...times(seconds), ...own]
}

function valuesFor({ options }: Scope, host: Host | undefined): Scope['options'] {
  if (host === undefined || (host.origin !== 'settings' && host.options.length === 0)) return options
  const values = new Map(options)
  // A host's own name is what an installer calls the machine; a registered one is only its MAC.
  if (host.origin === 'settings' && /^[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63})*$/i.test(host.name)) {
    values.set(codes.hostName, [codes.hostName, Buffer.from(host.name)])
  }
  for (const { code, bytes } of host.options) values.set(code, [code, bytes])
  return values
}

/** RFC 2131 4.4.5: T1 is half of it, T2 seven eighths. */
const times = kept((seconds: number): OptionList => [
  [codes.leaseTime, uint32(seconds)],
  [codes.renewalTime, uint32(Math.floor(seconds / 2))],
  [codes.rebindingTime, uint32(Math.floor((seconds * 7) / 8))],
])

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}
