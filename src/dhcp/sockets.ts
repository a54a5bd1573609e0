// DHCP's sockets on one link: opened, read, and written to, also to machines that have no address yet.

import { printable, type Tell } from '../events.ts'
import type { FrameSender } from '../net/frame.ts'
import { formatIpv4, ipv4, type Ipv4 } from '../net/ipv4.ts'
import type { Link } from '../net/links.ts'
import { bindError } from '../net/ports.ts'
import { openOnAddress, type DevicePorts, type UdpPort } from '../net/udp.ts'
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
  private readonly open: UdpPort[] = []

  private constructor(parts: SocketsParts, link: Link, index: number) {
    this.parts = parts
    this.link = link
    this.index = index
  }

  /**
   * Bound to the link: hears its broadcasts, and what others send to any address of ours through it.
   * @throws BindError
   */
  static async onLink(parts: SocketsParts, ports: DevicePorts, link: Link, index: number): Promise<Sockets> {
    const sockets = new Sockets(parts, link, index)
    await sockets.serve(link.name, undefined, (port) => ports.open(link.name, port, sockets.unsent))
    return sockets
  }

  /**
   * On one address by Node's own means: hears no broadcast.
   * @throws BindError
   */
  static async onAddress(parts: SocketsParts, link: Link, address: Ipv4): Promise<Sockets> {
    const sockets = new Sockets(parts, link, 0)
    await sockets.serve(formatIpv4(address), address, (port) =>
      openOnAddress(address, port, false, sockets.unsent),
    )
    return sockets
  }

  /**
   * By Node's own means on the only link there is. Only a socket on the link's own address sends a broadcast out of
   * it, and only one on 0.0.0.0 hears any.
   * @throws BindError
   */
  static async onOnlyLink(parts: SocketsParts, link: Link): Promise<Sockets> {
    const sockets = new Sockets(parts, link, 0)
    const own = link.addresses[0]?.ip ?? ipv4(0)
    await sockets.serve(formatIpv4(own), undefined, async (port) => {
      // Sockets that share a port are given one beside any program that shares it, too; this one is not.
      const alone = await openOnAddress(ipv4(0), port, false, sockets.unsent)
      alone.close()
      const sends = await openOnAddress(own, port, true, sockets.unsent)
      const hears = await openOnAddress(ipv4(0), port, true, sockets.unsent)
      return {
        ...sends,
        hear: (heard) => {
          const stops = [sends, hears].map((each) => each.hear(heard))
          return () => stops.forEach((stop) => stop())
        },
        close: () => [sends, hears].forEach((each) => each.close()),
      }
    })
    return sockets
  }

  close(): void {
    for (const port of this.open.splice(0)) port.close()
  }

  /** The one on port 67. */
  get main(): UdpPort | undefined {
    return this.open[0]
  }

  private async serve(
    where: string,
    to: Ipv4 | undefined,
    open: (port: number) => Promise<UdpPort>,
  ): Promise<void> {
    const { port, hasBootServer } = this.parts
    const ports: readonly (readonly [number, Port])[] = [
      [port, 'dhcp'],
      ...(hasBootServer ? [[bootServerPort, 'boot-server'] as const] : []),
    ]
    try {
      for (const [number, service] of ports) {
        const udp = await open(number).catch((error: unknown) => {
          const what = {
            service: `DHCP (${where})`,
            protocol: 'udp',
            port: number,
            setting: 'dhcp.mode',
          } as const
          throw bindError(what, error)
        })
        this.open.push(udp)
        const send = this.senderOf(udp, number)
        udp.hear((bytes, from, fromPort) => {
          this.parts.receive(service, bytes, { link: this.link, to, from, fromPort }, send)
        })
      }
    } catch (error) {
      this.close()
      throw error
    }
  }

  private senderOf(udp: UdpPort, fromPort: number): Send {
    return (bytes, destination) => {
      if (this.sendFrame(bytes, destination, fromPort)) return
      udp.send(bytes, destination.address, this.portOf(destination))
    }
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

  private readonly unsent = (why: string): void => {
    const text = printable(`an answer on ${this.link.name} could not be sent: ${why}`)
    this.parts.tell({ level: 'debug', step: 'dhcp.unsent', text })
  }
}
