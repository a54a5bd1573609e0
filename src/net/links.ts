// The machine's network links with an IPv4 address, and which of them are other people's business.

import { networkInterfaces } from 'node:os'
import { inSubnet, ipv4, maskOf, parseIpv4, type Ipv4, type Subnet } from './ipv4.ts'
import { parseMac, type Mac } from './mac.ts'

export type LinkAddress = { readonly ip: Ipv4; readonly subnet: Subnet }

export type Link = {
  /** The interface: `eth1`. */
  readonly name: string
  readonly mac: Mac
  readonly addresses: readonly LinkAddress[]
}

/** Every interface that is up and has an IPv4 address, as of now. */
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

// Made by Docker, Podman, Kubernetes, LXD, libvirt and VPNs: no machine boots there that is ours.
const foreign =
  /^(?:lo|docker|br-[0-9a-f]{12}|veth|podman|cni|flannel|cali|cilium|kube|lxc|lxd|virbr|vnet|tun|tailscale|wg)/

/** Whether a link leads to machines, as far as its name tells. */
export function isAttached(link: Link): boolean {
  return !foreign.test(link.name)
}

/** Our address on `link` that lies in `subnet`, else its first one. */
export function addressOn(link: Link, subnet: Subnet | undefined): Ipv4 {
  const near = subnet && link.addresses.find(({ ip }) => inSubnet(ip, subnet))
  return near?.ip ?? link.addresses[0]?.ip ?? ipv4(0)
}
