// Asks who has an address, by what this process may do: ARP or a datagram on a link, ICMP behind a relay.

import type { Socket } from 'node:dgram'
import { askByArp, askByDatagram } from '../net/arp.ts'
import { askByEcho } from '../net/echo.ts'
import { inSubnet, type Ipv4 } from '../net/ipv4.ts'
import type { Libc } from '../net/libc.ts'
import { localLinks, type Link } from '../net/links.ts'
import type { Mac } from '../net/mac.ts'
import type { Probe } from './conflicts.ts'
import type { Scope } from './scope.ts'

const onLinkMs = 250
/** A link far away answers within it; the ACK of an address that nobody probed waits for it. */
const behindRelayMs = 500

export type ProbeParts = {
  readonly libc: Libc
  /** The links that are served, each with its socket on port 67. */
  readonly links: () => readonly { readonly link: Link; readonly socket: Socket | undefined }[]
  /** Who had an address last: the kernel may remember a machine that has left. */
  readonly lastHolder: (ip: Ipv4) => Mac | undefined
}

export function makeProbe(parts: ProbeParts): Probe {
  return async (scope, ips) => {
    const near = parts.links().find(({ link }) => isOn(link, scope))
    if (near === undefined) return await echo(parts.libc, ips)
    try {
      const index = parts.libc.interfaceIndex(near.link.name)
      // As of now: a bridge changes its MAC with its ports, and answers to the old one are lost.
      const mac = localLinks().find(({ name }) => name === near.link.name)?.mac ?? near.link.mac
      return await askByArp(parts.libc, { index, mac }, ips, onLinkMs)
    } catch (error) {
      if (!isForbidden(error) || near.socket === undefined) throw error
      const found = await askByDatagram(near.socket, ips, behindRelayMs)
      return new Map([...found].filter(([ip, mac]) => parts.lastHolder(ip) !== mac))
    }
  }
}

async function echo(libc: Libc, ips: readonly Ipv4[]): Promise<ReadonlyMap<Ipv4, 'unknown'>> {
  try {
    const found = await askByEcho(libc, ips, behindRelayMs)
    return new Map(Array.from(found, (ip) => [ip, 'unknown']))
  } catch (error) {
    // Without the privilege nobody can be asked; the clients' own check remains (DECLINE).
    if (isForbidden(error)) return new Map()
    throw error
  }
}

function isOn(link: Link, { subnet }: Scope): boolean {
  return link.addresses.some(({ ip }) => inSubnet(ip, subnet))
}

function isForbidden(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'EPERM' || error.code === 'EACCES')
}
