// TFTP's sockets on plain dgram: one that listens per address of ours, and a few per address that transfers share.
// dgram does not tell which address a datagram came to, and an answer must leave from that one (RFC 1350 4).

import { createSocket, type Socket } from 'node:dgram'
import { networkInterfaces } from 'node:os'
import { printable, type Tell } from '../events.ts'
import { formatIpv4, parseIpv4, type Ipv4 } from '../net/ipv4.ts'
import { bindError } from '../net/ports.ts'
import type { Port, Receive } from './port.ts'

export type IoParts = {
  /** 0.0.0.0: every address of ours, also those that come later. */
  readonly bind: Ipv4
  readonly port: number
  /** Everything leaves from the listening port, for NAT and container bridges. */
  readonly singlePort: boolean
  /** The addresses that are ours just now. */
  readonly addresses: () => readonly string[]
  /** Milliseconds between two looks at them. */
  readonly rescanMs: number
  readonly receive: Receive
  /** For what a flood could repeat at will. */
  readonly tellSparingly: Tell
}

/** A socket per transfer costs as much as a small file, and one for all has one receive buffer. */
const transferSockets = 4
const receiveBuffer = 1024 * 1024

type Place = { readonly sockets: readonly Socket[]; readonly where: string }

export class DgramIo {
  private readonly parts: IoParts
  private readonly places = new Map<string, Place>()
  /** Addresses that could not be bound later on: told once each. */
  private readonly complained = new Set<string>()
  private port: number
  private rescan?: NodeJS.Timeout | undefined
  private isStopped = false

  constructor(parts: IoParts) {
    this.parts = parts
    this.port = parts.port
  }

  /**
   * Listens; yields address:port of each socket that takes requests.
   * @throws BindError
   */
  async start(): Promise<readonly string[]> {
    try {
      for (const address of this.wanted()) if (!this.isStopped) await this.open(address)
    } catch (error) {
      this.stop()
      throw error
    }
    if (this.parts.bind === 0 && !this.isStopped)
      this.rescan = setTimeout(() => void this.follow(), this.parts.rescanMs)
    return Array.from(this.places.values(), ({ where }) => where)
  }

  stop(): void {
    this.isStopped = true
    clearTimeout(this.rescan)
    for (const address of this.places.keys()) this.close(address)
  }

  private wanted(): readonly string[] {
    const { bind } = this.parts
    return bind === 0 ? this.parts.addresses() : [formatIpv4(bind)]
  }

  /** Those that are open where the kernel does not tell, out of descriptors say. */
  private wantedNow(): ReadonlySet<string> {
    try {
      return new Set(this.wanted())
    } catch {
      return new Set(this.places.keys())
    }
  }

  /** Addresses come and go: a link comes up late, a lease changes. */
  private async follow(): Promise<void> {
    const wanted = this.wantedNow()
    for (const address of this.places.keys()) {
      if (!wanted.has(address)) this.close(address)
    }
    for (const address of wanted) {
      if (this.isStopped || this.places.has(address)) continue
      try {
        await this.open(address)
        if (!this.places.has(address)) continue
        this.complained.delete(address)
        const where = `${address}:${this.port}`
        this.parts.tellSparingly({
          level: 'info',
          step: 'tftp.listen',
          text: `TFTP listens on ${where}, too`,
        })
      } catch (error) {
        if (this.complained.has(address)) continue
        this.complained.add(address)
        const text = `${address}: ${error instanceof Error ? error.message : String(error)}`
        this.parts.tellSparingly({ level: 'warn', step: 'tftp.listen', text: printable(text) })
      }
    }
    if (!this.isStopped) this.rescan = setTimeout(() => void this.follow(), this.parts.rescanMs)
  }

  private async open(address: string): Promise<void> {
    const sockets: Socket[] = []
    try {
      const transfers: Port[] = []
      for (let count = 0; count < (this.parts.singlePort ? 0 : transferSockets); count++) {
        const socket = await this.bind(address, 0)
        sockets.push(socket)
        transfers.push(this.serve(socket, address, undefined))
      }
      const listening = await this.bind(address, this.port)
      sockets.push(listening)
      this.serve(listening, address, transfers)
      this.port = listening.address().port
    } catch (error) {
      for (const socket of sockets) socket.close()
      throw error
    }
    this.places.set(address, { sockets, where: `${address}:${this.port}` })
    if (this.isStopped) this.close(address)
  }

  private close(address: string): void {
    for (const socket of this.places.get(address)?.sockets ?? []) socket.close()
    this.places.delete(address)
  }

  private async bind(address: string, port: number): Promise<Socket> {
    const socket = createSocket({
      type: 'udp4',
      recvBufferSize: receiveBuffer,
      // Addresses are numbers already: no thread of the file pool for each packet, and none is looked up.
      lookup: (host, _options, found) => found(null, host, 4),
    })
    try {
      await new Promise<void>((resolve, reject) => {
        socket.once('error', reject)
        socket.bind({ address, port, exclusive: true }, resolve)
      })
    } catch (error) {
      socket.close()
      const binding = { service: 'TFTP', protocol: 'udp', port, setting: 'tftp.port' } as const
      throw bindError(binding, error)
    }
    socket.removeAllListeners('error')
    socket.on('error', (error) => this.unsent(error))
    return socket
  }

  /** `transfers`: for a socket that takes requests, the ports they are answered from; empty: from itself. */
  private serve(socket: Socket, address: string, transfers: readonly Port[] | undefined): Port {
    const sent = (error: Error | null) => {
      if (error !== null) this.unsent(error)
    }
    let turn = 0
    const port: Port = {
      address: parseIpv4(address) ?? this.parts.bind,
      isListening: transfers !== undefined,
      send: (bytes, to, toPort) => {
        try {
          socket.send(bytes, toPort, to, sent)
        } catch (error) {
          // A closed socket, or a source port of 0.
          this.unsent(error)
        }
      },
      forTransfer: (unlike) => {
        const choice = transfers?.filter((other) => other !== unlike) ?? []
        turn = (turn + 1) % Math.max(1, choice.length)
        return choice[turn] ?? port
      },
    }
    socket.on('message', (bytes, from) => this.parts.receive(port, bytes, from.address, from.port))
    return port
  }

  private unsent(error: unknown): void {
    const text = error instanceof Error ? error.message : String(error)
    this.parts.tellSparingly({ level: 'debug', step: 'tftp.unsent', text: printable(text) })
  }
}

export function localAddresses(): readonly string[] {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? [])
  return [...new Set(all.filter(({ family }) => family === 'IPv4').map(({ address }) => address))]
}
