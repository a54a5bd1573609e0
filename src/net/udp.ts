// A UDP port as servers use it, by Node's own calls or by libc's, which cost a tenth of them.

import { createSocket, type Socket } from 'node:dgram'
import { bindToDevice } from './devices.ts'
import { formatIpv4, ipv4, parseIpv4, type Ipv4 } from './ipv4.ts'
import { inetAddress, type Libc } from './libc.ts'

export type UdpPort = {
  /** Calls `heard` with each datagram and its sender; once. */
  readonly hear: (heard: (bytes: Buffer, from: Ipv4, fromPort: number) => void) => void
  /** Never throws; what cannot be sent is told to `unsent`, and as good as lost on the way. */
  readonly send: (bytes: Buffer, to: Ipv4, toPort: number) => void
  readonly close: () => void
  /** Node's, for who needs it as such. */
  readonly socket: Socket
}

export type Unsent = (why: string) => void

/** How many datagrams are taken in one turn of the event loop, so that others have theirs. */
const burst = 256

/**
 * Bound to one interface (devices.ts). Node tells that something came; it and what waits behind it is then read, and
 * all is sent, by libc.
 * @throws Error with the code of bind(2)
 */
export async function openOnDevice(
  libc: Libc,
  device: string,
  port: number,
  unsent: Unsent,
): Promise<UdpPort> {
  const { socket, fd } = await bindToDevice(libc, device, port)
  let isOpen = true
  socket.on('error', (error) => unsent(error.message))
  return {
    socket,
    hear: (heard) => {
      socket.on('message', (bytes, from) => {
        heard(bytes, parseIpv4(from.address) ?? ipv4(0), from.port)
        for (let count = 1; count < burst; count++) {
          const next = isOpen ? libc.receiveFrom(fd) : undefined
          if (next === undefined) return
          heard(next.bytes, next.ip, next.port)
        }
      })
    },
    send: (bytes, to, toPort) => {
      // A closed descriptor's number may be somebody else's by now.
      if (isOpen && libc.sendTo(fd, bytes, inetAddress(to, toPort))) return
      unsent(`nothing can be sent to ${formatIpv4(to)}`)
    },
    close: () => {
      isOpen = false
      socket.close()
    },
  }
}

/**
 * On one address, or on all of them (0.0.0.0). `shared`: another socket of ours has the port, too.
 * @throws Error with the code of bind(2)
 */
export async function openOnAddress(
  address: Ipv4,
  port: number,
  shared: boolean,
  unsent: Unsent,
): Promise<UdpPort> {
  const socket = createSocket({ type: 'udp4', reuseAddr: shared })
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject)
    socket.bind({ address: formatIpv4(address), port, exclusive: true }, resolve)
  })
  socket.removeAllListeners('error')
  socket.setBroadcast(true)
  socket.on('error', (error) => unsent(error.message))
  return {
    socket,
    hear: (heard) => {
      socket.on('message', (bytes, from) => heard(bytes, parseIpv4(from.address) ?? ipv4(0), from.port))
    },
    send: (bytes, to, toPort) => {
      try {
        socket.send(bytes, toPort, formatIpv4(to), (error) => {
          if (error !== null) unsent(error.message)
        })
      } catch (error) {
        unsent(error instanceof Error ? error.message : String(error))
      }
    },
    close: () => void socket.close(),
  }
}
