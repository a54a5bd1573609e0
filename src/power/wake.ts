// Wake-on-LAN: AMD's magic packet, broadcast on the links a sleeping machine may be on. It can switch on, and no more.

import { createSocket } from 'node:dgram'
import { formatIpv4, inSubnet, type Ipv4 } from '../net/ipv4.ts'
import type { Link } from '../net/links.ts'
import { macToBytes, type Mac } from '../net/mac.ts'
import { PowerError, type Adapter } from './adapter.ts'

export type WakeParts = {
  /** The card that listens. */
  readonly mac: Mac
  /** Where the packet goes, of a machine behind a router: its subnet's broadcast address. */
  readonly address?: Ipv4 | undefined
  readonly port: number
  /** SecureOn: six octets that some cards want behind the packet. */
  readonly password?: Mac | undefined
  /** Where the machine was last, as far as anyone knows. */
  readonly lastSeen: () => Ipv4 | undefined
  /** Our links that lead to machines. */
  readonly links: () => readonly Link[]
}

/** A packet may be lost, and nobody answers it. */
const times = 3

export function wakeAdapter(parts: WakeParts): Adapter {
  return {
    blind: true,
    async status() {
      throw new PowerError('Wake-on-LAN cannot tell whether a machine is on')
    },
    async act(act) {
      if (act !== 'on') throw new PowerError(`Wake-on-LAN can only switch on, not ${act}`)
      await wake(parts)
    },
  }
}

/** Six times 0xff, then the card's address sixteen times. */
export function magicPacket(mac: Mac, password?: Mac): Buffer {
  const address = macToBytes(mac)
  return Buffer.concat([
    Buffer.alloc(6, 0xff),
    ...Array.from({ length: 16 }, () => address),
    ...(password === undefined ? [] : [macToBytes(password)]),
  ])
}

async function wake(parts: WakeParts): Promise<void> {
  const packet = magicPacket(parts.mac, parts.password)
  const { address, port } = parts
  const sends =
    address === undefined
      ? linksTo(parts).map((from) => ({ from, to: '255.255.255.255' }))
      : [{ from: undefined, to: formatIpv4(address) }]
  const outcomes = await Promise.allSettled(sends.map(({ from, to }) => send(packet, from, to, port)))
  if (outcomes.some(({ status }) => status === 'fulfilled')) return
  const failed = outcomes.find((outcome) => outcome.status === 'rejected')
  const reason: unknown = failed?.reason
  const why = reason instanceof Error ? reason.message : 'no link of this server is up'
  throw new PowerError(`the magic packet could not be sent: ${why}`)
}

/** Our address on the link whose subnet holds the machine's; where nobody knows that one, on every link. */
function linksTo({ lastSeen, links }: WakeParts): readonly string[] {
  const seen = lastSeen()
  const all = links()
  const near = all.filter(({ addresses }) =>
    addresses.some(({ subnet }) => seen !== undefined && inSubnet(seen, subnet)),
  )
  return (near.length > 0 ? near : all).flatMap(({ addresses: [first] }) =>
    first === undefined ? [] : [formatIpv4(first.ip)],
  )
}

/** A socket on a link's own address sends 255.255.255.255 out of that link. */
async function send(packet: Buffer, from: string | undefined, to: string, port: number): Promise<void> {
  const socket = createSocket('udp4')
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject)
      socket.bind({ port: 0, ...(from !== undefined && { address: from }) }, resolve)
    })
    socket.setBroadcast(true)
    for (let count = 0; count < times; count++) {
      await new Promise<void>((resolve, reject) => {
        socket.send(packet, port, to, (error) => (error === null ? resolve() : reject(error)))
      })
    }
  } finally {
    socket.close()
  }
}
