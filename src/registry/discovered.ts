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

type Seen = { -readonly [Key in keyof Discovered]: Discovered[Key] }

export class Unknowns {
  private readonly table: Table
  private readonly now: () => number
  // A Map that entries are taken from keeps what it held alive until the whole heap is collected (V8 links the tables
  // that it outgrew), and each machine would be taken from it: so nothing is, and the older half goes at once.
  private late = new Map<Mac, Seen>()
  private early = new Map<Mac, Seen>()

  /** `now`: milliseconds since 1970. */
  constructor(table: Table, now: () => number) {
    this.table = table
    this.now = now
  }

  /** Of each client that asks what to boot. */
  note({ mac, archs, uuid }: Facts): void {
    if (mac === undefined || hostOfMac(this.table, mac) !== undefined) return
    const now = Math.round(this.now())
    const seen = this.late.get(mac) ?? this.renewed(mac, now)
    if (archs.length > 0 || seen.requests === 0) seen.firmware = firmwareOf(archs)
    if (uuid !== undefined) seen.uuid = uuid
    seen.lastSeen = now
    seen.requests++
  }

  /** Those that are no host by now; the one seen last first. */
  list(): readonly Discovered[] {
    return [...new Map([...this.early, ...this.late]).values()]
      .toReversed()
      .toSorted((a, b) => b.lastSeen - a.lastSeen)
      .slice(0, most)
      .filter(({ mac }) => hostOfMac(this.table, mac) === undefined)
  }

  find(mac: Mac): Discovered | undefined {
    return hostOfMac(this.table, mac) === undefined ? (this.late.get(mac) ?? this.early.get(mac)) : undefined
  }

  /** Among the later ones, as it was among the earlier ones, or new. */
  private renewed(mac: Mac, now: number): Seen {
    if (this.late.size >= most) {
      this.early = this.late
      this.late = new Map()
    }
    const seen = this.early.get(mac) ?? {
      mac,
      firmware: undefined,
      uuid: undefined,
      firstSeen: now,
      lastSeen: now,
      requests: 0,
    }
    this.late.set(mac, seen)
    return seen
  }
}
