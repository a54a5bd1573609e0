// TFTP's sockets on every address of ours, also on those that come later: one that listens and a few that transfers share.
// No socket tells which address a datagram came to, and an answer must leave from that one (RFC 1350 4).

import { networkInterfaces } from 'node:os'
import { printable, type Tell } from '../events.ts'
import { formatIpv4, parseIpv4, type Ipv4 } from '../net/ipv4.ts'

export type SocketsParts = {
  /** 0.0.0.0: every address of ours, also those that come later. */
  readonly bind: Ipv4
  readonly port: number
  /** Everything leaves from the listening port, for NAT and container bridges. */
  readonly singlePort: boolean
  /** The addresses that are ours just now. */
  readonly addresses: () => readonly string[]
  /** Milliseconds between two looks at them. */
  readonly rescanMs: number
  /** For what a flood could repeat at will. */
  readonly tellSparingly: Tell
}

/** The sockets of one address. */
export type Place = { readonly port: number; readonly close: () => void }

/**
 * Opens them: `port` listens, `transfers` others are for transfers (0: it does everything itself).
 * @throws BindError
 */
export type OpenPlace = (address: Ipv4, port: number, transfers: number) => Promise<Place>

/** A socket per transfer costs as much as a small file. Two: a client's next transfer is told from its last one. */
const transferSockets = 2

/** Of sockets that many transfers share. */
export const socketBuffer = 4 * 1024 * 1024

export class Sockets {
  private readonly parts: SocketsParts
  private readonly openPlace: OpenPlace
  private readonly places = new Map<string, Place>()
  /** Addresses that could not be bound later on: told once each. */
  private readonly complained = new Set<string>()
  private port: number
  private rescan?: NodeJS.Timeout | undefined
  private isStopped = false

  constructor(parts: SocketsParts, openPlace: OpenPlace) {
    this.parts = parts
    this.openPlace = openPlace
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
    return Array.from(this.places, ([address, { port }]) => `${address}:${port}`)
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
        const text = `TFTP listens on ${address}:${this.port}, too`
        this.parts.tellSparingly({ level: 'info', step: 'tftp.listen', text })
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
    const transfers = this.parts.singlePort ? 0 : transferSockets
    const place = await this.openPlace(parseIpv4(address) ?? this.parts.bind, this.port, transfers)
    this.port = place.port
    this.places.set(address, place)
    if (this.isStopped) this.close(address)
  }

  private close(address: string): void {
    this.places.get(address)?.close()
    this.places.delete(address)
  }
}

export function localAddresses(): readonly string[] {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? [])
  return [...new Set(all.filter(({ family }) => family === 'IPv4').map(({ address }) => address))]
}

/** What could not be sent is as good as lost on the way, and told sparingly. */
export function tellUnsent(tell: Tell, error: unknown): void {
  const text = error instanceof Error ? error.message : String(error)
  tell({ level: 'debug', step: 'tftp.unsent', text: printable(text) })
}
