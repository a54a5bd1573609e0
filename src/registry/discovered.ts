// Machines that nobody knows and that asked for a boot: who they are, and when they were seen.

import { firmwareOf } from '../boot/arch.ts'
import type { Facts } from '../boot/facts.ts'
import { hostOfMac, type Table } from '../boot/table.ts'
import type { Firmware } from '../model.ts'
import type { Mac } from '../net/mac.ts'

export type Discovered = {
  readonly mac: Mac
  /** Undefined where it named none that we know. */
  readonly firmware: Firmware | undefined
  readonly uuid: string | undefined
  /** Milliseconds since 1970. */
  readonly firstSeen: number
  readonly lastSeen: number
  /** How often it asked. */
  readonly requests: number
}

/** Whoever sends packets with made-up addresses pushes out the ones seen longest ago, and takes no more room. */
const most = 1000

export class Unknowns {
  private readonly table: Table
  private readonly now: () => number
  /** The one seen last stands last. */
  private readonly seen = new Map<Mac, Discovered>()

  /** `now`: milliseconds since 1970. */
  constructor(table: Table, now: () => number) {
    this.table = table
    this.now = now
  }

  /** Of each client that asks what to boot. */
  note({ mac, archs, uuid }: Facts): void {
    if (mac === undefined || hostOfMac(this.table, mac) !== undefined) return
    const before = this.seen.get(mac)
    const now = Math.round(this.now())
    this.seen.delete(mac)
    this.seen.set(mac, {
      mac,
      firmware: archs.length > 0 || before === undefined ? firmwareOf(archs) : before.firmware,
      uuid: uuid ?? before?.uuid,
      firstSeen: before?.firstSeen ?? now,
      lastSeen: now,
      requests: (before?.requests ?? 0) + 1,
    })
    if (this.seen.size <= most) return
    const [oldest] = this.seen.keys()
    if (oldest !== undefined) this.seen.delete(oldest)
  }

  /** Those that are no host by now; the one seen last first. */
  list(): readonly Discovered[] {
    for (const mac of this.seen.keys()) if (hostOfMac(this.table, mac) !== undefined) this.seen.delete(mac)
    return [...this.seen.values()].toReversed()
  }

  find(mac: Mac): Discovered | undefined {
    return hostOfMac(this.table, mac) === undefined ? this.seen.get(mac) : undefined
  }
}
