// Who is connected, by address, and whose connection goes when there is room for no more.

import type { Duplex } from 'node:stream'

export class Crowd {
  private readonly addresses = new Map<Duplex, string>()
  /** Of each address, the newest last. */
  private readonly of = new Map<string, Set<Duplex>>()

  get size(): number {
    return this.addresses.size
  }

  add(socket: Duplex, address: string): void {
    this.addresses.set(socket, address)
    this.of.set(address, (this.of.get(address) ?? new Set()).add(socket))
  }

  delete(socket: Duplex): void {
    const address = this.addresses.get(socket)
    if (address === undefined) return
    this.addresses.delete(socket)
    const others = this.of.get(address)
    others?.delete(socket)
    if (others?.size === 0) this.of.delete(address)
  }

  /** What the address of `socket` has. */
  countOf(socket: Duplex): number {
    return this.of.get(this.addresses.get(socket) ?? '')?.size ?? 0
  }

  /**
   * Who makes room for `newcomer`, which is counted already. Addresses that have more than its own give first: who waits
   * longest at the one with the most, or where none waits, the newest. Else whoever waits longest among equals, or
   * itself. So one client keeps no other out, and a hall of machines behind one address may have all that is free.
   */
  leaver(newcomer: Duplex, waiting: Iterable<Duplex>): Duplex {
    const own = this.countOf(newcomer)
    let idle: Duplex | undefined
    let equal: Duplex | undefined
    let most = own
    for (const socket of waiting) {
      const count = this.countOf(socket)
      if (count > most) [idle, most] = [socket, count]
      if (count === own) equal ??= socket
    }
    if (idle !== undefined) return idle
    let biggest: Iterable<Duplex> = []
    for (const sockets of this.of.values()) if (sockets.size > most) [biggest, most] = [sockets, sockets.size]
    return [...biggest].at(-1) ?? equal ?? newcomer
  }
}
