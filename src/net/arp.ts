// Asks a link who has an address: by ARP where we may, else by a datagram and what the kernel then learned.

import type { Socket } from 'node:dgram'
import { setTimeout as sleep } from 'node:timers/promises'
import { formatIpv4, ipv4, type Ipv4 } from './ipv4.ts'
import { AF_PACKET, linkAddress, networkOrder, SOCK_DGRAM, type Libc } from './libc.ts'
import { macFromBytes, macToBytes, type Mac } from './mac.ts'
import { neighbours } from './neighbours.ts'

/** Who answered. */
export type Holders = ReadonlyMap<Ipv4, Mac>

const etherTypeArp = 0x0806
const broadcast = Uint8Array.of(255, 255, 255, 255, 255, 255)
/** How often the replies that came are fetched. */
const pollMs = 25

//  0 | htype 1      | ptype 0x0800 |
//  4 | hlen 6 | plen 4 | operation |
//  8 | sender hardware (6) | sender IP (4) | target hardware (6) | target IP (4) |
const arpLength = 28
const request = 1
const reply = 2

export type ArpLink = {
  readonly index: number
  readonly mac: Mac
}

/**
 * Asks for each of `ips` twice within `waitMs`; the sender's address is 0, so that nobody's ARP cache changes
 * (RFC 5227 2.1.1).
 * @throws Error with code EPERM without CAP_NET_RAW
 */
export async function askByArp(
  libc: Libc,
  link: ArpLink,
  ips: readonly Ipv4[],
  waitMs: number,
): Promise<Holders> {
  const fd = libc.socket(AF_PACKET, SOCK_DGRAM, networkOrder(etherTypeArp))
  const found = new Map<Ipv4, Mac>()
  try {
    libc.bind(fd, linkAddress(etherTypeArp, link.index, new Uint8Array(0)))
    const to = linkAddress(etherTypeArp, link.index, broadcast)
    const rounds = Math.ceil(waitMs / pollMs)
    for (let round = 0; round < rounds; round++) {
      if (round === 0 || round === Math.floor(rounds / 2)) {
        for (const ip of ips) if (!found.has(ip)) libc.sendTo(fd, encodeProbe(link.mac, ip), to)
      }
      await sleep(pollMs)
      collect(libc, fd, new Set(ips), found)
    }
    return found
  } finally {
    libc.close(fd)
  }
}

function encodeProbe(mac: Mac, ip: Ipv4): Buffer {
  const bytes = Buffer.alloc(arpLength)
  bytes.writeUInt16BE(1, 0)
  bytes.writeUInt16BE(0x0800, 2)
  bytes.writeUInt8(6, 4)
  bytes.writeUInt8(4, 5)
  bytes.writeUInt16BE(request, 6)
  bytes.set(macToBytes(mac), 8)
  bytes.writeUInt32BE(ip, 24)
  return bytes
}

/** A busy link's ARP traffic is bounded by the kernel's receive buffer; each read is bounded here. */
function collect(libc: Libc, fd: number, asked: ReadonlySet<Ipv4>, found: Map<Ipv4, Mac>): void {
  const into = Buffer.alloc(64)
  for (let count = 0; count < 4096; count++) {
    const bytes = libc.receive(fd, into)
    if (bytes === undefined) return
    if (bytes.length < arpLength || bytes.readUInt16BE(6) !== reply) continue
    const ip = ipv4(bytes.readUInt32BE(14))
    if (asked.has(ip)) found.set(ip, macFromBytes(bytes, 8))
  }
}

/**
 * Sends an empty datagram to each address, for which the kernel has to ask the link, and looks who it found. An
 * address that it knew before may be that of a machine that has left.
 */
export async function askByDatagram(socket: Socket, ips: readonly Ipv4[], waitMs: number): Promise<Holders> {
  for (const ip of ips) socket.send(Buffer.alloc(0), discardPort, formatIpv4(ip), () => undefined)
  await sleep(waitMs)
  const asked = new Set(ips)
  return new Map([...neighbours()].filter(([ip]) => asked.has(ip)))
}

/** RFC 863. */
const discardPort = 9
