// Asks addresses beyond our links whether somebody is there: ICMP echo (RFC 792).

import { setTimeout as sleep } from 'node:timers/promises'
import { checksum } from './frame.ts'
import { ipv4, type Ipv4 } from './ipv4.ts'
import { AF_INET, inetAddress, IPPROTO_ICMP, SOCK_RAW, type Libc } from './libc.ts'

const echoReply = 0
const echoRequest = 8
const pollMs = 25
const ipHeaderUnits = 4

/**
 * Which of `ips` answer within `waitMs`.
 * @throws Error with code EPERM without CAP_NET_RAW
 */
export async function askByEcho(
  libc: Libc,
  ips: readonly Ipv4[],
  waitMs: number,
): Promise<ReadonlySet<Ipv4>> {
  const fd = libc.socket(AF_INET, SOCK_RAW, IPPROTO_ICMP)
  const found = new Set<Ipv4>()
  const id = process.pid & 0xffff
  try {
    for (const ip of ips) libc.sendTo(fd, encodeEcho(id), inetAddress(ip, 0))
    const asked = new Set(ips)
    for (let waited = 0; waited < waitMs; waited += pollMs) {
      await sleep(pollMs)
      collect(libc, fd, id, asked, found)
    }
    return found
  } finally {
    libc.close(fd)
  }
}

//  0 | type | code | checksum |
//  4 | identifier  | sequence |
function encodeEcho(id: number): Buffer {
  const bytes = Buffer.alloc(16)
  bytes.writeUInt8(echoRequest, 0)
  bytes.writeUInt16BE(id, 4)
  bytes.writeUInt16BE(checksum(bytes), 2)
  return bytes
}

/** A raw socket gets the IP header, too, and everybody's ICMP. */
function collect(libc: Libc, fd: number, id: number, asked: ReadonlySet<Ipv4>, found: Set<Ipv4>): void {
  const into = Buffer.alloc(256)
  for (let count = 0; count < 4096; count++) {
    const bytes = libc.receive(fd, into)
    if (bytes === undefined) return
    const header = ((bytes[0] ?? 0) & 0x0f) * ipHeaderUnits
    if (bytes.length < header + 8 || bytes[header] !== echoReply || bytes.readUInt16BE(header + 4) !== id)
      continue
    const ip = ipv4(bytes.readUInt32BE(12))
    if (asked.has(ip)) found.add(ip)
  }
}
