// Addresses that wait for their clients: each has one client, and each client has one.

import type { Ipv4 } from '../net/ipv4.ts'

/** An address held for a client until it takes it, or for as long as its lease is being written. */
export type Offer = {
  readonly ip: Ipv4
  readonly key: string
  /** A machine that somebody declared; the others may lose their offer to one. */
  readonly known: boolean
  /** Its lease is being written: nobody else gets it now. */
  readonly taken?: boolean | undefined
  /** Milliseconds since 1970. */
  readonly expires: number
}

export class Offers {
  private readonly byIp = new Map<Ipv4, Offer>()
  private readonly byKey = new Map<string, Offer>()

  /** In place of what this client was offered before, and of what anybody was offered at this address. */
  add(offer: Offer): void {
    const before = this.byKey.get(offer.key)
    // One that is taken now may stand where it stood: nobody looks for the oldest among those.
    if (before?.ip !== offer.ip || offer.taken !== true) {
      if (before !== undefined) this.remove(before.ip)
      this.remove(offer.ip)
    }
    this.byIp.set(offer.ip, offer)
    this.byKey.set(offer.key, offer)
  }

  remove(ip: Ipv4): void {
    const offer = this.byIp.get(ip)
    if (offer === undefined) return
    this.byIp.delete(ip)
    this.byKey.delete(offer.key)
  }

  at(ip: Ipv4): Offer | undefined {
    return this.byIp.get(ip)
  }

  of(key: string): Offer | undefined {
    return this.byKey.get(key)
  }

  /** Also those that have expired; the oldest first. */
  all(): Iterable<Offer> {
    return this.byIp.values()
  }
}
