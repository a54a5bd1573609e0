// An IPv4 datagram put on a link by hand: to a machine that has no address yet and so answers no ARP (RFC 2131 4.1).

import type { Ipv4 } from './ipv4.ts'
import { macToBytes, type Mac } from './mac.ts'
import { AF_PACKET, linkAddress, networkOrder, SOCK_DGRAM, type Libc } from './libc.ts'

const etherTypeIpv4 = 0x0800
const ipHeader = 20
const udpHeader = 8
const udp = 17
const timeToLive = 64

export type Datagram = {
  readonly from: Ipv4
  readonly fromPort: number
  readonly to: Ipv4
  readonly toPort: number
  readonly payload: Buffer
}

/** Sends frames on any interface; needs CAP_NET_RAW. */
export class FrameSender {
  private readonly libc: Libc
  private readonly fd: number

  /** @throws Error with code EPERM */
  constructor(libc: Libc) {
    this.libc = libc
    // Protocol 0: it only sends.
    this.fd = libc.socket(AF_PACKET, SOCK_DGRAM, networkOrder(0))
  }

  /** Whether the kernel took it. */
  send(interfaceIndex: number, hardware: Mac, datagram: Datagram): boolean {
    const address = linkAddress(etherTypeIpv4, interfaceIndex, macToBytes(hardware))
    return this.libc.sendTo(this.fd, encodeDatagram(datagram), address)
  }

  close(): void {
    this.libc.close(this.fd)
  }
}

/** RFC 791 3.1, RFC 768; with both checksums, as nothing behind us computes them. */
export function encodeDatagram({ from, fromPort, to, toPort, payload }: Datagram): Buffer {
  const bytes = Buffer.alloc(ipHeader + udpHeader + payload.length)
  bytes.writeUInt8(0x45, 0)
  bytes.writeUInt16BE(bytes.length, 2)
  bytes.writeUInt8(timeToLive, 8)
  bytes.writeUInt8(udp, 9)
  bytes.writeUInt32BE(from, 12)
  bytes.writeUInt32BE(to, 16)
  bytes.writeUInt16BE(checksum(bytes.subarray(0, ipHeader)), 10)
  bytes.writeUInt16BE(fromPort, 20)
  bytes.writeUInt16BE(toPort, 22)
  bytes.writeUInt16BE(udpHeader + payload.length, 24)
  payload.copy(bytes, ipHeader + udpHeader)
  // The pseudo header: both addresses stand where they are, protocol and length are added.
  const sum = checksum(bytes.subarray(12), udp + udpHeader + payload.length)
  bytes.writeUInt16BE(sum === 0 ? 0xffff : sum, 26)
  return bytes
}

/** RFC 1071: the complement of the one's-complement sum. */
export function checksum(bytes: Buffer, start = 0): number {
  let sum = start
  for (let at = 0; at + 1 < bytes.length; at += 2) sum += bytes.readUInt16BE(at)
  if (bytes.length % 2 === 1) sum += (bytes.at(-1) ?? 0) << 8
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  return ~sum & 0xffff
}
