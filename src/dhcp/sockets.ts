// DHCP's sockets on one link: opened, read, and written to, also to machines that have no address yet.

import { createSocket, type Socket } from 'node:dgram'
import { printable, type Tell } from '../events.ts'
import { bindToDevice } from '../net/devices.ts'
import type { FrameSender } from '../net/frame.ts'
import { formatIpv4, ipv4, parseIpv4, type Ipv4 } from '../net/ipv4.ts'
import type { Libc } from '../net/libc.ts'
import type { Link } from '../net/links.ts'
import { bindError } from '../net/ports.ts'
import type { Destination } from './reply.ts'
import type { Port, Receive, Send } from './request.ts'

export type SocketsParts = {
  readonly port: number
  /** Port 4011 is served, too (PXE 2.1). */
  readonly hasBootServer: boolean
  readonly receive: Receive
  /** Undefined where frames cannot be sent: then those go out as broadcasts. */
  readonly frames: FrameSender | undefined
  /** Bears a flood. */
  readonly tell: Tell
}

const bootServerPort = 4011

export class Sockets {
  /** As it is now: its addresses may change while it is served. */
  link: Link
  /** The interface's number; 0 where the sockets belong to no interface. */
  readonly index: number
  private readonly parts: SocketsParts
  private readonly sockets: Socket[] = []

  private constructor(parts: SocketsParts, link: Link, index: number) {
    this.parts = parts
    this.link = link
    this.index = index
  }

  /** Bound to the link: hears its broadcasts, and what others send to any address of ours through it.
   * @throws BindError
   */
  static async onLink(parts: SocketsParts, libc: Libc, link: Link): Promise<Sockets> {
    const sockets = new Sockets(parts, link, libc.interfaceIndex(link.name))
    await sockets.open(link.name, (port) => bindToDevice(libc, link.name, port), undefined)
    return sockets
  }

  /**
   * On one address by Node's own means: hears no broadcast.
   * @throws BindError
   */
  static async onAddress(parts: SocketsParts, link: Link, address: Ipv4): Promise<Sockets> {
    const sockets = new Sockets(parts, link, 0)
    const host = formatIpv4(address)
    await sockets.open(host, (port) => bindPlain(host, port, false), address)
    return sockets
  }

  /**
   * By Node's own means on the only link there is. Only a socket on the link's own address sends a broadcast out of
   * it, and only one on 0.0.0.0 hears any.
   * @throws BindError
   */
  static async onOnlyLink(parts: SocketsParts, link: Link): Promise<Sockets> {
    const sockets = new Sockets(parts, link, 0)
    const host = formatIpv4(link.addresses[0]?.ip ?? ipv4(0))
    await sockets.open(host, (port) => bindPlain(host, port, true), undefined)
    for (const [index, [number, service]] of sockets.ports().entries()) {
      const hears = await bindPlain('0.0.0.0', number, true)
      const sends = sockets.sockets[index]
      if (sends !== undefined) sockets.hear(hears, sockets.senderOf(sends, number), service, undefined)
      sockets.sockets.push(hears)
    }
    return sockets
  }

  close(): void {
    for (const socket of this.sockets.splice(0)) socket.close()
  }

  /** The one on port 67. */
  get main(): Socket | undefined {
    return this.sockets[0]
  }

  private ports(): readonly (readonly [number, Port])[] {
    const { port, hasBootServer } = this.parts
    return [[port, 'dhcp'], ...(hasBootServer ? [[bootServerPort, 'boot-server'] as const] : [])]
  }

  private async open(
    where: string,
    bind: (port: number) => Promise<Socket>,
    to: Ipv4 | undefined,
  ): Promise<void> {
    try {
      for (const [number, service] of this.ports()) {
        const socket = await bind(number).catch((error: unknown) => {
          const what = { service: `DHCP (${where})`, protocol: 'udp', port: number, setting: 'dhcp' } as const
          throw bindError(what, error)
        })
        this.sockets.push(socket)
        this.hear(socket, this.senderOf(socket, number), service, to)
      }
    } catch (error) {
      this.close()
      throw error
    }
  }

  private senderOf(socket: Socket, fromPort: number): Send {
    return (bytes, destination) => {
      if (this.sendFrame(bytes, destination, fromPort)) return
      try {
        socket.send(bytes, this.portOf(destination), formatIpv4(destination.address), (error) => {
          if (error !== null) this.unsent(error)
        })
      } catch (error) {
        this.unsent(error)
      }
    }
  }

  private hear(socket: Socket, send: Send, port: Port, to: Ipv4 | undefined): void {
    socket.on('error', (error) => this.unsent(error))
    socket.on('message', (bytes, from) => {
      const { link } = this
      const ip = parseIpv4(from.address) ?? ipv4(0)
      this.parts.receive(port, bytes, { link, to, from: ip, fromPort: from.port }, send)
    })
  }

  private sendFrame(payload: Buffer, { frame, port }: Destination, fromPort: number): boolean {
    const { frames } = this.parts
    if (frames === undefined || frame === undefined || this.index === 0) return false
    const { mac, from, to } = frame
    return frames.send(this.index, mac, { from, fromPort, to, toPort: this.portOf({ port }), payload })
  }

  private portOf({ port }: Pick<Destination, 'port'>): number {
    if (port === 'server') return this.parts.port
    return port === 'client' ? this.parts.port + 1 : port
  }

  private unsent(error: unknown): void {
    const why = error instanceof Error ? error.message : String(error)
    const text = printable(`an answer on ${this.link.name} could not be sent: ${why}`)
    this.parts.tell({ level: 'debug', step: 'dhcp.unsent', text })
  }
}

async function bindPlain(address: string, port: number, reuseAddr: boolean): Promise<Socket> {
  const socket = createSocket({ type: 'udp4', reuseAddr })
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject)
    socket.bind({ address, port, exclusive: true }, resolve)
  })
  socket.removeAllListeners('error')
  socket.setBroadcast(true)
  return socket
}
