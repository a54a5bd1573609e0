// Which subnets a message is about, in which mode they are served, and which address of ours the client is to use.

import { broadcastOf, formatIpv4, inSubnet, maskOf, type Ipv4, type Range, type Subnet } from '../net/ipv4.ts'
import { addressOn, type Link } from '../net/links.ts'
import type { DhcpMode, DhcpSettings, DhcpSubnet } from '../settings/schema.ts'
import type { Client } from './client.ts'
import { options as codes } from './codes.ts'
import type { Message, Option } from './packet.ts'

/** One subnet of the settings, ready to answer from. */
export type Scope = {
  readonly subnet: Subnet
  readonly mode: DhcpMode
  readonly ranges: readonly Range[]
  /** Everything a client of it may ask for, by code. */
  readonly options: ReadonlyMap<number, Option>
  /** Seconds. */
  readonly leaseTime: number
  readonly minLeaseTime: number
  readonly maxLeaseTime: number
  readonly nextServer?: Ipv4 | undefined
}

/** How a datagram came to us. */
export type Arrival = {
  readonly link: Link
  /** Ours, that it was sent to; undefined for a broadcast. */
  readonly to?: Ipv4 | undefined
  readonly from: Ipv4
  readonly fromPort: number
}

export type Place = {
  readonly mode: 'server' | 'proxy'
  /** The first is where the client is, or may be; the others share its link. Empty only in proxy mode. */
  readonly scopes: readonly Scope[]
  /** Ours, as the client knows us: option 54. */
  readonly server: Ipv4
  /** Where the client fetches from. */
  readonly bootServer: Ipv4
}

export function scopesOf(settings: DhcpSettings): readonly Scope[] {
  return settings.subnets.map((entry) => ({
    subnet: entry.subnet,
    mode: entry.mode ?? settings.mode,
    ranges: entry.ranges,
    options: optionsOf(entry, settings),
    leaseTime: entry.lease_time,
    minLeaseTime: entry.min_lease_time,
    maxLeaseTime: entry.max_lease_time,
    nextServer: entry.next_server,
  }))
}

function optionsOf(entry: DhcpSubnet, settings: DhcpSettings): Scope['options'] {
  const { subnet, router, dns, domain, ntp } = entry
  const found = new Map<number, Option>()
  const put = (code: number, bytes: Uint8Array) => found.set(code, [code, bytes])
  for (const { code, bytes } of settings.options) put(code, bytes)
  put(codes.subnetMask, addresses([maskOf(subnet.prefix)]))
  // RFC 3021 2.2: a /31 has none. A client that is told one takes its only neighbour for it, which it then cannot reach.
  if (subnet.prefix < 31) put(codes.broadcastAddress, addresses([broadcastOf(subnet)]))
  if (router !== undefined) put(codes.router, addresses([router]))
  if (dns !== undefined && dns.length > 0) put(codes.domainNameServer, addresses(dns))
  if (domain !== undefined) put(codes.domainName, Buffer.from(domain))
  if (ntp !== undefined && ntp.length > 0) put(codes.ntpServers, addresses(ntp))
  for (const { code, bytes } of entry.options) put(code, bytes)
  return found
}

/** Four octets each, as they go on the wire. */
export function addresses(list: readonly Ipv4[]): Buffer {
  const bytes = Buffer.alloc(4 * list.length)
  for (const [index, ip] of list.entries()) bytes.writeUInt32BE(ip, 4 * index)
  return bytes
}

export type Site = {
  readonly mode: DhcpMode
  readonly scopes: readonly Scope[]
  readonly advertise?: Ipv4 | undefined
}

/** Where the sender of `message` is, or why it is none of our business. */
export function placeOf(
  message: Message,
  client: Client,
  arrival: Arrival,
  site: Site,
): Place | { readonly refused: string } {
  const scopes = scopesAt(message, client, arrival, site.scopes)
  const [first] = scopes
  const service = serviceOf(first, site)
  const { mode } = service
  if (mode === 'off') return { refused: whyNone(message, client, arrival, first) }
  const served = scopes.filter((scope) => scope.mode === mode)
  return placeWith(service, mode, served, client, arrival)
}

/** The place of a client whose address is of `scope`, which may be another subnet of its link than the first. */
export function placeIn(scope: Scope, place: Place, client: Client, arrival: Arrival, site: Site): Place {
  const { mode, scopes } = place
  return scope === scopes[0] ? place : placeWith(serviceOf(scope, site), mode, scopes, client, arrival)
}

function placeWith(
  { subnet, bootServer }: Service,
  mode: Place['mode'],
  scopes: readonly Scope[],
  client: Client,
  { to, link }: Arrival,
): Place {
  const own = to ?? addressOn(link, subnet)
  return { mode, scopes, server: client.serverOverride ?? own, bootServer: bootServer ?? own }
}

export type Service = {
  readonly mode: DhcpMode
  /** As the settings have it; undefined: our own address, as the client knows it. */
  readonly bootServer: Ipv4 | undefined
  readonly subnet: Subnet | undefined
}

/** How machines of `scope` are served; undefined: those of no subnet of the settings. */
function serviceOf(scope: Scope | undefined, { mode, advertise }: Site): Service {
  return {
    mode: scope?.mode ?? (mode === 'proxy' ? 'proxy' : 'off'),
    bootServer: scope?.nextServer ?? advertise,
    subnet: scope?.subnet,
  }
}

/** How a machine with the address `ip` is served; one without as those of the first subnet that gives addresses. */
export function serviceAt(ip: Ipv4 | undefined, site: Site): Service {
  const near = (mode: DhcpMode) => site.scopes.find((scope) => scope.mode === mode)
  const scope =
    ip === undefined
      ? (near('server') ?? near('proxy'))
      : site.scopes.find(({ subnet }) => inSubnet(ip, subnet))
  return serviceOf(scope, site)
}

/**
 * Whether ciaddr counts: who looks for an address or chooses an offer has none (RFC 2131 table 5), whatever it says. A
 * choice names both server and address: iPXE names us on port 4011, too (dhcp_proxy_tx), with the address that it has.
 */
export function hasAddress({ ciaddr }: Message, { type, server, requestedAddress }: Client): boolean {
  const chooses = type === 'REQUEST' && server !== undefined && requestedAddress !== undefined
  return ciaddr !== 0 && type !== 'DISCOVER' && !chooses
}

/** RFC 2131 4.3.1: by the relay's address or what a relay or client says instead; else by the link. */
function scopesAt(
  message: Message,
  client: Client,
  { link }: Arrival,
  scopes: readonly Scope[],
): readonly Scope[] {
  const { giaddr, ciaddr } = message
  const hint = client.subnet ?? (giaddr === 0 ? undefined : giaddr)
  if (hint !== undefined) return scopes.filter(({ subnet }) => inSubnet(hint, subnet))
  // A renewal comes by unicast, without its relay: over any link of ours.
  const own = hasAddress(message, client) ? scopes.filter(({ subnet }) => inSubnet(ciaddr, subnet)) : []
  if (own.length > 0) return own
  return scopes.filter(({ subnet }) => link.addresses.some(({ ip }) => inSubnet(ip, subnet)))
}

function whyNone(message: Message, client: Client, arrival: Arrival, scope: Scope | undefined): string {
  if (scope !== undefined) return 'its subnet is switched off (mode: off)'
  const hint = client.subnet ?? (message.giaddr === 0 ? undefined : message.giaddr)
  return hint === undefined
    ? `no subnet of dhcp.subnets is on ${arrival.link.name}`
    : `no subnet of dhcp.subnets holds ${formatIpv4(hint)}, where its relay says it is`
}
