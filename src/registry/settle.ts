// The hosts of the settings and those that the store keeps, put together: the settings' word goes first.

import { isDeepStrictEqual } from 'node:util'
import { builtInLocal } from '../boot/table.ts'
import type { Event } from '../events.ts'
import type { Host, HostChange } from '../model.ts'
import type { StoredState } from '../store/store.ts'
import { ourselves } from './caller.ts'
import type { Plan } from './plan.ts'

/** Hosts by their names, and what they boot. */
export type Inventory = {
  readonly hosts: ReadonlyMap<string, Host>
  readonly assignments: ReadonlyMap<string, string>
}

/** What was stored; of the hosts of the settings it is only known what they boot. */
export function inventoryOf({ hosts, assignments }: Pick<StoredState, 'hosts' | 'assignments'>): Inventory {
  return {
    hosts: new Map(hosts.map((host) => [host.name, host])),
    assignments: new Map(assignments),
  }
}

/**
 * What `before` becomes when the settings declare `declared`: a declared host takes over the cards of others, with what
 * they boot where it boots nothing itself. What a host boots that is declared no more is kept for when it comes back.
 */
export function settled(declared: readonly Host[], before: Inventory): Inventory {
  const hosts = new Map(declared.map((host) => [host.name, host]))
  const owners = new Map(declared.flatMap((host) => host.macs.map((mac) => [mac, host.name] as const)))
  const taken = new Set(declared.flatMap(({ ip }) => ip ?? []))
  const assignments = new Map<string, string>()
  const inherited = new Map<string, string>()
  for (const host of before.hosts.values()) {
    const boots = before.assignments.get(host.name)
    if (host.origin === 'settings') {
      if (boots !== undefined) assignments.set(host.name, boots)
      continue
    }
    const [heir] = host.macs.flatMap((mac) => owners.get(mac) ?? [])
    const macs = host.macs.filter((mac) => !owners.has(mac))
    if (heir !== undefined && boots !== undefined) inherited.set(heir, inherited.get(heir) ?? boots)
    if (macs.length === 0 || hosts.has(host.name)) continue
    const ip = host.ip !== undefined && taken.has(host.ip) ? undefined : host.ip
    const isWhole = macs.length === host.macs.length && ip === host.ip
    hosts.set(host.name, isWhole ? host : { ...host, macs, ip })
    if (boots !== undefined) assignments.set(host.name, boots)
  }
  // Those of hosts that are declared, were, or will be again.
  for (const [name, boots] of before.assignments) {
    if (!before.hosts.has(name)) assignments.set(name, boots)
  }
  for (const [name, boots] of inherited) {
    // Its machine may have been installed while the host was gone.
    const isInstalled = boots === builtInLocal && !before.hosts.has(name)
    if (isInstalled || !assignments.has(name)) assignments.set(name, boots)
  }
  return { hosts, assignments }
}

/** What leads from one to the other. */
export function difference(before: Inventory, after: Inventory): readonly HostChange[] {
  const names = new Set([
    ...before.hosts.keys(),
    ...before.assignments.keys(),
    ...after.hosts.keys(),
    ...after.assignments.keys(),
  ])
  return [...names].flatMap((host): HostChange[] => {
    const was = before.hosts.get(host) ?? null
    const is = after.hosts.get(host) ?? null
    const boots = after.assignments.get(host) ?? null
    const booted = before.assignments.get(host) ?? null
    const isOther = !isDeepStrictEqual(was, is)
    // What a host boots goes with it, unless it is said again.
    const isHandedOver = isOther && boots !== null && was !== null && was.origin !== is?.origin
    if (!isOther && boots === booted) return []
    return [
      {
        host,
        ...(isOther && { record: { before: was, after: is } }),
        ...((boots !== booted || isHandedOver) && { configuration: { before: booted, after: boots } }),
      },
    ]
  })
}

/** The plan of a change of the settings; nothing of it can be taken back here. */
export function planSettings(
  hosts: readonly HostChange[],
  { assignments }: Inventory,
): Plan<readonly HostChange[]> {
  const events = hosts.flatMap((change) => told(change, assignments.get(change.host)))
  return { action: 'settings', caller: ourselves, hosts, events, result: hosts }
}

/** Hosts that are declared no more, and for which it is kept what they boot. */
export function dormant({ hosts, assignments }: Inventory): readonly string[] {
  return [...assignments.keys()].filter((name) => !hosts.has(name))
}

function told({ host, record, configuration }: HostChange, boots: string | undefined): Event[] {
  const step = 'settings'
  if (record === undefined) return []
  if (record.after === null && boots !== undefined) {
    const text = `${host} is declared no more; that it boots ${boots} is kept for when it comes back; pxe-pilot host remove ${host} forgets it`
    return [{ level: 'warn', step, text, client: { host } }]
  }
  const isBack = record.before === null && boots !== undefined && configuration === undefined
  if (isBack) {
    const text = `${host} is declared again, and boots ${boots} as before`
    return [{ level: 'warn', step, text, client: { host } }]
  }
  if (record.after === null && record.before?.origin === 'added') {
    const { macs, locked } = record.before
    const lock = locked ? ', its lock too' : ''
    const text = `host ${host}, which was added over the API, is gone${lock}: the settings now declare ${macs.join(' and ')} for another host`
    return [{ level: 'warn', step, text, client: { host } }]
  }
  const what = record.after === null ? 'is gone' : record.before === null ? 'is new' : 'has changed'
  return [{ level: 'info', step, text: `host ${host} ${what}`, client: { host } }]
}
