// Who holds which address, and until when: by a lease, or by what a client took of another DHCP server.

import { hostOfMac, type Table } from '../boot/table.ts'
import type { Lease } from '../model.ts'
import type { Ipv4 } from '../net/ipv4.ts'
import type { Mac } from '../net/mac.ts'

/**
 * How long another server's address counts as taken: its renewals pass us by. Longer than any installation; a machine
 * that gets the address meanwhile is mostly heard taking it.
 */
const learntForMs = 4 * 3_600_000

/** Undefined: nobody any more. */
export type Holding = readonly [ip: Ipv4, mac: Mac | undefined]

/** Each method yields what changes in the table. */
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

  /** Of leases as the store has them now. */
  leased(leases: readonly Lease[]): readonly Holding[] {
    const now = this.now()
    const holders = new Map<Ipv4, Mac | undefined>()
    for (const { ip, mac, state, expires } of leases) {
      const isHeld = state === 'bound' && expires > now
      holders.set(ip, isHeld ? mac : undefined)
      if (isHeld) this.ends.set(ip, expires)
    }
    return this.changesTo(holders)
  }

  /** A client told another DHCP server which address it takes: one of each MAC of our hosts. */
  took(ip: Ipv4, mac: Mac): readonly Holding[] {
    const holders = new Map<Ipv4, Mac | undefined>()
    const isOurs = hostOfMac(this.table, mac) !== undefined
    const before = this.learnt.get(mac)
    if (isOurs && before !== undefined && this.table.addresses.get(before) === mac)
      holders.set(before, undefined)
    holders.set(ip, isOurs ? mac : undefined)
    if (isOurs) {
      this.learnt.set(mac, ip)
      this.ends.set(ip, this.now() + learntForMs)
    }
    return this.changesTo(holders)
  }

  /** Whose time is over. */
  ended(): readonly Holding[] {
    const now = this.now()
    const holders = new Map<Ipv4, undefined>()
    for (const [ip, at] of this.ends) if (at <= now) holders.set(ip, undefined)
    return this.changesTo(holders)
  }

  private changesTo(holders: ReadonlyMap<Ipv4, Mac | undefined>): readonly Holding[] {
    const changes: Holding[] = []
    for (const [ip, mac] of holders) {
      if (mac === undefined) this.ends.delete(ip)
      if (this.table.addresses.get(ip) !== mac) changes.push([ip, mac])
    }
    return changes
  }
}
