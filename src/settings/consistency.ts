// Faults that no single key shows: settings that contradict each other.

import { formatIpv4, formatSubnet, inSubnet } from '../net/ipv4.ts'
import type { Mac } from '../net/mac.ts'
import type { Settings } from './schema.ts'

export type Inconsistency = { readonly at: readonly PropertyKey[]; readonly text: string }

export function inconsistencies(settings: Settings): readonly Inconsistency[] {
  return [
    ...dhcpFaults(settings),
    ...portFaults(settings),
    ...bootloaderFaults(settings),
    ...hostFaults(settings),
  ]
}

function* dhcpFaults(settings: Settings): Generator<Inconsistency> {
  const dhcp = settings.dhcp
  if (dhcp === undefined) return
  if (dhcp.mode === 'server' && dhcp.subnets.length === 0) {
    yield {
      at: ['dhcp', 'mode'],
      text: 'is server, so dhcp.subnets must say which addresses to give, such as - { subnet: 10.77.0.0/24, ranges: ["10.77.0.100-10.77.0.199"] }',
    }
  }
  for (const [index, entry] of dhcp.subnets.entries()) {
    const at = ['dhcp', 'subnets', index]
    for (const [place, range] of entry.ranges.entries()) {
      if (!inSubnet(range.first, entry.subnet) || !inSubnet(range.last, entry.subnet)) {
        yield { at: [...at, 'ranges', place], text: `lies outside ${formatSubnet(entry.subnet)}` }
      }
    }
    if (entry.min_lease_time > entry.lease_time || entry.lease_time > entry.max_lease_time) {
      yield { at: [...at, 'lease_time'], text: 'must lie between min_lease_time and max_lease_time' }
    }
    const twin = dhcp.subnets.findIndex(
      (other, place) =>
        place < index &&
        (inSubnet(other.subnet.network, entry.subnet) || inSubnet(entry.subnet.network, other.subnet)),
    )
    if (twin >= 0) yield { at: [...at, 'subnet'], text: `overlaps dhcp.subnets[${twin}]` }
  }
}

/** HTTP files and the API are both TCP. */
function* portFaults({ http, server }: Settings): Generator<Inconsistency> {
  if (http === undefined || http.port !== server.port) return
  const meet = http.bind === server.bind || http.bind === 0 || server.bind === 0
  if (meet) yield { at: ['http', 'port'], text: `${http.port} is that of the API, too (server.port)` }
}

function* bootloaderFaults({ configuration }: Settings): Generator<Inconsistency> {
  const names = new Map<string, number>()
  for (const [index, { name }] of (configuration.bootloaders ?? []).entries()) {
    const named = names.get(name)
    if (named === undefined) names.set(name, index)
    else {
      const at = ['configuration', 'bootloaders', index, 'name']
      yield { at, text: `is already that of configuration.bootloaders[${named}]` }
    }
  }
}

function* hostFaults(settings: Settings): Generator<Inconsistency> {
  const names = new Map<string, number>()
  const macs = new Map<Mac, number>()
  const addresses = new Map<number, number>()
  for (const [index, host] of settings.hosts.entries()) {
    const named = host.name === undefined ? undefined : names.get(host.name)
    if (named !== undefined) yield { at: ['hosts', index, 'name'], text: twice(named) }
    if (host.name !== undefined) names.set(host.name, index)
    for (const [place, mac] of (host.mac_addresses ?? []).entries()) {
      const held = macs.get(mac)
      if (held !== undefined) yield { at: ['hosts', index, 'mac_addresses', place], text: twice(held) }
      macs.set(mac, index)
    }
    if (host.ip === undefined) continue
    if (host.mac_addresses?.[0] === undefined) {
      yield { at: ['hosts', index, 'ip'], text: 'needs mac_addresses: an address is reserved for a card' }
    }
    const reserved = addresses.get(host.ip)
    if (reserved !== undefined) yield { at: ['hosts', index, 'ip'], text: twice(reserved) }
    addresses.set(host.ip, index)
    const ip = host.ip
    const subnets = settings.dhcp?.subnets ?? []
    if (subnets.length > 0 && !subnets.some((entry) => inSubnet(ip, entry.subnet))) {
      yield { at: ['hosts', index, 'ip'], text: `${formatIpv4(ip)} lies in no subnet of dhcp.subnets` }
    }
  }
}

function twice(index: number): string {
  return `is already that of hosts[${index}]`
}
