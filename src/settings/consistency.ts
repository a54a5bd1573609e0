// Faults that no single key shows: settings that contradict each other.

import { broadcastOf, formatIpv4, formatSubnet, inSubnet, type Ipv4 } from '../net/ipv4.ts'
import type { Mac } from '../net/mac.ts'
import type { Inconsistency, Path } from './explain.ts'
import { powerCautions } from './power.ts'
import type { DhcpSubnet, Settings } from './schema.ts'
import { isDatabase } from './secrets.ts'

export function inconsistencies(settings: Settings): readonly Inconsistency[] {
  return [
    ...storeFaults(settings),
    ...dhcpFaults(settings),
    ...portFaults(settings),
    ...bootloaderFaults(settings),
    ...hostFaults(settings),
  ]
}

/** What works, and is hardly meant: said at the start, and left to the person. */
export function* cautions(settings: Settings): Generator<Inconsistency> {
  yield* exposures(settings)
  yield* unguarded(settings)
  yield* powerCautions(settings)
  for (const [index, { mac_addresses: macs }] of settings.hosts.entries()) {
    if (macs?.[0] === undefined) {
      const text = 'has no mac_addresses: nothing can be deployed to it'
      yield { at: ['hosts', index], text, lacks: cardsOf(index) }
    }
  }
}

/** Nobody may rely on a guard that is not there. */
function* unguarded(settings: Settings): Generator<Inconsistency> {
  const { configuration } = settings
  if (settings.dhcp !== undefined && settings.dhcp.bind !== 0 && settings.interfaces !== undefined) {
    yield { at: ['interfaces'], text: 'is not looked at, as dhcp.bind names one address' }
  }
  const { self_service: own, destructive } = configuration
  const risky = own.find((name) => name !== 'local' && destructive.includes(name))
  if (risky !== undefined) {
    const text = `lets any machine deploy ${risky} to itself, which configuration.destructive guards`
    yield { at: ['configuration', 'self_service'], text }
  }
  if (destructive.includes('local')) {
    yield { at: ['configuration', 'destructive'], text: 'names local, which is never held up' }
  }
}

/** `real`: where a path really leads. */
export function* exposures(
  settings: Settings,
  real: (path: string) => string = (path) => path,
): Generator<Inconsistency> {
  const { tftp, http } = settings
  const secrets = secretFiles(settings)
  for (const [section, root] of [['tftp', tftp?.root] as const, ['http', http?.root] as const]) {
    if (root === undefined) continue
    const folder = real(root).replace(/\/?$/, '/')
    const isInside = (path: string) => real(path).startsWith(folder)
    const inside = secrets.flatMap(([name, ...paths]) => (paths.some(isInside) ? name : []))
    if (inside.length === 0) continue
    const [first = '', second = '', ...more] = inside
    const what = inside.length > 4 ? [first, second, `${more.length} more`] : inside
    yield { at: [section, 'root'], text: `holds ${what.join(' and ')}, which any machine can then fetch` }
  }
}

function given(name: string, path: string | undefined): readonly (readonly [string, string])[] {
  return path === undefined ? [] : [[name, path]]
}

/** What holds secrets, each with its paths. */
export function secretFiles({
  file,
  store,
  server,
  hosts,
}: Settings): readonly (readonly [name: string, ...paths: string[]])[] {
  return [
    ['the settings file', file],
    // Its copy lies beside the name that the settings have, and it where that leads.
    ...(isDatabase(store) ? [] : [['the store', store, `${store}.copy`] as const]),
    ...given('server.tokens_file', server.tokens_file),
    ...hosts.flatMap(({ name, ipmi, redfish }, index) => {
      const path = ipmi?.password_file ?? redfish?.password_file
      return path === undefined ? [] : given(`password_file of ${name ?? `hosts[${index}]`}`, path)
    }),
  ]
}

function* storeFaults({ store }: Settings): Generator<Inconsistency> {
  const text = storeFault(store)
  if (text !== undefined) yield { at: ['store'], text }
}

