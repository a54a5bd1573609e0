// IPv4 addresses and subnets as numbers, so that leases and ranges compare without parsing.

declare const brand: unique symbol

/** An address as an unsigned 32-bit number in host order: 10.0.0.1 is 0x0a000001. */
export type Ipv4 = number & { readonly [brand]: 'Ipv4' }

/** `network/prefix` with the host bits cleared. */
export type Subnet = { readonly network: Ipv4; readonly prefix: number }

/** Both ends belong to the range. */
export type Range = { readonly first: Ipv4; readonly last: Ipv4 }

const dotted = /^(0|[1-9][0-9]{0,2})\.(0|[1-9][0-9]{0,2})\.(0|[1-9][0-9]{0,2})\.(0|[1-9][0-9]{0,2})$/

/** Dotted decimal, four numbers without leading zeros, or undefined. */
export function parseIpv4(text: string): Ipv4 | undefined {
  const parts = dotted.exec(text)
  if (parts === null) return undefined
  let value = 0
  for (let at = 1; at <= 4; at++) {
    const octet = Number(parts[at])
    if (octet > 255) return undefined
    value = value * 256 + octet
  }
  return ipv4(value)
}

/** A number known to be an address; only its low 32 bits are taken. */
export function ipv4(value: number): Ipv4 {
  return (value >>> 0) as Ipv4
}

export function formatIpv4(ip: Ipv4): string {
  return `${ip >>> 24}.${(ip >>> 16) & 255}.${(ip >>> 8) & 255}.${ip & 255}`
}

/** `10.77.0.0/24` (host bits are cleared), or undefined. */
export function parseSubnet(text: string): Subnet | undefined {
  const [address, length, ...rest] = text.split('/')
  const ip = parseIpv4(address ?? '')
  if (ip === undefined || length === undefined || rest.length > 0 || !/^\d{1,2}$/.test(length))
    return undefined
  const prefix = Number(length)
  if (prefix > 32) return undefined
  return { network: ipv4(ip & maskOf(prefix)), prefix }
}

export function formatSubnet(subnet: Subnet): string {
  return `${formatIpv4(subnet.network)}/${subnet.prefix}`
}

/** The netmask of a prefix length: 24 is 255.255.255.0. */
export function maskOf(prefix: number): Ipv4 {
  return ipv4(prefix === 0 ? 0 : -1 << (32 - prefix))
}

export function inSubnet(ip: Ipv4, subnet: Subnet): boolean {
  return ipv4(ip & maskOf(subnet.prefix)) === subnet.network
}

export function broadcastOf(subnet: Subnet): Ipv4 {
  return ipv4(subnet.network | ~maskOf(subnet.prefix))
}

/** `10.77.0.100-10.77.0.199`, or one address, or undefined; the first must not be above the last. */
export function parseRange(text: string): Range | undefined {
  const [from, to, ...rest] = text.split('-').map((part) => parseIpv4(part.trim()))
  if (from === undefined || rest.length > 0 || (text.includes('-') && to === undefined)) return undefined
  const last = to ?? from
  return from <= last ? { first: from, last } : undefined
}

export function inRange(ip: Ipv4, range: Range): boolean {
  return ip >= range.first && ip <= range.last
}
