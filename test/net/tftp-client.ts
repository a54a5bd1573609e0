// Sockets in a namespace, driven by a test outside: a line of JSON in for each datagram to send, one out for each that came.

import { createSocket, type Socket } from 'node:dgram'
import { createInterface } from 'node:readline'

/**
 * `id` names the socket, made on its first use; `times`: as often, each from a port of its own, on `addresses` in turn,
 * and none is listened to.
 */
export type Outgoing = {
  readonly id: number
  readonly bytes: string
  readonly to: string
  readonly port: number
  readonly times?: number
  readonly addresses?: readonly string[]
}
/** `at`: milliseconds, of this process. */
export type Incoming = {
  readonly id: number
  readonly bytes: string
  readonly from: string
  readonly port: number
  readonly at: number
}

const sockets = new Map<number, Socket>()

async function socketOf(id: number): Promise<Socket> {
  const known = sockets.get(id)
  if (known !== undefined) return known
  const socket = createSocket({ type: 'udp4', recvBufferSize: 1024 * 1024 })
  sockets.set(id, socket)
  socket.on('message', (bytes, { address, port }) => {
    const got: Incoming = { id, bytes: bytes.toString('base64'), from: address, port, at: performance.now() }
    process.stdout.write(`${JSON.stringify(got)}\n`)
  })
  await new Promise<void>((resolve) => socket.bind(0, resolve))
  return socket
}

async function flood({ bytes, to, port, times = 0, addresses = [] }: Outgoing): Promise<void> {
  for (let count = 0; count < times; count++) {
    const socket = createSocket('udp4')
    await new Promise<void>((bound) => socket.bind(0, addresses[count % addresses.length], bound))
    await new Promise((sent) => socket.send(Buffer.from(bytes, 'base64'), port, to, sent))
    socket.close()
  }
}

process.stdout.write('ready\n')
for await (const line of createInterface({ input: process.stdin })) {
  const outgoing = JSON.parse(line) as Outgoing
  if (outgoing.times !== undefined) {
    await flood(outgoing)
    process.stdout.write('done\n')
    continue
  }
  const socket = await socketOf(outgoing.id)
  socket.send(Buffer.from(outgoing.bytes, 'base64'), outgoing.port, outgoing.to)
}