/** Why nothing of that name can be a store. */
export function storeFault(store: string): string | undefined {
  // What is shown of it is all but its password: one with a bare / would be taken for a host and a database.
  const isWhole = /^postgres(?:ql)?:\/\/[^/?#]*\/[^/?#@]+(?:\?[^#@]*)?$/i
  return isDatabase(store) && !(isWhole.test(store) && URL.canParse(store))
    ? 'must be a file, or postgres://USER@HOST/DATABASE, where a password writes /, ?, # and @ as %2F, %3F, %23 and %40'
    : undefined
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
    yield* rangeFaults(entry, at)
    if (entry.router !== undefined && !inSubnet(entry.router, entry.subnet)) {
      const text = `lies outside ${formatSubnet(entry.subnet)}, so its machines cannot reach it`
      yield { at: [...at, 'router'], text }
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

/** A range may hold the network's own two addresses: they are never given out. */
function* rangeFaults({ subnet, ranges }: DhcpSubnet, at: readonly PropertyKey[]): Generator<Inconsistency> {
  for (const [place, range] of ranges.entries()) {
    const here = [...at, 'ranges', place]
    if (!inSubnet(range.first, subnet) || !inSubnet(range.last, subnet)) {
      yield { at: here, text: `lies outside ${formatSubnet(subnet)}` }
    }
    const twin = ranges.findIndex(
      (other, index) => index < place && other.first <= range.last && range.first <= other.last,
    )
    if (twin >= 0) yield { at: here, text: `overlaps ranges[${twin}]` }
  }
}

/** HTTP files and the API are both TCP; DHCP and TFTP are both UDP. */
function* portFaults({ dhcp, tftp, http, server }: Settings): Generator<Inconsistency> {
  if (http !== undefined && meet(http, server)) {
    yield { at: ['http', 'port'], text: `${http.port} is that of the API, too (server.port)` }
  }
  const serves = dhcp !== undefined && [dhcp, ...dhcp.subnets].some(({ mode = 'off' }) => mode !== 'off')
  if (serves && tftp !== undefined && meet(dhcp, tftp)) {
    yield { at: ['tftp', 'port'], text: `${tftp.port} is that of DHCP, too (dhcp.port)` }
  }
}

type Socket = { readonly bind: Ipv4; readonly port: number }

function meet(a: Socket, b: Socket): boolean {
  return a.port === b.port && (a.bind === b.bind || a.bind === 0 || b.bind === 0)
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
    const at = ['hosts', index, 'ip']
    if (host.mac_addresses?.[0] === undefined) {
      const text = 'needs mac_addresses: an address is reserved for a card'
      yield { at, text, lacks: cardsOf(index) }
    }
    const reserved = addresses.get(host.ip)
    if (reserved !== undefined) yield { at, text: twice(reserved) }
    addresses.set(host.ip, index)
    const taken = takenBy(host.ip, settings)
    if (taken !== undefined) yield { at, text: `${formatIpv4(host.ip)} ${taken}` }
  }
}

/** Why `ip` cannot be a machine's, as the end of a sentence. */
export function takenBy(ip: Ipv4, { advertise, dhcp }: Settings): string | undefined {
  if (ip === advertise) return 'is our own address (advertise)'
  const subnets = dhcp?.subnets ?? []
  if (subnets.length === 0) return undefined
  const index = subnets.findIndex((entry) => inSubnet(ip, entry.subnet))
  const entry = subnets[index]
  if (entry === undefined) return 'lies in no subnet of dhcp.subnets'
  if (ip === entry.router) return `is that of the router (dhcp.subnets[${index}].router)`
  // RFC 3021: a /31 has neither.
  if (entry.subnet.prefix > 30) return undefined
  if (ip === entry.subnet.network) return `is that of ${formatSubnet(entry.subnet)} itself`
  return ip === broadcastOf(entry.subnet)
    ? `is the broadcast address of ${formatSubnet(entry.subnet)}`
    : undefined
}

function cardsOf(index: number): Path {
  return ['hosts', index, 'mac_addresses']
}

function twice(index: number): string {
  return `is already that of hosts[${index}]`
}
