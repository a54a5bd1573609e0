// Which loaders each machine was sent lately: what tells a loop from a boot.

import type { Mac } from '../net/mac.ts'
import type { Facts, Fetch } from './facts.ts'
import { hostOfMac, type Change, type Delta, type Table } from './table.ts'

/** Three of one loader in a minute are a loop: a machine that starts again takes longer than that to come by. */
export const loop = { fetches: 3, withinMs: 60_000 } as const

/** More of them take no more memory. */
const mostMachines = 4096

type Sent = { readonly file: string; readonly at: number }

/** Times are milliseconds of any one clock. */
export class Recent {
  private readonly table: Table
  private readonly machines = new Map<Mac, readonly Sent[]>()

  constructor(table: Table) {
    this.table = table
  }

  add(client: Pick<Facts, 'mac' | 'ip'>, file: string, now: number): void {
    const { mac } = client
    if (mac === undefined || !this.isOneMachine(client)) return
    const sent = this.fresh(mac, now)
    this.machines.delete(mac)
    this.machines.set(mac, [...sent, { file, at: now }].slice(-2 * loop.fetches))
    if (this.machines.size <= mostMachines) return
    const [oldest] = this.machines.keys()
    if (oldest !== undefined) this.machines.delete(oldest)
  }

  of(mac: Mac | undefined, now: number): readonly Fetch[] {
    return mac === undefined ? [] : this.fresh(mac, now).map(({ file, at }) => ({ file, agoMs: now - at }))
  }

  /** Call it before the table has the delta: whoever is to boot something else begins anew. */
  follow({ changes }: Delta): void {
    for (const change of changes) {
      if (change.kind === 'hold') this.machines.clear()
      for (const mac of this.macsOf(change)) this.machines.delete(mac)
    }
  }

  private macsOf(change: Change): readonly Mac[] {
    const macs = (name: string) => this.table.hosts.get(name)?.macs ?? []
    if (change.kind === 'host') return [...change.host.macs, ...macs(change.host.name)]
    if (change.kind === 'host-removed') return macs(change.name)
    return change.kind === 'assignment' ? macs(change.host) : []
  }

  /** A card known by ARP alone may be that of a router which translates, and everyone behind it has that address. */
  private isOneMachine({ mac, ip }: Pick<Facts, 'mac' | 'ip'>): boolean {
    if (hostOfMac(this.table, mac) !== undefined) return true
    return ip !== undefined && this.table.addresses.get(ip) === mac
  }

  private fresh(mac: Mac, now: number): readonly Sent[] {
    return this.machines.get(mac)?.filter(({ at }) => now - at < loop.withinMs) ?? []
  }
}

/** Whether a machine that was sent these asks for `file` once too often. */
export function isLoop(recent: readonly Fetch[], file: string): boolean {
  const same = recent.filter((fetch) => fetch.file === file && fetch.agoMs < loop.withinMs)
  return same.length >= loop.fetches
}
