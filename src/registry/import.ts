// The links that the original PXE Pilot left, as first assignments.

import { configurationExists, hostOfMac, registeredHost, type Table } from '../boot/table.ts'
import type { Event } from '../events.ts'
import type { HostChange } from '../model.ts'
import type { Mac } from '../net/mac.ts'
import type { Caller } from './caller.ts'
import type { Plan } from './plan.ts'

/** A link `pxelinux.cfg/01-<mac>`: what it made this machine boot. */
export type Link = { readonly mac: Mac; readonly configuration: string }

export type ImportedLinks = {
  readonly hosts: readonly HostChange[]
  /** Those that lead to no configuration. */
  readonly left: readonly Link[]
}

/** A host that was deployed to keeps what it boots; a machine nobody declared becomes a host. */
export function planImport(links: readonly Link[], table: Table, caller: Caller): Plan<ImportedLinks> {
  const hosts = new Map<string, HostChange>()
  const events: Event[] = []
  const left: Link[] = []
  for (const link of links) {
    const { mac, configuration } = link
    const owner = hostOfMac(table, mac)
    const host = owner ?? registeredHost(mac)
    const isTaken = owner === undefined && table.hosts.has(host.name)
    const present = table.assignments.get(host.name)
    if (isTaken || (owner !== undefined && present !== undefined) || hosts.has(host.name)) continue
    if (!configurationExists(table, configuration)) {
      const text = `the link of ${mac} leads to ${configuration}, which is no configuration: it is not taken over, and stays where it is`
      left.push(link)
      events.push({ level: 'warn', step: 'import', text, client: { mac } })
      continue
    }
    hosts.set(host.name, {
      host: host.name,
      configuration: { before: present ?? null, after: configuration },
      ...(owner === undefined && { record: { before: null, after: host } }),
    })
    const text = `${host.name} boots ${configuration}, as the original's link says`
    events.push({ level: 'info', step: 'import', text, client: { mac, host: host.name } })
  }
  const changes = [...hosts.values()]
  const result = { hosts: changes, left }
  return { action: 'import', caller, hosts: changes, store: [{ kind: 'imported' }], events, result }
}
