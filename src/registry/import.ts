// The links that the original PXE Pilot left, as first assignments.

import { builtInLocal, configurationExists, hostOfMac, registeredHost, type Table } from '../boot/table.ts'
import type { Event } from '../events.ts'
import type { HostChange } from '../model.ts'
import type { Mac } from '../net/mac.ts'
import type { Caller } from './caller.ts'
import type { Plan } from './plan.ts'

/** A link `pxelinux.cfg/01-<mac>`: what it made this machine boot. */
export type Link = { readonly mac: Mac; readonly configuration: string }

export type ImportedLinks = {
  readonly hosts: readonly HostChange[]
  /** Those that say what a host boots which boots something already: that stays. */
  readonly kept: readonly Kept[]
  /** Those that lead to no configuration, are of no card of the host that has their name, or not of its primary one. */
  readonly left: readonly Left[]
}

/** `because`: the end of a sentence that begins with the link. */
export type Left = { readonly link: Link; readonly because: string }

/** `boots`: what the host goes on booting; `configuration`: what its link says. */
export type Kept = { readonly host: string; readonly boots: string; readonly configuration: string }

/**
 * A host that was deployed to keeps what it boots; a machine nobody declared becomes a host. The original looked at the
 * link of a host's primary card alone: one of another card may be years old, and install the machine anew.
 */
export function planImport(links: readonly Link[], table: Table, caller: Caller): Plan<ImportedLinks> {
  const hosts = new Map<string, HostChange>()
  const events: Event[] = []
  const kept: Kept[] = []
  const left: Left[] = []
  const primary = links.filter((link) => !isOther(link, table))
  const others = links.filter((link) => isOther(link, table))
  for (const link of [...primary, ...others]) {
    const { mac, configuration } = link
    const owner = hostOfMac(table, mac)
    const host = owner ?? registeredHost(mac)
    const isTaken = owner === undefined && table.hosts.has(host.name)
    const present = table.assignments.get(host.name)
    const boots = (owner && present) ?? hosts.get(host.name)?.configuration?.after
    if (boots != null) {
      // As our own export has it, and the original, which links the other cards of a host to its first.
      if (boots === configuration) continue
      const text = `${host.name} boots ${boots} already, and goes on so: its link to ${configuration} is not taken over`
      kept.push({ host: host.name, boots, configuration })
      events.push({ level: 'warn', step: 'import', text, client: { mac, host: host.name } })
      continue
    }
    const because = isTaken
      ? `would make a host ${host.name}, which is there and has no such card`
      : whyNot(link, table)
    if (because !== undefined) {
      const text = `the link of ${mac} ${because}: it is not taken over, and stays where it is`
      left.push({ link, because })
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
  const result = { hosts: changes, kept, left }
  return { action: 'import', caller, hosts: changes, store: [{ kind: 'imported' }], events, result }
}

/** Whether it is of a card of a host that is not its primary one. */
function isOther({ mac }: Link, table: Table): boolean {
  return (hostOfMac(table, mac)?.macs[0] ?? mac) !== mac
}

function whyNot(link: Link, table: Table): string | undefined {
  const { mac, configuration } = link
  if (!configurationExists(table, configuration))
    return `leads to ${configuration}, which is no configuration`
  // Nothing is lost by local.
  if (configuration === builtInLocal || !isOther(link, table)) return undefined
  return `leads to ${configuration}, and ${hostOfMac(table, mac)?.name} has another primary card, whose link counts`
}
