// The machine's network links with an IPv4 address, and which of them are other people's business.

import { readFileSync } from 'node:fs'
import { endianness, networkInterfaces } from 'node:os'
import { formatIpv4, inSubnet, ipv4, maskOf, parseIpv4, type Ipv4, type Subnet } from './ipv4.ts'
import { parseMac, type Mac } from './mac.ts'

export type LinkAddress = { readonly ip: Ipv4; readonly subnet: Subnet }

export type Link = {
  /** The interface: `eth1`. */
  readonly name: string
  readonly mac: Mac
  readonly addresses: readonly LinkAddress[]
}

/** As far as people are told of it. */
export type NamedLink = Pick<Link, 'name' | 'addresses'>

/** Every interface that is up, has a carrier and has an IPv4 address, as of now. */
export function localLinks(): readonly Link[] {
  return Object.entries(networkInterfaces()).flatMap(([name, entries]) => {
    const addresses = (entries ?? []).flatMap(({ family, address, cidr }): LinkAddress[] => {
      const ip = family === 'IPv4' ? parseIpv4(address) : undefined
      const prefix = Number(cidr?.split('/')[1] ?? 32)
      return ip === undefined ? [] : [{ ip, subnet: { network: ipv4(ip & maskOf(prefix)), prefix } }]
    })
    const mac = parseMac(entries?.[0]?.mac ?? '')
    return addresses.length === 0 || mac === undefined ? [] : [{ name, mac, addresses }]
  })
}

/**
 * Every interface that is up and has an IPv4 address, and no carrier: a bridge before its first machine, a cable to one
 * that is off. Node leaves them out (libuv wants IFF_RUNNING), while the kernel knows their addresses. None where /proc
 * cannot be read.
 */
export function linksWithoutCarrier(): readonly NamedLink[] {
  const running = localLinks()
  const others = localAddresses().filter((own) => !running.some((link) => hasAddress(link, own)))
  const found = new Map<string, LinkAddress[]>()
  for (const { name, subnet } of others.length === 0 ? [] : attachedSubnets()) {
    if (running.some((link) => link.name === name)) continue
    const addresses = others.filter((ip) => inSubnet(ip, subnet)).map((ip) => ({ ip, subnet }))
    if (addresses.length > 0) found.set(name, [...(found.get(name) ?? []), ...addresses])
  }
  return Array.from(found, ([name, addresses]) => ({ name, addresses }))
}

/** All of this machine's, whatever its links do; those of 127.0.0.0/8 left out. */
function localAddresses(): readonly Ipv4[] {
  const lines = procText('/proc/net/fib_trie').matchAll(/\|-- (\S+)\n\s+\/32 host LOCAL/g)
  const all = new Set(Array.from(lines, ([, address = '']) => parseIpv4(address)))
  return [...all].filter((ip) => ip !== undefined && ip >>> 24 !== 127) as Ipv4[]
}

/** Those that are reached without a gateway, each by its interface. */
function attachedSubnets(): readonly { readonly name: string; readonly subnet: Subnet }[] {
  const lines = procText('/proc/net/route').split('\n').slice(1)
  return lines.flatMap((line) => {
    const [name = '', network = '', gateway, , , , , mask = ''] = line.split(/\s+/)
    const prefix = numberIn(mask).toString(2).replace(/0+$/, '').length
    if (gateway !== '00000000' || prefix === 0) return []
    return [{ name, subnet: { network: ipv4(numberIn(network)), prefix } }]
  })
}

/** Hexadecimal, in the processor's own order. */
function numberIn(hex: string): number {
  const bytes = Buffer.from(hex.padStart(8, '0'), 'hex')
  return endianness() === 'LE' ? bytes.readUInt32LE() : bytes.readUInt32BE()
}

function procText(file: string): string {
  try {
    return readFileSync(file, 'latin1')
  } catch {
    return ''
  }
}

function hasAddress({ addresses }: NamedLink, own: Ipv4): boolean {
  return addresses.some(({ ip }) => ip === own)
}

// Made by Docker, Podman, Kubernetes, LXD, libvirt and VPNs: no machine boots there that is ours.
const foreign =
  /^(?:lo|docker|br-[0-9a-f]{12}|veth|podman|cni|flannel|cali|cilium|kube|lxc|lxd|virbr|vnet|tun|tailscale|wg)/

/** Whether a link leads to machines, as far as its name tells. */
export function isAttached(link: Pick<Link, 'name'>): boolean {
  return !foreign.test(link.name)
}

/** Whether an address of `link` lies in one of `subnets`. */
export function isIn({ addresses }: NamedLink, subnets: readonly Subnet[]): boolean {
  return addresses.some(({ ip }) => subnets.some((subnet) => inSubnet(ip, subnet)))
}

/** `eth1 (10.77.0.1)`. */
export function formatLink({ name, addresses }: NamedLink): string {
  return `${name} (${addresses.map(({ ip }) => formatIpv4(ip)).join(', ')})`
}

/** Our address on `link` that lies in `subnet`, else its first one. */
export function addressOn(link: NamedLink, subnet: Subnet | undefined): Ipv4 {
  const near = subnet && link.addresses.find(({ ip }) => inSubnet(ip, subnet))
  return near?.ip ?? link.addresses[0]?.ip ?? ipv4(0)
}
