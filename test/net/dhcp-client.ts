// A DHCP client and relay without a mind of its own, run inside a namespace: sends what it reads on stdin from UDP ports
// of one link, and prints every datagram that reaches the link on one of DHCP's ports, for whomever it is meant.
//
// stdin:  {"port":68,"to":"255.255.255.255","toPort":67,"hex":"…"} a line
// stdout: {"from":…,"fromPort":…,"to":…,"toPort":…,"hardware":…,"checksum":true,"hex":"…"} a line

import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { bindToDevice } from '../../src/net/devices.ts'
import { AF_PACKET, linkAddress, networkOrder, openLibc, SOCK_RAW } from '../../src/net/libc.ts'

export type Outgoing = {
  readonly port: number
  readonly to: string
  readonly toPort: number
  readonly hex: string
}

export type Incoming = {
  readonly from: string
  readonly fromPort: number
  readonly to: string
  readonly toPort: number
  /** The MAC that the frame was sent to. */
  readonly hardware: string
  /** Whether the UDP checksum is right; the kernel leaves it out on links that are no wires. */
  readonly checksum: boolean
  readonly hex: string
}

const device = 'eth0'
const ports: readonly number[] = [67, 68, 4011]
const etherTypeIpv4 = 0x0800

const libc = await openLibc()
if ('unavailable' in libc) throw new Error(libc.unavailable)

const sockets = new Map(
  await Promise.all(
    ports.map(async (port) => [port, (await bindToDevice(libc, device, port)).socket] as const),
  ),
)
// They are only there to send, and so that the kernel answers no "port unreachable".
for (const socket of sockets.values()) socket.on('message', () => undefined)

// A frame to an address that is not ours (yet) reaches no UDP socket; a packet socket sees it.
const listener = libc.socket(AF_PACKET, SOCK_RAW, networkOrder(etherTypeIpv4))
libc.bind(listener, linkAddress(etherTypeIpv4, libc.interfaceIndex(device), Buffer.alloc(0)))
const own = readFileSync(`/sys/class/net/${device}/address`, 'utf8').trim()
const buffer = Buffer.alloc(65_536)
setInterval(() => {
  for (
    let frame = libc.receive(listener, buffer);
    frame !== undefined;
    frame = libc.receive(listener, buffer)
  ) {
    const incoming = parse(frame)
    if (incoming !== undefined) process.stdout.write(`${JSON.stringify(incoming)}\n`)
  }
}, 2)

createInterface({ input: process.stdin })
  .on('line', (line) => {
    const { port, to, toPort, hex } = JSON.parse(line) as Outgoing
    sockets.get(port)?.send(Buffer.from(hex, 'hex'), toPort, to, (error) => {
      if (error !== null) process.stderr.write(`${error.message}\n`)
    })
  })
  .on('close', () => process.exit())

process.stdout.write('ready\n')

/** Undefined: our own, or nothing of DHCP's. */
function parse(frame: Buffer): Incoming | undefined {
  const mac = (offset: number) => frame.toString('hex', offset, offset + 6).replaceAll(/..(?=.)/g, '$&:')
  if (mac(6) === own) return undefined
  const packet = frame.subarray(14)
  const header = (packet.readUInt8(0) & 15) * 4
  // UDP, and no fragment.
  if (packet.readUInt8(9) !== 17 || (packet.readUInt16BE(6) & 0x3fff) !== 0) return undefined
  const datagram = packet.subarray(header, packet.readUInt16BE(2))
  const [fromPort, toPort] = [datagram.readUInt16BE(0), datagram.readUInt16BE(2)]
  if (!ports.includes(toPort)) return undefined
  const address = (offset: number) => [...packet.subarray(offset, offset + 4)].join('.')
  return {
    from: address(12),
    fromPort,
    to: address(16),
    toPort,
    hardware: mac(0),
    checksum: sum(packet.subarray(12, 20), 17 + datagram.length, datagram) === 0xffff,
    hex: datagram.toString('hex', 8),
  }
}

/** RFC 768: of the pseudo header and the datagram. */
function sum(addresses: Buffer, rest: number, datagram: Buffer): number {
  let total = rest
  for (const bytes of [addresses, datagram]) {
    for (let at = 0; at < bytes.length; at += 2) total += ((bytes[at] ?? 0) << 8) + (bytes[at + 1] ?? 0)
  }
  while (total > 0xffff) total = (total & 0xffff) + (total >>> 16)
  return total
}
