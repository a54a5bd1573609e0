// Which loaders each machine was sent lately: what tells a loop from a boot.

import type { Mac } from '../net/mac.ts'

/** A loader that was sent whole, and how long ago. */
export type Fetch = { readonly file: string; readonly agoMs: number }

/** Three of one loader in a minute are a loop: a machine that starts again takes longer than that to come by. */
export const loop = { fetches: 3, withinMs: 60_000 } as const

/** More of them take no more memory. */
const mostMachines = 4096

type Sent = { readonly file: string; readonly at: number }

/** Times are milliseconds of any one clock. Behind an address that we know no machine of there may be many: not counted. */
export class Recent {
  private readonly machines = new Map<Mac, readonly Sent[]>()

  add(mac: Mac | undefined, file: string, now: number): void {
    if (mac === undefined) return
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

  private fresh(mac: Mac, now: number): readonly Sent[] {
    return this.machines.get(mac)?.filter(({ at }) => now - at < loop.withinMs) ?? []
  }
}

/** Whether a machine that was sent these asks for `file` once too often. */
export function isLoop(recent: readonly Fetch[], file: string): boolean {
  const same = recent.filter((fetch) => fetch.file === file && fetch.agoMs < loop.withinMs)
  return same.length >= loop.fetches
}
