// Who holds which address, and until when: by a lease, or by what a client took of another DHCP server.

import { hostOfMac, type Table } from '../boot/table.ts'
import type { Lease } from '../model.ts'
import type { Ipv4 } from '../net/ipv4.ts'
import { isStation, type Mac } from '../net/mac.ts'

/**
 * How long another server's address counts as taken: its renewals pass us by. Longer than any installation; a machine
 * that gets the address meanwhile is mostly heard taking it.
 */
const learntForMs = 4 * 3_600_000

/** Undefined: nobody any more. */
export type Holding = readonly [ip: Ipv4, mac: Mac | undefined]

/** Each method yields what is to be set in the table, in order. */
export class Holders {
  private readonly table: Table
  private readonly now: () => number
  private readonly ends = new Map<Ipv4, number>()
  /** What each MAC took of another DHCP server last. */
  private readonly learnt = new Map<Mac, Ipv4>()

  /** `now`: milliseconds since 1970. */
  constructor(table: Table, now: () => number) {
    this.table = table
    this.now = now
  }

  /** Of leases as the store has them now. Who has no MAC is nobody: all such machines would be one. */
  leased(leases: readonly Lease[]): readonly Holding[] {
    const now = this.now()
    return leases.map(({ ip, mac, state, expires }) =>
      state === 'bound' && expires > now && isStation(mac) ? this.held(ip, mac, expires) : this.left(ip),
    )
  }

  /** A client told another DHCP server which address it takes: one of each MAC of our hosts. */
  took(ip: Ipv4, mac: Mac): readonly Holding[] {
    if (hostOfMac(this.table, mac) === undefined) return [this.left(ip)]
    const before = this.learnt.get(mac)
    const isLeft = before !== undefined && before !== ip && this.table.addresses.get(before) === mac
    this.learnt.set(mac, ip)
    const taken = this.held(ip, mac, this.now() + learntForMs)
    return isLeft ? [this.left(before), taken] : [taken]
  }

  /** Whose time is over. */
  ended(): readonly Holding[] {
    const now = this.now()
    const over: Holding[] = []
    for (const [ip, at] of this.ends) if (at <= now) over.push(this.left(ip))
    return over
  }

  private held(ip: Ipv4, mac: Mac, until: number): Holding {
    this.ends.set(ip, until)
    return [ip, mac]
  }

  private left(ip: Ipv4): Holding {
    this.ends.delete(ip)
    return [ip, undefined]
  }
}
